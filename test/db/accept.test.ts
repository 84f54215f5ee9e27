/** A batch that is written in one round trip: what the database counts is what the ledger would, and an id that is taken writes nothing. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { writeAccepted } from '../../src/db/accept.ts'
import { toOneFeed, writeToOneFeed } from '../../src/db/accept-one-feed.ts'
import type { Accepted } from '../../src/db/accepted.ts'
import { fillContacts } from '../../src/db/contact.ts'
import { type Database, openDatabase, transact } from '../../src/db/database.ts'
import { joinWindows } from '../../src/db/digest.ts'
import { type FeedStateRow, findFolding, lockFeeds } from '../../src/db/feed.ts'
import { hashedName } from '../../src/db/hash.ts'
import { ensureKeysFree, lockKeys } from '../../src/db/idempotency-key.ts'
import {
  findContacts,
  findContents,
  findCredentials,
  findKinds,
  findNotifications,
  findRoutes,
  findSchemas,
  findSuppressed,
  findTemplates,
  findTopics,
  findTransactions,
} from '../../src/db/lookup.ts'
import { transactInOneTrip } from '../../src/db/one-trip.ts'
import { findProviders } from '../../src/db/provider.ts'
import { type Seen, versionOfAll } from '../../src/db/unchanged.ts'
import { type NotificationRow, write } from '../../src/db/write.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createIds } from '../../src/domain/ids.ts'
import { type Arrival, type Ledger, openLedger, rebase } from '../../src/domain/ledger.ts'
import { silentLog } from '../../src/log.ts'
import { arrivedRow } from '../../src/send/rows.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts'
import { seeded } from '../helpers/seed.ts'
import { times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const ids = createIds(systemClock)
const at = new Date('2030-01-01T00:00:00.000Z')
const now = at.toISOString()
const [projectId, templateId] = [ids(), ids()]
const contacts = times(5, ids)
let database: TestDatabase
let db: Database

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 2, log: silentLog })
  await db.pool.query(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1, 'p', 'P', 'a', '')`, [projectId])
  await db.pool.query(`INSERT INTO template (project_id, id, key, name) VALUES ($1, $2, 't', 'T')`, [projectId, templateId])
  await db.pool.query('INSERT INTO contact (project_id, id, external_id) SELECT $1, id, id FROM unnest($2::uuid[]) id', [
    projectId,
    contacts,
  ])
  await db.pool.query('INSERT INTO feed_state (project_id, contact_id) SELECT $1, unnest($2::uuid[])', [projectId, contacts])
})
afterAll(async () => {
  await db.close()
  await database.drop()
})
beforeEach(async () => {
  await db.pool.query('DELETE FROM notification')
  await db.pool.query(`UPDATE feed_state SET feed_seq = 0, counts = '{}'`)
})

const statesNow = async (): Promise<FeedStateRow[]> =>
  (
    await db.pool.query<FeedStateRow>(
      'SELECT project_id AS "projectId", contact_id AS "contactId", feed_seq AS "feedSeq", counts FROM feed_state ORDER BY contact_id',
    )
  ).rows

const arrivalOf = (contactId: string, feed = 'default'): Arrival => ({
  projectId,
  contactId,
  messageId: ids(),
  notificationId: ids(),
  transactionId: ids(),
  templateId,
  templateKey: 't',
  templateVersion: 3,
  incrementId: null,
  feed,
  text: { title: null, body: 'Body', iconUrl: null, url: null, actions: [] },
  actor: null,
  data: {},
  at,
})
const notificationOf = ({ notificationId, transactionId, contactId }: Arrival, key: string | null): NotificationRow => ({
  ...{ projectId, id: notificationId, transactionId, templateId, contactId, key, contentHash: key === null ? null : 'ab' },
  ...{ actorId: null, data: {}, overrides: null, channels: ['IN_APP'], incrementId: null, createdAt: now, sendAt: null },
})

/** The rows of messages that arrive, and the ledger in which they did. */
function rowsOf(arrivals: readonly Arrival[], more: Partial<Accepted> = {}): { rows: Accepted; ledger: Ledger } {
  const named = [...new Set(arrivals.map((one) => one.contactId))]
  const ledger = openLedger(named.map((contactId) => ({ projectId, contactId, feedSeq: 0, counts: {} })))
  for (const one of arrivals) ledger.arrive(one)
  const rows = {
    ...{ keys: [], transactions: [], notifications: arrivals.map((one) => notificationOf(one, null)) },
    ...{ messages: [...ledger.inserted.values()].map((entry) => arrivedRow(entry, now)), added: ledger.states(), seen: null },
    ...more,
  }
  return { rows, ledger }
}

