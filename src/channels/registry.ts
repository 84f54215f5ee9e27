/** The closed set of provider kinds, and what can be asked of a kind by its name. */
import type { Channel, JsonObject } from '../domain/words.ts'
import { CarillonError } from '../errors.ts'
import { apns } from './apns.ts'
import { capture } from './capture.ts'
import { discord } from './discord.ts'
import { wrongExtra } from './extra.ts'
import { fcm } from './fcm.ts'
import { mattermost } from './mattermost.ts'
import { msteams } from './msteams.ts'
import { nhnKakao } from './nhn-kakao.ts'
import { nhnSms } from './nhn-sms.ts'
import type { Provider, ProviderDeps, ProviderKind } from './provider.ts'
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

/** The name of a kind. */
export type KindName = keyof typeof kinds

const byName: ReadonlyMap<string, ProviderKind<unknown>> = new Map(Object.entries(kinds))

/**
 * The kind of that name.
 * @throws CarillonError BAD_INPUT, field `kind`
 */
export function kindOf(name: string): ProviderKind<unknown> {
  const kind = byName.get(name)
  if (kind !== undefined) return kind
  throw new CarillonError('BAD_INPUT', {
    message: `There is no kind of provider ${JSON.stringify(name)}: it is one of ${[...byName.keys()].join(', ')}.`,
    field: 'kind',
  })
}

/**
 * Checks the settings of a provider. @returns them as they were given: defaults are filled in when the provider is made.
 * @throws CarillonError CHANNEL_UNSUPPORTED when the kind doesn't carry the channel; BAD_INPUT for the first wrong setting, with its field
 */
export function parseSettings(kindName: string, channel: Channel, settings: JsonObject): JsonObject {
  const kind = kindOf(kindName)
  if (!kind.channels.includes(channel)) {
    throw new CarillonError('CHANNEL_UNSUPPORTED', {
      message: `A ${kindName} provider can't carry ${channel}.`,
      field: 'channel',
    })
  }
  readSettings(kind, settings)
  return settings
}

function readSettings<Settings>(kind: ProviderKind<Settings>, settings: JsonObject): Settings {
  const parsed = kind.settings.safeParse(settings)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const field = ['settings', ...(issue?.path ?? []), ...unknown].join('.')
  const message = unknown.length > 0 ? 'there is no such setting' : (issue?.message ?? 'is not valid')
  throw new CarillonError('BAD_INPUT', { message: `${field}: ${message}`, field })
}

/**
 * Makes a provider from its stored settings (secrets in clear).
 * @throws CarillonError as `parseSettings`
 */
export function openProvider(kindName: string, settings: JsonObject, deps: ProviderDeps): Provider {
  const kind = kindOf(kindName)
  return kind.create(readSettings(kind, settings), deps)
}

/**
 * Checks what a caller adds to one message for a provider, before it goes anywhere near it. `field`: where it stands in the input
 * @throws CarillonError BAD_INPUT for the first thing that the kind does not take on that channel, with its field
 */
export function checkExtra(kindName: string, channel: Channel, field: string, extra: JsonObject): void {
  const wrong = wrongExtra(kindOf(kindName).extra(channel), extra)
  if (wrong === null) return
  const path = wrong.path === '' ? field : `${field}.${wrong.path}`
  throw new CarillonError('BAD_INPUT', { field: path, message: `${path}: ${wrong.reason}` })
}

/** The settings as anyone may see them: each secret that is there is replaced by "set". */
export function hideSecrets(kindName: string, settings: JsonObject): JsonObject {
  const { secrets } = kindOf(kindName)
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, secrets.includes(name) ? 'set' : value]))
}
