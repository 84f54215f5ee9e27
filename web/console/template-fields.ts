/** The content fields of each channel, as data. */
import type { Channel } from '../generated/graphql.ts'

/** The control of a field. */
export type FieldKind = 'line' | 'text' | 'html' | 'json' | 'check' | 'type' | 'action'

/** A content field. */
export interface FieldSpec {
  readonly name: string
  readonly label: string
  readonly kind: FieldKind
  readonly isRequired?: boolean
  /** shown under More options */
  readonly isRare?: boolean
  readonly hint?: string
}

/** The field of `TemplateInput` for a channel's content, and its fields. */
export interface ContentSpec {
  readonly input: 'inApp' | 'email' | 'sms' | 'push' | 'webPush' | 'chat' | 'alimtalk' | 'friendtalk' | 'webhook'
  readonly fields: readonly FieldSpec[]
}

const push: readonly FieldSpec[] = [
  { name: 'title', label: 'Title', kind: 'line', isRequired: true },
  { name: 'body', label: 'Body', kind: 'text', isRequired: true },
  { name: 'url', label: 'Link URL', kind: 'line' },
  { name: 'imageUrl', label: 'Image URL', kind: 'line', isRare: true },
  { name: 'data', label: 'Custom data (JSON)', kind: 'json', isRare: true },
]

/** The content fields of all channels. */
export const contentSpecs = {
  IN_APP: {
    input: 'inApp',
    fields: [
      { name: 'title', label: 'Title', kind: 'line' },
      { name: 'body', label: 'Body', kind: 'text', isRequired: true },
      { name: 'url', label: 'Link URL', kind: 'line' },
      { name: 'iconUrl', label: 'Icon URL', kind: 'line', isRare: true },
      { name: 'primaryAction', label: 'Primary button', kind: 'action', isRare: true },
      { name: 'secondaryAction', label: 'Secondary button', kind: 'action', isRare: true },
    ],
  },
  EMAIL: {
    input: 'email',
    fields: [
      { name: 'subject', label: 'Subject', kind: 'line', isRequired: true },
      { name: 'html', label: 'HTML', kind: 'html' },
      { name: 'text', label: 'Plain text', kind: 'text' },
      { name: 'from', label: 'From', kind: 'line', isRare: true, hint: "Default: the provider's sender" },
      { name: 'replyTo', label: 'Reply-To', kind: 'line', isRare: true },
      { name: 'cc', label: 'Cc', kind: 'line', isRare: true },
      { name: 'bcc', label: 'Bcc', kind: 'line', isRare: true },
    ],
  },
  SMS: {
    input: 'sms',
    fields: [
      { name: 'body', label: 'Body', kind: 'text', isRequired: true },
      { name: 'type', label: 'Type', kind: 'type' },
      { name: 'title', label: 'Title', kind: 'line', isRare: true, hint: 'LMS and MMS only' },
    ],
  },
  PUSH: { input: 'push', fields: push },
  WEB_PUSH: { input: 'webPush', fields: push },
  CHAT: { input: 'chat', fields: [{ name: 'body', label: 'Body', kind: 'text', isRequired: true }] },
  ALIMTALK: {
    input: 'alimtalk',
    fields: [
      { name: 'templateCode', label: 'Template code', kind: 'line', isRequired: true },
      { name: 'body', label: 'Body (preview only)', kind: 'text' },
    ],
  },
  FRIENDTALK: {
    input: 'friendtalk',
    fields: [
      { name: 'body', label: 'Body', kind: 'text', isRequired: true },
      { name: 'isAd', label: 'Advertisement', kind: 'check' },
    ],
  },
  WEBHOOK: {
    input: 'webhook',
    fields: [{ name: 'body', label: 'Body (JSON with Liquid)', kind: 'json', isRequired: true }],
  },
} satisfies Record<Channel, ContentSpec>

/** The content fields of a channel. */
export const specOf = (channel: Channel): ContentSpec => contentSpecs[channel]
