/** Open providers: one instance for each version of a configured provider, opened when it is first needed. */
import { LRUCache } from 'lru-cache'
import { createHostNames } from '../channels/host-names.ts'
import { type Provider, type ProviderDeps, ProviderError } from '../channels/provider.ts'
import {
  carriesAll,
  describeKinds,
  dialsOf,
  kindName,
  openProvider,
  parseSettings,
  secretSettings,
  wrongAddress,
} from '../channels/registry.ts'
import type { Database } from '../db/database.ts'
import { findProvider, findProviders, type ProviderRow, writeOpenUntil } from '../db/provider.ts'
import type { Clock } from '../domain/clock.ts'
import { impersonal } from '../domain/mask.ts'
import { type ProviderConfig, type ProviderKindInfo, type TestResult, unsealSettings, type Vendors } from '../domain/provider.ts'
import type { Secrets } from '../domain/secrets.ts'
import { problem } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Routes } from '../send/decide.ts'
import { routesOf } from '../send/known.ts'
import type { Channel, DialPlan } from '../words.ts'
import { type Breaker, createBreaker, type Reason } from './breaker.ts'
import { createHosts, type Hosts } from './hosts.ts'
import { createLimiter, type Limiter } from './limiter.ts'
import { testMessage } from './test-message.ts'

/** A provider that can be sent through. */
export interface OpenProvider {
  readonly id: string
  readonly key: string
  readonly provider: Provider
  readonly limiter: Limiter
  /**
   * Limits the messages whose attempt has begun and whose outcome is not persisted yet: those that a crash can repeat. The limit is three
   * times the provider's concurrency, so that outcomes are persisted while the provider takes the next messages.
   */
  readonly unsettled: Limiter
  /** keeps attempts back while the provider fails */
  readonly breaker: Breaker
  /** keeps attempts back at hosts that addresses name, each for itself */
  readonly hosts: Hosts
}

/** The open providers of this process. */
export interface ProviderPool {
  /** Reads the active providers of projects, and opens them. One that can't be opened in this process has a route only. */
  load(projectIds: readonly string[]): Promise<{
    /** by project and channel, the preferred one first */
    readonly routes: ReadonlyMap<string, Routes>
    /** by id */
    readonly open: ReadonlyMap<string, OpenProvider>
  }>
  /** One provider, open; null: there is none, or it can't be opened here. */
  find(id: string): Promise<(OpenProvider & { readonly projectId: string; readonly channel: Channel }) | null>
  /** what the domain needs to know about provider kinds, without importing `channels/` */
  readonly vendors: Vendors
  /** Closes all of them: each finishes the requests that it has begun. */
  close(): Promise<void>
}

const OPEN_MAX = 1_000
const IDLE_MS = 10 * 60_000
const TEST_MS = 30_000

