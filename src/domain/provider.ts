/** Providers: the vendors through which a project sends. Their secrets are encrypted in the database, and never shown. */
import type { Database } from '../db/database.ts'
import type { Prisma, Provider } from '../db/generated/client.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import { type Channel, channelTraits, type DialPlan, type Extent, type JsonObject, type ProviderState } from '../words.ts'
import type { Audit, By, Show } from './audit.ts'
import { maskSettings } from './audit-shown.ts'
import { atIndex, checkKey, checkList, checkObject } from './check.ts'
import type { Clock } from './clock.ts'
import type { Ids } from './ids.ts'
import { maskAddress } from './mask.ts'
import type { Loading } from './page.ts'
import { isSealed, SEALED, type Secrets, UnsealError } from './secrets.ts'

/** A kind of provider, as a client needs it to configure one. */
export interface ProviderKindInfo {
  readonly kind: string
  /** the vendor's name */
  readonly title: string
  readonly channels: readonly Channel[]
  /** a JSON Schema (2020-12) of the settings */
  readonly settings: JsonObject
}

/** What the channels know about the kinds of providers. */
export interface Vendors {
  /** Every kind. */
  kinds(): readonly ProviderKindInfo[]
  /** The name of the kind that is meant. @throws BAD_INPUT */
  kindName(kind: string): string
  /** Validates the settings of a kind. @returns them as the kind takes them @throws BAD_INPUT, CHANNEL_UNSUPPORTED */
  check(kind: string, channel: Channel, settings: JsonObject): JsonObject
  /** Why a text can't be an address that a contact has at a provider of the kind; null: it can. */
  wrongAddress(kind: string, address: string): string | null
  /** The numbers that a provider of the kind dials; null: it is given every address. `countries`: its setting, as JSON; null: it has none */
  dials(kind: string, countries: string | null): DialPlan | null
  /** Whether a provider of the kind refuses no message that is at most so large, for what is in it. */
  carries(kind: string, channel: Channel, extent: Extent): boolean
  /** The names of the kind's secret settings. */
  secrets(kind: string): readonly string[]
  /** Sends one test message. */
  test(provider: ProviderConfig, to: string): Promise<TestResult>
}

/** The result of testing a provider. */
export interface TestResult {
  readonly ok: boolean
  readonly error: Problem | null
  readonly providerMessageId: string | null
  readonly durationMs: number
}

/** A provider with decrypted settings. */
export interface ProviderConfig {
  readonly projectId: string
  readonly id: string
  readonly key: string
  readonly version: number
  readonly channel: Channel
  readonly kind: string
  readonly settings: JsonObject
}

/** The input of `configureProviders`: a field that is left out keeps its value. */
export interface ProviderInput {
  readonly key: string
  readonly channel?: Channel | null | undefined
  readonly kind?: string | null | undefined
  readonly settings?: JsonObject | null | undefined
  readonly priority?: number | null | undefined
  readonly ratePerSecond?: number | null | undefined
  readonly active?: boolean | null | undefined
}

/** A provider's health is that of its last attempts, of none that is older. */
const HEALTH_ATTEMPTS = 50
const HEALTH_MS = 24 * 3_600_000

/** How a provider's last 50 attempts of the last 24 hours went. What a host did that an address names is counted by itself. */
export interface ProviderHealth {
  readonly state: ProviderState
  /** 0-1; null: there was no attempt */
  readonly successRate: number | null
  /** the mean of an attempt */
  readonly latencyMs: number | null
  readonly lastError: string | null
  /** failures that are due to a host or an address, not to the provider */
  readonly recipientFailures: number
  readonly lastRecipientError: string | null
  readonly checkedAt: Date | null
}

/** Codes of a host or an address, whatever the channel. */
const recipientCodes = new Set(['HOST_NOT_FOUND', 'HOST_UNREACHABLE', 'ADDRESS_INVALID', 'ADDRESS_MISSING', 'OPTED_OUT'])
/** Codes of the host where the address names one that the provider connects to: the provider's own have others. */
const ownHostCodes = new Set(['OUTCOME_UNKNOWN', 'RATE_LIMITED', 'PROVIDER_REFUSED'])

/** Whether a failed attempt is due to the host or the address that it went to. `address`: empty for the provider's own. */
const concernsRecipient = (channel: Channel, code: string | null, address: string | null): boolean =>
  code !== null &&
  (recipientCodes.has(code) || (channelTraits[channel].host === 'own' && address !== '' && ownHostCodes.has(code)))

