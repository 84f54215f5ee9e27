/** Providers: which vendors a project sends through. Their secrets are sealed in the record and never shown. */
import type { Database } from '../db/database.ts'
import type { Provider } from '../db/generated/client.ts'
import { CarillonError, type Problem } from '../errors.ts'
import { atIndex, checkKey, checkList, checkObject } from './check.ts'
import type { Clock } from './clock.ts'
import type { Ids } from './ids.ts'
import { isSealed, type Secrets } from './secrets.ts'
import type { Channel, JsonObject } from './words.ts'

/** What the wire knows of a kind of provider. */
export interface Vendors {
  /** Settings as the kind takes them, defaults filled in. @throws BAD_INPUT, CHANNEL_UNSUPPORTED */
  check(kind: string, channel: Channel, settings: JsonObject): JsonObject
  /** Names of settings that are secret. */
  secrets(kind: string): readonly string[]
  /** A push as the kind carries it: cut where its platform cuts. @throws TOO_LARGE */
  fit(kind: string, channel: 'PUSH' | 'WEB_PUSH', push: PushWords): PushWords & { readonly truncated: boolean }
  /** Sends one test message. */
  test(provider: ProviderConfig, to: string): Promise<TestResult>
}

/** A push message, rendered. */
export interface PushWords {
  readonly title: string
  readonly body: string
  readonly imageUrl: string | null
  readonly url: string | null
  readonly data: JsonObject
}

/** What a test of a provider gave. */
export interface TestResult {
  readonly ok: boolean
  readonly error: Problem | null
  readonly providerMessageId: string | null
  readonly durationMs: number
}

/** A provider that can be opened: its settings are unsealed. */
export interface ProviderConfig {
  readonly projectId: string
  readonly id: string
  readonly key: string
  readonly version: number
  readonly channel: Channel
  readonly kind: string
  readonly settings: JsonObject
}

/** A provider as a caller gives it: a field left out stays as it is. */
export interface ProviderInput {
  readonly key: string
  readonly channel?: Channel | null | undefined
  readonly kind?: string | null | undefined
  readonly settings?: JsonObject | null | undefined
  readonly priority?: number | null | undefined
  readonly ratePerSecond?: number | null | undefined
  readonly active?: boolean | null | undefined
}

/** What providers work with. */
export interface ProviderDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly secrets: Secrets
  readonly vendors: Vendors
}

/** How a secret looks to whoever reads settings; given back, it leaves the secret as it is. */
export const SECRET_SHOWN = 'set'

/** The settings of a provider with their secrets readable. For the wire only. */
export function unsealSettings(secrets: Pick<Secrets, 'unseal'>, settings: unknown): JsonObject {
  const entries = Object.entries(typeof settings === 'object' && settings !== null ? settings : {})
  return Object.fromEntries(entries.map(([name, value]) => [name, isSealed(value) ? secrets.unseal(value) : value]))
}

/** The settings as anybody may see them. */
export function shownSettings(settings: unknown): JsonObject {
  const entries = Object.entries(typeof settings === 'object' && settings !== null ? settings : {})
  return Object.fromEntries(entries.map(([name, value]) => [name, isSealed(value) ? SECRET_SHOWN : value]))
}

