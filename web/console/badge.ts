/** Labels of statuses and channels. Their colour repeats what the text says. */
import { html, type TemplateResult } from 'lit'
import type { Channel, MessageStatus } from '../generated/graphql.ts'

type Tone = 'good' | 'bad' | 'warn' | 'live' | ''

const statuses = {
  SCHEDULED: ['Scheduled', 'live'],
  QUEUED: ['Queued', 'live'],
  SENDING: ['Sending', 'live'],
  SENT: ['Sent', 'good'],
  DELIVERED: ['Delivered', 'good'],
  FAILED: ['Failed', 'bad'],
  SKIPPED: ['Skipped', ''],
  CANCELED: ['Canceled', ''],
  UNKNOWN: ['Unknown', 'warn'],
} satisfies Record<MessageStatus, readonly [string, Tone]>

const channels = {
  IN_APP: 'In-app',
  EMAIL: 'E-mail',
  SMS: 'SMS',
  PUSH: 'Push',
  WEB_PUSH: 'Web push',
  CHAT: 'Chat',
  ALIMTALK: 'Alimtalk',
  FRIENDTALK: 'Friendtalk',
  WEBHOOK: 'Webhook',
} satisfies Record<Channel, string>

/** All statuses, in the order of a message's lifecycle. */
export const statusNames = Object.keys(statuses) as MessageStatus[]
/** All channels. */
export const channelNames = Object.keys(channels) as Channel[]

/** The display name of a channel. */
export const channelLabel = (channel: Channel): string => channels[channel]
/** The display name of a status. */
export const statusLabel = (status: MessageStatus): string => statuses[status][0]

/** A short text with a colour. */
export const badge = (text: string, tone: Tone = ''): TemplateResult => html`<span class="badge ${tone}">${text}</span>`

/** A message's status. */
export const statusBadge = (status: MessageStatus): TemplateResult => badge(statuses[status][0], statuses[status][1])

/** A channel and the status of its message: "E-mail sent". */
export const messageBadge = (channel: Channel, status: MessageStatus): TemplateResult =>
  html`<span class="badge ${statuses[status][1]}" title="${channels[channel]}: ${statuses[status][0]}"
    >${channels[channel]} ${statuses[status][0].toLowerCase()}</span
  >`

/** Active or inactive. */
export const activeBadge = (isActive: boolean): TemplateResult => (isActive ? badge('Active', 'good') : badge('Inactive'))
