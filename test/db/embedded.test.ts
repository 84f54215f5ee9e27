import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Embedded, startEmbedded } from '../../src/db/embedded.ts'
import { silentLog } from '../../src/log.ts'
import { until } from '../helpers/until.ts'

const OWNER = join(import.meta.dirname, '../helpers/embedded-owner.ts')
const isRoot = process.getuid?.() === 0
const hasProc = existsSync('/proc/self/cmdline')

let dir: string
let running: Embedded[]
let owners: ChildProcess[]

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'carillon-embedded-'))
  await chmod(dir, 0o711)
  running = []
  owners = []
})

afterEach(async () => {
  for (const owner of owners) await kill(owner)
  for (const server of running) await server.stop()
  await until('PostgreSQL is gone', () => !existsSync(join(dir, 'postgres/postmaster.pid')) || !isAlive(postmaster()))
  await rm(dir, { recursive: true, force: true })
})

async function start(): Promise<Embedded> {
  const server = await startEmbedded(dir, { log: silentLog, settings: { shared_buffers: '16MB' } })
  running.push(server)
  return server
}

async function startOwner(
  more: { uid?: number; gid?: number } = {},
): Promise<{ owner: ChildProcess; url: string; error: string }> {
  const owner = spawn(process.execPath, [OWNER, dir], { ...more, stdio: ['ignore', 'pipe', 'inherit'] })
  owners.push(owner)
  const [line] = (await once(createInterface(owner.stdout), 'line')) as [string]
  return { owner, url: '', error: '', ...(JSON.parse(line) as object) }
}

async function kill(owner: ChildProcess): Promise<void> {
  if (owner.exitCode === null && owner.signalCode === null && owner.kill('SIGKILL')) await once(owner, 'exit')
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const postmaster = (): number => Number(readFileSync(join(dir, 'postgres/postmaster.pid'), 'utf8').split('\n')[0])

/** Whether a process runs. One that ended but was not yet collected by its parent does not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !hasProc || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** The watchdog of a postmaster. */
function watchdogOf(pid: number): number {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      if (readFileSync(`/proc/${name}/cmdline`, 'utf8').endsWith(`carillon-watchdog\0${pid}\0`)) return Number(name)
    } catch {
      // It ended while we looked.
    }
  }
  throw new Error('There is no watchdog.')
}

test('keeps its data from one start to the next, with settings that lose nothing', async () => {
  const first = await start()
  await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n')
  const settings = await query(
    first.url,
    `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses',
      'password_encryption', 'server_encoding', 'max_connections', 'data_checksums') ORDER BY name`,
  )
  expect(settings).toEqual([
    { name: 'data_checksums', setting: 'on' },
    { name: 'fsync', setting: 'on' },
    { name: 'full_page_writes', setting: 'on' },
    { name: 'listen_addresses', setting: '127.0.0.1' },
    { name: 'max_connections', setting: '200' },
    { name: 'password_encryption', setting: 'scram-sha-256' },
    { name: 'server_encoding', setting: 'UTF8' },
    { name: 'synchronous_commit', setting: 'on' },
  ])
  await first.stop()
  const second = await start()
  expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }])
})

test('nobody comes in without the password', async () => {
  const { url } = await start()
  const wrong = new URL(url)
  wrong.password = 'guessed'
  await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed')
})

test('a second start on a folder in use names the process that has it, and leaves that one alone', async () => {
  const { url } = await start()
  const message = `This folder is already in use by the process ${process.pid}: ${dir}`
  await expect(start()).rejects.toThrow(message)
  expect((await startOwner()).error).toContain(message)
  expect(await query(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }])
})

test('when its owner is killed, the server ends by itself, and the next start has the data', async () => {
  const { owner, url } = await startOwner()
  await query(url, 'CREATE TABLE kept AS SELECT 7 AS n')
  const pid = postmaster()
  await kill(owner)
  await until('the server is gone', () => !isAlive(pid))
  expect(await query((await start()).url, 'SELECT n FROM kept')).toEqual([{ n: 7 }])
})

test.runIf(hasProc)('a server that was orphaned with its watchdog is stopped by the next start', async () => {
  const { owner, url } = await startOwner()
  await query(url, 'CREATE TABLE kept AS SELECT 7 AS n')
  const orphan = postmaster()
  process.kill(watchdogOf(orphan), 'SIGKILL')
  await kill(owner)
  const server = await start()
  expect(isAlive(orphan)).toBe(false)
  expect(await query(server.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }])
})

test.runIf(hasProc)('recovers when all of its processes are killed at once', async () => {
  const { owner, url } = await startOwner()
  await query(url, 'CREATE TABLE kept AS SELECT 7 AS n')
  const pid = postmaster()
  const tree = [watchdogOf(pid), Number(owner.pid), pid]
  for (const one of tree) process.kill(one, 'SIGKILL')
  expect(await query((await start()).url, 'SELECT n FROM kept')).toEqual([{ n: 7 }])
})

test('is started again on its port when it dies while its owner lives', async () => {
  const { url } = await start()
  await query(url, 'CREATE TABLE kept AS SELECT 7 AS n')
  process.kill(postmaster(), 'SIGKILL')
  const rows = await until('it answers again', () => query(url, 'SELECT n FROM kept'))
  expect(rows).toEqual([{ n: 7 }])
})

test('is not hindered by a process id that now belongs to somebody else', async () => {
  await (await start()).stop()
  // What a kill leaves, after the id went round: it names a process that lives, and is no server of ours.
  const file = join(dir, 'postgres/postmaster.pid')
  const stranger = spawn('sleep', ['60'])
  owners.push(stranger)
  await writeFile(file, [stranger.pid, join(dir, 'postgres'), 1, 5432, '', '127.0.0.1', '1 1', 'ready   ', ''].join('\n'), {
    mode: 0o600,
  })
  await chmod(file, 0o644)
  await start()
  expect(isAlive(Number(stranger.pid))).toBe(true)
})

test('a crash while the data folder is made leaves nothing in the way', async () => {
  await mkdir(join(dir, 'postgres.init-abc/data'), { recursive: true })
  await start()
  expect(readdirSync(dir).filter((name) => name.startsWith('postgres.init-'))).toEqual([])
})

describe.runIf(isRoot)('as root', () => {
  test('keeps the data outside a folder that its user cannot reach, and finds it again', async () => {
    await chmod(dir, 0o700)
    const first = await start()
    const outside = dirname(await realpath(join(dir, 'postgres')))
    try {
      expect(outside).toMatch(/^\/var\/lib\/carillon-[0-9a-f]{12}$/)
      await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n')
      await first.stop()
      const second = await start()
      expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }])
      await second.stop()
      expect((await readFile(join(dir, 'postgres.password'), 'utf8')).length).toBeGreaterThan(20)
    } finally {
      await running.at(-1)?.stop()
      await rm(outside, { recursive: true, force: true })
    }
  })

  const nobody = { uid: 65_534, gid: 65_534 }
  const canRun = spawnSync(process.execPath, ['--check', OWNER], nobody).status === 0
  test.runIf(canRun)('an ordinary user starts it too, and the data stays that user’s when root starts it next', async () => {
    await chown(dir, nobody.uid, nobody.gid)
    const { owner, url } = await startOwner(nobody)
    await query(url, 'CREATE TABLE kept AS SELECT 7 AS n')
    await kill(owner)
    expect(await query((await start()).url, 'SELECT n FROM kept')).toEqual([{ n: 7 }])
  })
})
