/** What becomes of claimed messages when what they need can't be read. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { Cancel, SendBare } from '../helpers/operations.ts'
import { newShop } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'

let app: TestApp
let smtp: SmtpSink
let sql: pg.Client
beforeAll(async () => {
  smtp = await startSmtp()
  app = await startTestApp()
  sql = new pg.Client({ connectionString: app.databaseUrl })
  await sql.connect()
})
afterAll(async () => {
  await sql.end()
  await app.stop()
  await smtp.close()
})

it('they have not begun: cancel need not wait for them, and they are CANCELED', async () => {
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
  // From now on the claim begins them.
  await send('first')
  await until('it has gone out', () => smtp.messages.length === 1)
  await send('second', new Date(Date.now() + 1_000).toISOString())
  await sql.query('ALTER TABLE provider RENAME TO away')
  await until('it is claimed', async () => (await sql.query('SELECT FROM delivery WHERE lease_until IS NOT NULL')).rowCount === 1)
  // And what it needs is read.
  await sleep(500)
  await sql.query('ALTER TABLE away RENAME TO provider')
  const { cancel } = await api.do(Cancel, { transactionId: 'second' })
  expect(cancel).toMatchObject({ canceledCount: 1, alreadySentCount: 0 })
}, 20_000)
