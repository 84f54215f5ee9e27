/** The wiring, by hand: every part is made here, once, and given what it needs. */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { GraphQLSchema } from 'graphql'
import { type Carillon, createCarillon } from './carillon.ts'
import { checkExtra, kinds, secretSettings } from './channels/registry.ts'
import { firstStart } from './cli/first-start.ts'
import type { FirstStart } from './cli/keys.ts'
import { type Config, isLoopback, type OidcConfig, secretsIn } from './config.ts'
import { analyzeGrown } from './db/analyze.ts'
import { type Database, openDatabase } from './db/database.ts'
import { startEmbedded } from './db/embedded.ts'
import { foldStats } from './db/fold-stats.ts'
import { prepareFolder } from './db/folder.ts'
import type { PrismaClient } from './db/generated/client.ts'
import { endLeases } from './db/lease.ts'
import { migrate } from './db/migrate.ts'
import { readOutlookAndStanding } from './db/outlook.ts'
import { hasProjects } from './db/project.ts'
import { type Clock, systemClock } from './domain/clock.ts'
import { createContentCache } from './domain/contents.ts'
import { createCursors } from './domain/cursor.ts'
import { createIds, isUuid } from './domain/ids.ts'
import { createKnownKeys } from './domain/known-keys.ts'
import { createLinks } from './domain/link.ts'
import { createReseal, type ResealReport } from './domain/reseal.ts'
import { readClaimRoles } from './domain/role-claim.ts'
import { createSecrets, type Secrets } from './domain/secrets.ts'
import { createSnoozeReturner } from './domain/snooze.ts'
import { createStanding } from './domain/standing.ts'
import { createTokens } from './domain/token.ts'
import { createActivityFeed } from './graphql/activity.ts'
import type { Context } from './graphql/context.ts'
import { createLive } from './graphql/live.ts'
import { createSchema } from './graphql/schema.ts'
import type { AuthHooks, PeopleHooks } from './http/admission.ts'
import { createBudgets } from './http/budgets.ts'
import { callbackUrlOf, createCallbackRoute } from './http/callbacks.ts'
import { createExportRoutes } from './http/export.ts'
import { connectionLimits } from './http/limits.ts'
import { createMetrics, type MetricsAccess } from './http/metrics.ts'
import { createIdentityProvider } from './http/oidc.ts'
import { createPageRoutes } from './http/pages.ts'
import { createRates } from './http/rates.ts'
import type { PublicRoute } from './http/route.ts'
import { createHttpServer, type ServerLimits } from './http/server.ts'
import { callbackPath, createSignIn } from './http/sign-in.ts'
import { createUnsubscribeRoutes } from './http/unsubscribe.ts'
import { createWorkerServer } from './http/worker-server.ts'
import { createCampaignRuns } from './jobs/campaign.ts'
import { createDeliverer } from './jobs/deliver.ts'
import { createDigests } from './jobs/digest.ts'
import { createProjectEraser } from './jobs/erase-projects.ts'
import { createFanout } from './jobs/fanout.ts'
import { createJobs } from './jobs/jobs.ts'
import { createProviderPool } from './jobs/providers.ts'
import { createPruner } from './jobs/prune.ts'
import { createPump } from './jobs/pump.ts'
import { createRehearsal } from './jobs/rehearsal.ts'
import type { Log } from './log.ts'
import { createRenderer } from './render/renderer.ts'
import { createSandbox } from './render/sandbox.ts'
import { channelOf, type SignalBus } from './signals/bus.ts'
import { createInProcessBus } from './signals/in-process.ts'
import { awaitStores, explainMigration, storesInUse } from './stores.ts'
import type { Listens, Signal } from './words.ts'

/** A running server. */
export interface App {
  readonly port: number
  readonly url: string
  readonly schema: GraphQLSchema
  readonly carillon: Carillon
  /** the database, for tests that look at rows */
  readonly prisma: PrismaClient
  /** what was created in an empty database; null: it was not empty, or `demo` is off */
  readonly firstStart: FirstStart | null
  /** Drains: running requests are answered, sockets are closed so that clients reconnect, claimed messages are finished or given back. */
  stop(): Promise<void>
}

/** What tests and benchmarks may replace. */
export interface AppOptions {
  readonly clock?: Clock
  readonly random?: () => number
  /** how often live feeds are compared with the database, ms */
  readonly compareMs?: number
  /** how often expired rows are pruned, ms */
  readonly pruneMs?: number
  /** name servers to ask, as `address:port` */
  readonly dnsServers?: readonly string[]
  /** what signals go over */
  readonly bus?: SignalBus
  readonly limits?: Partial<ServerLimits>
}

