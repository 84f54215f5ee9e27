/** The echo between processes, over Redis. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { RedisPubSub } from 'graphql-redis-subscriptions'
import { Redis, type RedisOptions } from 'ioredis'
import type { Signal } from '../domain/words.ts'
import type { Log } from '../log.ts'
import { channelOf, type SignalBus, type SignalChannel } from './bus.ts'
import { createInProcessBus } from './in-process.ts'
import { engineClient } from './redis-engine.ts'

// A command without an answer for this long: the connection is given up and made anew.
const SILENCE_MS = 4_000
const PING_EVERY_MS = 10_000
const RETRY_MAX_MS = 2_000
const QUIT_WITHIN_MS = 500
// What may be on its way to a Redis that does not take it. More is dropped, and the others are told that there is a gap.
const UNANSWERED_MAX_BYTES = 16 * 1024 * 1024
const SUBSCRIBE_CHUNK = 500
/** Signals that are sent together, and lost together: so many, or of so many bytes. */
const PIECE = 500
const PIECE_BYTES = 256 * 1024
const GAP = 'gap'
type Message = readonly [channel: SignalChannel | typeof GAP, text: string]

const options = {
  connectTimeout: 3_000,
  socketTimeout: SILENCE_MS,
  keepAlive: 10_000,
  retryStrategy: (attempt: number) => Math.min(RETRY_MAX_MS, 50 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2),
  // Nothing waits for Redis: a signal that can't leave now is worth nothing later, and the gap is told.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // Done below, for those channels too that were asked for while Redis was away.
  autoResubscribe: false,
} satisfies RedisOptions

/**
 * Makes a bus over Redis; it may be down, now or later. Listeners of this process are called directly, never by way of Redis,
 * so that they hear everything once, whatever Redis does; what comes back from Redis with our own mark is dropped.
 * @param settings.prefix begins every channel's name, so that several installations may share one Redis
 */
