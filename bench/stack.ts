/** The servers of a benchmark run, started for it alone: an embedded PostgreSQL, Redis if it is installed, and Carillon processes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startEmbedded } from '../src/db/embedded.ts'
import { silentLog } from '../src/log.ts'
import { type CpuMeter, cpuSeconds, familyCpuSeconds } from './harness.ts'

const root = join(import.meta.dirname, '..')

/** A process that was started. `output`: all that it has printed; `stop` resolves when it has ended, after 10 s by SIGKILL */
export interface Started {
  readonly pid: number
  readonly output: () => string
  stop(): Promise<void>
}

/** A script of this folder. `ready`: the word that it prints after "ready" */
export interface Script extends Started {
  readonly ready: string
  /** Sends a request, which a script of this folder answers as `{ ask, result }`. @throws Error when it ends instead */
  ask<R>(request: R): Promise<unknown>
}

/** A Carillon process. */
export interface BenchServer extends Started {
  readonly url: string
}

/** The servers of a run. */
export interface Stack {
  /** null: there is no redis-server on PATH */
  readonly redisUrl: string | null
  /** Starts another Redis, which may be stopped; null: there is no redis-server on PATH. @param port default: a free one */
  redis(port?: number): Promise<(Started & { readonly port: number; readonly url: string }) | null>
  /** Creates an empty database. @returns its URL */
  database(): Promise<string>
  /** Starts a Carillon process. @throws Error with its output when it is not ready within 20 s */
  server(env: Record<string, string>, args?: readonly string[]): Promise<BenchServer>
  /** Starts a script, with options of Node's. @throws Error with its output when it is not ready within 20 s */
  script(file: string, env: Record<string, string>, options?: readonly string[]): Promise<Script>
  /** Makes PostgreSQL write its pending pages, so that a leg does not pay for the previous one. */
  checkpoint(): Promise<unknown>
  /** A CPU meter for these processes, the load generator and the databases. */
  cpu(processes: Readonly<Record<string, Started>>): CpuMeter
  close(): Promise<void>
}

/** Finds a free port on 127.0.0.1. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

function onPath(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return join(folder, name)
    } catch {
      // Try the next folder.
    }
  }
  return null
}

/** Starts a program, and waits until its output matches. */
async function start(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
  ready: RegExp,
  isAsked = false,
): Promise<Script> {
  const child: ChildProcess = spawn(command, args, {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(isAsked ? (['ipc'] as const) : [])],
  })
  // However the benchmark ends, the processes that it started end too.
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const asked = new Map<number, PromiseWithResolvers<unknown>>()
  let asks = 0
  child.on('message', ({ ask, result }: { ask: number; result?: unknown }) => {
    asked.get(ask)?.resolve(result)
    asked.delete(ask)
  })
  child.once('exit', () => {
    for (const { reject } of asked.values()) reject(new Error(`${command} ${args.join(' ')} ended: ${output.slice(-2_000)}`))
  })
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 20) {
    const match = ready.exec(output)
    if (match !== null) {
      return {
        pid: child.pid ?? 0,
        output: () => output,
        ready: match[1] ?? match[0],
        ask(request) {
          const answered = Promise.withResolvers<unknown>()
          asked.set(++asks, answered)
          child.send({ ask: asks, request })
          return answered.promise
        },
        async stop() {
          child.kill('SIGTERM')
          await Promise.race([exited, sleep(10_000)])
          child.kill('SIGKILL')
        },
      }
    }
    if (child.exitCode !== null) break
    await sleep(20)
  }
  child.kill('SIGKILL')
  throw new Error(`${command} ${args.join(' ')} did not start: ${output}`)
}

/** Starts PostgreSQL and, if it is installed, Redis. Data is in a temporary folder, which `close` deletes. */
export async function startStack(): Promise<Stack> {
  const dir = await mkdtemp(join(tmpdir(), 'carillon-bench-'))
  const postgres = await startEmbedded(dir, { log: silentLog })
  const admin = new pg.Client({ connectionString: postgres.url })
  await admin.connect()
  const backend = Number((await admin.query('SELECT pg_backend_pid() AS pid')).rows[0]?.pid)
  const stops: (() => Promise<unknown>)[] = [() => admin.end()]
  const redis: Stack['redis'] = async (at) => {
    const binary = onPath('redis-server')
    if (binary === null) return null
    const port = at ?? (await freePort())
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir]
    const started = await start(binary, args, {}, /Ready to accept/)
    stops.push(() => started.stop())
    return { ...started, port, url: `redis://127.0.0.1:${port}` }
  }
  const shared = await redis()
  return {
    redisUrl: shared?.url ?? null,
    redis,
    async database() {
      const name = `bench_${randomBytes(6).toString('hex')}`
      await admin.query(`CREATE DATABASE ${name}`)
      const url = new URL(postgres.url)
      url.pathname = `/${name}`
      return url.href
    },
    async server(env, args = []) {
      const started = await start(
        process.execPath,
        ['src/main.ts', ...args],
        { PORT: '0', CARILLON_LOG: 'warn', ...env },
        /(http:\/\/[\d.:]+)\/(?:graphql|health)/,
      )
      stops.push(() => started.stop())
      return { ...started, url: started.ready }
    },
    async script(file, env, options = []) {
      const started = await start(process.execPath, [...options, file], env, /ready (\S+)/, true)
      stops.push(() => started.stop())
      return started
    },
    checkpoint: () => admin.query('CHECKPOINT'),
    cpu: (processes) => () => ({
      ...Object.fromEntries(Object.entries(processes).map(([name, { pid }]) => [name, cpuSeconds(pid)])),
      postgres: familyCpuSeconds(backend),
      ...(shared === null ? {} : { redis: cpuSeconds(shared.pid) }),
      bench: process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
    }),
    async close() {
      for (const stop of stops.reverse()) await stop()
      await postgres.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Credentials that the processes of one benchmark share. */
export const secrets = () => ({
  CARILLON_SECRET: randomBytes(32).toString('hex'),
  CARILLON_OPERATOR_KEY: randomBytes(24).toString('hex'),
  CARILLON_ALLOW_PRIVATE_HOSTS: 'on',
})

/** Sends a GraphQL request over HTTP. @returns `data` @throws Error when the answer has errors */
export async function graphql(
  url: string,
  credential: string,
  query: string,
  variables: object = {},
): Promise<Record<string, never>> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${credential}` },
    body: JSON.stringify({ query, variables }),
  })
  const { data, errors } = (await response.json()) as { data?: Record<string, never>; errors?: unknown }
  if (errors !== undefined || data === undefined) throw new Error(JSON.stringify(errors))
  return data
}

/** Creates a project. @returns its id and an API key */
export async function newProject(url: string, operatorKey: string): Promise<{ id: string; key: string }> {
  const made: Record<string, { secret: string; project: { id: string } }> = await graphql(
    url,
    operatorKey,
    'mutation($key: ID!) { createProject(input: { key: $key, name: "Bench" }) { secret project { id } } }',
    { key: `bench-${randomBytes(4).toString('hex')}` },
  )
  const project = made['createProject']
  if (project === undefined) throw new Error('No project was made')
  return { id: project.project.id, key: project.secret }
}
