/** The wiring, by hand: every part is made here, once, and given what it needs. */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { GraphQLSchema } from 'graphql'
import { checkExtra } from './channels/registry.ts'
import type { Config } from './config.ts'
import { endLeases } from './db/claim.ts'
import { type Database, openDatabase } from './db/database.ts'
import { startEmbedded } from './db/embedded.ts'
import { migrate } from './db/migrate.ts'
import { type FirstStart, firstStart } from './demo/first-start.ts'
import { type Clock, systemClock } from './domain/clock.ts'
import { createContentCache } from './domain/contents.ts'
import { createCursors } from './domain/cursor.ts'
import { createDomain, type Domain } from './domain/domain.ts'
import { createIds, isUuid } from './domain/ids.ts'
import { createLinks } from './domain/link.ts'
import { createSecrets } from './domain/secrets.ts'
import { createTokens } from './domain/token.ts'
import type { Signal } from './domain/words.ts'
import { CarillonError } from './errors.ts'
import { createActivityFeed } from './graphql/activity.ts'
import type { Context } from './graphql/context.ts'
import { createLive } from './graphql/live.ts'
import { createRates } from './graphql/rates.ts'
import { createSchema } from './graphql/schema.ts'
import { callbackUrlOf, createCallbacks } from './http/callbacks.ts'
import { createMetrics } from './http/metrics.ts'
import { createPages } from './http/pages.ts'
import { createDoors } from './http/server.ts'
import { createUnsubscribe } from './http/unsubscribe.ts'
import { createWorkerDoors } from './http/worker.ts'
import { createCampaignRuns } from './jobs/campaign.ts'
import { createDeliverer } from './jobs/deliver.ts'
import { createDigests } from './jobs/digest.ts'
import { createFanout } from './jobs/fanout.ts'
import { createProviderPool } from './jobs/providers.ts'
import { createPruner } from './jobs/prune.ts'
import { createPump } from './jobs/pump.ts'
import { createJobs } from './jobs/wake.ts'
import type { Log } from './log.ts'
import { createAside } from './render/aside.ts'
import { createRenderer } from './render/content.ts'
import { createInProcessBus } from './signals/in-process.ts'
import { createRedisBus } from './signals/redis.ts'

/** A running server. */
export interface App {
  readonly port: number
  readonly url: string
  readonly schema: GraphQLSchema
  readonly domain: Domain
  /** what was made for an empty store; null: it was not empty, or nothing was wanted */
  readonly firstStart: FirstStart | null
  /** Drains: running requests are answered, sockets are told to reconnect, claimed messages are finished or given back. */
  stop(): Promise<void>
}

/** What tests may replace. */
export interface AppOptions {
  readonly clock?: Clock
  readonly random?: () => number
  /** how often live feeds are compared with the record, ms */
  readonly compareMs?: number
  /** how often what is older than it is kept is looked for, ms */
  readonly pruneMs?: number
  /** name servers to ask, as `address:port` */
  readonly dnsServers?: readonly string[]
}

const POOL = { all: 24, api: 20, worker: 12 } as const
const DRAIN_MS = 10_000
/** How often what is older than it is kept is looked for, ms. */
const PRUNE_MS = 10 * 60_000

