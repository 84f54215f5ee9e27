/** One PostgreSQL for the whole run: TEST_DATABASE_URL, or an embedded one in a folder that is thrown away. */
import { chmod, mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbedded } from '../../src/db/embedded.ts'
import { lockFolder } from '../../src/db/folder-lock.ts'
import { silentLog } from '../../src/log.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** a server on which tests may make databases */
    postgresUrl: string
  }
}

const PREFIX = 'carillon-test-'
const MEMORY = '/dev/shm'
const ROOM_BYTES = 2 * 1024 ** 3

interface Shared {
  readonly server: Promise<{ readonly url: string; stop(): Promise<void> }>
  users: number
}
declare global {
  /** Each project of vitest.config.ts loads a copy of this file: what they share can't be in the module. */
  var carillonTestServer: Shared | undefined
}

/**
 * Run by vitest before the first test of each project that needs a database; what it returns, after the last test of all projects.
 * The projects share one server. After a crash it ends by itself.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['TEST_DATABASE_URL']
  if (given !== undefined && given !== '') {
    project.provide('postgresUrl', given)
    return async () => {}
  }
  globalThis.carillonTestServer ??= { server: startServer(), users: 0 }
  const shared = globalThis.carillonTestServer
  shared.users++
  const server = await shared.server
  project.provide('postgresUrl', server.url)
  return async () => {
    if (--shared.users > 0) return
    globalThis.carillonTestServer = undefined
    await server.stop()
  }
}

/** Hundreds of databases that live for seconds are not worth tidying; tests that need statistics make them. */
const settings = {
  shared_buffers: '128MB',
  max_wal_size: '256MB',
  autovacuum: 'off',
  wal_compression: 'off',
  // It is thrown away: no page of it is ever repaired after a power cut.
  full_page_writes: 'off',
}

async function startServer(): Promise<Awaited<Shared['server']>> {
  const base = await findBase()
  await removeLeftovers(base)
  const dir = await mkdtemp(join(base, PREFIX))
  // When root runs the tests, PostgreSQL's user must pass through.
  await chmod(dir, 0o711)
  const server = await startEmbedded(dir, { log: silentLog, settings })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** In memory, where there is room: a database of its own for each test then takes 12 ms, not 300. */
async function findBase(): Promise<string> {
  try {
    const { bavail, bsize } = await statfs(MEMORY)
    return bavail * bsize >= ROOM_BYTES ? MEMORY : tmpdir()
  } catch {
    return tmpdir()
  }
}

/** Removes what runs that were killed left behind; a run that still goes on has its folder locked. */
async function removeLeftovers(base: string): Promise<void> {
  for (const name of (await readdir(base)).filter((entry) => entry.startsWith(PREFIX))) {
    const dir = join(base, name)
    try {
      if (Date.now() - (await stat(dir)).mtimeMs < 60_000) continue
      lockFolder(dir, 0).release()
      await rm(dir, { recursive: true, force: true })
    } catch {
      // In use, or somebody else's, or removed meanwhile: not ours to remove.
    }
  }
}
