/** The kinds of providers, and the settings that most need. What is not here is typed as JSON; the server knows all of them. */
import type { Channel } from '../generated/graphql.ts'

/** A setting. */
export interface Setting {
  readonly name: string
  readonly label: string
  readonly type: 'text' | 'secret' | 'long' | 'number' | 'yes'
  readonly hint?: string
}

/** A kind. */
export interface Kind {
  readonly name: string
  readonly label: string
  readonly channels: readonly Channel[]
  readonly settings: readonly Setting[]
}

const text = (name: string, label: string, hint?: string): Setting => ({
  name,
  label,
  type: 'text',
  ...(hint === undefined ? {} : { hint }),
})
const secret = (name: string, label: string): Setting => ({ name, label, type: 'secret' })
const long = (name: string, label: string): Setting => ({ name, label, type: 'long' })

const outbound: readonly Channel[] = ['EMAIL', 'SMS', 'PUSH', 'WEB_PUSH', 'CHAT', 'ALIMTALK', 'FRIENDTALK', 'WEBHOOK']

/** All kinds. */
export const kinds: readonly Kind[] = [
  {
    name: 'capture',
    label: 'Capture: sends nothing, keeps it to look at',
    channels: outbound,
    settings: [{ name: 'delayMs', label: 'Milliseconds it takes', type: 'number' }],
  },
  {
    ...{ name: 'smtp', label: 'SMTP', channels: ['EMAIL'] },
    settings: [
      text('host', 'Host'),
      { name: 'port', label: 'Port', type: 'number', hint: '587 unless you say otherwise' },
      text('from', 'From', 'Shop <shop@example.com>'),
      text('user', 'User'),
      secret('password', 'Password'),
      { name: 'secure', label: 'TLS from the first byte (port 465)', type: 'yes' },
      { name: 'requireTls', label: 'Send nothing without TLS', type: 'yes' },
    ],
  },
  {
    ...{ name: 'twilio', label: 'Twilio', channels: ['SMS'] },
    settings: [
      text('accountSid', 'Account SID'),
      secret('authToken', 'Auth token'),
      text('from', 'From', 'A number, a short code or a name'),
      text('messagingServiceSid', 'Messaging service SID', 'instead of From'),
    ],
  },
  {
    ...{ name: 'nhn-sms', label: 'NHN Cloud SMS', channels: ['SMS'] },
    settings: [
      text('appKey', 'App key'),
      secret('secretKey', 'Secret key'),
      text('from', 'From', 'A number registered with NHN'),
      secret('webhookSignature', 'Signature of the webhook'),
    ],
  },
  {
    ...{ name: 'nhn-kakao', label: 'NHN Cloud KakaoTalk', channels: ['ALIMTALK', 'FRIENDTALK'] },
    settings: [
      text('appKey', 'App key'),
      secret('secretKey', 'Secret key'),
      text('senderKey', 'Sender key'),
      secret('webhookSignature', 'Signature of the webhook'),
    ],
  },
  {
    ...{ name: 'solapi', label: 'SOLAPI', channels: ['SMS', 'ALIMTALK', 'FRIENDTALK'] },
    settings: [
      text('apiKey', 'API key'),
      secret('apiSecret', 'API secret'),
      text('from', 'From', 'A number registered with SOLAPI; for SMS'),
      text('pfId', 'Id of the KakaoTalk channel', 'for Alimtalk and Friendtalk'),
      secret('webhookSecret', 'Secret of the webhook'),
    ],
  },
  {
    name: 'fcm',
    label: 'Firebase Cloud Messaging',
    channels: ['PUSH'],
    settings: [long('serviceAccount', 'Key file of the service account (JSON)')],
  },
  {
    ...{ name: 'apns', label: 'Apple Push Notification service', channels: ['PUSH'] },
    settings: [
      text('teamId', 'Team id'),
      text('keyId', 'Key id'),
      long('privateKey', 'Private key (.p8)'),
      text('topic', "The app's bundle id"),
      text('baseUrl', 'Address', 'for the sandbox'),
    ],
  },
  {
    ...{ name: 'web-push', label: 'Web push', channels: ['WEB_PUSH'] },
    settings: [
      text('publicKey', 'Public VAPID key'),
      secret('privateKey', 'Private VAPID key'),
      text('subject', 'Subject', 'mailto:a@b.c, or an https address'),
    ],
  },
  { name: 'slack', label: 'Slack', channels: ['CHAT'], settings: [] },
  { name: 'discord', label: 'Discord', channels: ['CHAT'], settings: [] },
  { name: 'mattermost', label: 'Mattermost', channels: ['CHAT'], settings: [] },
  { name: 'msteams', label: 'Microsoft Teams', channels: ['CHAT'], settings: [] },
  {
    ...{ name: 'webhook', label: 'Webhook', channels: ['WEBHOOK'] },
    settings: [
      text('url', 'Address', 'for contacts that name none'),
      secret('secret', 'Secret (whsec_…)'),
      secret('authorization', 'Authorization header'),
    ],
  },
]

/** The kind of a name; one that this page does not know has its settings as JSON alone. */
export const kindOf = (name: string): Kind =>
  kinds.find((kind) => kind.name === name) ?? { name, label: name, channels: outbound, settings: [] }
