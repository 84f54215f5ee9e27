/** Novu's names for the kinds of providers. Typed clients know no others. */
import type { Channel } from '../words.ts'
import { type ChannelName, channelNameOf } from './novu-values.ts'

/** Those that answers may have. */
export const providerIds = [
  'nodemailer',
  'email-webhook',
  'twilio',
  'generic-sms',
  'fcm',
  'apns',
  'push-webhook',
  'slack',
  'discord',
  'mattermost',
  'msteams',
  'novu',
] as const
type ProviderId = (typeof providerIds)[number]

const isProviderId = (kind: string): kind is ProviderId => providerIds.some((one) => one === kind)

/** A message that no provider was asked for yet, or one of a kind without a name there. */
const byChannel = {
  in_app: 'novu',
  email: 'email-webhook',
  sms: 'generic-sms',
  push: 'push-webhook',
  chat: 'slack',
} as const satisfies Record<ChannelName, ProviderId>

/** The nearest name of a kind of provider. `kind` null: none was asked yet */
export function providerNameOf(kind: string | null, channel: Channel): ProviderId {
  if (kind === 'smtp') return 'nodemailer'
  return kind !== null && isProviderId(kind) ? kind : byChannel[channelNameOf[channel]]
}
