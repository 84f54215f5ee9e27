/** A second start in the same folder, on another port: the keys are found again, and the demo finds the server. */
import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type KnownDemo, welcome } from '../../src/cli/welcome.ts'
import { type ServerProcess, startProcess } from '../helpers/process.ts'

const root = join(import.meta.dirname, '../..')
let dir: string
let server: ServerProcess
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'carillon-second-'))
  // When root runs the tests, PostgreSQL's user must pass through.
  await chmod(dir, 0o711)
  const first = await startProcess({ CARILLON_DIR: join(dir, '.carillon') })
  first.kill('SIGTERM')
  await first.exited
  server = await startProcess({ CARILLON_DIR: join(dir, '.carillon') })
})
afterAll(async () => {
  server?.kill('SIGTERM')
  await server?.exited
  await rm(dir, { recursive: true, force: true })
})

it('says where the keys are, and prints an address that signs in', async () => {
  await expect.poll(() => server.output()).toContain(`The keys of the project "demo" are in ${join(dir, '.carillon/demo.json')}.`)
  const credential = /\/#authorization=(\S+)/.exec(server.output())?.[1] ?? ''
  expect(await server.client(decodeURIComponent(credential)).raw('{ viewer { project { key } } }')).toEqual([])
})

it('is found by the demo, whatever PORT is now', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'src/main.ts'), 'demo'], {
    encoding: 'utf8',
    env: { CARILLON_DIR: join(dir, '.carillon'), PORT: '1' },
  })
  expect(stderr).toBe('')
  expect(stdout).toContain(`Sending "welcome" to demo-user at ${server.url}`)
  expect(status).toBe(0)
})

it('says how to sign in where there is an operator key, and nothing of a demo', () => {
  const app = { url: 'http://127.0.0.1:4000', firstStart: null }
  const config = { role: 'all', explore: false, operatorKey: 'k'.repeat(32) } as const
  expect(welcome(app, config)).toContain('or with CARILLON_OPERATOR_KEY')
  expect(welcome(app, config)).not.toContain('kkkk')
  const known: KnownDemo = { apiKey: 'ck_1', file: '.carillon/demo.json' }
  expect(welcome({ ...app, firstStart: null }, { ...config, operatorKey: null }, known)).toContain('#authorization=Bearer%20ck_1')
  expect(welcome(app, { ...config, operatorKey: null })).not.toContain('authorization')
})