/** As accepting does, in one round trip. @returns the feeds before it */
async function accept(rows: Accepted): Promise<readonly FeedStateRow[]> {
  let before: readonly FeedStateRow[] = []
  await transact(db.accepting, async (tx, finish) => {
    const feeds = rows.added.map(({ contactId }) => ({ projectId, contactId }))
    finish(
      Promise.all([lockKeys(tx, rows.keys), lockFeeds(tx, feeds), writeAccepted(tx, rows)]).then(([, states]) => {
        before = states
      }),
    )
  })
  return before
}

const byContact = (signals: ReturnType<Ledger['signals']>) =>
  signals.flatMap((one) => (one.topic === 'feed' ? [one] : [])).toSorted((a, b) => (a.contactId < b.contactId ? -1 : 1))

it('G9: numbers and counts are what the ledger makes of the same messages', async () => {
  const random = seeded()
  const feeds = ['default', 'jobs', '__proto__', 'constructor']
  for (let round = 0; round < 20; round++) {
    const arrivals = times(1 + random.int(12), () => arrivalOf(random.of(contacts), random.of(feeds)))
    const whole = openLedger(await statesNow())
    for (const one of arrivals) whole.arrive(one)
    const { rows, ledger } = rowsOf(arrivals)
    const before = await accept(rows)
    const changed = new Set(whole.states().map((one) => one.contactId))
    expect((await statesNow()).filter((one) => changed.has(one.contactId))).toEqual(
      whole.states().toSorted((a, b) => (a.contactId < b.contactId ? -1 : 1)),
    )
    expect(byContact(rebase(ledger.signals(), before))).toEqual(byContact(whole.signals()))
    const { rows: stored } = await db.pool.query(
      'SELECT id, arrived_seq, listed_seq, changed_seq FROM message WHERE id = ANY($1) ORDER BY id',
      [arrivals.map((one) => one.messageId)],
    )
    expect(stored).toEqual(
      [...whole.inserted.values()].map(({ message }) => ({
        id: message.id,
        arrived_seq: message.arrivedSeq,
        listed_seq: message.listedSeq,
        changed_seq: message.changedSeq,
      })),
    )
  }
})

const written = async (): Promise<unknown> =>
  (
    await db.pool.query(`SELECT (SELECT count(*)::int FROM notification) AS notifications, (SELECT count(*)::int FROM message) AS messages,
      (SELECT count(*)::int FROM transaction) AS transactions, (SELECT sum(feed_seq)::int FROM feed_state) AS numbers`)
  ).rows[0]
const nothing = { notifications: 0, messages: 0, transactions: 0, numbers: 0 }

it.each([
  [
    'a send to many',
    `INSERT INTO fanout (project_id, id, transaction_id, key, content_hash, template_id, audience, until)
       VALUES ($1, gen_random_uuid(), 'tx', $2, '', '${templateId}', '{"kind":"all"}', gen_random_uuid())`,
    (key: string) => key,
  ],
  [
    'somebody who was erased',
    `INSERT INTO spent_id (project_id, key, transaction_id, content_hash, is_hash) VALUES ($1, $2, 'tx', '', true)`,
    (key: string) => hashedName(projectId, key),
  ],
])('G2: an id of %s is taken: nothing of the batch is written', async (what, insert, nameOf) => {
  const key = `order-${what}`
  await db.pool.query(insert, [projectId, nameOf(key)])
  const arrivals = contacts.slice(0, 2).map((contactId) => arrivalOf(contactId))
  const [first, second] = arrivals
  if (first === undefined || second === undefined) throw new Error('No contacts')
  const { rows } = rowsOf(arrivals, {
    keys: [{ projectId, key, isFanout: false }],
    transactions: [{ projectId, id: 'named' }],
    notifications: [notificationOf(first, null), notificationOf(second, key)],
  })
  await expect(accept(rows)).rejects.toMatchObject({ code: '23505' })
  expect(await written()).toEqual(nothing)
})

