/** The heap that a server gives itself, and that an operator may give it another. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { heapFlags, heapFor } from '../../src/cli/runtime.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts'
import { newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'

const MB = 1_024 * 1_024

describe('the heap for a memory', () => {
  it.each([
    [128, 96, 2],
    [512, 256, 4],
    [1_024, 512, 8],
    [4_096, 2_048, 16],
    [8_192, 2_048, 32],
    [65_536, 2_048, 32],
  ])('of %i MB is %i MB, in halves of %i MB', (mb, oldMb, youngMb) => {
    expect(heapFor(mb * MB)).toEqual({ oldMb, youngMb })
    expect(heapFlags(heapFor(mb * MB))).toEqual([`--max-old-space-size=${oldMb}`, `--max-semi-space-size=${youngMb}`])
  })
})

describe('a server', () => {
  let database: TestDatabase
  let dir: string
  let server: ServerProcess | null = null
  beforeAll(async () => {
    database = await createTestDatabase()
    dir = await mkdtemp(join(tmpdir(), 'carillon-runtime-'))
  })
  afterEach(async () => {
    server?.kill('SIGTERM')
    await server?.exited
  })
  afterAll(async () => {
    await database.drop()
    await rm(dir, { recursive: true, force: true })
  })
  async function start(more: Record<string, string>, nodeArgs: readonly string[] = []): Promise<string[]> {
    server = await startProcess(
      { CARILLON_DIR: dir, DATABASE_URL: database.url, ...newSecrets(), ...more },
      ['--role', 'api'],
      nodeArgs,
    )
    const words = (await readFile(`/proc/${server.pid}/cmdline`, 'utf8')).split('\0').slice(1, -1)
    return words.map((word) => word.replace(/^.*\/src\//, 'src/'))
  }

  it('chooses a heap by the memory there is, and stays the process that was started, with its arguments', async () => {
    const [old = '', young, ...rest] = await start({})
    expect(Number(/^--max-old-space-size=(\d+)$/.exec(old)?.[1])).toBeGreaterThanOrEqual(96)
    expect(young).toMatch(/^--max-semi-space-size=\d+$/)
    expect(rest).toEqual(['src/main.ts', '--role', 'api'])
  })

  it.each([
    [{ NODE_OPTIONS: '--max-old-space-size=300' }, []],
    [{ NODE_OPTIONS: '--no-warnings --max_semi_space_size=16' }, []],
    [{ NODE_OPTIONS: '--max-old-space-size-percentage=50' }, []],
    [{}, ['--max-old-space-size=300']],
  ])('leaves the heap to the operator who chose one: %j, %j', async (env, nodeArgs) => {
    expect(await start(env, nodeArgs)).toEqual([...nodeArgs, 'src/main.ts', '--role', 'api'])
  })

  it('keeps what else Node was told', async () => {
    const words = await start({ NODE_OPTIONS: '--no-deprecation' }, ['--stack-trace-limit=5'])
    expect(words[0]).toBe('--stack-trace-limit=5')
    expect(words).toHaveLength(6)
  })
})
