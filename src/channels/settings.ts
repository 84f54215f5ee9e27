/** The settings of a provider kind: those that several vendors share, and their description for clients. */
import { z } from 'zod'
import { likelyName } from '../values/likely.ts'
import { readMember, readNumber, readSwitch } from '../values/setting.ts'
import { problemAt, wanted } from '../values/wanted.ts'
import type { Json, JsonObject } from '../words.ts'

/**
 * A kind's settings: a strict object. Each setting carries its annotations as `.meta()`, applied last: `title` and `description`, and where
 * they apply `writeOnly` (a secret: encrypted at rest, never shown), `contentMediaType` (the text of a file), and `x-advanced` (most
 * providers do without it).
 */
export type SettingsSchema<Settings> = z.ZodType<Settings> & { readonly shape: Readonly<Record<string, z.ZodType>> }

/** The names of the secret settings. */
export const secretsOf = ({ shape }: SettingsSchema<unknown>): readonly string[] =>
  Object.keys(shape).filter((name) => shape[name]?.meta()?.['writeOnly'] === true)

/** The settings as a client gives them, as a JSON Schema (2020-12). Checks that JSON Schema can't express are left out. */
export const settingsJsonSchema = (settings: SettingsSchema<unknown>): JsonObject =>
  JSON.parse(JSON.stringify(z.toJSONSchema(settings, { io: 'input' })))

/** What a setting's JSON Schema says of how its value is read. */
interface Property {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly writeOnly?: boolean
  readonly contentMediaType?: string
}

const propertiesOf = (settings: SettingsSchema<unknown>): ReadonlyMap<string, Property> =>
  new Map(Object.entries((settingsJsonSchema(settings)['properties'] ?? {}) as Readonly<Record<string, Property>>))

/** A value as its setting takes it, if it is only spelled otherwise. What can't be read stays, and is refused with its name. */
function respelled(value: Json, { type, enum: members, writeOnly, contentMediaType }: Property): Json {
  switch (type) {
    case 'boolean':
      return readSwitch(value) ?? value
    case 'integer':
    case 'number':
      return readNumber(value, type === 'integer') ?? value
    case 'array':
      return typeof value === 'string' && /^[\w+,\s]+$/.test(value) ? value.split(/[,\s]+/).filter((part) => part !== '') : value
    case 'string':
      // A key file that was put in as the object that it holds.
      if (contentMediaType === 'application/json' && typeof value === 'object') return JSON.stringify(value)
      if (typeof value === 'number') return String(value)
      if (typeof value !== 'string') return value
      // A key file whose line breaks were escaped, as in an env file or in JSON.
      if (contentMediaType === 'application/x-pem-file') return value.replaceAll('\\n', '\n')
      if (contentMediaType !== undefined) return value
      // Only the line break that a file or a clipboard brings: a password may end with a space.
      if (writeOnly === true) return value.replaceAll(/^[\r\n]+|[\r\n]+$/g, '')
      return members === undefined ? value.trim() : (readMember(members, value) ?? value)
    default:
      return value
  }
}

/** The settings as the kind takes them, where they are only spelled otherwise. One that is null or empty counts as left out. */
export function respelledSettings(settings: SettingsSchema<unknown>, given: JsonObject): JsonObject {
  const properties = propertiesOf(settings)
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => {
      const property = properties.get(name)
      if (property === undefined) return [[name, value]]
      const read = value === null ? '' : respelled(value, property)
      return read === '' ? [] : [[name, read]]
    }),
  )
}

/** The setting that is probably meant by a name that is none: one that is near, or that has the name in it or is in it. */
function likelySetting(name: string, names: readonly string[]): string | null {
  const near = likelyName(name, names)
  const given = name.toLowerCase().replaceAll(/[^a-z]/g, '')
  if (near !== null || given.length < 3) return near
  return names.find((one) => given.includes(one.toLowerCase()) || one.toLowerCase().includes(given)) ?? null
}

/** A wrong setting: its dotted path, and the sentence about it. */
export interface WrongSetting {
  readonly field: string
  readonly message: string
}

/** Reads the settings of a kind, and adds defaults. @returns them, or all that is wrong with them; secrets are not shown */
export function checkedSettings<Settings>(
  schema: SettingsSchema<Settings>,
  given: JsonObject,
): { readonly settings: Settings } | { readonly wrong: readonly WrongSetting[] } {
  const parsed = schema.safeParse(given, { error: wanted })
  if (parsed.success) return { settings: parsed.data }
  const names = Object.keys(schema.shape)
  const secrets = secretsOf(schema)
  const wrong = parsed.error.issues.flatMap((issue): WrongSetting[] => {
    const path = issue.path.map(String)
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const field = ['settings', ...path, key].join('.')
        const likely = path.length > 0 ? null : likelySetting(key, names)
        const hint = likely === null ? `the settings are ${names.join(', ')}` : `did you mean ${likely}?`
        return { field, message: `${field}: there is no such setting (${hint})` }
      })
    }
    const field = ['settings', ...path].join('.')
    const value = path.reduce<unknown>(
      (at, name) => (typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined),
      given,
    )
    return [{ field, message: problemAt(field, issue.message, secrets.includes(path[0] ?? '') ? undefined : value) }]
  })
  return { wrong }
}

const isBaseUrl = (value: string): boolean => {
  if (!URL.canParse(value)) return false
  const { protocol, username, password, search, hash } = new URL(value)
  return (protocol === 'https:' || protocol === 'http:') && username + password + search + hash === ''
}

/** An http or https URL that paths are appended to; a trailing slash is removed. */
export const baseUrl = z
  .string()
  .max(1_000)
  .refine(isBaseUrl, { error: 'must be an http or https address without user, query or fragment' })
  .transform((value) => value.replace(/\/+$/, ''))

/** The setting `baseUrl` of a vendor with one API. `note`: other addresses of the vendor. */
export const apiUrl = (vendorUrl: string, note = 'Change it only to go through a proxy.') =>
  baseUrl
    .prefault(vendorUrl)
    .meta({ title: 'API base URL', description: `Base URL of the vendor's API. ${note}`, format: 'uri', 'x-advanced': true })

/** The setting `baseUrl` of a kind whose requests go to addresses that contacts bring. */
export const relayUrl = baseUrl.optional().meta({
  title: 'Relay URL',
  description:
    'Replaces scheme, host and port of every address, to send all requests through a relay. The path and the query stay.',
  format: 'uri',
  'x-advanced': true,
})
