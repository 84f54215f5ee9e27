/** PostgreSQL ends in the middle of the work (F9, F47): what was acknowledged is kept, and all goes on by itself, in the same process (G8). */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ConfigureProviders, Feed, MessageReceived, SendBare, UpsertTemplates } from '../helpers/operations.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { killTree } from '../helpers/tree.ts'
import { pause } from '../helpers/until.ts'

const ROUNDS = process.env['TEST_FULL'] === '1' ? 10 : 2
const PER_CALL = 20
/** The codes that a caller may get while the database is unavailable: it may retry. */
const AWAY = ['OUTCOME_UNKNOWN', 'OVERLOADED']

let dir: string
let smtp: SmtpSink
let server: ServerProcess

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'carillon-outage-'))
  smtp = await startSmtp()
})
afterAll(async () => {
  killTree(server.pid)
  await server.exited
  await smtp.close()
  await rm(dir, { recursive: true, force: true })
})

const postmaster = (): number => Number(readFileSync(join(dir, 'postgres/postmaster.pid'), 'utf8').split('\n')[0])

it(`G1, G8: keeps what it acknowledged when PostgreSQL is killed ${ROUNDS} times under load, and works again within 10 s`, async () => {
  const secrets = newSecrets()
  server = await startProcess({ CARILLON_DIR: dir, ...secrets })
  const project = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  const api = server.client(project.credential)
  await api.do(ConfigureProviders, {
    providers: [
      {
        key: 'mail',
        channel: 'EMAIL',
        kind: 'smtp',
        settings: { host: '127.0.0.1', port: smtp.port, from: 'shop@example.com', tlsVerify: false },
      },
    ],
  })
  await api.do(UpsertTemplates, {
    templates: [{ key: 'both', inApp: [{ body: '{{ n }}' }], email: [{ subject: '{{ n }}', text: 'x' }] }],
  })
  const page = server.client(await project.token('outage'))
  const live = await page.watch(MessageReceived, { after: (await page.do(Feed, {})).feed.cursor })

  let sent = 0
  let going = true
  const codes: string[] = []
  let answeredAt = performance.now()
  /** Sends until `going` is false; a call that was answered with an error is repeated with the same ids. */
  const sending = (async () => {
    while (going) {
      const messages = Array.from({ length: PER_CALL }, (_unused, index) => ({
        id: `m-${sent + index}`,
        template: 'both',
        contact: { externalId: 'outage', email: 'outage@example.com' },
        data: { n: sent + index },
      }))
      const answer = await api.ask(SendBare, { messages })
      codes.push(...answer.codes)
      const results = answer.data?.sendMessages.results ?? []
      if (results.length === 0) {
        // As a caller would: not at once.
        await pause(50)
        continue
      }
      expect(results.filter((result) => !result.ok && result.error?.code !== 'ID_EXISTS')).toEqual([])
      sent += PER_CALL
      answeredAt = performance.now()
    }
  })()
  for (let round = 0; round < ROUNDS; round++) {
    const goal = live.events.length + 300
    await live.waitFor(goal, 30_000)
    // By turns: at once, as by the kernel that is out of memory; and as by an operator in a hurry.
    process.kill(postmaster(), round % 2 === 0 ? 'SIGKILL' : 'SIGQUIT')
    const killedAt = performance.now()
    await expect.poll(() => answeredAt > killedAt + 500 && live.events.length > goal + 100, { timeout: 20_000 }).toBe(true)
    process.stderr.write(
      `PostgreSQL was killed: accepting and showing again after ${Math.round(performance.now() - killedAt)} ms\n`,
    )
    expect(performance.now() - killedAt).toBeLessThan(10_000)
  }
  going = false
  await sending
  const ended = performance.now()

  // The subscription was never cut, and has each message once, in order.
  await live.waitFor(sent, 10_000)
  expect(live.events.map((event) => event.messageReceived.message.body)).toEqual(
    Array.from({ length: sent }, (_unused, n) => String(n)),
  )
  expect((await page.do(Feed, { first: 1 })).feed).toMatchObject({ totalCount: sent, unseenCount: sent })
  live.close()
  const subjects = (): number => new Set(smtp.messages.map((mail) => mail.subject)).size
  // What was claimed in the moment of the kill does not wait for its lease.
  await expect.poll(subjects, { timeout: 10_000 }).toBe(sent)
  process.stderr.write(`${sent} mails, the last ${Math.round(performance.now() - ended)} ms after the last call\n`)
  // The worker stayed alive: it knows what it has sent.
  expect(smtp.messages).toHaveLength(sent)
  expect(codes.filter((code) => !AWAY.includes(code))).toEqual([])
  expect(server.output()).not.toMatch(/Unexpected/)
}, 120_000)
