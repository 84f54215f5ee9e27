/** docs/first-notification.md, pasted from the top to the bottom. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectAnswer, findProgram, paste, readGuide } from '../helpers/guide.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { type ServerProcess, startProcess } from '../helpers/process.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'

const blocks = readGuide('docs/first-notification.md')
const [start, ...pasted] = blocks.filter(({ language }) => language === 'sh')

let dir: string
let server: ServerProcess
let mailbox: SmtpSink
beforeAll(async () => {
  mailbox = await startSmtp()
  dir = await mkdtemp(join(tmpdir(), 'carillon-guide-'))
  // When root runs the tests, PostgreSQL's user must pass through.
  await chmod(dir, 0o711)
  server = await startProcess({ CARILLON_DIR: join(dir, '.carillon') })
})
afterAll(async () => {
  server?.kill('SIGTERM')
  await server?.exited
  await mailbox?.close()
  await rm(dir, { recursive: true, force: true })
})

it('begins with the two commands that a project like this has', () => {
  expect(start?.text).toBe('npm ci && npm start')
})

optionalSuite({ name: 'the first notification by curl', found: findProgram('curl') !== null, how: 'install curl' }, () => {
  it('answers every command of docs/first-notification.md as the guide says', async () => {
    const mine: Readonly<Record<string, string>> = {
      'http://127.0.0.1:4000': server.url,
      'SMTP_HOST=smtp.example.com': 'SMTP_HOST=127.0.0.1',
      'SMTP_PORT=587': `SMTP_PORT=${mailbox.port}`,
      // This mail server takes mail without a login.
      'SMTP_USER=shop': 'SMTP_USER=',
      'SMTP_PASSWORD=secret': 'SMTP_PASSWORD=',
    }
    const here = pasted.map((block) => {
      const text = Object.entries(mine).reduce((all, [theirs, ours]) => all.replaceAll(theirs, ours), block.text)
      return { ...block, text }
    })
    const printed = await paste(here, { cwd: dir, env: { HOME: dir } })
    const answered = here.map((block, index) => ({ block, text: printed[index] ?? '' })).filter(({ block }) => block.answer)
    expect(answered.length).toBeGreaterThanOrEqual(8)
    for (const { block, text } of answered) expectAnswer(JSON.parse(text), block)
    const mails = await mailbox.waitFor(2)
    expect(mails.map(({ to }) => to)).toEqual([['you@example.com'], ['you@example.com']])
    expect(mails[1]).toMatchObject({ from: 'shop@example.com', subject: 'Order 18 is on its way' })
    expect(mails[1]?.text).toContain('Hello Me, it arrives on Monday.')
  })
})
