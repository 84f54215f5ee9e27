/** Canceling a send to many while it is being written. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { silentLog } from '../../src/log.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { addContacts } from '../helpers/contacts.ts'
import { Cancel, ConfigureProviders, Feed, FeedChanged, Send, UpsertTemplates } from '../helpers/operations.ts'
import { Broadcast, Transaction, WatchProgress } from '../helpers/operations-fanout.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'

const FULL = process.env['TEST_FULL'] === '1'
const CONTACTS = FULL ? 100_000 : 10_000
let app: TestApp
let project: TestProject
let smtp: SmtpSink
let db: Database
beforeAll(async () => {
  app = await startTestApp()
  smtp = await startSmtp()
  db = openDatabase(app.databaseUrl, { max: 4, log: silentLog })
  project = await app.project()
  await project.api.do(ConfigureProviders, {
    providers: [
      {
        ...{ key: 'mail', channel: 'EMAIL', kind: 'smtp' },
        settings: { host: '127.0.0.1', port: smtp.port, from: 'shop@example.com', tlsVerify: false },
      },
    ],
  })
  await project.api.do(UpsertTemplates, {
    templates: [
      { key: 'both', inApp: [{ body: 'Hello {{ firstName }}' }], email: [{ subject: 'Hello', text: 'Hello {{ firstName }}' }] },
    ],
  })
  await addContacts(db.pool, project.id, CONTACTS)
}, 120_000)
afterAll(async () => {
  await db.close()
  await app.stop()
  await smtp.close()
})

const rowsOf = async (transactionId: string) =>
  (
    await db.pool.query<{ channel: string; status: string; total: number }>(
      `SELECT m.channel, m.status, count(*)::int AS total FROM message m JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
       WHERE n.project_id = $1 AND n.transaction_id = $2 GROUP BY 1, 2 ORDER BY 1, 2`,
      [project.id, transactionId],
    )
  ).rows

it(`NV-44, NV-45, B7-12: cancel while a fan-out to ${CONTACTS} is running: nothing after the answer`, async () => {
  const page = await project.page('c1')
  const changes = await page.watch(FeedChanged, {})
  const { broadcast } = await project.api.do(Broadcast, { input: { template: 'both' } })
  const id = broadcast.transactionId
  const progress = await project.api.watch(WatchProgress, { transactionId: id })
  await until('some of it is written and some of that is sent', () => smtp.messages.length > 20, 60_000)
  const { cancel } = await project.api.do(Cancel, { transactionId: id })
  const sent = smtp.messages.length
  const written = await rowsOf(id)
  const notifications = async (): Promise<number> =>
    (await db.pool.query('SELECT count(*)::int AS total FROM notification WHERE transaction_id = $1', [id])).rows[0]?.total
  const before = await notifications()
  expect(before).toBeLessThan(CONTACTS)

  // Everything that could still go on has its chance: another send goes all the way, behind whatever waited.
  await project.api.do(Send, {
    messages: [{ template: 'both', contact: { externalId: 'after', email: 'after@example.com' } }],
    wait: 'SENT',
  })
  await until('the later mail is there', () => smtp.messages.some((mail) => mail.to.includes('after@example.com')))
  expect(smtp.messages).toHaveLength(sent + 1)
  expect(await notifications()).toBe(before)
  expect(await rowsOf(id)).toEqual(written)

  const count = (channel: string, status: string): number =>
    written.find((row) => row.channel === channel && row.status === status)?.total ?? 0
  expect(count('EMAIL', 'SENT')).toBe(sent)
  expect(written.every((row) => row.status === 'CANCELED' || (row.channel === 'EMAIL' && row.status === 'SENT'))).toBe(true)
  // What was never written is in neither number.
  expect(cancel).toEqual({
    transactionId: id,
    canceledCount: count('EMAIL', 'CANCELED') + count('IN_APP', 'CANCELED'),
    alreadySentCount: sent,
  })
  expect(count('IN_APP', 'CANCELED')).toBe(before)

  expect(await progress.ended()).toBeNull()
  expect(progress.events.at(-1)?.progress.status).toBe('CANCELED')
  const again = await project.api.watch(WatchProgress, { transactionId: id })
  expect(await again.ended()).toBeNull()
  expect(again.events).toMatchObject([{ progress: { status: 'CANCELED', sent } }])

  const [received, retracted] = await changes.waitFor(2)
  expect([received?.feedChanged.kind, retracted?.feedChanged.kind]).toEqual(['RECEIVED', 'RETRACTED'])
  expect(retracted?.feedChanged).toMatchObject({ unseenCount: 0, unreadCount: 0 })
  changes.close()
  const { feed } = await project.api.do(Feed, { contact: 'c1' })
  expect(feed).toMatchObject({ totalCount: 0, unseenCount: 0, unreadCount: 0 })
}, 240_000)

it('NV-45: a send to many that is canceled before its time writes nothing, and an unknown one is NOT_FOUND', async () => {
  const sendAt = new Date(Date.now() + 3_600_000).toISOString()
  const { broadcast } = await project.api.do(Broadcast, { input: { template: 'both', sendAt, transactionId: 'tomorrow' } })
  await project.api.do(Cancel, { transactionId: broadcast.transactionId })
  expect((await rowsOf('tomorrow')).every((row) => row.status === 'CANCELED')).toBe(true)
  expect((await project.api.do(Transaction, { id: 'tomorrow' })).transaction?.status).toBe('CANCELED')
  expect((await project.api.ask(Cancel, { transactionId: 'nothing' })).codes).toEqual(['NOT_FOUND'])
  expect((await project.api.do(Transaction, { id: 'nothing' })).transaction).toBeNull()
}, 120_000)
