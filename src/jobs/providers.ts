/** Open providers: one instance for each version of a configured provider, made when it is first needed. */
import { LRUCache } from 'lru-cache'
import { type Provider, ProviderError } from '../channels/provider.ts'
import { kindOf, openProvider, parseSettings } from '../channels/registry.ts'
import type { Database } from '../db/database.ts'
import { findProvider, findProviders, type ProviderRow, writeOpenUntil } from '../db/provider.ts'
import type { Clock } from '../domain/clock.ts'
import type { Routes } from '../domain/decide.ts'
import { routesOf } from '../domain/plan.ts'
import { type ProviderConfig, type TestResult, unsealSettings, type Vendors } from '../domain/provider.ts'
import type { Secrets } from '../domain/secrets.ts'
import type { Channel } from '../domain/words.ts'
import { CarillonError, problem } from '../errors.ts'
import type { Log } from '../log.ts'
import { type Breaker, createBreaker } from './breaker.ts'
import { createLane, type Lane } from './lane.ts'
import { testMessage } from './test-message.ts'

/** A provider that can be sent through. */
export interface OpenProvider {
  readonly id: string
  readonly key: string
  readonly provider: Provider
  readonly lane: Lane
  /**
   * Bounds what a crash can repeat: messages whose hand-over has begun and whose outcome is not written down yet. Three times what the
   * provider carries at once: one share is with it, the others are being written down while it takes the next.
   */
  readonly unsettled: Lane
  /** lets nothing through while it fails */
  readonly breaker: Breaker
}

/** The open providers of this process. */
export interface ProviderPool {
  /** Active providers of projects. One that can't be opened in this process has a route, and is not among the open ones. */
  load(projectIds: readonly string[]): Promise<{
    /** by project and channel, the preferred one first */
    readonly routes: ReadonlyMap<string, Routes>
    /** by id */
    readonly open: ReadonlyMap<string, OpenProvider>
  }>
  /** One provider, open; null: there is none, or it can't be opened here. */
  find(id: string): Promise<(OpenProvider & { readonly projectId: string; readonly channel: Channel }) | null>
  /** What the rules are given of the wire. */
  readonly vendors: Vendors
  close(): Promise<void>
}

const OPEN_MAX = 1_000
const IDLE_MS = 10 * 60_000
const TEST_MS = 30_000

/** Makes the pool. */
export function createProviderPool(deps: {
  readonly db: Database
  readonly secrets: Pick<Secrets, 'unseal'>
  readonly allowPrivateHosts: boolean
  readonly clock: Clock
  /** where the vendor of a provider reports to; null: nowhere */
  callbackUrl(providerId: string): string | null
  readonly log: Log
}): ProviderPool {
  const { db, secrets, allowPrivateHosts, clock, log } = deps
  const open = new LRUCache<string, OpenProvider & { version: number }>({
    max: OPEN_MAX,
    ttl: IDLE_MS,
    updateAgeOnGet: true,
    ttlAutopurge: false,
    // What was handed over to it already is let finish.
    dispose: (value) => void value.provider.close(),
  })

  /** Failures of one process open the circuit for all of them. That this can't be written costs the others their own failures. */
  function tellOthers({ projectId, id, key }: ProviderRow, openForMs: number | null): void {
    if (openForMs !== null) log.warn('A provider fails and is left alone', { projectId, provider: key, forMs: openForMs })
    else log.info('A provider works again', { projectId, provider: key })
    const until = openForMs === null ? null : new Date(clock.now().getTime() + openForMs)
    writeOpenUntil(db.pool, projectId, id, until).catch((error) =>
      log.warn("Could not write a provider's state", { error: String(error) }),
    )
  }

  /** null: sealed with another secret, or settings that this version does not take. The others must not wait for it. */
  function instanceOf(row: ProviderRow): OpenProvider | null {
    const { projectId, id, key, version, kind, settings, ratePerSecond, openUntil } = row
    let instance = open.get(id)
    if (instance === undefined || instance.version !== version) {
      let provider: Provider
      try {
        const more = { allowPrivateHosts, callbackUrl: deps.callbackUrl(id) }
        provider = openProvider(kind, unsealSettings(secrets, settings), more)
      } catch (error) {
        log.error('A provider can not be opened', { projectId, provider: key, error: String(error) })
        return null
      }
      instance = {
        id,
        key,
        version,
        provider,
        lane: createLane(provider.limits.concurrency, ratePerSecond),
        unsettled: createLane(3 * provider.limits.concurrency, null),
        breaker: createBreaker(
          () => performance.now(),
          (openForMs) => tellOthers(row, openForMs),
        ),
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
      return { routes: routesOf(rows), open: found }
    },
    async find(id) {
      const row = await findProvider(db.pool, id)
      const instance = row === null ? null : instanceOf(row)
      return row === null || instance === null ? null : { ...instance, projectId: row.projectId, channel: row.channel }
    },
    vendors: {
      check: parseSettings,
      secrets: (kind) => kindOf(kind).secrets,
      fit,
      test: (config, to) => test(config, to, allowPrivateHosts),
    },
    async close() {
      const providers = [...open.values()].map((one) => one.provider)
      open.clear()
      await Promise.all(providers.map((provider) => provider.close()))
    },
  }
}

/** Cuts a push as its platform does. */
const fit: Vendors['fit'] = (kindName, channel, push) => {
  try {
    const message = { ...push, channel, messageId: EXAMPLE_ID, address: '', createdAt: new Date(0) }
    const fitted = kindOf(kindName).fit?.(message)
    return fitted === undefined ? { ...push, truncated: false } : { ...fitted.message, truncated: fitted.truncated }
  } catch (cause) {
    if (cause instanceof ProviderError) throw new CarillonError(cause.code, { message: cause.message, cause })
    throw cause
  }
}
const EXAMPLE_ID = '00000000-0000-7000-8000-000000000000'

/** Sends one message through a provider of its own, past the pool: a wrong setting hurts nobody else. */
async function test(config: ProviderConfig, to: string, allowPrivateHosts: boolean): Promise<TestResult> {
  const message = testMessage(config.channel, crypto.randomUUID(), to)
  const provider = openProvider(config.kind, config.settings, { allowPrivateHosts })
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