/** What `createProviders` needs. */
export interface ProviderDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly secrets: Secrets
  readonly vendors: Vendors
  readonly audit: Audit
}

/** What is shown in place of a secret; as an input it keeps the stored secret. */
export const SECRET_SHOWN = 'set'

/** A stored provider, as far as its settings are concerned. */
export interface StoredSettings {
  readonly projectId: string
  readonly id: string
  readonly settings: unknown
}

const entriesOf = (value: unknown): [string, unknown][] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []

/** Replaces the texts of secret settings. `name`: of the setting, or `SETTING.NAME` for one of a setting with several texts. */
export function mapSecrets(
  names: readonly string[],
  settings: unknown,
  map: (text: string, name: string) => unknown,
): JsonObject {
  const mapped = entriesOf(settings).map(([name, value]) => {
    if (!names.includes(name)) return [name, value]
    if (typeof value === 'string') return [name, map(value, name)]
    const parts = entriesOf(value).map(([part, text]) => [part, typeof text === 'string' ? map(text, `${name}.${part}`) : text])
    return [name, parts.length === 0 ? value : Object.fromEntries(parts)]
  })
  return Object.fromEntries(mapped)
}

/**
 * The settings of a provider with decrypted secrets; only for sending. `names`: its secret settings. Nothing else is decrypted, and
 * nothing that was encrypted for another provider or setting.
 * @throws UnsealError
 */
export const unsealSettings = (
  secrets: Pick<Secrets, 'unseal'>,
  names: readonly string[],
  { projectId, id, settings }: StoredSettings,
): JsonObject =>
  mapSecrets(names, settings, (text, setting) =>
    isSealed(text) ? secrets.unseal(text, { projectId, providerId: id, setting }) : text,
  )

/**
 * The settings of a provider with encrypted secrets, as they are stored.
 * @param stored what is stored already: a secret that is the same keeps its encrypted text
 */
export function sealSettings(
  secrets: Pick<Secrets, 'seal' | 'unseal' | 'isCurrent'>,
  names: readonly string[],
  { projectId, id, settings }: StoredSettings,
  stored: unknown = {},
): JsonObject {
  const kept = new Map<string, string>()
  mapSecrets(names, stored, (text, setting) => kept.set(setting, text))
  return mapSecrets(names, settings, (text, setting) => {
    const place = { projectId, providerId: id, setting }
    const before = kept.get(setting)
    if (before === undefined || !secrets.isCurrent(before)) return secrets.seal(text, place)
    try {
      return secrets.unseal(before, place) === text ? before : secrets.seal(text, place)
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error
      return secrets.seal(text, place)
    }
  })
}

/** The settings of a provider as they may be shown: `SECRET_SHOWN` for each secret, and addresses without what authorizes. */
export const shownSettings = (names: readonly string[], settings: unknown): JsonObject =>
  Object.fromEntries(
    Object.entries(mapSecrets(names, settings, () => SECRET_SHOWN)).map(([name, value]) => [
      name,
      typeof value === 'string' && !names.includes(name) ? maskAddress(value) : value,
    ]),
  )

/**
 * Refuses values that look like encrypted ones: only the server makes those. At any depth.
 * @throws BAD_INPUT with the field
 */
function refuseSealed(field: string, value: unknown): void {
  if (isSealed(value)) {
    throw new CarillonError('BAD_INPUT', { field, message: `${field}: can't begin with ${JSON.stringify(SEALED)}.` })
  }
  if (typeof value === 'object' && value !== null) {
    for (const [name, part] of Object.entries(value)) refuseSealed(`${field}.${name}`, part)
  }
}