/** The secret that everything is signed and sealed with: the setting, or one that is made once and kept in the folder. */
async function secretOf(config: Config): Promise<string> {
  if (config.secret !== null) return config.secret
  await mkdir(config.dir, { recursive: true })
  const path = join(config.dir, 'secret')
  // `wx` fails where the file is there: of two starts at once, one makes it and both read it.
  await writeFile(path, randomBytes(32).toString('hex'), { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  return readFile(path, 'utf8')
}

/** Starts a server. @throws Error with a message for people when it can't: the port is taken, the folder is in use, a store is away */
export async function startApp(config: Config, log: Log, options: AppOptions = {}): Promise<App> {
  const clock = options.clock ?? systemClock
  /** what to undo, last first: on a stop, and when the start fails half-way */
  const undo: (() => Promise<unknown> | unknown)[] = []
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) {
      await Promise.resolve(step()).catch((error: unknown) => log.error('A part did not stop cleanly', { error: String(error) }))
    }
  }
  try {
    const secrets = createSecrets(await secretOf(config))
    const url = config.databaseUrl ?? (await openEmbedded(config, log, undo))
    await migrate(url, log)
    const db = openDatabase(url, { max: POOL[config.role], log })
    undo.push(() => db.close())
    // The folder is locked by this process alone, so the one that crashed before it holds nothing any more.
    if (config.databaseUrl === null) await endLeases(db.pool)

    const bus = config.redisUrl === null ? createInProcessBus({ log }) : createRedisBus(config.redisUrl, { log })
    undo.push(() => bus.close())
    const publish = (signals: readonly Signal[]): void => bus.publish(signals)
    const ids = createIds(clock)
    const renderer = createRenderer()
    const aside = createAside({ log })
    undo.push(() => aside.close())
    const contents = createContentCache()
    const cursors = createCursors(secrets.cursorKey, clock)
    const tokens = createTokens(secrets.tokenKey, clock)
    const links = createLinks(config.publicUrl, secrets.linkKey)
    const providers = createProviderPool({
      ...{ db, secrets, clock, log },
      allowPrivateHosts: config.allowPrivateHosts,
      callbackUrl: (id) => (config.isPublic ? callbackUrlOf(config.publicUrl, id) : null),
    })
    undo.push(() => providers.close())

    const wake = (): void => jobs.wake()
    const random = options.random ?? Math.random
    const deliverer = createDeliverer({
      ...{ db, clock, providers, log, contents, renderer, aside, links, ids, random, publish, wake },
    })
    const accepting = { db, clock, contents, checkExtra, renderer, ids, publish, wake }
    const jobs = createJobs({
      backend: config.mongodbUrl === null ? { kind: 'postgres', url } : { kind: 'mongo', url: config.mongodbUrl },
      role: { worker: config.role !== 'api' },
      log,
      run: (signal) => deliverer.run(signal),
      // A lease that ran out is due like anything else; this finds it though every wake-up is lost and the other pump is stuck.
      // A delivery report may also have been faster than the writing of what it reports on.
      sweep: async (signal) => {
        await domain.reports.catchUp()
        await deliverer.run(signal)
      },
      fanout: createFanout({ ...accepting, log, isBeside: () => deliverer.isBeside() }),
      digests: createDigests({ ...accepting, log }),
      campaigns: createCampaignRuns({ ...accepting, log }),
      bus: config.redisUrl === null ? null : bus,
    })
    undo.push(async () => {
      await jobs.stop()
      await deliverer.drain()
    })

    const pruning = createPump({
      run: createPruner({ db, clock }).run,
      everyMs: options.pruneMs ?? PRUNE_MS,
      log,
      failed: 'Pruning failed; it is tried again',
      recovered: 'Pruning works again',
    })
    undo.push(() => pruning.stop())

    const { operatorKey, inboundHost } = config
    const vendors = providers.vendors
    const domain = createDomain({
      db,
      clock,
      ids,
      secrets,
      tokens,
      cursors,
      renderer,
      aside,
      contents,
      vendors,
      checkExtra,
      operatorKey,
      inboundHost,
      dnsServers: options.dnsServers ?? null,
      wake,
      publish,
    })
    const live = createLive({
      bus,
      feed: domain.feed,
      log,
      ...(options.compareMs === undefined ? {} : { compareMs: options.compareMs }),
    })
    undo.push(() => live.close())
    const rates = createRates(config.rateLimit)
    const metrics = createMetrics()
    metrics.gauge('carillon_messages_in_flight', 'Messages that this process is handing over.', () => deliverer.inFlight())
    metrics.gauge('carillon_messages_due', 'Messages that wait for a worker and are due.', () => countDue(db))
    const schema = createSchema({ prisma: db.prisma, live, activity: createActivityFeed(bus), rates })
    const checks = [{ name: 'postgres', check: () => db.pool.query('SELECT 1') }]
    const gate = {
      authenticate: (authorization: string | null) => domain.projects.identify(authorization),
      createContext: (caller: Context['caller'], outlet: Context['outlet'], remoteAddress: string): Context => ({
        caller,
        domain,
        outlet,
        remoteAddress,
      }),
      isRevoked: (keyIds: readonly string[]) => domain.projects.revoked(keyIds),
    }
    const unsubscribe = createUnsubscribe({ read: links.readUnsubscribe, unsubscribe: domain.preferences.unsubscribe })
    const callbacks = createCallbacks({
      publicUrl: config.publicUrl,
      async receive(providerId, callback) {
        const found = isUuid(providerId) ? await providers.find(providerId) : null
        if (found?.provider.verify === undefined) throw new CarillonError('NOT_FOUND')
        const events = found.provider.verify({ ...callback, now: clock.now() })
        const rows = events.map(({ code, message, ...event }) => ({ ...event, errorCode: code, errorMessage: message }))
        await domain.reports.receive({ projectId: found.projectId, providerId }, rows)
      },
    })
    const routes = [unsubscribe, callbacks, ...createPages()]
    const doors =
      config.role === 'worker'
        ? createWorkerDoors({ checks, metrics })
        : createDoors<Context>({ schema, gate, config, rates, metrics, log, checks, routes })
    if (config.role === 'api' && config.redisUrl === null) {
      log.warn('Without REDIS_URL, messages that other processes put into feeds are seen here within 10 s, not at once')
    }
    await jobs.start()
    if (config.role !== 'api') pruning.poke()
    const port = await doors.listen(config.port, config.host).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EADDRINUSE') throw cause
      throw new Error(`The port ${config.port} of ${config.host} is taken. Set PORT to another one; 0 takes any that is free.`, {
        cause,
      })
    })
    undo.push(() => doors.drain(DRAIN_MS))
    const made = config.demo ? await firstStart(domain, db.prisma) : null
    const address = config.host.includes(':') ? `[${config.host}]` : config.host
    return { port, url: `http://${address}:${port}`, schema, domain, firstStart: made, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function openEmbedded(config: Config, log: Log, undo: (() => unknown)[]): Promise<string> {
  const embedded = await startEmbedded(resolve(config.dir), { log })
  undo.push(() => embedded.stop())
  return embedded.url
}

async function countDue(db: Database): Promise<number> {
  const { rows } = await db.pool.query<{ total: number }>(
    `SELECT count(*) AS total FROM message WHERE status IN ('SCHEDULED', 'QUEUED', 'SENDING') AND bulk IN (false, true) AND due_at <= now()`,
  )
  return rows[0]?.total ?? 0
}