it('G2: nor is it where another notification has the id, or another transaction the name', async () => {
  const arrive = (key: string | null, transactions: readonly string[]) => {
    const arrival = arrivalOf(contacts[0] ?? '')
    return accept(
      rowsOf([arrival], {
        keys: key === null ? [] : [{ projectId, key, isFanout: false }],
        transactions: transactions.map((id) => ({ projectId, id })),
        notifications: [notificationOf(arrival, key)],
      }).rows,
    )
  }
  await arrive('one', ['first'])
  await expect(arrive('one', [])).rejects.toMatchObject({ code: '23505' })
  await expect(arrive('other', ['first'])).rejects.toMatchObject({ code: '23505' })
  expect(await written()).toEqual({ notifications: 1, messages: 1, transactions: 1, numbers: 1 })
  await db.pool.query('DELETE FROM transaction')
})

it('nor where a contact was erased meanwhile', async () => {
  const { rows } = rowsOf([arrivalOf(contacts[0] ?? ''), arrivalOf(ids())])
  await expect(accept(rows)).rejects.toMatchObject({ code: '23503' })
  expect(await written()).toEqual(nothing)
})

/** What is looked up for the first contact, and for the template. */
async function look(): Promise<Seen> {
  const [contactId = ''] = contacts
  const wanted = (key: string) => [{ projectId, key }]
  return {
    templates: await findTemplates(db.accepting, wanted('t')),
    contacts: (await findContacts(db.accepting, wanted(contactId))).map((one) => ({ ...one, key: one.externalId })),
    providers: [{ projectId, rowVersion: versionOfAll(await findRoutes(db.accepting, [projectId])) }],
    addresses: [{ projectId, channel: 'EMAIL', address: 'one@example.com' }],
  }
}
const provider = (key: string): string =>
  `INSERT INTO provider (project_id, id, key, channel, kind) VALUES ('${projectId}', gen_random_uuid(), '${key}', 'EMAIL', 'capture')`
const suppress = (address: string, isHash = false): string =>
  `INSERT INTO suppression (project_id, id, channel, address, reason, is_hash) VALUES ('${projectId}', gen_random_uuid(), 'EMAIL', '${address}', 'MANUAL', ${isHash})`
const ofFirst = `WHERE id = '${contacts[0]}'`

