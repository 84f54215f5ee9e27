/** Adapts ioredis for graphql-redis-subscriptions. */
import type { PubSubRedisOptions } from 'graphql-redis-subscriptions'
import type { Redis } from 'ioredis'

/** The type of client that RedisPubSub requires. */
export type EngineClient = NonNullable<PubSubRedisOptions['publisher']>

// RedisPubSub's types require a whole client of another version of ioredis; it uses only these few methods.
const isEngineClient = (client: object): client is EngineClient => 'publish' in client && 'subscribe' in client

/**
 * The bus's two connections in the form that RedisPubSub requires. The bus publishes past it, in batches. RedisPubSub does not catch
 * rejections of subscribe and unsubscribe, which would end the process when Redis becomes unavailable: here they never reject. A channel
 * requested while there is no connection counts as subscribed, since the bus subscribes to it as soon as there is a connection.
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
    // RedisPubSub calls it with every unsubscribe, for patterns, which the bus never uses.
    punsubscribe: () => {},
  }
  if (!isEngineClient(client)) throw new Error('The client lacks a method that RedisPubSub uses.')
  return client
}
