/** Several processes on the same stores: two that answer, one that works. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FeedQuery, MessageReceivedSubscription } from '../../generated/graphql.ts'
import type { Client, Watched } from '../helpers/client.ts'
import { dropMongoDatabase, findMongo, howToHaveMongo, type TestMongo } from '../helpers/mongo.ts'
import {
  ConfigureProviders,
  Feed,
  MessageReceived,
  Send,
  SendBare,
  SnoozeMessages,
  UpsertTemplates,
} from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { findRedis, hasRedis, howToHaveRedis, type TestRedis } from '../helpers/redis.ts'
import { times } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { pause } from '../helpers/until.ts'

const JOBS = `jobs_${process.pid}`

/** Two API processes, one worker, an SMTP server and a project. */
async function startCluster(stores: Record<string, string>) {
  const database = await createTestDatabase()
  const secrets = newSecrets()
  const env = { DATABASE_URL: database.url, ...secrets, ...stores }
  const smtp: SmtpSink = await startSmtp()
  const [first, second, worker] = await Promise.all([
    startProcess(env, ['--role', 'api']),
    startProcess(env, ['--role', 'api']),
    startProcess(env, ['--role', 'worker']),
  ])
  const project = await newProject(first, secrets.CARILLON_OPERATOR_KEY)
  const [one, two]: Client[] = [first.client(project.credential), second.client(project.credential)]
  if (one === undefined || two === undefined) throw new Error('No clients')
  await one.do(ConfigureProviders, {
    providers: [
      {
        key: 'mail',
        channel: 'EMAIL',
        kind: 'smtp',
        settings: { host: '127.0.0.1', port: smtp.port, from: 'shop@example.com', tlsVerify: false },
      },
    ],
  })
  await one.do(UpsertTemplates, {
    templates: [
      { key: 'both', inApp: [{ body: '{{ n }}' }], email: [{ subject: '{{ n }}', text: 'x' }] },
      { key: 'feed', inApp: [{ body: '{{ n }}' }] },
    ],
  })
  return {
    env,
    smtp,
    project,
    one,
    two,
    first,
    second,
    worker,
    page: async (server: ServerProcess, contact: string) => server.client(await project.token(contact)),
    async stop() {
      const servers = [this.first, this.second, this.worker]
      for (const server of servers) server.kill('SIGTERM')
      await Promise.all(servers.map((server) => server.exited))
      await smtp.close()
      await database.drop()
    },
  }
}
type Cluster = Awaited<ReturnType<typeof startCluster>>

