/**
 * The receiver of B6: subscribes to CHANNELS channels over our bus or (MODE=bare) with one ioredis connection. After every ROUND messages it
 * prints the sum of their numbers, which reveals lost and repeated messages.
 */
import { Redis } from 'ioredis'
import { silentLog } from '../src/log.ts'
import { createRedisBus } from '../src/signals/redis.ts'
import type { Signal } from '../src/words.ts'
import { channelAt } from './signal.ts'

/** Channels per SUBSCRIBE. */
const SUBSCRIBE_CHUNK = 1_000
const url = process.env['REDIS_URL'] ?? ''
const channels = Array.from({ length: Number(process.env['CHANNELS']) }, (_unused, channel) => channelAt(channel))
const round = Number(process.env['ROUND'])
const print = (line: string): void => void process.stdout.write(`${line}\n`)

let received = 0
let sum = 0
const count = (n: number): void => {
  sum += n
  if (++received % round !== 0) return
  print(`round ${received / round} sum ${sum};`)
  sum = 0
}

if (process.env['MODE'] === 'bare') {
  const redis = new Redis(url)
  redis.on('message', (_channel, text) => count(Number.parseInt(text, 10)))
  for (let from = 0; from < channels.length; from += SUBSCRIBE_CHUNK)
    await redis.subscribe(...channels.slice(from, from + SUBSCRIBE_CHUNK))
} else {
  const bus = createRedisBus(url, { log: silentLog, keys: [new Uint8Array(32)] })
  let gaps = 0
  bus.onGap(() => print(`gap ${++gaps};`))
  while (!bus.isConnected()) await new Promise((resolve) => setTimeout(resolve, 5))
  // As in the server, signals go through a queue; here it is emptied at once.
  const queue: Signal[] = []
  const take = (signal: Signal): void => {
    queue.push(signal)
    for (const one of queue.splice(0)) if (one.topic === 'feed') count(one.changes[0]?.seq ?? Number.NaN)
  }
  await Promise.all(channels.map((channel) => bus.subscribe(channel, take)))
}
print('ready .')