/** Creates the operations of providers. */
export function createProviders({ db, clock, ids, secrets, vendors, audit }: ProviderDeps) {
  /** What a provider becomes; `settings`: with secrets as they are, null: they stay as they are stored. */
  interface CheckedSettings {
    readonly kind: string
    readonly channel: Channel
    readonly settings: JsonObject | null
  }

  function settingsOf(input: ProviderInput, before: Provider | null): CheckedSettings {
    const kind = typeof input.kind === 'string' ? vendors.kindName(input.kind) : before?.kind
    const channel = input.channel ?? before?.channel
    if (kind === undefined) throw new CarillonError('BAD_INPUT', { field: 'kind', message: 'kind is needed for a new provider.' })
    if (channel === undefined)
      throw new CarillonError('BAD_INPUT', { field: 'channel', message: 'channel is needed for a new provider.' })
    if (channel === 'IN_APP') {
      const message = 'channel: in-app needs no provider: its messages go into the feed directly.'
      throw new CarillonError('BAD_INPUT', { field: 'channel', message })
    }
    // What is not given stays as it is stored: it need not even be readable.
    if (input.settings === null || input.settings === undefined) {
      if (before !== null && before.kind === kind && before.channel === channel) return { kind, channel, settings: null }
    }
    const names = vendors.secrets(kind)
    refuseSealed('settings', input.settings)
    const kept = before === null ? {} : mapSecrets(names, before.settings, () => SECRET_SHOWN)
    const given = checkObject('settings', { ...(input.settings ?? kept) }, 65_536)
    const settings = vendors.check(kind, channel, before === null ? given : withStored(names, given, before))
    return { kind, channel, settings }
  }

  /** The settings with what is stored in place of what is shown instead of it. */
  function withStored(names: readonly string[], given: JsonObject, before: Provider): JsonObject {
    const stored = new Map(entriesOf(before.settings))
    const open = (setting: string, value: unknown): unknown => {
      if (!isSealed(value)) return value
      try {
        return secrets.unseal(value, { projectId: before.projectId, providerId: before.id, setting })
      } catch (cause) {
        if (!(cause instanceof UnsealError)) throw cause
        const field = `settings.${setting}`
        throw new CarillonError('BAD_INPUT', {
          field,
          message: `${field}: what is stored can't be decrypted. Give it again.`,
          cause,
        })
      }
    }
    const kept = mapSecrets(names, given, (text, setting) => {
      if (text !== SECRET_SHOWN) return text
      const [name = '', ...rest] = setting.split('.')
      const part = rest.join('.')
      const found = stored.get(name)
      if (part !== '') return open(setting, Object.fromEntries(entriesOf(found))[part]) ?? text
      const parts = entriesOf(found).map(([one, value]) => [one, open(`${name}.${one}`, value)])
      return (parts.length > 0 ? Object.fromEntries(parts) : open(setting, found)) ?? text
    })
    const addresses = Object.entries(kept).map(([name, value]) => {
      const found = stored.get(name)
      const isShown = !names.includes(name) && typeof found === 'string' && value === maskAddress(found)
      return [name, isShown ? found : value]
    })
    return Object.fromEntries(addresses)
  }

  /** What is stored, for a provider that another call deletes at this moment. */
  const keptSettings = (before: Provider | null): Prisma.InputJsonObject =>
    Object.fromEntries(entriesOf(before?.settings)) as JsonObject

  /** What the audit log shows of a provider. A secret that is given again keeps its encrypted text, so another text is another secret. */
  const shownChange: Show = ([before, after]) => {
    const names = [before, after].flatMap((state) => (typeof state?.['kind'] === 'string' ? vendors.secrets(state['kind']) : []))
    const settingsOfState = (state: JsonObject | null): JsonObject | null =>
      state === null ? null : (Object.fromEntries(entriesOf(state['settings'])) as JsonObject)
    const [settingsBefore, settingsAfter] = maskSettings([settingsOfState(before), settingsOfState(after)], names)
    return [
      before === null ? null : { ...before, settings: settingsBefore },
      after === null ? null : { ...after, settings: settingsAfter },
    ]
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
    /**
     * Inserts or changes up to 1,000 providers: all of them, or none.
     * @returns them in the order of the input
     * @throws BAD_INPUT or CHANNEL_UNSUPPORTED with the index
     */
    async configure(projectId: string, inputs: readonly ProviderInput[], by: By): Promise<Provider[]> {
      checkList('providers', inputs, 1000)
      const keys = inputs.map((input, index) => atIndex(index, () => checkKey('key', input.key)))
      const configureAll = async (tx: Prisma.TransactionClient): Promise<Provider[]> => {
        const written: Provider[] = []
        for (const [index, input] of inputs.entries()) {
          const { key } = input
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
          const id = before?.id ?? ids()
          const names = vendors.secrets(kind)
          const sealedFor = (of: string): { settings?: JsonObject } =>
            settings === null ? {} : { settings: sealSettings(secrets, names, { projectId, id: of, settings }, before?.settings) }
          const sealed = sealedFor(id)
          const row = await tx.provider.upsert({
            where: { projectId_key: { projectId, key } },
            create: {
              projectId,
              id,
              key,
              channel,
              kind,
              settings: sealed.settings ?? keptSettings(before),
              ...numbers,
              createdAt: now,
              updatedAt: now,
            },
            // The change may have solved the problem, so the circuit is closed.
            update: { channel, kind, ...sealed, ...numbers, version: { increment: 1 }, openUntil: null, updatedAt: now },
          })
          // Another call created it in the meantime, under an id of its own, for which these secrets are not encrypted.
          written.push(
            row.id === id
              ? row
              : await tx.provider.update({ where: { projectId_id: { projectId, id: row.id } }, data: sealedFor(row.id) }),
          )
        }
        return written
      }
      return audit.change({ projectId, operation: 'configureProviders', by }, 'PROVIDER', keys, configureAll, shownChange)
    },

    /** Deletes providers; messages that were sent through them stay. @returns how many there were */
    async remove(projectId: string, keys: readonly string[], by: By): Promise<number> {
      checkList('keys', keys, 1000)
      const wanted = keys.filter((key) => !key.includes('\0'))
      const removeAll = (tx: Prisma.TransactionClient) => tx.provider.deleteMany({ where: { projectId, key: { in: wanted } } })
      const change = { projectId, operation: 'deleteProviders', by } as const
      return (await audit.change(change, 'PROVIDER', wanted, removeAll, shownChange)).count
    },

    /** Every kind that a provider can be of. */
    kinds: () => vendors.kinds(),

    /** All providers of a project, by channel and priority. */
    list: (projectId: string, query: Loading<Prisma.ProviderDefaultArgs> = {}): Promise<Provider[]> =>
      db.prisma.provider.findMany({
        ...query,
        where: { projectId },
        orderBy: [{ channel: 'asc' }, { priority: 'asc' }, { key: 'asc' }],
      }),

    /** The settings as they may be shown. */
    shownSettings: ({ kind, settings }: Pick<Provider, 'kind' | 'settings'>): JsonObject =>
      shownSettings(vendors.secrets(kind), settings),

    /** What became of its last attempts. */
    async health({
      projectId,
      id,
      channel,
      openUntil,
    }: Pick<Provider, 'projectId' | 'id' | 'channel' | 'openUntil'>): Promise<ProviderHealth> {
      const attempts = await db.prisma.attempt.findMany({
        where: { projectId, providerId: id, startedAt: { gte: new Date(clock.now().getTime() - HEALTH_MS) } },
        include: { message: { select: { address: true } } },
        orderBy: { startedAt: 'desc' },
        take: HEALTH_ATTEMPTS,
      })
      const isRecipients = (one: (typeof attempts)[number]): boolean =>
        !one.ok && concernsRecipient(channel, one.errorCode, one.message.address)
      const ofRecipients = attempts.filter(isRecipients)
      const own = attempts.filter((one) => !isRecipients(one))
      const succeeded = own.filter((one) => one.ok).length
      // Open until a probe succeeds, whether or not a probe is due at this moment.
      const state = openUntil !== null ? 'OPEN' : own.length === 0 ? 'UNUSED' : succeeded === own.length ? 'HEALTHY' : 'DEGRADED'
      return {
        state,
        successRate: own.length === 0 ? null : succeeded / own.length,
        latencyMs: own.length === 0 ? null : own.reduce((sum, one) => sum + (one.durationMs ?? 0), 0) / own.length,
        lastError: own.find((one) => !one.ok)?.errorMessage ?? null,
        recipientFailures: ofRecipients.length,
        lastRecipientError: ofRecipients[0]?.errorMessage ?? null,
        checkedAt: attempts[0]?.startedAt ?? null,
      }
    },

    /** Sends a test message through a provider, whatever preferences or suppressions say. @throws NOT_FOUND */
    async test(projectId: string, key: string, to: string): Promise<TestResult> {
      const provider = key.includes('\0')
        ? null
        : await db.prisma.provider.findUnique({ where: { projectId_key: { projectId, key } } })
      if (provider === null) throw new CarillonError('NOT_FOUND', { field: 'provider', message: 'There is no such provider.' })
      try {
        const settings = unsealSettings(secrets, vendors.secrets(provider.kind), provider)
        return await vendors.test({ ...provider, settings }, to)
      } catch (error) {
        if (!(error instanceof UnsealError)) throw error
        const message = `${error.message} Configure the provider with it again.`
        return { ok: false, error: problem('PROVIDER_REFUSED', message), providerMessageId: null, durationMs: 0 }
      }
    },
  }
}
