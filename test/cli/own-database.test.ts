/** A first start on a database of one's own, in a folder that does not exist yet, and the demo there with a mail server that is down. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase } from '../helpers/postgres.ts'
import { type ServerProcess, startProcess } from '../helpers/process.ts'

const main = join(import.meta.dirname, '../../src/main.ts')
const cleanUps: (() => unknown)[] = []
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'carillon-own-'))
  cleanUps.push(() => rm(dir, { recursive: true, force: true }))
})
afterAll(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp()
})

async function firstStartIn(folder: string): Promise<{ readonly server: ServerProcess; readonly env: Record<string, string> }> {
  const database = await createTestDatabase()
  cleanUps.push(() => database.drop())
  const env = {
    CARILLON_DIR: folder,
    DATABASE_URL: database.url,
    CARILLON_SECRET: 's'.repeat(32),
    CARILLON_ALLOW_PRIVATE_HOSTS: 'on',
  }
  const server = await startProcess(env)
  cleanUps.push(async () => {
    server.kill('SIGTERM')
    await server.exited
  })
  return { server, env }
}
const demo = (env: Record<string, string>) => spawnSync(process.execPath, [main, 'demo'], { encoding: 'utf8', env })

it('keeps the keys of the demo project in a folder that it creates, and the demo says why a mail is late', async () => {
  const folder = join(dir, 'new/folder')
  const { server, env } = await firstStartIn(folder)
  const keys = JSON.parse(await readFile(join(folder, 'demo.json'), 'utf8'))
  expect(keys).toMatchObject({ url: server.url, contact: 'demo-user' })
  const problems = await server.client(`Bearer ${keys.apiKey}`).raw(`mutation { configureProviders(providers: [
    { key: "capture-email", active: false }
    { key: "mail", channel: EMAIL, kind: "smtp", settings: { host: "127.0.0.1", port: 1, from: "a@example.com" } }
  ]) { key } }`)
  expect(problems).toEqual([])
  const { status, stdout } = demo(env)
  expect(stdout).toMatch(/email +to demo-user@example.com through mail: .*ECONNREFUSED.* \(QUEUED\)/)
  expect(stdout).toMatch(/email +QUEUED: /)
  expect(status).toBe(0)
})

it('runs where it can not keep them, says so, and the demo names the database', async () => {
  await writeFile(join(dir, 'file'), '')
  const folder = join(dir, 'file/below')
  const { server, env } = await firstStartIn(folder)
  await expect.poll(() => server.output()).toContain('A project "demo" was made.')
  await expect.poll(() => server.output()).toContain('The keys of the demo project could not be stored')
  expect(demo({ ...env, CARILLON_DIR: join(dir, 'other') }).stderr).toContain(
    `The database of DATABASE_URL has projects, and their keys are not in ${join(dir, 'other/demo.json')}.`,
  )
})
