/** Whatever is read of the messages of a page is what reading all of it gives; what was not read can't be taken for nothing. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, isoTimes, openDatabase } from '../../src/db/database.ts'
import { type FeedFilter, type FeedName, type FeedPart, readFeed } from '../../src/db/feed.ts'
import { silentLog } from '../../src/log.ts'
import type { FeedMessage } from '../../src/words.ts'
import { hostileText } from '../helpers/hostile.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { seeded } from '../helpers/seed.ts'
import { times } from '../helpers/setup.ts'

const MESSAGES = 40
const [projectId, templateId, contactId, actorId] = times(4, () => crypto.randomUUID()) as [string, string, string, string]
let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database

/** What each part has, in addition to `projectId` and `contactId`. */
const properties: Readonly<Record<FeedPart, readonly (keyof FeedMessage)[]>> = {
  place: ['listedSeq'],
  text: ['id', 'title', 'body', 'iconUrl', 'url', 'seenAt', 'readAt', 'sentAt'],
  message: [
    ...(['notificationId', 'status', 'feed', 'count', 'actions', 'arrivedSeq', 'changedSeq'] as const),
    ...(['archivedAt', 'createdAt', 'updatedAt'] as const),
  ],
  data: ['transactionId', 'data'],
  template: ['templateKey'],
  actor: ['actor'],
}
const parts = Object.keys(properties) as FeedPart[]
const whole = new Set(parts)

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 2, log: silentLog })
  const run = (text: string, values: readonly unknown[]) => db.pool.query(text, [...values])
  await run(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1, 'p', 'P', 'a', '\\x00')`, [projectId])
  await run(`INSERT INTO template (project_id, id, key, name) VALUES ($1, $2, 't', 'T')`, [projectId, templateId])
  await run(`INSERT INTO contact (project_id, id, external_id, first_name) VALUES ($1, $2, 'c', NULL), ($1, $3, 'a', 'Ana')`, [
    projectId,
    contactId,
    actorId,
  ])
  await run(
    `INSERT INTO feed_state (project_id, contact_id, feed_seq, counts) VALUES ($1, $2, $3, '{"a\\"b": [1, 2], "__proto__": [3, 4]}')`,
    [projectId, contactId, MESSAGES],
  )
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

async function fill(random: ReturnType<typeof seeded>): Promise<void> {
  await db.pool.query('DELETE FROM message')
  await db.pool.query('DELETE FROM notification')
  const drawn = { next: random, int: random.int, pick: random.of, once: (every: number) => random.int(every) === 0 }
  const text = (): string => hostileText(drawn, 500).replaceAll('\0', '')
  const maybe = <T>(value: T): T | null => (drawn.once(2) ? value : null)
  for (let n = 1; n <= MESSAGES; n++) {
    const [id, notificationId] = [crypto.randomUUID(), crypto.randomUUID()]
    await db.pool.query(
      `INSERT INTO notification (project_id, id, transaction_id, template_id, contact_id, actor_id, data, channels)
       VALUES ($1, $2, $3, $4, $5, $6, $7, '{IN_APP}')`,
      [
        projectId,
        notificationId,
        text(),
        maybe(templateId),
        contactId,
        maybe(actorId),
        JSON.stringify({ [text()]: [text(), null] }),
      ],
    )
    const actions = maybe(JSON.stringify([{ type: 'PRIMARY', label: text(), url: null, status: 'PENDING', payload: null }]))
    await db.pool.query(
      `INSERT INTO message (project_id, id, notification_id, contact_id, channel, status, sent_at, seen_at, read_at, archived_at, feed, title, body,
         icon_url, url, actions, count, arrived_seq, listed_seq, changed_seq, change_kind)
       VALUES ($1, $2, $3, $4, 'IN_APP', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $17, 'RECEIVED')`,
      [
        ...[projectId, id, notificationId, contactId, random.of(['SENT', 'DELIVERED', 'CANCELED']), maybe(new Date())],
        ...[
          maybe(new Date(random.int(2_000_000_000_000))),
          maybe(new Date(0)),
          maybe(new Date()),
          random.of(['a', 'b"', '__proto__']),
        ],
        ...[maybe(text()), text(), maybe(text()), maybe(text()), actions, 1 + random.int(3), n],
      ],
    )
  }
}

const maybeBoolean = [null, true, false] as const

it('reads the same, whatever else is read with it', async () => {
  const random = seeded()
  await fill(random)
  let seen = 0
  for (const subset of times(2 ** parts.length, (bits) => new Set(parts.filter((_part, index) => (bits >> index) & 1)))) {
    const name: FeedName = random.int(2) === 0 ? { projectId, contactId } : { projectId, externalId: 'c' }
    const filter: FeedFilter = {
      feeds: random.of([null, null, ['a'], ['b"', '__proto__'], []]),
      seen: random.of(maybeBoolean),
      read: random.of([null, ...maybeBoolean]),
      archived: random.of([null, ...maybeBoolean]),
    }
    const range = {
      above: random.of([0, random.int(MESSAGES)]),
      below: random.of([Number.MAX_SAFE_INTEGER, random.int(MESSAGES)]),
      limit: random.of([1, 2, 5, 21, 50, 101]),
      backward: random.int(2) === 0,
    }
    const label = JSON.stringify([[...subset], filter, range])
    const page = await readFeed(db.pool, name, filter, range, subset)
    const all = await readFeed(db.pool, name, filter, range, whole)
    expect(page?.state, label).toEqual(all?.state)
    expect(page?.state.counts).toEqual(JSON.parse('{"a\\"b": [1, 2], "__proto__": [3, 4]}'))
    const common: readonly (keyof FeedMessage)[] = ['projectId', 'contactId', ...[...subset].flatMap((part) => properties[part])]
    const pick = (message: FeedMessage): unknown => common.map((property) => message[property])
    expect(page?.messages.map(pick), label).toEqual(subset.size === 0 ? [] : all?.messages.map(pick))
    seen += page?.messages.length ?? 0
  }
  expect(seen).toBeGreaterThan(MESSAGES)
})

it('reads all that a message has, and shows that it is one of a feed', async () => {
  const random = seeded()
  await fill(random)
  const everything = { above: 0, below: Number.MAX_SAFE_INTEGER, limit: 101, backward: false }
  const none = { feeds: null, seen: null, read: null, archived: null }
  const page = await readFeed(db.pool, { projectId, contactId }, none, everything, whole)
  const { rows } = await db.pool.query<{ id: string; body: string; data: unknown; external: string | null; key: string | null }>(
    `SELECT m.id, m.body, n.data, a.external_id AS external, t.key FROM message m JOIN notification n ON n.id = m.notification_id
     LEFT JOIN contact a ON a.id = n.actor_id LEFT JOIN template t ON t.id = n.template_id
     WHERE m.status <> 'CANCELED' ORDER BY m.listed_seq DESC`,
  )
  const shown = page?.messages.map(({ id, body, data, actor, templateKey }) => ({ id, body, data, actor, templateKey }))
  expect(shown).toEqual(
    rows.map(({ id, body, data, external, key }) => ({
      ...{ id, body, data, templateKey: key },
      actor: external === null ? null : { externalId: external, firstName: 'Ana', lastName: null, photoUrl: null },
    })),
  )
})

it('throws where a property is used that was not read, and has it nevertheless', async () => {
  const random = seeded()
  await fill(random)
  const page = { above: 0, below: Number.MAX_SAFE_INTEGER, limit: 1, backward: false }
  const none = { feeds: null, seen: null, read: null, archived: null }
  for (const part of parts) {
    const found = await readFeed(db.pool, { projectId, contactId }, none, page, new Set([part]))
    const [message] = found?.messages ?? []
    if (message === undefined) throw new Error('There is no message')
    expect('templateKey' in message).toBe(true)
    const isRead = (property: keyof FeedMessage): boolean => {
      try {
        return message[property] !== undefined
      } catch {
        return false
      }
    }
    for (const property of properties[part]) expect(isRead(property), `${part} ${property}`).toBe(true)
    const others = parts.filter((other) => ['data', 'template', 'actor'].includes(other) && other !== part)
    for (const property of others.flatMap((other) => properties[other]))
      expect(isRead(property), `${part} ${property}`).toBe(false)
  }
})

it('has no page of a contact that does not exist, whatever is read', async () => {
  const page = { above: 0, below: Number.MAX_SAFE_INTEGER, limit: 1, backward: false }
  const none = { feeds: null, seen: null, read: null, archived: null }
  for (const read of [whole, new Set<FeedPart>(), new Set<FeedPart>(['place'])]) {
    expect(await readFeed(db.pool, { projectId, externalId: 'nobody' }, none, page, read)).toBe(null)
    expect(await readFeed(db.pool, { projectId, contactId: crypto.randomUUID() }, none, page, read)).toBe(null)
  }
})

it('reads times as text as pg reads them as dates, in any time zone', async () => {
  const random = seeded()
  const given = [
    ...['2026-01-31 09:30:00+00', '2026-01-31 09:30:00.1+00', '2026-01-31 09:30:00.12+00', '2026-01-31 23:59:59.999+00'],
    ...['0999-12-31 00:00:00+00', '9999-12-31 23:59:59.5+00', '10000-01-01 00:00:00+00', '0044-03-15 12:00:00+00 BC'],
    ...times(200, () => new Date(random.int(4_000_000_000_000)).toISOString()),
  ]
  const client = await db.pool.connect()
  try {
    for (const zone of ['UTC', 'Asia/Kolkata', 'America/St_Johns', 'Europe/London']) {
      await client.query(`SET TIME ZONE '${zone}'`)
      const text = 'SELECT t FROM unnest($1::timestamptz(3)[]) t'
      const read = async (types?: typeof isoTimes) =>
        (await client.query(types === undefined ? { text, values: [given] } : { text, values: [given], types })).rows
      const dates: { t: Date }[] = await read()
      expect(await read(isoTimes), zone).toEqual(dates.map(({ t }) => ({ t: t.toISOString() })))
    }
  } finally {
    await client.query('RESET TIME ZONE')
    client.release()
  }
})
