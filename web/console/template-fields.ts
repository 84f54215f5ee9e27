/** What can be said on each channel: the fields of its contents, as data. */
import type { Channel } from '../generated/graphql.ts'

/** How a field is typed. */
export type FieldKind = 'line' | 'text' | 'html' | 'json' | 'check' | 'type' | 'action'

/** A field of a content. */
export interface FieldSpec {
  readonly name: string
  readonly label: string
  readonly kind: FieldKind
  readonly isRequired?: boolean
  /** seldom wanted: out of the way */
  readonly isRare?: boolean
  readonly hint?: string
}

/** The name of a channel's contents in `TemplateInput`, and what they are made of. */
export interface ContentSpec {
  readonly input: 'inApp' | 'email' | 'sms' | 'push' | 'webPush' | 'chat' | 'alimtalk' | 'friendtalk' | 'webhook'
  readonly fields: readonly FieldSpec[]
}

const push: readonly FieldSpec[] = [
  { name: 'title', label: 'Title', kind: 'line', isRequired: true },
  { name: 'body', label: 'Text', kind: 'text', isRequired: true },
  { name: 'url', label: 'Where a click leads', kind: 'line' },
  { name: 'imageUrl', label: 'Picture', kind: 'line', isRare: true },
  { name: 'data', label: 'Data for the app', kind: 'json', isRare: true },
]

/** All channels. */
export const contentSpecs = {
  IN_APP: {
    input: 'inApp',
    fields: [
      { name: 'title', label: 'Title', kind: 'line' },
      { name: 'body', label: 'Text', kind: 'text', isRequired: true },
      { name: 'url', label: 'Where a click leads', kind: 'line' },
      { name: 'iconUrl', label: 'Icon', kind: 'line', isRare: true },
      { name: 'primaryAction', label: 'First button', kind: 'action', isRare: true },
      { name: 'secondaryAction', label: 'Second button', kind: 'action', isRare: true },
    ],
  },
  EMAIL: {
    input: 'email',
    fields: [
      { name: 'subject', label: 'Subject', kind: 'line', isRequired: true },
      { name: 'html', label: 'HTML', kind: 'html' },
      { name: 'text', label: 'Plain text', kind: 'text' },
      { name: 'from', label: 'From', kind: 'line', isRare: true, hint: "Left empty: the provider's own" },
      { name: 'replyTo', label: 'Reply to', kind: 'line', isRare: true },
      { name: 'cc', label: 'Cc', kind: 'line', isRare: true },
      { name: 'bcc', label: 'Bcc', kind: 'line', isRare: true },
    ],
  },
  SMS: {
    input: 'sms',
    fields: [
      { name: 'body', label: 'Text', kind: 'text', isRequired: true },
      { name: 'type', label: 'Kind', kind: 'type' },
      { name: 'title', label: 'Title', kind: 'line', isRare: true, hint: 'LMS and MMS only' },
    ],
  },
  PUSH: { input: 'push', fields: push },
  WEB_PUSH: { input: 'webPush', fields: push },
  CHAT: { input: 'chat', fields: [{ name: 'body', label: 'Text', kind: 'text', isRequired: true }] },
  ALIMTALK: {
    input: 'alimtalk',
    fields: [
      { name: 'templateCode', label: 'Code of the registered template', kind: 'line', isRequired: true },
      { name: 'body', label: 'Text, to show here', kind: 'text' },
    ],
  },
  FRIENDTALK: {
    input: 'friendtalk',
    fields: [
      { name: 'body', label: 'Text', kind: 'text', isRequired: true },
      { name: 'isAd', label: 'It is an advertisement', kind: 'check' },
    ],
  },
  WEBHOOK: {
    input: 'webhook',
    fields: [{ name: 'body', label: 'Body (JSON; its strings are Liquid)', kind: 'json', isRequired: true }],
  },
} satisfies Record<Channel, ContentSpec>

/** What a channel's contents are made of. */
export const specOf = (channel: Channel): ContentSpec => contentSpecs[channel]
