/** What graphql-redis-subscriptions is given for its Redis client. */
import type { PubSubRedisOptions } from 'graphql-redis-subscriptions'
import type { Redis } from 'ioredis'

/** The client that RedisPubSub asks for. */
export type EngineClient = NonNullable<PubSubRedisOptions['publisher']>

// The engine's types name a client of its own, whole; it uses these few methods.
const fits = (client: object): client is EngineClient => 'publish' in client && 'subscribe' in client

/**
 * Our two connections as RedisPubSub sees them; what is published goes out in pieces, past it. That library leaves rejections of subscribe and unsubscribe to nobody, which would end
 * the process when Redis goes: here they never reject. A channel that is asked for while there is no connection counts as
 * subscribed; it is once there is one.
 */
export function engineClient(publisher: Redis, subscriber: Redis): EngineClient {
  const isReady = (): boolean => subscriber.status === 'ready'
  const client: object = {
    publish: (channel: string, text: string) => publisher.publish(channel, text),
    on: (event: string, listener: (channel: string, text: string) => void) => subscriber.on(event, listener),
    subscribe: (channel: string, done: (error: null) => void) => {
      const answered = isReady() ? subscriber.subscribe(channel).catch(() => {}) : Promise.resolve()
      void answered.then(() => done(null))
    },
    unsubscribe: (channel: string) => {
      if (isReady()) subscriber.unsubscribe(channel).catch(() => {})
    },
    // Sent with every unsubscribe, for patterns that we never use.
    punsubscribe: () => {},
  }
  if (!fits(client)) throw new Error('The client lacks what RedisPubSub uses.')
  return client
}