describe('two API processes and a worker on PostgreSQL alone', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster({})
  })
  afterAll(() => cluster.stop())

  it('N1-18: accepts one of a hundred parallel sends with one id through both, and delivers once', async () => {
    const message = { id: 'once', template: 'both', contact: { externalId: 'c1', email: 'c1@example.com' }, data: { n: 1 } }
    const answers = await Promise.all(
      times(100, (n) => (n % 2 === 0 ? cluster.one : cluster.two).do(Send, { messages: [message] })),
    )
    const results = answers.flatMap((answer) => answer.sendMessages.results)
    expect(results.filter((result) => result.ok)).toHaveLength(1)
    expect(results.filter((result) => result.error?.code === 'ID_EXISTS')).toHaveLength(99)
    // Every refused one names the notification that was accepted.
    expect(new Set(results.map((result) => result.notification?.id)).size).toBe(1)
    await cluster.smtp.waitFor(1)
    const { feed } = await (await cluster.page(cluster.first, 'c1')).do(Feed, {})
    expect(feed).toMatchObject({ totalCount: 1, unseenCount: 1 })
    expect(cluster.smtp.messages).toHaveLength(1)
  })

  it('N1-42, N1-49: folds a hundred parallel sends with one incrementId into one unread message with the count 100', async () => {
    const message = { template: 'feed', contact: { externalId: 'c2' }, incrementId: 'likes', data: { n: 1 } }
    await Promise.all(times(100, (n) => (n % 2 === 0 ? cluster.one : cluster.two).do(SendBare, { messages: [message] })))
    const { feed } = await (await cluster.page(cluster.second, 'c2')).do(Feed, {})
    expect(feed).toMatchObject({ totalCount: 1, unseenCount: 1, unreadCount: 1, nodes: [{ count: 100 }] })
  })

  it('brings each snoozed message back once, with two workers, one of which is killed in the middle of it', async () => {
    const COUNT = 900
    const page = await cluster.page(cluster.first, 'c3')
    const db = new pg.Client(cluster.env.DATABASE_URL)
    await db.connect()
    const stateOf = async () => {
      const { rows } = await db.query(`SELECT s.feed_seq::int AS seq, (SELECT count(*)::int FROM snooze) AS snoozed
        FROM feed_state s JOIN contact c ON c.id = s.contact_id WHERE c.external_id = 'c3'`)
      return rows[0] as { seq: number; snoozed: number }
    }
    for (let n = 0; n < COUNT; n += 100) {
      const messages = times(100, (at) => ({ template: 'feed', contact: { externalId: 'c3' }, data: { n: n + at } }))
      await cluster.one.do(SendBare, { messages })
    }
    const ids: string[] = []
    for (let after: string | null = null; ids.length < COUNT; ) {
      const { feed }: FeedQuery = await page.do(Feed, { first: 100, after })
      ids.push(...feed.nodes.map(({ id }) => id))
      after = feed.pageInfo.endCursor ?? null
    }
    const other = await startProcess(cluster.env, ['--role', 'worker'])
    await page.do(SnoozeMessages, { messages: ids, until: new Date(Date.now() + 5_500).toISOString() })
    const { seq } = await stateOf()
    expect(await stateOf()).toEqual({ seq, snoozed: COUNT })
    while ((await stateOf()).snoozed === COUNT) await pause(2)
    cluster.worker.kill('SIGKILL')
    cluster.worker = other
    while ((await stateOf()).snoozed > 0) await pause(20)
    // Each change of a feed takes one number.
    expect(await stateOf()).toEqual({ seq: seq + COUNT, snoozed: 0 })
    expect((await page.do(Feed, { first: 1 })).feed).toMatchObject({ totalCount: COUNT, unseenCount: COUNT, unreadCount: COUNT })
    await db.end()
  })

  it('F7: loses nothing and repeats nothing while every process is replaced under load, and sockets get a code to reconnect', async () => {
    const { env, smtp, project } = cluster
    const mails = () => smtp.messages.filter((mail) => mail.to[0] === 'roll@example.com')
    const apis = [cluster.first, cluster.second]
    const token = await project.token('roll')
    const { feed } = await cluster.first.client(token).do(Feed, {})
    const received: string[] = []
    const closings: unknown[] = []
    let cursor = feed.cursor
    let going = true
    let isAllSent = false
    let sent = 0
    // A page: follows, and when its socket closes for a restart, goes on elsewhere from its cursor.
    const following = (async () => {
      for (let n = 0; !isAllSent || received.length < sent; n++) {
        const api = apis[n % apis.length] ?? cluster.first
        let live: Watched<MessageReceivedSubscription>
        try {
          live = await api.client(token).watch(MessageReceived, { after: cursor })
        } catch {
          continue
        }
        const note = (): void => {
          for (const event of live.events.slice(noted)) {
            received.push(event.messageReceived.message.body)
            cursor = event.messageReceived.cursor
          }
          noted = live.events.length
        }
        let noted = 0
        while (!isAllSent || received.length < sent) {
          const end = await live.ended(50).catch(() => null)
          note()
          if (end !== null) {
            closings.push(end)
            break
          }
        }
        live.close()
      }
    })()
    const sending = (async () => {
      while (going) {
        const n = sent
        const message = {
          id: `roll-${n}`,
          template: 'both',
          contact: { externalId: 'roll', email: 'roll@example.com' },
          data: { n },
        }
        for (let attempt = 0; ; attempt++) {
          try {
            const api = apis[attempt % apis.length] ?? cluster.first
            const [result] = (await api.client(project.credential).do(SendBare, { messages: [message] })).sendMessages.results
            if (result?.ok === true || result?.error?.code === 'ID_EXISTS') break
          } catch {
            // It is going: the other one answers.
          }
        }
        sent = n + 1
      }
    })()
    const replace = async (old: ServerProcess, role: string): Promise<ServerProcess> => {
      const fresh = await startProcess(env, ['--role', role])
      old.kill('SIGTERM')
      expect(await old.exited).toBe(0)
      return fresh
    }
    await expect.poll(() => received.length, { timeout: 10_000 }).toBeGreaterThan(20)
    cluster.worker = await replace(cluster.worker, 'worker')
    for (const [index, old] of [...apis.entries()]) {
      const fresh = await startProcess(env, ['--role', 'api'])
      apis[index] = fresh
      old.kill('SIGTERM')
      expect(await old.exited).toBe(0)
    }
    cluster.first = apis[0] ?? cluster.first
    cluster.second = apis[1] ?? cluster.second
    cluster.one = cluster.first.client(project.credential)
    cluster.two = cluster.second.client(project.credential)
    going = false
    await sending
    isAllSent = true
    await following
    expect(received).toEqual(times(sent, String))
    expect(closings.length).toBeGreaterThan(0)
    for (const closing of closings) expect(closing).toMatchObject({ code: 1012 })
    await expect.poll(() => mails().length, { timeout: 10_000 }).toBe(sent)
    expect(new Set(mails().map((mail) => mail.subject)).size).toBe(sent)
  })

  it('sends within a second what the other process accepted', async () => {
    const before = cluster.smtp.messages.length
    const begun = performance.now()
    await cluster.two.do(SendBare, {
      messages: [{ template: 'both', contact: { externalId: 'c3', email: 'c3@example.com' }, data: { n: 3 } }],
    })
    await cluster.smtp.waitFor(before + 1)
    expect(performance.now() - begun).toBeLessThan(1_000)
  })
})