describe.each([
  ['for one feed', ['default']],
  ['of any kind', ['default', 'jobs']],
])('what was seen earlier, by a batch %s', (_kind, feedNames) => {
  beforeAll(async () => {
    for (const key of ['a', 'b']) await db.pool.query(provider(key))
  })
  afterAll(() => db.pool.query('DELETE FROM provider'))
  const writeSeen = async (seen: Seen): Promise<unknown> => {
    const arrivals = feedNames.map((feed) => arrivalOf(contacts[0] ?? '', feed))
    const { rows } = rowsOf(arrivals, { seen })
    expect(toOneFeed(rows) !== null).toBe(feedNames.length === 1)
    const feeds = rows.added.map(({ contactId }) => ({ projectId, contactId }))
    const client = await db.accepting.connect()
    try {
      return await transactInOneTrip(client, (tx) => Promise.all([lockFeeds(tx, feeds), writeAccepted(tx, rows)]))
    } finally {
      client.release()
    }
  }
  const count = feedNames.length
  const once = { notifications: count, messages: count, transactions: 0, numbers: count }

  it.each([
    ['a contact’s preferences', `UPDATE contact SET preferences = '{"channels":{"EMAIL":false}}' ${ofFirst}`],
    ['a contact’s address', `UPDATE contact SET email = 'new@example.com' ${ofFirst}`],
    ['a contact’s id', `UPDATE contact SET external_id = 'renamed' ${ofFirst}`],
    ['a template', `UPDATE template SET active = NOT active`],
    ['a template that is deleted', `UPDATE template SET deleted_at = now()`],
    ['the settings of a provider', `UPDATE provider SET settings = '{"countries":["NO"]}' WHERE key = 'a'`],
    ['a provider that is switched off', `UPDATE provider SET active = false WHERE key = 'a'`],
    ['a provider that is deleted', `DELETE FROM provider WHERE key = 'b'`],
    ['a provider that is new', provider('c')],
    ['an address that is suppressed', suppress('one@example.com')],
    ['the address of somebody who was erased', suppress(hashedName(projectId, 'one@example.com'), true)],
  ])('G5: %s has changed: nothing is written, and after a new look it is', async (_what, change) => {
    const seen = await look()
    await db.pool.query(change)
    await expect(writeSeen(seen)).rejects.toMatchObject({ code: '23505' })
    expect(await written()).toEqual(nothing)
    await db.pool.query(`UPDATE contact SET external_id = id::text, email = NULL, preferences = '{}' ${ofFirst}`)
    await db.pool.query('UPDATE template SET active = true, deleted_at = NULL')
    await db.pool.query('DELETE FROM suppression')
    await db.pool.query('DELETE FROM provider')
    for (const key of ['a', 'b']) await db.pool.query(provider(key))
    await writeSeen(await look())
    expect(await written()).toEqual(once)
  })

  it('is not changed by locks, by what refers to it, or by what is of another project', async () => {
    const seen = await look()
    const other = ids()
    await db.pool.query(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1, 'other', 'P', 'other', '')`, [
      other,
    ])
    for (const statement of [provider('d'), suppress('one@example.com')]) await db.pool.query(statement.replace(projectId, other))
    await db.pool.query(`INSERT INTO template (project_id, id, key, name) VALUES ($1, $2, 't', 'T')`, [other, ids()])
    await db.pool.query(`INSERT INTO contact (project_id, id, external_id) VALUES ($1, $2, $3)`, [other, ids(), contacts[0]])
    await db.pool.query('SELECT FROM contact, template FOR UPDATE')
    await writeSeen(seen)
    await writeSeen(seen)
    expect(await written()).toEqual({ notifications: 2 * count, messages: 2 * count, transactions: 0, numbers: 2 * count })
    await db.pool.query('DELETE FROM project WHERE id = $1', [other])
  })

  it('G5: what is committed while it waits for a feed counts', async () => {
    const seen = await look()
    const other = await db.pool.connect()
    await other.query('BEGIN')
    await other.query('SELECT FROM feed_state WHERE contact_id = $1 FOR UPDATE', [contacts[0]])
    await other.query(`UPDATE contact SET preferences = '{"channels":{"IN_APP":false}}' ${ofFirst}`)
    const refused = expect(writeSeen(seen)).rejects.toMatchObject({ code: '23505' })
    await until('it waits', async () => {
      const { rows } = await db.pool.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
      )
      return rows.length > 0
    })
    await other.query('COMMIT')
    other.release()
    await refused
    expect(await written()).toEqual(nothing)
  })

  it.each([
    [
      'a notification',
      (key: string) =>
        `UPDATE notification SET key = '${key}', content_hash = '' WHERE id = (SELECT id FROM notification LIMIT 1)`,
    ],
    [
      'one that was pruned',
      (key: string) =>
        `INSERT INTO spent_id (project_id, key, transaction_id, content_hash) VALUES ('${projectId}', '${key}', 'tx', '')`,
    ],
  ])('G2: an id of %s is taken, though nobody has looked it up', async (what, insert) => {
    const seen = await look()
    await writeSeen(seen)
    const key = `unseen-${what}-${count}`
    await db.pool.query(insert(key))
    const arrivals = feedNames.map((feed) => arrivalOf(contacts[0] ?? '', feed))
    const { rows } = rowsOf(arrivals, {
      seen,
      keys: [{ projectId, key, isFanout: false }],
      notifications: arrivals.map((one, index) => notificationOf(one, index === 0 ? key : null)),
    })
    await expect(accept(rows)).rejects.toMatchObject({ code: '23505' })
    expect(await written()).toEqual(once)
  })
})

describe('a batch for one feed', () => {
  /** All that is stored of a batch, apart from ids. */
  const stored = async (): Promise<unknown> => {
    const { rows } = await db.pool.query(
      `SELECT (SELECT json_agg(to_jsonb(n) - '{id,transaction_id}'::text[] ORDER BY n.id) FROM notification n) AS notifications,
        (SELECT json_agg(to_jsonb(m) - '{id,notification_id}'::text[] ORDER BY m.arrived_seq) FROM message m) AS messages,
        (SELECT json_agg(n.id = m.notification_id ORDER BY m.arrived_seq) FROM message m JOIN notification n ON n.data ->> 'n' = m.body) AS pairs,
        (SELECT json_agg(to_jsonb(d) - 'id' ORDER BY channel) FROM stat_delta d) AS statistics,
        (SELECT json_agg(f) FROM feed_state f WHERE feed_seq > 0) AS feeds`,
    )
    return rows[0]
  }
  const texts: readonly Arrival['text'][] = [
    { title: null, body: '0', iconUrl: null, url: null, actions: [] },
    {
      title: '"T"',
      body: '1',
      iconUrl: 'https://a.example/i',
      url: 'https://a.example',
      actions: [{ type: 'PRIMARY', label: 'A', url: null, status: 'PENDING', payload: { n: 1 } }],
    },
  ]

  it.each([
    ['without ids', 'default', false],
    ['with ids', 'constructor', true],
  ])('%s is stored as a batch of any kind is, and counted', async (_what, feed, hasIds) => {
    const write = async (seen: Seen | null): Promise<unknown> => {
      await db.pool.query('DELETE FROM notification')
      await db.pool.query('DELETE FROM stat_delta')
      await db.pool.query(`UPDATE feed_state SET feed_seq = 0, counts = '{}'`)
      const arrivals = texts.map((text) => ({ ...arrivalOf(contacts[0] ?? '', feed), text, data: { n: Number(text.body) } }))
      const keys = arrivals.map((_one, index) => `one-feed-${index}`)
      const { rows } = rowsOf(arrivals, {
        seen,
        keys: hasIds ? keys.map((key) => ({ projectId, key, isFanout: false })) : [],
        notifications: arrivals.map((one, index) => ({
          ...notificationOf(one, hasIds ? (keys[index] ?? null) : null),
          data: one.data,
        })),
      })
      expect(toOneFeed(rows) !== null).toBe(seen !== null)
      await accept(rows)
      return stored()
    }
    const expected = await write(null)
    expect(expected).toMatchObject({
      pairs: [true, true],
      statistics: [
        { channel: '', count: 2 },
        { channel: 'IN_APP', count: 2 },
      ],
    })
    for (const addresses of [[], (await look()).addresses])
      expect(await write({ ...(await look()), addresses })).toEqual(expected)
  })

  const changed = (change: (rows: Accepted) => Partial<Accepted>) => async (): Promise<Accepted> => {
    const { rows } = rowsOf([arrivalOf(contacts[0] ?? ''), arrivalOf(contacts[0] ?? '')], { seen: await look() })
    return { ...rows, ...change(rows) }
  }
  const notificationsWith = (more: Partial<NotificationRow>) =>
    changed(({ notifications }) => ({
      notifications: notifications.map((one, index) => (index === 1 ? { ...one, ...more } : one)),
    }))
  it.each<[string, () => Promise<Accepted>]>([
    [
      'several feeds',
      async () =>
        rowsOf(
          contacts.slice(0, 2).map((one) => arrivalOf(one)),
          { seen: await look() },
        ).rows,
    ],
    [
      'several names of feeds',
      async () =>
        rowsOf(
          ['a', 'b'].map((feed) => arrivalOf(contacts[0] ?? '', feed)),
          { seen: await look() },
        ).rows,
    ],
    ['the name of a transaction', changed(() => ({ transactions: [{ projectId, id: 'named' }] }))],
    ['two templates', changed(({ seen }) => ({ seen: seen && { ...seen, templates: [...seen.templates, ...seen.templates] } }))],
    ['two contacts', changed(({ seen }) => ({ seen: seen && { ...seen, contacts: [...seen.contacts, ...seen.contacts] } }))],
    [
      'a message that waits',
      changed(({ messages: [first, second] }) => ({
        messages: [first, second].flatMap((one, index) =>
          one ? [index === 1 ? { ...one, status: 'QUEUED', arrivedSeq: null } : one] : [],
        ),
      })),
    ],
    ['a notification without a message', changed(({ messages }) => ({ messages: messages.slice(1) }))],
    [
      'a second message of a notification',
      changed(({ messages: [first] }) => ({ messages: first === undefined ? [] : [first, first] })),
    ],
    ['a second channel', notificationsWith({ channels: ['IN_APP', 'EMAIL'] })],
    ['an actor', notificationsWith({ actorId: ids() })],
    ['overrides', notificationsWith({ overrides: {} })],
    ['a campaign', notificationsWith({ campaignId: ids() })],
    ['a time', notificationsWith({ sendAt: now })],
    ['a send to many', notificationsWith({ isOfMany: true })],
  ])('has not %s', async (_what, rows) => {
    expect(toOneFeed(await rows())).toBeNull()
  })
})

it('a plan that is kept reads no table from end to end', async () => {
  const [named, keyed] = [[{ projectId, key: 'k' }], [{ projectId, key: 'k', isFanout: false }]]
  const contact = { projectId, id: contacts[0] ?? '', contactId: contacts[0] ?? '', templateId }
  const client = await db.accepting.connect()
  try {
    await client.query('BEGIN')
    for (const find of [findTemplates, findContacts, findNotifications, findTransactions, findTopics, findKinds])
      await find(client, named)
    for (const find of [findContents, findSchemas]) await find(client, [{ projectId, id: templateId }])
    for (const projects of [[projectId], [projectId, templateId]]) await findRoutes(client, projects)
    await findProviders(client, [projectId])
    await findCredentials(client, [contact])
    await findSuppressed(client, [{ projectId, channel: 'EMAIL', address: 'a@example.com' }])
    await ensureKeysFree(client, keyed)
    await fillContacts(client, [{ ...contact, externalId: contact.id }])
    await joinWindows(client, [{ ...contact, id: ids(), key: 'k', windowMs: 1_000 }], 0)
    for (const feeds of [[contact], [contact, { projectId, contactId: ids() }]]) await lockFeeds(client, feeds)
    await findFolding(client, [{ ...contact, incrementId: 'i' }])
    await write(client, {})
    for (const seen of [null, { templates: [], contacts: [], providers: [], addresses: [] }])
      for (const keys of [[], keyed])
        for (const transactions of [[], [{ projectId, id: ids() }]])
          await writeAccepted(client, rowsOf([], { keys, transactions, seen }).rows)
    const seen = await look()
    for (const addresses of [[], seen.addresses]) {
      for (const keys of [[], keyed]) {
        const batch = toOneFeed(rowsOf([arrivalOf(contact.id)], { keys, seen: { ...seen, addresses } }).rows)
        if (batch !== null) await writeToOneFeed(client, batch)
      }
    }
    const { rows } = await client.query<{ name: string; statement: string }>('SELECT name, statement FROM pg_prepared_statements')
    expect(rows.length).toBeGreaterThan(30)
    for (const { name, statement } of rows) {
      const plan = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN (GENERIC_PLAN) ${statement}`)
      const text = plan.rows.map((row) => row['QUERY PLAN']).join('\n')
      expect([name, /Seq Scan|hashed SubPlan/.exec(text)?.[0]], text).toEqual([name, undefined])
    }
  } finally {
    await client.query('ROLLBACK')
    client.release()
  }
})

