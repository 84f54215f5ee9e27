/** Servers as processes of their own: `node src/main.ts`, as a user starts it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type Client, createTestClient } from './client.ts'
import { CreateContactToken, CreateProject } from './operations.ts'
import { until } from './until.ts'

const root = join(import.meta.dirname, '../..')

/** A server in a process. */
export interface ServerProcess {
  readonly url: string
  readonly pid: number
  readonly output: () => string
  client(credential: string | null): Client
  /** Sends a signal; SIGKILL to the whole group. */
  kill(signal: NodeJS.Signals): void
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals | null>
}

/** What a server has of this process's environment. */
const inherited = (): Record<string, string> =>
  Object.fromEntries(['PATH', 'HOME', 'NODE_COMPILE_CACHE'].map((name) => [name, process.env[name] ?? '']))

/** Starts a server and waits until it listens. */
export async function startProcess(
  env: Record<string, string>,
  args: readonly string[] = [],
  nodeArgs: readonly string[] = [],
): Promise<ServerProcess> {
  const child: ChildProcess = spawn(process.execPath, [...nodeArgs, join(root, 'src/main.ts'), ...args], {
    cwd: root,
    env: { ...inherited(), PORT: '0', CARILLON_LOG: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const exited = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal)),
  )
  const { pid } = child
  if (pid === undefined) throw new Error('The server could not be started')
  let isGone = false
  void exited.then(() => {
    isGone = true
  })
  const url = await until(
    'the server listens',
    () => {
      if (isGone) return 'gone'
      return /http:\/\/[\d.:]+(?=\/(?:graphql|health))/.exec(output)?.[0]
    },
    30_000,
  )
  if (url === 'gone') throw new Error(`The server ended: ${output}`)
  return {
    url,
    pid,
    output: () => output,
    client: (credential) => createTestClient(url, credential),
    kill(signal) {
      try {
        process.kill(signal === 'SIGKILL' ? -pid : pid, signal)
      } catch {
        // It is gone already.
      }
    },
    exited,
  }
}

/** The credentials that several processes share. */
export const newSecrets = () => ({
  CARILLON_SECRET: randomBytes(32).toString('hex'),
  CARILLON_OPERATOR_KEY: randomBytes(24).toString('hex'),
  CARILLON_ALLOW_PRIVATE_HOSTS: 'on',
})

/** A project with a key, made through a process. */
export async function newProject(server: ServerProcess, operatorKey: string) {
  const key = `p-${randomBytes(6).toString('hex')}`
  const { createProject } = await server.client(`Bearer ${operatorKey}`).do(CreateProject, { input: { key, name: 'Test' } })
  const credential = `Bearer ${createProject.secret}`
  return {
    id: createProject.project.id,
    credential,
    token: async (contact: string): Promise<string> => {
      const { createContactToken } = await server.client(credential).do(CreateContactToken, { contact })
      return `Bearer ${createContactToken.token}`
    },
  }
}
