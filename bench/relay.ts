/**
 * The far end of B6: listens to CHANNELS channels over our bus or (MODE=bare) with one ioredis connection, and says after each ROUND
 * messages what their numbers sum up to: a lost one or a repeated one shows.
 */
import { Redis } from 'ioredis'
import type { Signal } from '../src/domain/words.ts'
import { silentLog } from '../src/log.ts'
import { createRedisBus } from '../src/signals/redis.ts'
import { channelAt } from './signal.ts'

/** Channels of one SUBSCRIBE. */
const SUBSCRIBE_CHUNK = 1_000
const url = process.env['REDIS_URL'] ?? ''
const channels = Array.from({ length: Number(process.env['CHANNELS']) }, (_unused, channel) => channelAt(channel))
const round = Number(process.env['ROUND'])
const say = (line: string): void => void process.stdout.write(`${line}\n`)

let received = 0
let sum = 0
const count = (n: number): void => {
  sum += n
  if (++received % round !== 0) return
  say(`round ${received / round} sum ${sum};`)
  sum = 0
}

if (process.env['MODE'] === 'bare') {
  const redis = new Redis(url)
  redis.on('message', (_channel, text) => count(Number.parseInt(text, 10)))
  for (let from = 0; from < channels.length; from += SUBSCRIBE_CHUNK)
    await redis.subscribe(...channels.slice(from, from + SUBSCRIBE_CHUNK))
} else {
  const bus = createRedisBus(url, { log: silentLog })
  let gaps = 0
  bus.onGap(() => say(`gap ${++gaps};`))
  while (!bus.isConnected()) await new Promise((resolve) => setTimeout(resolve, 5))
  // What a reader of its own takes from: here it is emptied at once.
  const queue: Signal[] = []
  const take = (signal: Signal): void => {
    queue.push(signal)
    for (const one of queue.splice(0)) if (one.topic === 'feed') count(one.changes[0]?.seq ?? Number.NaN)
  }
  await Promise.all(channels.map((channel) => bus.subscribe(channel, take)))
}
say('ready .')
