/** An estimate says what then happens: contact by contact, decided by the code that decides when it is sent. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EXACT_MAX } from '../../src/send/estimate.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  AddSuppressions,
  SetPreference,
  SubscribeToTopic,
  UpsertContacts,
  UpsertTemplates,
  UpsertTopics,
} from '../helpers/operations.ts'
import { TriggerCampaign, UpsertCampaigns, UpsertSegments } from '../helpers/operations-audience.ts'
import { Broadcast, Estimate, Transaction } from '../helpers/operations-fanout.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const COUNT = 420
let app: TestApp
let project: TestProject
let client: pg.Client

beforeAll(async () => {
  app = await startTestApp()
  project = await newShop(app, null)
  client = new pg.Client(app.databaseUrl)
  await client.connect()
  await project.api.do(UpsertContacts, {
    contacts: times(COUNT, (n) => ({
      externalId: `c${n}`,
      ...(n % 3 === 0 ? {} : { email: `c${n}@example.com` }),
      ...(n % 4 === 0 ? { phone: n % 8 === 0 ? '+4915112345678' : '+15005550006' } : {}),
      profile: { set: { n: n % 5 } },
    })),
  })
  await project.api.do(UpsertTemplates, {
    templates: [
      {
        key: 'sale',
        email: [{ subject: 'Sale', text: 'Sale' }],
        sms: [{ body: 'Sale' }],
        push: [{ title: 'Sale', body: 'Sale' }],
        rules: [{ channel: 'SMS', delaySeconds: 3600 }],
      },
    ],
  })
  await project.api.do(AddSuppressions, {
    suppressions: [1, 7, 13].map((n) => ({ channel: 'EMAIL' as const, address: `C${n}@example.com` })),
  })
  for (const n of [2, 4, 8, 16, 20]) {
    await project.api.do(SetPreference, { contact: `c${n}`, template: 'sale', channel: 'EMAIL', enabled: false })
  }
  await project.api.do(UpsertTopics, { topics: [{ key: 'news' }] })
  await project.api.do(SubscribeToTopic, { topic: 'news', contacts: times(50, (n) => `c${n}`) })
  await project.api.do(UpsertSegments, {
    segments: [{ key: 'fifth', where: { profile: { path: 'n', is: 'EQUALS', value: 0 } } }],
  })
})
afterAll(async () => {
  await client.end()
  await app.stop()
})

const estimate = async (input: object) => (await project.api.do(Estimate, { input } as never)).estimate
const refusal = async (input: object) => {
  const { codes, errors } = await project.api.ask(Estimate, { input } as never)
  return [codes[0], errors[0]?.extensions['field']]
}
type Estimated = Awaited<ReturnType<typeof estimate>>

/** By channel: how many are reached, and the reasons of the others. */
const shape = ({ channels }: Estimated) =>
  Object.fromEntries(
    channels.map(({ channel, reached, unreached }) => [
      channel,
      {
        reached,
        ...Object.fromEntries(
          unreached.map((one) => [
            one.reason.code,
            unreached.filter(({ reason }) => reason.code === one.reason.code).reduce((sum, { count }) => sum + count, 0),
          ]),
        ),
      },
    ]),
  )
/** The same of what happened, and how many contacts were reached on some channel. */
async function happened(transactionId: string) {
  await until('it is written', async () =>
    (await project.api.do(Transaction, { id: transactionId })).transaction?.status !== 'ACCEPTED' ? true : null,
  )
  await until('all of it is written', async () => {
    const { rows } = await client.query(`SELECT bool_and(status = 'DONE') AS done FROM fanout WHERE transaction_id = $1`, [
      transactionId,
    ])
    return rows[0]?.done === true ? true : null
  })
  const { rows } = await client.query(
    `SELECT m.channel, CASE WHEN m.status = 'SKIPPED' THEN m.error_code ELSE 'reached' END AS what, count(*)::int AS count,
        count(DISTINCT n.contact_id)::int AS contacts
      FROM notification n JOIN message m ON m.project_id = n.project_id AND m.notification_id = n.id WHERE n.transaction_id = $1 GROUP BY 1, 2`,
    [transactionId],
  )
  const channels: Record<string, Record<string, number>> = {}
  for (const { channel, what, count } of rows) channels[channel] = { reached: 0, ...channels[channel], [what]: count }
  const { rows: reached } = await client.query(
    `SELECT count(DISTINCT n.contact_id)::int AS count FROM notification n JOIN message m ON m.project_id = n.project_id AND m.notification_id = n.id
      WHERE n.transaction_id = $1 AND m.status <> 'SKIPPED'`,
    [transactionId],
  )
  return { channels, reached: reached[0]?.count }
}

