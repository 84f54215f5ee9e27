/** Pub/sub between processes, over Redis. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { RedisPubSub } from 'graphql-redis-subscriptions'
import { Redis, type RedisOptions } from 'ioredis'
import type { Log } from '../log.ts'
import type { Signal } from '../words.ts'
import { channelOf, type SignalBus, type SignalChannel } from './bus.ts'
import { createInProcessBus } from './in-process.ts'
import { engineClient } from './redis-engine.ts'
import { createSigner, SIGNATURE_LENGTH, type SignalKeys } from './signature.ts'

// A connection whose command has not been answered for this long is closed and opened again.
const SILENCE_MS = 4_000
const PING_EVERY_MS = 10_000
const RETRY_MAX_MS = 2_000
const QUIT_WITHIN_MS = 500
// How much may be waiting for a Redis that does not respond. Beyond that, signals are dropped, and the other processes are notified of a gap.
const UNANSWERED_MAX_BYTES = 16 * 1024 * 1024
const SUBSCRIBE_CHUNK = 500
/** Signals are sent, and lost, in batches of at most this many, or this many bytes. */
const BATCH = 500
const BATCH_BYTES = 256 * 1024
const GAP = 'gap'
const WARN_EVERY_MS = 60_000
const GAP_RETRY_MS = 20
type Message = readonly [channel: SignalChannel | typeof GAP, text: string]

const options = {
  connectTimeout: 3_000,
  socketTimeout: SILENCE_MS,
  keepAlive: 10_000,
  retryStrategy: (attempt: number) => Math.min(RETRY_MAX_MS, 50 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2),
  // Nothing is queued while Redis is unavailable: a late signal is worthless, and the other processes are notified of the gap.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // Done below, so that it includes channels requested while Redis was unavailable.
  autoResubscribe: false,
} satisfies RedisOptions

/**
 * Creates a bus over Redis, which may be unavailable, now or later. Listeners of this process are called directly, never through Redis,
 * so that they receive every signal once, whatever Redis does; signals that come back from Redis with this process's id are dropped.
 * @param settings.keys sign the messages, and verify those of other processes: one without a valid signature is dropped
 * @param settings.onRefused is called for each message that was dropped
 * @param settings.prefix prefix of every channel's name, so that several installations can share one Redis
 */