it('its statements keep their plans, and those of others are planned as ever', async () => {
  for (const count of [1, 2]) await accept(rowsOf(contacts.slice(0, count).map((one) => arrivalOf(one))).rows)
  const { rows } = await db.accepting.query(
    `SELECT name, custom_plans::int AS custom, generic_plans > 0 AS generic FROM pg_prepared_statements WHERE name IN ('accept', 'lock-feed', 'lock-feeds') ORDER BY 1`,
  )
  expect(rows).toEqual(['accept', 'lock-feed', 'lock-feeds'].map((name) => ({ name, custom: 0, generic: true })))
  const settings = await db.pool.query(
    `SELECT current_setting('plan_cache_mode') AS mode, current_setting('enable_seqscan') AS scans`,
  )
  expect(settings.rows).toEqual([{ mode: 'auto', scans: 'on' }])
})

it('a plan that was made for a few rows is made again when there are many, without statistics of them', async () => {
  const young = await createTestDatabase()
  const fresh = openDatabase(young.url, { max: 1, log: silentLog })
  try {
    await fresh.pool.query('ALTER TABLE contact SET (autovacuum_enabled = off)')
    await fresh.pool.query('VACUUM ANALYZE contact')
    const project = ids()
    const planNow = async (): Promise<string> => {
      const client = await fresh.accepting.connect()
      await findContacts(client, [{ projectId: project, key: 'c-1' }])
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN (COSTS OFF) EXECUTE "find-contacts"('{${project}}', '{c-1}')`,
      )
      client.release()
      return rows.map((row) => row['QUERY PLAN']).join('\n')
    }
    const byKey = /Index Cond: .*external_id = wanted\.external_id/
    expect(await planNow()).not.toMatch(byKey)
    await fresh.pool.query(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1, 'p', 'P', 'a', '')`, [
      project,
    ])
    await fresh.pool.query(
      `INSERT INTO contact (project_id, id, external_id) SELECT $1, gen_random_uuid(), 'c-' || n FROM generate_series(1, 5000) n`,
      [project],
    )
    await until('it looks contacts up by their keys', async () => byKey.test(await planNow()))
  } finally {
    await fresh.close()
    await young.drop()
  }
})