describe('an estimate of a broadcast', () => {
  it.each([
    ['to all contacts', {}, COUNT],
    ['to a topic', { topic: 'news' }, 50],
    ['to a segment', { segment: 'fifth' }, COUNT / 5],
  ])('%s is what then happens', async (_title, audience, size) => {
    const before = await estimate({ template: 'sale', ...audience })
    expect(before).toMatchObject({ audience: size, isExact: true, decided: size, duplicates: 0 })
    expect(before.reached + before.unreached.reduce((sum, { count }) => sum + count, 0)).toBe(size)
    const { broadcast } = await project.api.do(Broadcast, { input: { template: 'sale', ...audience } })
    const after = await happened(broadcast.transactionId)
    expect(shape(before)).toEqual(after.channels)
    expect(before.reached).toBe(after.reached)
  })

  it('names the reasons, with some of those whom they keep from it', async () => {
    const { channels } = await estimate({ template: 'sale' })
    const [email, , push] = channels
    const reasons = Object.fromEntries((email?.unreached ?? []).map((one) => [`${one.reason.code} ${one.count}`, one.examples]))
    expect(reasons).toMatchObject({
      [`ADDRESS_MISSING ${COUNT / 3}`]: ['c0', 'c3', 'c6', 'c9', 'c12'],
      'OPTED_OUT 5': ['c2', 'c4', 'c8', 'c16', 'c20'],
      'SUPPRESSED 3': ['c1', 'c7', 'c13'],
    })
    expect(push).toMatchObject({
      channel: 'PUSH',
      reached: 0,
      unreached: [{ reason: { code: 'CHANNEL_NOT_CONFIGURED' }, count: COUNT }],
    })
  })

  it('is refused for what sending it is refused for', async () => {
    expect(await refusal({ template: 'none' })).toEqual(['TEMPLATE_NOT_FOUND', 'template'])
    expect(await refusal({ template: 'sale', topic: 'none' })).toEqual(['NOT_FOUND', 'topic'])
    expect(await refusal({ template: 'sale', topic: 'news', segment: 'fifth' })).toEqual(['BAD_INPUT', 'segment'])
    expect(await refusal({})).toEqual(['BAD_INPUT', 'template'])
    expect(await refusal({ template: 'sale', campaign: 'x' })).toEqual(['BAD_INPUT', 'template'])
    expect(await refusal({ campaign: 'none' })).toEqual(['NOT_FOUND', 'campaign'])
    expect(await refusal({ template: 'sale', recipients: [{ userId: 'c1' }] })).toEqual(['BAD_INPUT', 'campaign'])
  })
})

describe('an estimate of a campaign', () => {
  it('is of its segment and its channel', async () => {
    await project.api.do(UpsertCampaigns, {
      campaigns: [
        {
          key: 'weekly',
          active: false,
          dispatch: 'SEGMENT',
          channel: 'EMAIL',
          template: 'sale',
          segment: 'fifth',
          schedule: { cron: '0 9 * * MON' },
        },
      ],
    })
    const { audience, channels } = await estimate({ campaign: 'weekly' })
    expect([audience, channels.map((one) => one.channel)]).toEqual([COUNT / 5, ['EMAIL']])
  })

  it('of its recipients is what triggering it then says', async () => {
    await project.api.do(UpsertCampaigns, { campaigns: [{ key: 'hello', channel: 'EMAIL', template: 'sale' }] })
    const recipients = [
      ...['c1', 'c2', 'c3', 'c5', 'c5', 'nobody'].map((userId) => ({ userId })),
      { type: 'EMAIL' as const, email: 'C5@example.com' },
      { type: 'EMAIL' as const, email: 'new@example.com' },
    ]
    const before = await estimate({ campaign: 'hello', recipients })
    expect(before).toMatchObject({ audience: 8, isExact: true, reached: 2, duplicates: 2 })
    const codes = before.unreached.map(({ reason, examples }) => [reason.code, examples])
    expect(codes).toHaveLength(4)
    expect(Object.fromEntries(codes)).toEqual({
      ...{ SUPPRESSED: ['c1'], OPTED_OUT: ['c2'], ADDRESS_MISSING: ['c3'], CONTACT_NOT_FOUND: ['nobody'] },
    })
    const { triggerCampaign } = await project.api.do(TriggerCampaign, { campaign: 'hello', recipients })
    expect(triggerCampaign).toMatchObject({ acceptedCount: before.reached, duplicateCount: before.duplicates })
    expect(triggerCampaign.skipped.map(({ error }) => error.code).sort()).toEqual(codes.map(([code]) => code).sort())
    expect(await refusal({ campaign: 'hello' })).toEqual(['BAD_INPUT', 'recipients'])
  })
})

describe('a large audience', () => {
  it('is estimated by a sample that says that it is one', async () => {
    const large = await newShop(app, null)
    const size = 3 * EXACT_MAX
    await client.query(
      `INSERT INTO contact (project_id, id, external_id, email, locale) SELECT $1, (lpad(to_hex(1700000000000 + n / 1000), 12, '0') || '7' || right(md5(n::text), 19))::uuid, 'l' || n,
        CASE WHEN n % 4 > 0 THEN 'l' || n || '@example.com' END, 'en' FROM generate_series(1, $2::int) n`,
      [large.id, size],
    )
    await client.query('ANALYZE contact')
    const found = (await large.api.do(Estimate, { input: { template: 'order' } } as never)).estimate
    expect(found).toMatchObject({ audience: size, isExact: false })
    expect(found.decided).toBeGreaterThan(3_000)
    expect(found.decided).toBeLessThan(10_000)
    const email = found.channels.find((one) => one.channel === 'EMAIL')
    expect(Math.abs((email?.reached ?? 0) / size - 0.75)).toBeLessThan(0.05)
    expect(email?.unreached).toMatchObject([{ reason: { code: 'ADDRESS_MISSING' } }])
    // Each is rounded.
    expect(Math.abs((email?.reached ?? 0) + (email?.unreached[0]?.count ?? 0) - size)).toBeLessThanOrEqual(1)
  })
})
