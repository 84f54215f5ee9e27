/** A Redis for the tests: the one of the environment, or one that the tests start themselves. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { until } from './until.ts'

/** What tests need of a Redis. */
export interface TestRedis {
  readonly url: string
  /** whether `kill`, `start`, `pause` and `resume` work: the server is ours */
  readonly own: boolean
  /** Ends the server with SIGKILL. */
  kill(): Promise<void>
  /** Starts it again on the same port, and resolves when it answers. */
  start(): Promise<void>
  /** Lets it hang: connections stay, nothing is answered. */
  pause(): void
  resume(): void
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

/** How to get one, for the reader of the list of skipped suites. */
export const howToHaveRedis = 'set TEST_REDIS_URL, or put redis-server on PATH'

/** Whether there is one to be had, without starting it. */
export function hasRedis(): boolean {
  return givenUrl() !== null || findBinary() !== null
}

/** Finds a Redis, or null. Call `stop` at the end. */
export async function findRedis(): Promise<TestRedis | null> {
  const given = givenUrl()
  if (given !== null) {
    const notOurs = (): never => {
      throw new Error('This Redis is not ours to stop or start')
    }
    const later = async () => notOurs()
    return { url: given, own: false, kill: later, start: later, pause: notOurs, resume: notOurs, stop: async () => {} }
  }
  const binary = findBinary()
  return binary === null ? null : startRedis(binary)
}

function givenUrl(): string | null {
  const given = process.env['TEST_REDIS_URL']
  return given === undefined || given === '' ? null : given
}

function findBinary(): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    try {
      accessSync(join(folder, 'redis-server'), constants.X_OK)
      return join(folder, 'redis-server')
    } catch {
      // the next folder may have it
    }
  }
  return null
}

async function startRedis(binary: string): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'carillon-redis-'))
  const port = await freePort()
  let server: ChildProcess | undefined
  // Should the tests be killed, it must not stay.
  const killNow = (): void => void server?.kill('SIGKILL')
  process.on('exit', killNow)

  const kill = async (): Promise<void> => {
    const ended = server
    server = undefined
    if (ended !== undefined && ended.exitCode === null && ended.signalCode === null && ended.kill('SIGKILL'))
      await once(ended, 'exit')
  }
  const start = async (): Promise<void> => {
    server = spawn(binary, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir], {
      stdio: 'ignore',
    })
    await until('redis-server answers', () => answers(port))
  }
  const stop = async (): Promise<void> => {
    process.off('exit', killNow)
    await kill()
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    own: true,
    kill,
    start,
    pause: () => void server?.kill('SIGSTOP'),
    resume: () => void server?.kill('SIGCONT'),
    stop,
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    socket.write('PING\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    return answer.toString() === '+PONG\r\n'
  } finally {
    socket.destroy()
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('There is no free port')
  return address.port
}