/** Makes the operations of providers. */
export function createProviders({ db, clock, ids, secrets, vendors }: ProviderDeps) {
  function settingsOf(input: ProviderInput, before: Provider | null): { kind: string; channel: Channel; settings: JsonObject } {
    const kind = input.kind ?? before?.kind
    const channel = input.channel ?? before?.channel
    if (kind === undefined) throw new CarillonError('BAD_INPUT', { field: 'kind', message: 'kind is needed for a new provider.' })
    if (channel === undefined)
      throw new CarillonError('BAD_INPUT', { field: 'channel', message: 'channel is needed for a new provider.' })
    if (channel === 'IN_APP') {
      const message = 'channel: in-app needs no provider: what is said there goes into the feed as it is.'
      throw new CarillonError('BAD_INPUT', { field: 'channel', message })
    }
    const stored = before === null ? {} : unsealSettings(secrets, before.settings)
    const given: Record<string, JsonObject[string]> = { ...(input.settings ?? stored) }
    const secret = vendors.secrets(kind)
    for (const name of secret) {
      const kept = stored[name]
      if (given[name] === SECRET_SHOWN && kept !== undefined) given[name] = kept
    }
    const checked = vendors.check(kind, channel, checkObject('settings', given, 65_536))
    const settings = Object.entries(checked).map(([name, value]) => {
      return [name, secret.includes(name) && typeof value === 'string' ? secrets.seal(value) : value]
    })
    return { kind, channel, settings: Object.fromEntries(settings) }
  }

  function checkNumbers({ priority, ratePerSecond }: ProviderInput): void {
    if (priority !== null && priority !== undefined && (priority < 0 || priority > 1000)) {
      throw new CarillonError('BAD_INPUT', {
        field: 'priority',
        max: 1000,
        got: priority,
        message: 'priority must be from 0 to 1,000.',
      })
    }
    if (ratePerSecond !== null && ratePerSecond !== undefined && (ratePerSecond < 1 || ratePerSecond > 100_000)) {
      throw new CarillonError('BAD_INPUT', {
        field: 'ratePerSecond',
        max: 100_000,
        got: ratePerSecond,
        message: 'ratePerSecond must be from 1 to 100,000.',
      })
    }
  }

  return {
    /** Makes or changes up to 1,000 providers: all of them, or none. @returns them in the order asked */
    async configure(projectId: string, inputs: readonly ProviderInput[]): Promise<Provider[]> {
      checkList('providers', inputs, 1000)
      return db.prisma.$transaction(async (tx) => {
        const written: Provider[] = []
        for (const [index, input] of inputs.entries()) {
          const key = atIndex(index, () => checkKey('key', input.key))
          const before = await tx.provider.findUnique({ where: { projectId_key: { projectId, key } } })
          const { kind, channel, settings } = atIndex(index, () => {
            checkNumbers(input)
            return settingsOf(input, before)
          })
          const now = clock.now()
          const numbers = {
            ...(input.priority === undefined ? {} : { priority: input.priority ?? 0 }),
            ...(input.ratePerSecond === undefined ? {} : { ratePerSecond: input.ratePerSecond }),
            ...(input.active === undefined ? {} : { active: input.active ?? true }),
          }
          written.push(
            await tx.provider.upsert({
              where: { projectId_key: { projectId, key } },
              create: { projectId, id: ids(), key, channel, kind, settings, ...numbers, createdAt: now, updatedAt: now },
              // Whatever failed before may be mended now.
              update: { channel, kind, settings, ...numbers, version: { increment: 1 }, openUntil: null, updatedAt: now },
            }),
          )
        }
        return written
      })
    },

    /** Deletes providers; those that there are not are not counted. What went through them stays. */
    async remove(projectId: string, keys: readonly string[]): Promise<number> {
      checkList('keys', keys, 1000)
      const { count } = await db.prisma.provider.deleteMany({
        where: { projectId, key: { in: keys.filter((key) => !key.includes('\0')) } },
      })
      return count
    },

    /** All providers of a project, by channel and priority. */
    list: (projectId: string): Promise<Provider[]> =>
      db.prisma.provider.findMany({ where: { projectId }, orderBy: [{ channel: 'asc' }, { priority: 'asc' }, { key: 'asc' }] }),

    /** Sends one message through a provider, past all decisions. @throws NOT_FOUND */
    async test(projectId: string, key: string, to: string): Promise<TestResult> {
      const provider = key.includes('\0')
        ? null
        : await db.prisma.provider.findUnique({ where: { projectId_key: { projectId, key } } })
      if (provider === null) throw new CarillonError('NOT_FOUND', { field: 'provider', message: 'There is no such provider.' })
      return vendors.test({ ...provider, settings: unsealSettings(secrets, provider.settings) }, to)
    },
  }
}
