/** The signals of B6: a message that arrived in a feed, as a mutation publishes it. */
import type { FeedMessage, Signal } from '../src/words.ts'

const projectId = '00000000-0000-7000-8000-000000000000'
const contactIdOf = (channel: number): string => `00000000-0000-7000-9000-${channel.toString(16).padStart(12, '0')}`

/** The name of channel number `channel`. */
export const channelAt = (channel: number): `feed:${string}:${string}` => `feed:${projectId}:${contactIdOf(channel)}`

/** Signal number `n`, for channel number `channel`. */
export function signalAt(n: number, channel: number): Signal {
  const at = '2030-01-01T00:00:00.000Z'
  const contactId = contactIdOf(channel)
  const ids = { projectId, contactId, id: contactIdOf(n), notificationId: contactIdOf(n), transactionId: contactIdOf(n) }
  const message: FeedMessage = {
    ...ids,
    templateKey: 'bench',
    status: 'DELIVERED',
    feed: 'default',
    title: 'Your order',
    body: 'It is on its way.',
    iconUrl: null,
    url: 'https://example.com/orders/1',
    actor: null,
    data: { n },
    count: 1,
    actions: [],
    arrivedSeq: n,
    listedSeq: n,
    changedSeq: n,
    seenAt: null,
    readAt: null,
    archivedAt: null,
    snoozedUntil: null,
    deletedAt: null,
    sentAt: at,
    createdAt: at,
    updatedAt: at,
  }
  return { topic: 'feed', projectId, contactId, changes: [{ seq: n, kind: 'RECEIVED', message, counts: { default: [1, 1] } }] }
}
