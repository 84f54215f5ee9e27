/** E-mails for tests of providers. */
import type { RenderedEmail } from '../../src/channels/provider.ts'

/** An e-mail that any provider takes, with what a test wants otherwise. */
export const email = (changes: Partial<RenderedEmail> = {}): RenderedEmail => ({
  channel: 'EMAIL',
  messageId: '0199c1de-0000-7000-8000-000000000001',
  address: 'anna@example.com',
  from: null,
  replyTo: null,
  cc: [],
  bcc: [],
  subject: 'Hello',
  text: 'Hello Anna',
  html: null,
  unsubscribeUrl: null,
  createdAt: new Date('2026-01-01T00:00:00Z'),
  dueAt: new Date('2026-01-02T03:04:05Z'),
  ...changes,
})