/** @returns an empty pool */
export function createProviderPool(deps: {
  readonly db: Database
  readonly secrets: Pick<Secrets, 'unseal'>
  readonly allowPrivateHosts: boolean
  /** the name servers for hosts that addresses name, as `address:port`; null: the system's */
  readonly dnsServers: readonly string[] | null
  readonly clock: Clock
  /** the URL that the vendor posts delivery reports to; null: there is none */
  callbackUrl(providerId: string): string | null
  readonly log: Log
}): ProviderPool {
  const { db, secrets, allowPrivateHosts, clock, log } = deps
  const open = new LRUCache<string, OpenProvider & { version: number }>({
    max: OPEN_MAX,
    ttl: IDLE_MS,
    updateAgeOnGet: true,
    ttlAutopurge: false,
    // Sends that have begun are finished.
    dispose: (value) => void value.provider.close(),
  })

  const dialled = new LRUCache<string, { readonly plan: DialPlan | null }>({ max: OPEN_MAX })
  /** Read once for all providers that have the same countries. */
  function dials(kind: string, countries: string | null): DialPlan | null {
    const name = `${kind} ${countries}`
    const known = dialled.get(name)
    if (known !== undefined) return known.plan
    const plan = dialsOf(kind, countries === null ? undefined : JSON.parse(countries))
    dialled.set(name, { plan })
    return plan
  }

  // One for all providers: they share what it knows.
  const names = createHostNames({ allowPrivateHosts, servers: deps.dnsServers })
  const hostsOf = createHosts(() => performance.now() + clock.offsetMs)
  let described: readonly ProviderKindInfo[] | null = null

  /** Persists that the circuit opened or closed, for all processes. If the write fails, each of the others finds out by its own failures. */
  function shareState({ projectId, id, key }: ProviderRow, openForMs: number | null, reason: Reason | null): void {
    if (openForMs !== null) {
      const why = reason === null ? {} : { code: reason.code, reason: impersonal(reason.message) }
      log.warn('A provider fails and is paused', { projectId, provider: key, forMs: openForMs, ...why })
    } else log.info('A provider works again', { projectId, provider: key })
    const until = openForMs === null ? null : new Date(clock.now().getTime() + openForMs)
    writeOpenUntil(db.pool, projectId, id, until).catch((error) =>
      log.warn("Could not write a provider's state", { error: String(error) }),
    )
  }

  /** null: sealed with another secret, or with settings that this version does not accept. That is logged, and fails no other provider. */
  function instanceOf(row: ProviderRow): OpenProvider | null {
    const { projectId, id, key, version, kind, ratePerSecond, openUntil } = row
    let instance = open.get(id)
    if (instance === undefined || instance.version !== version) {
      let provider: Provider
      try {
        const more = { allowPrivateHosts, names, callbackUrl: deps.callbackUrl(id) }
        provider = openProvider(kind, unsealSettings(secrets, secretSettings(kind), row), more)
      } catch (error) {
        log.error('A provider cannot be opened', { projectId, provider: key, error: String(error) })
        return null
      }
      instance = {
        id,
        key,
        version,
        provider,
        limiter: createLimiter(provider.limits.concurrency, ratePerSecond),
        unsettled: createLimiter(3 * provider.limits.concurrency, null),
        breaker: createBreaker(
          () => performance.now(),
          (openForMs, reason) => shareState(row, openForMs, reason),
        ),
        // A provider that was configured again forgets its hosts: the change may have solved the problem.
        hosts: hostsOf(`${id} ${version}`),
      }
      open.set(id, instance)
    }
    if (openUntil !== null) instance.breaker.adopt(openUntil.getTime() - clock.now().getTime())
    return instance
  }

  return {
    async load(projectIds) {
      const rows = await findProviders(db.pool, projectIds)
      const found = new Map<string, OpenProvider>()
      for (const row of rows) {
        const instance = instanceOf(row)
        if (instance !== null) found.set(row.id, instance)
      }
      return { routes: routesOf(rows, { dials }), open: found }
    },
    async find(id) {
      const row = await findProvider(db.pool, id)
      const instance = row === null ? null : instanceOf(row)
      return row === null || instance === null ? null : { ...instance, projectId: row.projectId, channel: row.channel }
    },
    vendors: {
      kindName,
      check: parseSettings,
      kinds: () => (described ??= describeKinds()),
      wrongAddress: (kind, address) => wrongAddress(kind, address, { allowPrivateHosts }),
      dials,
      carries: carriesAll,
      secrets: secretSettings,
      test: (config, to) => test(config, to, { allowPrivateHosts, names }),
    },
    async close() {
      const providers = [...open.values()].map((one) => one.provider)
      open.clear()
      await Promise.all(providers.map((provider) => provider.close()))
    },
  }
}

/** Sends one message through an instance of its own, outside the pool, so that wrong settings affect no other message. */
async function test(config: ProviderConfig, to: string, deps: ProviderDeps): Promise<TestResult> {
  const message = testMessage(config.channel, crypto.randomUUID(), to)
  const provider = openProvider(config.kind, config.settings, deps)
  const started = performance.now()
  try {
    const receipt = await provider.send(message, AbortSignal.timeout(TEST_MS))
    return { ok: true, error: null, providerMessageId: receipt.providerMessageId, durationMs: performance.now() - started }
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error
    return {
      ok: false,
      error: problem(error.code, error.message),
      providerMessageId: null,
      durationMs: performance.now() - started,
    }
  } finally {
    await provider.close()
  }
}
