/** A broadcast does not hold up single messages: they are accepted, claimed and sent while it runs. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { silentLog } from '../../src/log.ts'
import { addContacts } from '../helpers/contacts.ts'
import { ConfigureProviders, Send, UpsertTemplates } from '../helpers/operations.ts'
import { Broadcast } from '../helpers/operations-fanout.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { killTree } from '../helpers/tree.ts'
import { pause } from '../helpers/until.ts'

const FULL = process.env['TEST_FULL'] === '1'
const CONTACTS = FULL ? 100_000 : 10_000
const QUIET = FULL ? 500 : 150
/** Single messages under way at once. */
const CONCURRENT = 4
const TIMES = 3
const POLL_MS = 50

let dir: string
let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database
let server: ServerProcess
const secrets = newSecrets()
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'carillon-isolation-'))
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 4, log: silentLog })
  server = await startProcess({ CARILLON_DIR: dir, DATABASE_URL: database.url, ...secrets })
})
afterAll(async () => {
  killTree(server.pid)
  await db.close()
  await database.drop()
  await rm(dir, { recursive: true, force: true })
})

const p99 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN

it(`G7: the p99 of single messages while a broadcast to ${CONTACTS} runs is at most ${TIMES} times that of a quiet server`, async () => {
  const project = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  const api = server.client(project.credential)
  await api.do(ConfigureProviders, { providers: [{ key: 'mail', channel: 'EMAIL', kind: 'capture', settings: {} }] })
  await api.do(UpsertTemplates, {
    templates: [
      { key: 'both', inApp: [{ body: 'Hello {{ firstName }}' }], email: [{ subject: 'x', text: 'Hello {{ firstName }}' }] },
    ],
  })
  await addContacts(db.pool, project.id, CONTACTS)
  await db.pool.query('ANALYZE')

  let next = 0
  /** From the mutation to the outcome of its e-mail. @returns ms */
  async function single(): Promise<number> {
    const begun = performance.now()
    const contact = { externalId: `single-${next++ % 50}`, email: 'single@example.com' }
    const { sendMessages } = await api.do(Send, { messages: [{ template: 'both', contact }], wait: 'SENT' })
    expect(sendMessages.results[0]).toMatchObject({ ok: true, emailError: null })
    return performance.now() - begun
  }
  async function measure(goesOn: (count: number) => boolean): Promise<number[]> {
    const took: number[] = []
    await Promise.all(
      Array.from({ length: CONCURRENT }, async () => {
        while (goesOn(took.length)) took.push(await single())
      }),
    )
    return took
  }
  const quiet = (): Promise<number[]> => measure((count) => count < QUIET)

  await quiet()
  const before = await quiet()
  const { broadcast } = await api.do(Broadcast, { input: { template: 'both' } })
  let isRunning = true
  const watching = (async () => {
    for (;;) {
      // Until it is written, and worked off.
      const { rows } = await db.pool.query<{ running: boolean }>(
        `SELECT EXISTS (SELECT FROM fanout WHERE transaction_id = $1 AND status <> 'DONE')
           OR EXISTS (SELECT FROM message WHERE bulk AND status IN ('QUEUED', 'SENDING')) AS running`,
        [broadcast.transactionId],
      )
      if (rows[0]?.running !== true) break
      await pause(POLL_MS)
    }
    isRunning = false
  })()
  const during = await measure(() => isRunning)
  await watching
  const after = await quiet()
  const calm = p99([...before, ...after])
  process.stderr.write(
    `p99 of single messages: quiet ${calm.toFixed(1)} ms, during a broadcast to ${CONTACTS} ${p99(during).toFixed(1)} ms (${during.length} of them)\n`,
  )
  expect(during.length).toBeGreaterThan(20)
  expect(p99(during)).toBeLessThanOrEqual(TIMES * calm)
}, 400_000)
