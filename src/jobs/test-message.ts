/** The message that a test of a provider sends. */
import type { Rendered } from '../channels/provider.ts'
import { CarillonError } from '../errors.ts'
import type { Channel } from '../words.ts'

const TITLE = 'Test message from Carillon'
const TEXT = 'This is a test message from Carillon. The provider works.'

/** @returns a test message for an address of the channel @throws CHANNEL_UNSUPPORTED in-app, which has no providers */
export function testMessage(channel: Channel, messageId: string, to: string): Rendered {
  const createdAt = new Date()
  const base = { messageId, address: to, createdAt }
  const nobody = { from: null, replyTo: null, cc: [], bcc: [], unsubscribeUrl: null, dueAt: createdAt }
  const push = { ...base, title: TITLE, body: TEXT, imageUrl: null, url: null, data: {} }
  const messages = {
    EMAIL: { ...base, ...nobody, channel: 'EMAIL', subject: TITLE, text: TEXT, html: null },
    SMS: { ...base, channel: 'SMS', type: 'SMS', title: null, body: TEXT },
    PUSH: { ...push, channel: 'PUSH' },
    WEB_PUSH: { ...push, channel: 'WEB_PUSH' },
    CHAT: { ...base, channel: 'CHAT', channelName: null, body: TEXT },
    // A registered template can't be invented: the vendor refuses this code, and its answer shows whether the account works.
    ALIMTALK: { ...base, channel: 'ALIMTALK', templateCode: 'test', body: TEXT, parameters: {} },
    FRIENDTALK: { ...base, channel: 'FRIENDTALK', body: TEXT, isAd: false },
    WEBHOOK: { ...base, channel: 'WEBHOOK', body: { type: 'test', text: TEXT } },
  } satisfies Record<Exclude<Channel, 'IN_APP'>, Rendered>
  if (channel === 'IN_APP')
    throw new CarillonError('CHANNEL_UNSUPPORTED', { field: 'provider', message: 'The feed has no providers.' })
  return messages[channel]
}
