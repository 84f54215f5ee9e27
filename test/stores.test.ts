/** Stores that are late or wrong at the start. */
import { createServer, type Server, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../src/config.ts'
import type { Log } from '../src/log.ts'
import { awaitStores, placeOf, storesInUse } from '../src/stores.ts'
import { createTestDatabase, type TestDatabase } from './helpers/postgres.ts'
import { createTcpProxy } from './helpers/tcp-proxy.ts'

let database: TestDatabase
const servers: Server[] = []
beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
})
afterAll(() => database.drop())
afterEach(() => servers.splice(0).map((server) => server.close()))

const lines: string[] = []
const keep = (message: string, fields?: object): void => void lines.push(`${message} ${JSON.stringify(fields)}`)
const log: Log = { debug() {}, info: keep, warn: keep, error: keep }
afterEach(() => void lines.splice(0))

const none = { databaseUrl: null, mongodbUrl: null, redisUrl: null, startWaitMs: 0 }
const failure = (more: Partial<typeof none> | object): Promise<string> =>
  awaitStores({ ...none, ...more }, log).then(
    () => 'it did not fail',
    (error: Error) => error.message,
  )
/** A server that answers each chunk with the same. @returns its port */
const answering = async (answer: (socket: Socket, got: string) => void): Promise<number> => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => answer(socket, chunk.toString('latin1')))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
/** What PostgreSQL answers instead of letting somebody in. */
const refusing = (code: string, message: string): Promise<number> =>
  answering((socket) => {
    const body = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`)
    const head = Buffer.alloc(5)
    head.write('E')
    head.writeInt32BE(body.length + 4, 1)
    socket.end(Buffer.concat([head, body]))
  })

it('uses a database that answers, and logs nothing', async () => {
  await awaitStores({ ...none, databaseUrl: database.url }, log)
  expect(lines).toEqual([])
})

it('waits for one that comes late, and says for which, where, and why', async () => {
  const proxy = await createTcpProxy(database.url)
  const waiting = awaitStores({ ...none, databaseUrl: proxy.url, startWaitMs: 20_000 }, log)
  await expect.poll(() => lines.length).toBe(1)
  expect(lines[0]).toContain('Waiting for a store')
  expect(lines[0]).toContain(
    `"setting":"DATABASE_URL","at":"${placeOf(proxy.url)}","reason":"nothing listens there (ECONNREFUSED)"`,
  )
  expect(lines[0]).toContain('"forAtMostSeconds":20')
  await proxy.open()
  await waiting
  await proxy.shut()
})

describe('PostgreSQL', () => {
  it.each<[string, () => string | Promise<string>, string]>([
    [
      'an unknown database',
      () => `${database.url.slice(0, database.url.lastIndexOf('/'))}/nobodys`,
      'there is no such database: create it',
    ],
    [
      'a wrong password',
      async () => `postgresql://shop:hunter2@127.0.0.1:${await refusing('28P01', 'password authentication failed')}/shop`,
      'the user or the password is wrong',
    ],
    [
      'a server that requires TLS',
      async () =>
        `postgresql://shop:hunter2@127.0.0.1:${await refusing('28000', 'no pg_hba.conf entry for host "1", user "shop", database "shop", no encryption')}/shop`,
      'with TLS only: add ?sslmode=require',
    ],
    [
      'a server without TLS',
      async () => `postgresql://shop:hunter2@127.0.0.1:${await answering((socket) => socket.write('N'))}/shop?sslmode=require`,
      'the server has no TLS: take sslmode out',
    ],
    [
      'a user who is not let in',
      async () => `postgresql://shop:hunter2@127.0.0.1:${await refusing('28000', 'role "shop" does not exist')}/shop`,
      'it does not exist, or pg_hba.conf',
    ],
  ])('ends at once, however long it may wait, with what to do: %s', async (_title, url, expected) => {
    const given = await url()
    const said = await failure({ databaseUrl: given, startWaitMs: 60_000 })
    expect(said).toContain(`DATABASE_URL: PostgreSQL at ${placeOf(given)} can't be used: `)
    expect(said).toContain(expected)
    expect(said).not.toContain('hunter2')
  })

  it('waits for a server that is starting up, and for a host that is not known yet', async () => {
    const port = await refusing('57P03', 'the database system is starting up')
    expect(await failure({ databaseUrl: `postgresql://a@127.0.0.1:${port}/a`, startWaitMs: 600 })).toMatch(
      /the database system is starting up\. It was waited for \d+ s\.$/,
    )
    expect(await failure({ databaseUrl: 'postgresql://a:hunter2@db.invalid/a' })).toBe(
      "DATABASE_URL: PostgreSQL at db.invalid/a can't be used: no host of this name is known.",
    )
    expect(lines).toHaveLength(1)
  })
})

describe('Redis and MongoDB', () => {
  it.each<[string, string]>([
    ['-WRONGPASS invalid username-password pair or user is disabled.\r\n', 'the user or the password is wrong'],
    ['-NOAUTH Authentication required.\r\n', 'the server requires a password'],
  ])('ends at once when Redis answers %j', async (answer, expected) => {
    const port = await answering((socket, got) => socket.write(answer.repeat(got.match(/\*\d+\r\n/g)?.length ?? 0)))
    const said = await failure({ redisUrl: `redis://:hunter2@127.0.0.1:${port}`, startWaitMs: 60_000 })
    expect(said).toContain(`REDIS_URL: Redis at 127.0.0.1:${port} can't be used: ${expected}`)
  })

  it('starts without one that is down, as it goes on without it, and says so', async () => {
    expect(
      await failure({ redisUrl: 'redis://127.0.0.1:1', mongodbUrl: 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100' }),
    ).toBe('it did not fail')
    expect(lines.map((line) => /"setting":"(\w+)"/.exec(line)?.[1]).toSorted()).toEqual(['MONGODB_URL', 'REDIS_URL'])
    expect(lines.join()).toContain('the server starts without it')
  })

  it('ends where no host of that name is known', async () => {
    expect(await failure({ redisUrl: 'redis://redis.invalid:6379/1' })).toContain('REDIS_URL: Redis at redis.invalid:6379/1')
  })
})

it('shows where stores are, and no password', () => {
  const env = {
    DATABASE_URL: 'postgresql://u:p%40ss@h:5432/d?sslmode=require',
    MONGODB_URL: 'mongodb://u:p@a:1,b:2/jobs?replicaSet=r',
    REDIS_URL: 'rediss://:p@h:6380/2',
    CARILLON_SECRET: 's'.repeat(32),
  }
  expect(storesInUse(readConfig(env))).toEqual({
    data: 'PostgreSQL at h:5432/d',
    jobs: 'MongoDB at a:1,b:2/jobs',
    signals: 'Redis at h:6380/2',
  })
  expect(placeOf('postgresql:///d?host=/var/run/postgresql')).toBe('/var/run/postgresql/d')
  expect(storesInUse(readConfig({}))).toEqual({
    data: 'embedded PostgreSQL in .carillon',
    jobs: 'the same PostgreSQL',
    signals: 'in this process',
  })
})