/** Connections to PostgreSQL, besides those for accepting and delivering. */
const POOL = { all: 18, api: 14, worker: 12 } as const
const DRAIN_MS = 10_000
/** How often expired rows are pruned, ms. */
const PRUNE_MS = 10 * 60_000
/** How often tables are looked at that may have grown, ms. */
const ANALYZE_MS = 10_000
/** How often revoked tokens and suspended projects are read, ms. */
const STANDING_MS = 1_000

/** The secrets that everything is signed and encrypted with: the setting, or one that is generated once and stored in the folder. */
async function secretsOf(config: Config): Promise<readonly [string, ...string[]]> {
  if (config.secrets !== null) return config.secrets
  await prepareFolder(config.dir)
  const path = join(config.dir, 'secret')
  // `wx` fails if the file exists: of two processes that start at once, one creates it and both read it.
  await writeFile(path, randomBytes(32).toString('hex'), { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const secrets = secretsIn(await readFile(path, 'utf8'))
  if (secrets.some((secret) => Buffer.byteLength(secret) < 32)) {
    throw new Error(`${path}: each secret in it, separated by commas or line breaks, must have at least 32 bytes.`)
  }
  return secrets
}

/**
 * Starts a server.
 * @throws Error with a message for people when it can't: the port is taken, the folder is in use, the database is unavailable
 */
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
    for (const warning of config.warnings) log.warn('A variable of the environment was ignored', { warning })
    const secrets = createSecrets(await secretsOf(config))
    await awaitStores(config, log)
    const url = config.databaseUrl ?? (await openEmbedded(config, log, undo))
    await migrate(url, log).catch((error: unknown) => {
      throw explainMigration(config.databaseUrl, error)
    })
    log.info('The stores in use', storesInUse(config))
    const db = openDatabase(url, { max: POOL[config.role], log })
    undo.push(() => db.close())
    // This process has the lock of the folder, so leases that are left belong to a process that crashed.
    if (config.databaseUrl === null) await endLeases(db.pool)

    const metrics = createMetrics()
    const onRefused = metrics.counter(
      'carillon_signals_refused_total',
      'Messages in Redis without a valid signature, which were ignored.',
    )
    const bus =
      options.bus ??
      (config.redisUrl === null
        ? createInProcessBus({ log })
        : (await import('./signals/redis.ts')).createRedisBus(config.redisUrl, { log, keys: secrets.signalKeys, onRefused }))
    undo.push(() => bus.close())
    const publish = (signals: readonly Signal[]): void => db.runFor('', () => bus.publish(signals))
    const listens: Listens = (target) => bus.mayHaveListeners(channelOf(target))
    const ids = createIds(clock)
    const renderer = createRenderer()
    const sandbox = createSandbox({ log })
    undo.push(() => sandbox.close())
    const contents = createContentCache()
    const cursors = createCursors(secrets.cursorKeys, clock)
    const tokens = createTokens(secrets.tokenKeys, clock)
    const standing = createStanding({ db, clock })
    // Before anything is let in or claimed.
    await standing.refresh()
    const links = createLinks(config.publicUrl, secrets.linkKeys)
    const providers = createProviderPool({
      db,
      secrets,
      clock,
      log,
      allowPrivateHosts: config.allowPrivateHosts,
      dnsServers: options.dnsServers ?? null,
      callbackUrl: (id) => (config.isPublic ? callbackUrlOf(config.publicUrl, id) : null),
    })
    undo.push(() => providers.close())

    const rehearsal = createRehearsal({ secrets, allowPrivateHosts: config.allowPrivateHosts, log })
    undo.push(() => rehearsal.close())

    // What is begun by an operation and goes on without it is the server's own work.
    const wake = (): void => db.runFor('', () => jobs.wake())
    const random = options.random ?? Math.random
    const deliverer = createDeliverer({
      db,
      clock,
      providers,
      log,
      contents,
      renderer,
      sandbox,
      links,
      ids,
      standing,
      random,
      publish,
      wake,
    })
    const accepting = {
      db,
      clock,
      contents,
      vendors: providers.vendors,
      rehearse: rehearsal.rehearse,
      checkExtra,
      renderer,
      sandbox,
      waits: true,
      ids,
      publish,
      listens,
      wake,
    }
    const jobs = createJobs({
      backend: config.mongodbUrl === null ? { kind: 'postgres', url } : { kind: 'mongo', url: config.mongodbUrl },
      role: { worker: config.role !== 'api' },
      log,
      run: (signal) => deliverer.run(signal),
      // Messages whose lease has expired are due like any other; this run finds them even if all wake-ups are lost and the other pump is
      // stuck. Reports are applied again, because one may have arrived before the outcome of its message was persisted.
      sweep: async (signal) => {
        await carillon.reports.catchUp()
        await carillon.erasure.resume(signal)
        await deliverer.run(signal)
      },
      fanout: createFanout({
        ...accepting,
        log,
        isBusyWithSingles: () => deliverer.isBusyWithSingles(),
      }),
      digests: createDigests({ ...accepting, log }),
      campaigns: createCampaignRuns({ ...accepting, log }),
      snoozes: createSnoozeReturner({ db, clock, publish }),
      async stats(signal) {
        while (!signal.aborted && (await foldStats(db.pool)));
      },
      async outlook() {
        const reading = standing.begin()
        const found = await readOutlookAndStanding(db.pool, clock.offsetMs, reading.since).catch(async (error: unknown) => {
          // Whatever is wrong with the other half, revocations count.
          await standing.refresh()
          throw error
        })
        reading.take(found)
        if (standing.hasDeletions()) erasing.poke()
        return found
      },
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
    const analyzing = createPump({
      async run() {
        await analyzeGrown(db.pool)
      },
      everyMs: ANALYZE_MS,
      log,
      failed: 'Tables that have grown could not be analysed; it is tried again',
      recovered: 'Tables that have grown are analysed again',
    })
    undo.push(() => analyzing.stop())
    const erasing = createPump({
      run: createProjectEraser({ db, clock, log }),
      everyMs: null,
      log,
      failed: 'Deleting a project failed; it is tried again',
      recovered: 'Deleting projects works again',
    })
    undo.push(() => erasing.stop())
    // A worker reads it whenever it looks what is due. That may wait for much else.
    const watching = createPump({
      run: async () => {
        if (config.role === 'api' || !standing.isCurrent(STANDING_MS * 1.5)) await standing.refresh()
      },
      everyMs: STANDING_MS,
      log,
      failed: 'Revoked tokens and suspended projects could not be read; it is tried again',
      recovered: 'Revoked tokens and suspended projects are read again',
    })
    undo.push(() => watching.stop())

    const { operatorKey, inboundHost } = config
    const vendors = providers.vendors
    const carillon = createCarillon({
      db,
      clock,
      ids,
      secrets,
      tokens,
      standing,
      cursors,
      renderer,
      sandbox,
      contents,
      vendors,
      checkExtra,
      rehearse: rehearsal.rehearse,
      operatorKey,
      inboundHost,
      dnsServers: options.dnsServers ?? null,
      wake,
      publish,
      listens,
    })
    const live = createLive({
      bus,
      feed: carillon.feed,
      log,
      ...(options.compareMs === undefined ? {} : { compareMs: options.compareMs }),
    })
    undo.push(() => live.close())
    const rates = createRates(config.rateLimit)
    const budgets = createBudgets(config.limits)
    metrics.gauge('carillon_messages_in_flight', 'Messages that this process is sending.', () => deliverer.inFlight())
    metrics.gauge('carillon_messages_due', 'Due messages that wait for a worker.', () => countDue(db))
    const schema = createSchema({ prisma: db.prisma, live, activity: createActivityFeed(bus), rates })
    const checks = [{ name: 'postgres', check: () => db.pool.query('SELECT 1') }]
    const signIn = config.oidc === null ? null : createPeopleSignIn(config, config.oidc, secrets, carillon, clock, log)
    const auth: AuthHooks = {
      authenticate: (authorization: string | null) => carillon.projects.identify(authorization),
      ...createKnownKeys({ db, operatorKey }),
      findRevoked: (keyIds: readonly string[]) => carillon.projects.revoked(keyIds),
      isEnded: standing.isEnded,
      ...(signIn === null ? {} : { people: signIn.people }),
    }
    const createContext = (requester: Omit<Context, 'carillon'>): Context => ({ ...requester, carillon })
    const unsubscribe = createUnsubscribeRoutes({
      read: links.readUnsubscribe,
      about: (target) => db.runFor(target.projectId, () => carillon.preferences.about(target)),
      unsubscribe: (target) => db.runFor(target.projectId, () => carillon.preferences.unsubscribe(target)),
      resubscribe: (target) => db.runFor(target.projectId, () => carillon.preferences.resubscribe(target)),
    })
    const callback = createCallbackRoute({
      publicUrl: config.publicUrl,
      isId: isUuid,
      async find(providerId) {
        const found = await providers.find(providerId)
        const verify = found?.provider.verify?.bind(found.provider)
        if (found === null || verify === undefined) return null
        return async (report) => {
          const events = verify({ ...report, now: clock.now() })
          const rows = events.map(({ code, message, ...event }) => ({ ...event, errorCode: code, errorMessage: message }))
          await db.runFor(found.projectId, () => carillon.reports.receive({ projectId: found.projectId, providerId }, rows))
        }
      },
      limits: connectionLimits,
    })
    const pages = createPageRoutes({
      issuerName: config.oidc === null ? null : issuerNameOf(config.oidc),
      showsSchema: config.explore,
    })
    const exports = createExportRoutes({ exports: carillon.exports, runFor: db.runFor, now: clock.now })
    const routes = [...unsubscribe, callback, ...exports, ...(signIn?.routes ?? []), ...pages]
    const metricsAccess: MetricsAccess =
      config.metricsKey !== null ? { key: config.metricsKey } : isLoopback(config.host) ? 'open' : 'closed'
    const server =
      config.role === 'worker'
        ? createWorkerServer({ checks, metrics, metricsAccess, log, keepAliveMs: config.keepAliveMs })
        : createHttpServer<Context>({
            schema,
            createContext,
            auth,
            config,
            rates,
            budgets,
            runFor: db.runFor,
            metrics,
            metricsAccess,
            log,
            checks,
            routes,
            dialects: { names: config.dialects, carillon },
            ...(options.limits === undefined ? {} : { limits: options.limits }),
          })
    if (metricsAccess === 'closed')
      log.warn('Without CARILLON_METRICS_KEY, /metrics is closed, because HOST is not a loopback address')
    if (config.role === 'api' && config.redisUrl === null) {
      log.warn('Without REDIS_URL, messages that other processes put into feeds are seen here within 10 s, not at once')
    }
    watching.poke()
    const port = await server.listen(config.port, config.host).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EADDRINUSE') throw cause
      throw new Error(`The port ${config.port} of ${config.host} is taken. Set PORT to another one; 0 takes any that is free.`, {
        cause,
      })
    })
    undo.push(() => server.drain(DRAIN_MS))
    // Not before it listens, because what they load would hold that up.
    await jobs.start()
    if (config.role !== 'api') {
      pruning.poke()
      analyzing.poke()
    }
    const made = config.demo && !(await hasProjects(db.pool)) ? await firstStart(carillon) : null
    const address = config.host.includes(':') ? `[${config.host}]` : config.host
    return { port, url: `http://${address}:${port}`, schema, carillon, prisma: db.prisma, firstStart: made, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

const issuerNameOf = ({ issuer }: OidcConfig): string => new URL(issuer).host

/** How people sign in, with what authenticates them from then on. */
function createPeopleSignIn(
  { publicUrl }: Config,
  oidc: OidcConfig,
  { cookieKeys }: Secrets,
  { people }: Carillon,
  clock: Clock,
  log: Log,
): { readonly routes: readonly PublicRoute[]; readonly people: PeopleHooks } {
  const { routes, sessions } = createSignIn({
    publicUrl,
    cookieKeys,
    issuerName: issuerNameOf(oidc),
    provider: createIdentityProvider(oidc, `${publicUrl}${callbackPath}`, log),
    now: clock.now,
    signIn: ({ roles, ...identity }, state) => people.signIn({ ...identity, claimRoles: readClaimRoles(roles) }, state),
    signOut: people.signOut,
    signedIn: (token) => people.signedIn(token),
  })
  return {
    routes,
    people: {
      sessions,
      resume: ({ token, projectKey }) => people.resume(token, projectKey),
      findChanged: people.changed,
    },
  }
}

/**
 * Encrypts what is stored with the first secret, also while servers use the same database.
 * @throws Error with a message for people: an embedded store is in use, the database is unavailable
 */
export async function resealStore(config: Config, log: Log): Promise<ResealReport> {
  const undo: (() => unknown)[] = []
  try {
    const secrets = createSecrets(await secretsOf(config))
    await awaitStores({ ...config, mongodbUrl: null, redisUrl: null }, log)
    const url = config.databaseUrl ?? (await openEmbedded(config, log, undo))
    await migrate(url, log).catch((error: unknown) => {
      throw explainMigration(config.databaseUrl, error)
    })
    const db = openDatabase(url, { max: 2, log })
    undo.push(() => db.close())
    const known = (kind: string): readonly string[] => (Object.hasOwn(kinds, kind) ? secretSettings(kind) : [])
    return await createReseal({ db, secrets, secretSettings: known })()
  } finally {
    for (const step of undo.reverse()) await step()
  }
}

async function openEmbedded(config: Config, log: Log, undo: (() => unknown)[]): Promise<string> {
  const embedded = await startEmbedded(resolve(config.dir), { log })
  undo.push(() => embedded.stop())
  return embedded.url
}

async function countDue(db: Database): Promise<number> {
  const { rows } = await db.pool.query<{ total: number }>(
    `SELECT count(*) AS total FROM delivery WHERE bulk IN (false, true) AND due_at <= now() AND (lease_until IS NULL OR lease_until <= now())`,
  )
  return rows[0]?.total ?? 0
}
