/** Messages to webhooks and chat services, for tests of providers. */
import type { RenderedChat, RenderedSms, RenderedWebhook } from '../../src/channels/provider.ts'

const createdAt = new Date('2026-01-02T03:04:05Z')

/** A chat message that any chat service takes, with what a test wants otherwise. */
export const chat = (changes: Partial<RenderedChat> = {}): RenderedChat => ({
  channel: 'CHAT',
  messageId: '0199c1de-0000-7000-8000-000000000004',
  address: 'https://chat.example/hooks/T1/B2?a=%2Fb',
  channelName: null,
  body: 'Hello Anna',
  createdAt,
  ...changes,
})

/** A webhook call. */
export const call = (changes: Partial<RenderedWebhook> = {}): RenderedWebhook => ({
  channel: 'WEBHOOK',
  messageId: '0199c1de-0000-7000-8000-000000000005',
  address: 'https://receiver.example/in',
  body: { order: 7, name: 'Änna' },
  createdAt,
  ...changes,
})

/** A text message. */
export const sms = (changes: Partial<RenderedSms> = {}): RenderedSms => ({
  channel: 'SMS',
  messageId: '0199c1de-0000-7000-8000-000000000006',
  address: '+1 (415) 555-0100',
  type: 'SMS',
  title: null,
  body: 'Hello Anna',
  createdAt,
  ...changes,
})
