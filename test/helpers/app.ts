/** A whole server on a database of its own, in this process. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, type AppOptions, startApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import type { Clock } from '../../src/domain/clock.ts'
import { type Log, silentLog } from '../../src/log.ts'
import { type Client, createTestClient } from './client.ts'
import { CreateContactToken, CreateProject } from './operations.ts'
import { createTestDatabase } from './postgres.ts'

/** A clock that runs with the machine's, and can be put forward. */
export interface TestClock extends Clock {
  advance(ms: number): void
}

export function createTestClock(): TestClock {
  let offsetMs = 0
  return {
    now: () => new Date(Date.now() + offsetMs),
    get offsetMs() {
      return offsetMs
    },
    advance(ms) {
      offsetMs += ms
    },
  }
}

/** A project, and clients of it. */
export interface TestProject {
  readonly id: string
  readonly key: string
  readonly apiKey: string
  readonly accessKey: string
  readonly secretKey: string
  /** the backend's client */
  readonly api: Client
  /** a client with a contact token */
  page(contact: string, ttlSeconds?: number): Promise<Client>
}

/** A running server. */
export interface TestApp {
  readonly app: App
  readonly url: string
  readonly databaseUrl: string
  readonly secret: string
  readonly operator: Client
  readonly operatorKey: string
  readonly anonymous: Client
  client(credential: string | null): Client
  project(input?: { locale?: string; timezone?: string }): Promise<TestProject>
  /** Starts another process's worth of server on the same stores. */
  another(env?: Record<string, string>, options?: AppOptions): Promise<TestApp>
  stop(): Promise<void>
}

export interface TestAppOptions extends AppOptions {
  readonly env?: Record<string, string>
  readonly log?: Log
}

/** Starts a server with an operator's key on an empty database, at a free port. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const database = await createTestDatabase()
  const dir = await mkdtemp(join(tmpdir(), 'carillon-app-'))
  const secret = randomBytes(32).toString('hex')
  const operatorKey = randomBytes(24).toString('hex')
  const running: App[] = []

  async function start(env: Record<string, string>, more: TestAppOptions): Promise<TestApp> {
    const config = readConfig(
      {
        PORT: '0',
        CARILLON_DIR: dir,
        CARILLON_SECRET: secret,
        CARILLON_OPERATOR_KEY: operatorKey,
        // Off by default with an operator's key.
        CARILLON_EXPLORE: 'on',
        CARILLON_ALLOW_PRIVATE_HOSTS: 'on',
        DATABASE_URL: database.url,
        ...options.env,
        ...env,
      },
      [],
    )
    const app = await startApp(config, more.log ?? silentLog, more)
    running.push(app)
    const client = (credential: string | null): Client => createTestClient(app.url, credential)
    const operator = client(`Bearer ${operatorKey}`)
    return {
      app,
      url: app.url,
      databaseUrl: database.url,
      secret,
      operator,
      operatorKey,
      anonymous: client(null),
      client,
      async project(input = {}) {
        const key = `p-${randomBytes(6).toString('hex')}`
        const { createProject } = await operator.do(CreateProject, { input: { key, name: 'Test', ...input } })
        const api = client(`Bearer ${createProject.secret}`)
        return {
          id: createProject.project.id,
          key,
          apiKey: createProject.secret,
          accessKey: createProject.accessKey,
          secretKey: createProject.secretKey,
          api,
          async page(contact, ttlSeconds = 3600) {
            const { createContactToken } = await api.do(CreateContactToken, { contact, ttlSeconds })
            return client(`Bearer ${createContactToken.token}`)
          },
        }
      },
      another: (moreEnv = {}, moreOptions = {}) => start(moreEnv, { ...more, ...moreOptions }),
      async stop() {
        await app.stop()
      },
    }
  }

  const first = await start({}, options)
  return {
    ...first,
    async stop() {
      await Promise.all(running.map((app) => app.stop()))
      await database.drop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
