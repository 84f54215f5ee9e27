/** What becomes of claimed messages when what they need can't be read. */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { silentLog } from '../../src/log.ts'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { Cancel, SendBare } from '../helpers/operations.ts'
import { newShop } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'

let app: TestApp
let smtp: SmtpSink
let sql: pg.Client
const warnings: string[] = []
beforeAll(async () => {
  smtp = await startSmtp()
  app = await startTestApp({ log: { ...silentLog, warn: (message, fields) => warnings.push(`${message} ${fields?.['error']}`) } })
  sql = new pg.Client({ connectionString: app.databaseUrl })
  await sql.connect()
})
afterAll(async () => {
  await sql.end()
  await app.stop()
  await smtp.close()
})

it.each([
  // The worker that frees it may be the one that cancels it.
  { what: 'their templates, with the claim', table: 'template', canceled: [0, 1] },
  { what: 'their providers, after it', table: 'provider', canceled: [1] },
])(
  'they have not begun without $what: cancel need not wait for them, and they are CANCELED',
  async ({ table, canceled }) => {
    const { api } = await newShop(app, smtp)
    const send = (transactionId: string, sendAt?: string) =>
      api.do(SendBare, {
        messages: [
          {
            ...{ template: 'order', contact: { externalId: 'anna', email: 'anna@example.com' }, channels: ['EMAIL' as const] },
            ...{ transactionId, ...(sendAt === undefined ? {} : { sendAt }) },
          },
        ],
      })
    const second = `second-${table}`
    const sent = smtp.messages.length
    // From now on the claim begins them.
    await send('first')
    await until('it has gone out', () => smtp.messages.length > sent)
    await send(second, new Date(Date.now() + 1_000).toISOString())
    warnings.length = 0
    await sql.query(`ALTER TABLE ${table} RENAME TO away`)
    await until('what it needs could not be read', () => warnings.some((one) => one.includes(`"${table}" does not exist`)))
    await sql.query(`ALTER TABLE away RENAME TO ${table}`)
    const { cancel } = await api.do(Cancel, { transactionId: second })
    expect(cancel.alreadySentCount).toBe(0)
    expect(canceled).toContain(cancel.canceledCount)
    const { rows } = await sql.query(
      'SELECT m.status FROM message m JOIN notification n ON n.id = m.notification_id WHERE n.transaction_id = $1',
      [second],
    )
    expect(rows).toEqual([{ status: 'CANCELED' }])
  },
  20_000,
)