export function createRedisBus(url: string, settings: { log: Log; prefix?: string }): SignalBus {
  const { log, prefix = 'carillon:' } = settings
  const local = createInProcessBus({ log })
  const head = `{"from":"${randomUUID()}",`
  const headBytes = Buffer.from(head)
  const publisher = new Redis(url, options)
  const subscriber = new Redis(url, options)
  const client = engineClient(publisher, subscriber)
  const engine = new RedisPubSub({
    publisher: client,
    subscriber: client,
    deserializer: (bytes) =>
      typeof bytes !== 'string' && bytes.subarray(0, headBytes.length).equals(headBytes) ? null : JSON.parse(bytes.toString()),
  })
  /** What Redis is asked for. One entry a channel: how many listen, and the engine's number for it. */
  const wanted = new Map<SignalChannel | typeof GAP, { listeners: number; readonly id: Promise<number> }>()
  const gapListeners = new Set<() => void>()
  let subscribed = false
  let away = false
  let closed = false
  let unanswered = 0
  let lossy = false

  const isConnected = (): boolean => !closed && subscribed && publisher.status === 'ready'

  const told = (): void => {
    for (const listener of [...gapListeners]) {
      try {
        listener()
      } catch (error) {
        log.error('A listener of gaps threw', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
      }
    }
  }

  const receive = (channel: SignalChannel | typeof GAP) => (envelope: unknown) => {
    if (closed || typeof envelope !== 'object' || envelope === null) return
    if (channel === GAP) told()
    else if ('signal' in envelope && isSignalOf(channel, envelope.signal)) local.publish([envelope.signal])
  }

  /** Sends texts in one piece: an answer is waited for once, however many there are. */
  const send = (messages: readonly Message[]): void => {
    const bytes = messages.reduce((sum, [, text]) => sum + text.length, 0)
    if (publisher.status !== 'ready' || unanswered + bytes > UNANSWERED_MAX_BYTES) {
      lossy = true
      // Where nothing is on its way, no answer will come that says so.
      tellOthers()
      return
    }
    unanswered += bytes
    const pipeline = publisher.pipeline()
    for (const [channel, text] of messages) pipeline.publish(prefix + channel, text)
    const answered = (isLost: boolean): void => {
      unanswered -= bytes
      // They may have arrived or not: the others compare numbers.
      lossy ||= isLost
      tellOthers()
    }
    pipeline.exec().then(
      (answers) => answered(answers?.some(([error]) => error !== null) ?? true),
      () => answered(true),
    )
  }

  /** Our signals were lost: those who wait for them can't know, unless told. */
  const tellOthers = (): void => {
    if (closed || !lossy || unanswered > 0 || publisher.status !== 'ready') return
    lossy = false
    send([[GAP, `${head}"gap":true}`]])
  }

  const lost = (error?: Error): void => {
    if (closed || away || isConnected()) return
    away = true
    log.warn(
      'Redis is away: signals stay within this process until it is back',
      error === undefined ? {} : { error: error.message },
    )
  }

  const back = (): void => {
    if (!isConnected()) return
    if (away) log.info('Redis is back')
    away = false
  }

  const resubscribe = async (): Promise<void> => {
    const names = [...wanted.keys()].map((channel) => prefix + channel)
    const chunks = Array.from({ length: Math.ceil(names.length / SUBSCRIBE_CHUNK) }, (_, chunk) =>
      names.slice(chunk * SUBSCRIBE_CHUNK, (chunk + 1) * SUBSCRIBE_CHUNK),
    )
    try {
      // All are written before the first answer, so an unsubscribe that comes now is behind them.
      await Promise.all(chunks.map((chunk) => subscriber.subscribe(...chunk)))
    } catch (error) {
      // The connection went, and the next one subscribes again; or Redis refuses (a user without the right to a channel).
      if (closed || subscriber.status !== 'ready') return
      lost(error instanceof Error ? error : undefined)
      setTimeout(() => {
        if (!closed && !subscribed && subscriber.status === 'ready') void resubscribe()
      }, RETRY_MAX_MS).unref()
      return
    }
    subscribed = true
    back()
    told()
  }

  let reason: Error | undefined
  for (const connection of [publisher, subscriber]) {
    connection.on('error', (error: Error) => {
      reason = error
      lost(error)
    })
    connection.on('close', () => {
      if (connection === subscriber) subscribed = false
      lost(reason)
      reason = undefined
    })
  }
  publisher.on('ready', () => {
    back()
    tellOthers()
  })
  subscriber.on('ready', () => void resubscribe())
  wanted.set(GAP, { listeners: 1, id: engine.subscribe(prefix + GAP, receive(GAP)) })

  // A peer that went without a word is noticed by its silence, so there must be something to answer.
  const pinging = setInterval(() => {
    for (const connection of [publisher, subscriber]) if (connection.status === 'ready') connection.ping().catch(() => {})
  }, PING_EVERY_MS)
  pinging.unref()

  return {
    publish(signals) {
      if (closed) return
      local.publish(signals)
      let piece: Message[] = []
      let bytes = 0
      for (const [index, signal] of signals.entries()) {
        const text = `${head}"signal":${JSON.stringify(signal)}}`
        piece.push([channelOf(signal), text])
        bytes += text.length
        if (piece.length < PIECE && bytes < PIECE_BYTES && index < signals.length - 1) continue
        send(piece)
        piece = []
        bytes = 0
      }
    },
    async subscribe(channel, onSignal) {
      const endLocal = await local.subscribe(channel, onSignal)
      const entry = wanted.get(channel) ?? { listeners: 0, id: engine.subscribe(prefix + channel, receive(channel)) }
      wanted.set(channel, entry)
      entry.listeners += 1
      let ended = false
      const end = (): void => {
        if (ended) return
        ended = true
        endLocal()
        entry.listeners -= 1
        if (entry.listeners > 0) return
        if (wanted.get(channel) === entry) wanted.delete(channel)
        void entry.id.then((id) => engine.unsubscribe(id))
      }
      await entry.id
      return end
    },
    onGap(listener) {
      const mine = (): void => listener()
      gapListeners.add(mine)
      return () => void gapListeners.delete(mine)
    },
    isImmediate: false,
    isConnected,
    async close() {
      if (closed) return
      closed = true
      clearInterval(pinging)
      await local.close()
      // What was published a moment ago still leaves, if that takes no time.
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

// Whoever may write to our Redis is believed, as whoever may write to our database is: this keeps out accidents only.
const isSignalOf = (channel: SignalChannel, value: unknown): value is Signal =>
  typeof value === 'object' && value !== null && 'topic' in value && channelOf(value as Signal) === channel