export function createRedisBus(
  url: string,
  settings: { log: Log; keys: SignalKeys; onRefused?: () => void; prefix?: string },
): SignalBus {
  const { log, keys, onRefused, prefix = 'carillon:' } = settings
  const local = createInProcessBus({ log })
  const head = `{"from":"${randomUUID()}",`
  const signer = createSigner(keys)
  const publisher = new Redis(url, options)
  const subscriber = new Redis(url, options)
  const client = engineClient(publisher, subscriber)
  const engine = new RedisPubSub({
    publisher: client,
    subscriber: client,
    deserializer: (given, context) => {
      const message = typeof given === 'string' ? given : given.toString()
      // What comes back from this process is dropped in any case, so it is not verified.
      if (message.startsWith(head, SIGNATURE_LENGTH)) return null
      const text = signer.verify(context?.channel ?? '', message)
      if (text === null) {
        refuse()
        return null
      }
      return JSON.parse(text)
    },
  })
  /** The channels subscribed to in Redis: how many listeners each has, and RedisPubSub's id of the subscription. */
  const wanted = new Map<SignalChannel | typeof GAP, { listeners: number; readonly id: Promise<number> }>()
  const gapListeners = new Set<() => void>()
  let isSubscribed = false
  let isUnavailable = false
  let isClosed = false
  let unansweredBytes = 0
  /** signals were lost, and the other processes have not been notified yet */
  let hasGap = false

  let warnedAt = Number.NEGATIVE_INFINITY
  const refuse = (): void => {
    onRefused?.()
    if (performance.now() - warnedAt < WARN_EVERY_MS) return
    warnedAt = performance.now()
    log.warn('A message in Redis was not signed with the secret of this server, and is ignored')
  }

  const isConnected = (): boolean => !isClosed && isSubscribed && publisher.status === 'ready'

  const notifyGapListeners = (): void => {
    for (const listener of [...gapListeners]) {
      try {
        listener()
      } catch (error) {
        log.error('A gap listener threw an error', {
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        })
      }
    }
  }

  const receive = (channel: SignalChannel | typeof GAP) => (envelope: unknown) => {
    if (isClosed || typeof envelope !== 'object' || envelope === null) return
    if (channel === GAP) notifyGapListeners()
    else if ('signal' in envelope && isSignalOf(channel, envelope.signal)) local.publish([envelope.signal])
  }

  /** Publishes a batch in one pipeline, which has a single answer. */
  const send = (messages: readonly Message[]): void => {
    const bytes = messages.reduce((sum, [, text]) => sum + text.length, 0)
    if (publisher.status !== 'ready' || unansweredBytes + bytes > UNANSWERED_MAX_BYTES) {
      hasGap = true
      // If nothing is in flight, no answer will come that would trigger this.
      publishGap()
      return
    }
    unansweredBytes += bytes
    const pipeline = publisher.pipeline()
    for (const [channel, text] of messages) pipeline.publish(prefix + channel, signer.sign(prefix + channel, text))
    const answered = (isLost: boolean): void => {
      unansweredBytes -= bytes
      // They may or may not have arrived: the other processes compare their feeds.
      hasGap ||= isLost
      // Not at once: a connection that was cut refuses every command until its end is noticed, which takes a turn of the event loop.
      if (isLost) setTimeout(publishGap, GAP_RETRY_MS).unref()
      else publishGap()
    }
    pipeline.exec().then(
      (answers) => answered(answers?.some(([error]) => error !== null) ?? true),
      () => answered(true),
    )
  }

  /** Notifies the other processes that signals of this one were lost, as soon as that is possible. */
  const publishGap = (): void => {
    if (isClosed || !hasGap || unansweredBytes > 0 || publisher.status !== 'ready') return
    hasGap = false
    send([[GAP, `${head}"gap":true}`]])
  }

  const onConnectionLost = (error?: Error): void => {
    if (isClosed || isUnavailable || isConnected()) return
    isUnavailable = true
    log.warn(
      'Redis is unavailable: until it is available again, signals do not reach other processes',
      error === undefined ? {} : { error: error.message },
    )
  }

  const onConnected = (): void => {
    if (!isConnected()) return
    if (isUnavailable) log.info('Redis is available again')
    isUnavailable = false
  }

  const resubscribe = async (): Promise<void> => {
    const names = [...wanted.keys()].map((channel) => prefix + channel)
    const chunks = Array.from({ length: Math.ceil(names.length / SUBSCRIBE_CHUNK) }, (_, chunk) =>
      names.slice(chunk * SUBSCRIBE_CHUNK, (chunk + 1) * SUBSCRIBE_CHUNK),
    )
    try {
      // All are written before the first answer arrives, so an unsubscribe called meanwhile is sent after them.
      await Promise.all(chunks.map((chunk) => subscriber.subscribe(...chunk)))
    } catch (error) {
      // Either the connection was lost, and the next one subscribes again; or Redis refuses (its user has no permission for a channel).
      if (isClosed || subscriber.status !== 'ready') return
      onConnectionLost(error instanceof Error ? error : undefined)
      setTimeout(() => {
        if (!isClosed && !isSubscribed && subscriber.status === 'ready') void resubscribe()
      }, RETRY_MAX_MS).unref()
      return
    }
    isSubscribed = true
    onConnected()
    notifyGapListeners()
  }

  let reason: Error | undefined
  for (const connection of [publisher, subscriber]) {
    connection.on('error', (error: Error) => {
      reason = error
      onConnectionLost(error)
    })
    connection.on('close', () => {
      if (connection === subscriber) isSubscribed = false
      onConnectionLost(reason)
      reason = undefined
    })
  }
  publisher.on('ready', () => {
    onConnected()
    publishGap()
  })
  subscriber.on('ready', () => void resubscribe())
  wanted.set(GAP, { listeners: 1, id: engine.subscribe(prefix + GAP, receive(GAP)) })

  // A connection that died without being closed is noticed when a command stays unanswered, so there must be commands.
  const pinging = setInterval(() => {
    for (const connection of [publisher, subscriber]) if (connection.status === 'ready') connection.ping().catch(() => {})
  }, PING_EVERY_MS)
  pinging.unref()

  return {
    publish(signals) {
      if (isClosed) return
      local.publish(signals)
      let batch: Message[] = []
      let bytes = 0
      for (const [index, signal] of signals.entries()) {
        const text = `${head}"signal":${JSON.stringify(signal)}}`
        batch.push([channelOf(signal), text])
        bytes += text.length
        if (batch.length < BATCH && bytes < BATCH_BYTES && index < signals.length - 1) continue
        send(batch)
        batch = []
        bytes = 0
      }
    },
    async subscribe(channel, onSignal) {
      const endLocal = await local.subscribe(channel, onSignal)
      const entry = wanted.get(channel) ?? { listeners: 0, id: engine.subscribe(prefix + channel, receive(channel)) }
      wanted.set(channel, entry)
      entry.listeners += 1
      let isEnded = false
      const end = (): void => {
        if (isEnded) return
        isEnded = true
        endLocal()
        entry.listeners -= 1
        if (entry.listeners > 0) return
        if (wanted.get(channel) === entry) wanted.delete(channel)
        void entry.id.then((id) => engine.unsubscribe(id))
      }
      await entry.id
      return end
    },
    // Those of other processes are not known here.
    mayHaveListeners: () => !isClosed,
    onGap(listener) {
      const registered = (): void => listener()
      gapListeners.add(registered)
      return () => void gapListeners.delete(registered)
    },
    isImmediate: false,
    isConnected,
    async close() {
      if (isClosed) return
      isClosed = true
      clearInterval(pinging)
      await local.close()
      // Signals published just before may still leave, unless that takes too long.
      if (publisher.status === 'ready') {
        const done = new AbortController()
        await Promise.race([
          publisher.quit().catch(() => {}),
          sleep(QUIT_WITHIN_MS, undefined, { signal: done.signal }).catch(() => {}),
        ])
        done.abort()
      }
      publisher.disconnect()
      subscriber.disconnect()
    },
  }
}

// What arrives was signed by a server of the same installation; its version may be another.
const isSignalOf = (channel: SignalChannel, value: unknown): value is Signal =>
  typeof value === 'object' && value !== null && 'topic' in value && channelOf(value as Signal) === channel
