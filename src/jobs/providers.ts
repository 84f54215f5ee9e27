/** Open providers: one instance for each version of a configured provider, made when it is first needed. */
import { LRUCache } from 'lru-cache'
import { type Provider, ProviderError, type Rendered } from '../channels/provider.ts'
import { kindOf, openProvider, parseSettings } from '../channels/registry.ts'
import type { Database } from '../db/database.ts'
import { findProviders } from '../db/provider.ts'
import { type ProviderConfig, type TestResult, unsealSettings, type Vendors } from '../domain/provider.ts'
import type { Secrets } from '../domain/secrets.ts'
import type { Channel } from '../domain/words.ts'
import { CarillonError, problem } from '../errors.ts'
import type { Log } from '../log.ts'
import { createLane, type Lane } from './lane.ts'

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
}

/** The open providers of this process. */
export interface ProviderPool {
  /** Active providers of projects, by channel, the preferred one first. */
  load(projectIds: readonly string[]): Promise<{
    readonly open: ReadonlyMap<string, ReadonlyMap<Channel, readonly OpenProvider[]>>
    /** channels whose providers can't be opened in this process: configured all the same */
    readonly broken: ReadonlyMap<string, ReadonlySet<Channel>>
  }>
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
  readonly log: Log
}): ProviderPool {
  const { db, secrets, allowPrivateHosts, log } = deps
  const open = new LRUCache<string, OpenProvider & { version: number }>({
    max: OPEN_MAX,
    ttl: IDLE_MS,
    updateAgeOnGet: true,
    ttlAutopurge: false,
    // What was handed over to it already is let finish.
    dispose: (value) => void value.provider.close(),
  })

  return {
    async load(projectIds) {
      const byProject = new Map<string, Map<Channel, OpenProvider[]>>()
      const broken = new Map<string, Set<Channel>>()
      for (const { projectId, id, key, version, channel, kind, settings, ratePerSecond } of await findProviders(
        db.pool,
        projectIds,
      )) {
        let instance = open.get(id)
        if (instance === undefined || instance.version !== version) {
          let provider: Provider
          try {
            provider = openProvider(kind, unsealSettings(secrets, settings), { allowPrivateHosts })
          } catch (error) {
            // Sealed with another secret, or settings that this version does not take: the others must not wait for it.
            broken.set(projectId, (broken.get(projectId) ?? new Set<Channel>()).add(channel))
            log.error('A provider can not be opened', { projectId, provider: key, error: String(error) })
            continue
          }
          instance = {
            id,
            key,
            version,
            provider,
            lane: createLane(provider.limits.concurrency, ratePerSecond),
            unsettled: createLane(3 * provider.limits.concurrency, null),
          }
          open.set(id, instance)
        }
        const channels = byProject.get(projectId) ?? new Map<Channel, OpenProvider[]>()
        channels.set(channel, [...(channels.get(channel) ?? []), instance])
        byProject.set(projectId, channels)
      }
      return { open: byProject, broken }
    },
    vendors: {
      check: parseSettings,
      secrets: (kind) => kindOf(kind).secrets,
      test: (config, to) => test(config, to, allowPrivateHosts),
    },
    async close() {
      const providers = [...open.values()].map((one) => one.provider)
      open.clear()
      await Promise.all(providers.map((provider) => provider.close()))
    },
  }
}

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

function testMessage(channel: Channel, messageId: string, to: string): Rendered {
  const text = 'This is a test message from Carillon. The provider works.'
  const createdAt = new Date()
  if (channel === 'SMS') return { channel, messageId, address: to, type: 'SMS', title: null, body: text, createdAt }
  if (channel !== 'EMAIL') {
    throw new CarillonError('NOT_IMPLEMENTED', { message: `Testing a provider of the channel ${channel} is not supported yet.` })
  }
  const nobody = { from: null, replyTo: null, cc: [], bcc: [], unsubscribeUrl: null }
  return { channel, messageId, address: to, ...nobody, subject: 'Test message from Carillon', text, html: null, createdAt }
}
