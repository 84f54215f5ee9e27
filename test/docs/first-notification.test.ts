/** docs/first-notification.md, pasted from the top to the bottom. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectAnswer, findProgram, paste, post, readGuide } from '../helpers/guide.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { type ServerProcess, startProcess } from '../helpers/process.ts'

const blocks = readGuide('docs/first-notification.md')
const [start, ...pasted] = blocks.filter(({ language }) => language === 'sh')

let dir: string
let server: ServerProcess
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'carillon-guide-'))
  // When root runs the tests, PostgreSQL's user must pass through.
  await chmod(dir, 0o711)
  server = await startProcess({ CARILLON_DIR: join(dir, '.carillon') })
})
afterAll(async () => {
  server?.kill('SIGTERM')
  await server?.exited
  await rm(dir, { recursive: true, force: true })
})

it('begins with the two commands that a project like this has', () => {
  expect(start?.text).toBe('npm ci && npm start')
})

optionalSuite({ name: 'the first notification by curl', found: findProgram('curl') !== null, how: 'install curl' }, () => {
  it('answers every command of docs/first-notification.md as the guide says', async () => {
    const here = pasted.map((block) => ({ ...block, text: block.text.replaceAll('http://127.0.0.1:4000', server.url) }))
    const printed = await paste(here, { cwd: dir, env: { HOME: dir } })
    const answered = here.map((block, index) => ({ block, text: printed[index] ?? '' })).filter(({ block }) => block.answer)
    expect(answered.length).toBeGreaterThanOrEqual(5)
    for (const { block, text } of answered) expectAnswer(JSON.parse(text), block)
    const key = printed.at(-1)?.trim() ?? ''
    const [configure] = blocks.filter(({ language }) => language === 'graphql')
    expect((await post(server.url, `Bearer ${key}`, configure?.text ?? '')).data).toEqual({
      configureProviders: [
        { key: 'mail', kind: 'smtp', active: true },
        { key: 'capture-email', kind: 'capture', active: false },
      ],
    })
  })
})
