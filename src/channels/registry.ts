/** All kinds of providers, by name: one line for each vendor. */

import { CarillonError } from '../errors.ts'
import { likelyName } from '../values/likely.ts'
import { escapeMarked } from '../values/marked-text.ts'
import { readMember, shownValue } from '../values/setting.ts'
import type { Channel, DialPlan, Extent, JsonObject } from '../words.ts'
import { apns } from './apns.ts'
import { capture } from './capture.ts'
import { discord } from './discord.ts'
import { wrongExtra } from './extra.ts'
import { fcm } from './fcm.ts'
import { mattermost } from './mattermost.ts'
import { msteams } from './msteams.ts'
import { nhnKakao } from './nhn-kakao.ts'
import { nhnSms } from './nhn-sms.ts'
import { countries, dialPlan } from './phone.ts'
import type { Provider, ProviderDeps, ProviderKind } from './provider.ts'
import { checkedSettings, respelledSettings, secretsOf, settingsJsonSchema } from './settings.ts'
import { slack } from './slack.ts'
import { smtp } from './smtp.ts'
import { solapi } from './solapi.ts'
import { twilio } from './twilio.ts'
import { webPush } from './web-push.ts'
import { webhook } from './webhook.ts'

/** Every kind of provider, by name. */
export const kinds = {
  capture,
  smtp,
  fcm,
  apns,
  'web-push': webPush,
  'nhn-sms': nhnSms,
  'nhn-kakao': nhnKakao,
  solapi,
  twilio,
  webhook,
  slack,
  discord,
  mattermost,
  msteams,
} satisfies Readonly<Record<string, ProviderKind<unknown>>>

/** The name of a provider kind. */
export type KindName = keyof typeof kinds

const byName: ReadonlyMap<string, ProviderKind<unknown>> = new Map(Object.entries(kinds))

/** The name of the kind that is meant, in any case and with `_` or `-`. @throws CarillonError BAD_INPUT, field `kind` */
export function kindName(name: string): string {
  const names = [...byName.keys()]
  const found = readMember(names, name)
  if (found !== null) return found
  const likely = likelyName(name, names, 2)
  const hint = likely === null ? '' : ` Did you mean ${likely}?`
  throw new CarillonError('BAD_INPUT', {
    message: `There is no kind of provider ${shownValue(name)}: it is one of ${names.join(', ')}.${hint}`,
    field: 'kind',
  })
}

/**
 * The kind of that name.
 * @throws CarillonError BAD_INPUT, field `kind`
 */
export function kindOf(name: string): ProviderKind<unknown> {
  const kind = byName.get(name) ?? byName.get(kindName(name))
  if (kind === undefined) throw new CarillonError('BAD_INPUT', { field: 'kind' })
  return kind
}

/**
 * Checks the settings of a provider. @returns them as the kind takes them; defaults are filled in when the provider is created.
 * @throws CarillonError CHANNEL_UNSUPPORTED when the kind doesn't carry the channel; BAD_INPUT that tells all that is wrong, with the first field
 */
export function parseSettings(name: string, channel: Channel, settings: JsonObject): JsonObject {
  const kind = kindOf(name)
  if (!kind.channels.includes(channel)) {
    throw new CarillonError('CHANNEL_UNSUPPORTED', {
      message: `A ${kind.kind} provider can't carry ${channel}: it carries ${kind.channels.join(', ')}.`,
      field: 'channel',
    })
  }
  const respelled = respelledSettings(kind.settings, settings)
  readSettings(kind, respelled)
  const missing = kind.needs?.(channel).find((setting) => respelled[setting] === undefined)
  if (missing !== undefined) {
    const field = `settings.${missing}`
    throw new CarillonError('BAD_INPUT', { message: `${field}: a ${kind.kind} provider needs it for ${channel}`, field })
  }
  return respelled
}

function readSettings<Settings>(kind: ProviderKind<Settings>, given: JsonObject): Settings {
  const checked = checkedSettings(kind.settings, given)
  if ('settings' in checked) return checked.settings
  const [first] = checked.wrong
  throw new CarillonError('BAD_INPUT', {
    message: checked.wrong.map(({ message }) => message).join('. '),
    ...(first === undefined ? {} : { field: first.field }),
  })
}

/**
 * Creates a provider from its stored settings (secrets decrypted).
 * @throws CarillonError as `parseSettings`
 */
export function openProvider(kindName: string, settings: JsonObject, deps: ProviderDeps): Provider {
  const kind = kindOf(kindName)
  return kind.create(readSettings(kind, settings), deps)
}

/**
 * Checks the vendor options of one message when it is accepted. `field`: their path in the input.
 * @throws CarillonError BAD_INPUT for the first option that the kind does not accept on that channel, with its field
 */
export function checkExtra(kindName: string, channel: Channel, field: string, extra: JsonObject): void {
  const wrong = wrongExtra(kindOf(kindName).extra(channel), extra)
  if (wrong === null) return
  const path = wrong.path === '' ? field : `${field}.${wrong.path}`
  throw new CarillonError('BAD_INPUT', { field: path, message: `${path}: ${wrong.reason}` })
}

/**
 * Why a text can't be an address that `setCredentials` stores for a provider of the kind; null: it can.
 * @throws CarillonError BAD_INPUT
 */
export const wrongAddress = (kindName: string, address: string, deps: Pick<ProviderDeps, 'allowPrivateHosts'>): string | null =>
  kindOf(kindName).wrongAddress?.(address, deps) ?? null

/** The numbers that a provider of the kind dials; null: it is given every address. `given`: its setting `countries` as it is stored */
export function dialsOf(kindName: string, given: unknown): DialPlan | null {
  const dials = byName.get(kindName)?.dials
  return dials === undefined ? null : dialPlan(dials, countries.safeParse(given).data)
}

/** Whether a provider of the kind refuses no message that is at most so large. @throws CarillonError BAD_INPUT */
export const carriesAll = (kindName: string, channel: Channel, extent: Extent): boolean =>
  kindOf(kindName).carries(channel, extent)

/** A text as a provider of the kind sends it, its marked values escaped. @throws CarillonError BAD_INPUT */
export const markedFor = (kindName: string, text: string): string =>
  escapeMarked(text, kindOf(kindName).escape ?? ((value) => value))

/** The names of a kind's secret settings. @throws CarillonError BAD_INPUT */
export const secretSettings = (kindName: string): readonly string[] => secretsOf(kindOf(kindName).settings)

/** Every kind as a client needs it to configure one; `settings`: a JSON Schema. */
export const describeKinds = () =>
  [...byName.values()].map(({ kind, title, channels, settings }) => ({
    kind,
    title,
    channels,
    settings: settingsJsonSchema(settings),
  }))

/** The settings without their secrets: each that is there is replaced by "set". */
export function hideSecrets(kindName: string, settings: JsonObject): JsonObject {
  const secrets = secretSettings(kindName)
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, secrets.includes(name) ? 'set' : value]))
}