optionalSuite({ name: 'processes with Redis and MongoDB', found: hasRedis(), how: howToHaveRedis }, () => {
  let cluster: Cluster
  let redis: TestRedis
  let mongo: TestMongo | null
  beforeAll(async () => {
    const found = await findRedis()
    if (found === null) throw new Error(`There is no Redis: ${howToHaveRedis}`)
    redis = found
    mongo = await findMongo()
    if (mongo === null && (process.env['CI'] ?? '') !== '') throw new Error(`There is no MongoDB: ${howToHaveMongo}`)
    if (mongo === null) process.stderr.write(`Tried with Redis alone, without MongoDB: ${howToHaveMongo}.\n`)
    cluster = await startCluster({ REDIS_URL: redis.url, ...(mongo === null ? {} : { MONGODB_URL: `${mongo.url}/${JOBS}` }) })
  })
  afterAll(async () => {
    await cluster.stop()
    await redis.stop()
    await mongo?.stop()
  })

  it('shows on one process, at once, what the other accepted', async () => {
    const page = await cluster.page(cluster.second, 'live')
    const live = await page.watch(MessageReceived, { after: (await page.do(Feed, {})).feed.cursor })
    const begun = performance.now()
    await cluster.one.do(SendBare, { messages: [{ template: 'feed', contact: { externalId: 'live' }, data: { n: 1 } }] })
    await live.waitFor(1)
    expect(performance.now() - begun).toBeLessThan(1_000)
    live.close()
  })

  it('loses nothing while Redis is away for 10 s and MongoDB is emptied, and is live again within 10 s', async () => {
    const page = await cluster.page(cluster.second, 'outage')
    const live = await page.watch(MessageReceived, { after: (await page.do(Feed, {})).feed.cursor })
    let sent = 0
    let going = true
    const sending = (async () => {
      while (going) {
        const n = sent++
        await cluster.one.do(SendBare, {
          messages: [{ id: `o-${n}`, template: 'both', contact: { externalId: 'outage', email: 'o@example.com' }, data: { n } }],
        })
        await pause(50)
      }
    })()
    await live.waitFor(10)
    const mailsBefore = cluster.smtp.messages.length
    await redis.kill()
    if (mongo !== null) await dropMongoDatabase(`${mongo.url}/${JOBS}`)
    await pause(10_000)
    await redis.start()
    const returned = performance.now()
    going = false
    await sending
    await live.waitFor(sent, 15_000)
    expect(performance.now() - returned).toBeLessThan(10_000)
    expect(live.events.map((event) => event.messageReceived.message.body)).toEqual(times(sent, String))
    await cluster.smtp.waitFor(mailsBefore + 1)
    const subjects = () =>
      new Set(cluster.smtp.messages.filter((mail) => mail.to[0] === 'o@example.com').map((mail) => mail.subject))
    await expect.poll(() => subjects().size, { timeout: 10_000 }).toBe(sent)
    expect(cluster.smtp.messages.filter((mail) => mail.to[0] === 'o@example.com')).toHaveLength(sent)

    // Live again: at once, not by the comparison.
    const begun = performance.now()
    await cluster.one.do(SendBare, { messages: [{ template: 'feed', contact: { externalId: 'outage' }, data: { n: 'after' } }] })
    await live.waitFor(sent + 1)
    expect(performance.now() - begun).toBeLessThan(1_500)
    live.close()
  })
})
