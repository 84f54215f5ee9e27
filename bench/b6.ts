/**
 * B6: signals between processes over Redis, compared with bare ioredis: the cost of a message, and the time to recover from a restart of
 * Redis.
 */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { silentLog } from '../src/log.ts'
import { createRedisBus } from '../src/signals/redis.ts'
import { progressBar } from './bar.ts'
import { compare, exactly, type Measured, type Row } from './harness.ts'
import { channelAt, signalAt } from './signal.ts'
import type { Stack, Started } from './stack.ts'

/** Messages that are published before waiting for the receiver: fewer bytes than the bus buffers for Redis. */
const ROUND = 20_000
/** Messages per call of `publish`. */
const BATCH = 500
const PASS_CHUNK = 1_000
const GIVE_UP_MS = 30_000

/**
 * Runs B6 at each number of channels, prints how the cost of a message grows with that number, and then measures the recovery from a restart
 * of Redis. Needs a redis-server on PATH; without one there are no rows.
 */
export async function b6(stack: Stack, quick: boolean, print: (line: string) => void): Promise<Row[]> {
  const { redisUrl } = stack
  if (redisUrl === null) {
    print('  B6 is left out: there is no redis-server on PATH')
    return []
  }
  const sizes = quick ? [10, 10_000] : [10, 1_000, 100_000]
  const rows: Row[] = []
  for (const channels of sizes) rows.push(await relay(stack, redisUrl, channels, quick, print))
  const [first] = rows
  for (const [index, row] of rows.entries()) {
    if (first === undefined || index === 0) continue
    const growth = (one: 'medianA' | 'medianB') => (first[one] / row[one]).toFixed(2)
    const cpu = (row.extra['publish us'] ?? Number.NaN) / (first.extra['publish us'] ?? Number.NaN)
    print(
      `  B6 growth to ${sizes[index]?.toLocaleString('en')} channels: publish cost x${cpu.toFixed(2)} (at most 1.2), ` +
        `time per message x${growth('medianA')} (bare x${growth('medianB')})`,
    )
  }
  rows.push(await recovery(stack, sizes.at(-1) ?? 0, quick, print))
  return rows
}

/** Waits until the output of a process matches. @returns the first group of the match */
async function waitForOutput(process: Started, what: RegExp): Promise<string> {
  for (const until = performance.now() + GIVE_UP_MS; performance.now() < until; await sleep(1)) {
    const match = what.exec(process.output())
    if (match !== null) return match[1] ?? match[0]
  }
  throw new Error(`Void: B6: ${what} was not printed within ${GIVE_UP_MS} ms: ${process.output().slice(-500)}`)
}

async function relay(
  stack: Stack,
  redisUrl: string,
  channels: number,
  quick: boolean,
  print: (line: string) => void,
): Promise<Row> {
  const rounds = quick ? 1 : 5
  const env = { REDIS_URL: redisUrl, CHANNELS: String(channels), ROUND: String(ROUND) }
  const far = {
    ours: await stack.script('bench/relay.ts', env),
    bare: await stack.script('bench/relay.ts', { ...env, MODE: 'bare' }),
  }
  const bus = createRedisBus(redisUrl, { log: silentLog, keys: [new Uint8Array(32)] })
  while (!bus.isConnected()) await sleep(5)
  const redis = new Redis(redisUrl)
  const signals = Array.from({ length: ROUND }, (_unused, n) => signalAt(n, n % channels))
  const texts = signals.map((signal, n) => ({ channel: channelAt(n % channels), text: `${n} ${JSON.stringify(signal)}` }))
  const bar = progressBar(`  B6 ${channels.toLocaleString('en')} channels`, rounds * ROUND)
  const done = { ours: 0, bare: 0 }

  async function leg(which: keyof typeof far, publish: (from: number) => Promise<unknown>): Promise<Measured> {
    const begun = performance.now()
    let cpuUs = 0
    for (let round = 0; round < rounds; round++) {
      const before = process.cpuUsage()
      for (let from = 0; from < ROUND; from += BATCH) await publish(from)
      const used = process.cpuUsage(before)
      cpuUs += used.user + used.system
      const sum = await waitForOutput(far[which], new RegExp(`round ${++done[which]} sum (\\d+);`))
      exactly(`B6 ${which}, sum of what arrived`, (ROUND * (ROUND - 1)) / 2, Number(sum))
      bar.show((round + 1) * ROUND)
    }
    const seconds = (performance.now() - begun) / 1000
    bar.clear()
    return { value: (rounds * ROUND) / seconds, extra: { 'publish us': cpuUs / (rounds * ROUND) } }
  }

  const row = await compare(
    {
      name: `B6 relay, ${channels.toLocaleString('en')} channels`,
      a: 'bus to bus, one process to another',
      b: 'ioredis pipeline, one subscriber',
      unit: 'messages/s',
      floor: 0.4,
      goal: 0.8,
      prepare: async () => {},
      cpu: stack.cpu({ 'far ours': far.ours, 'far bare': far.bare }),
      runA: () =>
        leg('ours', async (from) => {
          bus.publish(signals.slice(from, from + BATCH))
          // As between two jobs: yields, so that what was published is sent.
          await setImmediate()
        }),
      runB: () =>
        leg('bare', (from) => {
          const pipeline = redis.pipeline()
          for (const { channel, text } of texts.slice(from, from + BATCH)) pipeline.publish(channel, text)
          return pipeline.exec()
        }),
    },
    quick ? 4 : 6,
    print,
  )
  redis.disconnect()
  await Promise.all([bus.close(), far.ours.stop(), far.bare.stop()])
  return row
}

/** Measures the recovery when Redis is stopped and started again, empty, on the same port. */
async function recovery(stack: Stack, channels: number, quick: boolean, print: (line: string) => void): Promise<Row> {
  let redis = await stack.redis()
  if (redis === null) throw new Error('There was a redis-server a moment ago')
  const { port, url } = redis
  const far = await stack.script('bench/relay.ts', { REDIS_URL: url, CHANNELS: String(channels), ROUND: String(ROUND) })
  // Whether the first connection counts as a gap depends on whether Redis was ready before the bus connected.
  let gaps = Number(/gap (\d+);(?![\s\S]*gap)/.exec(far.output())?.[1] ?? 0)

  async function reconnect(): Promise<Measured> {
    await redis?.stop()
    redis = await stack.redis(port)
    const readyAt = performance.now()
    const probe = new Redis(url)
    // The time until the bus tries to connect again is random, and not measured.
    while (
      String(await probe.client('LIST'))
        .trim()
        .split('\n').length < 2
    )
      await sleep(1)
    const foundAt = performance.now()
    await waitForOutput(far, new RegExp(`gap ${++gaps};`))
    const now = performance.now()
    const subscribed = /pubsub_channels:(\d+)/.exec(String(await probe.info('stats')))?.[1]
    probe.disconnect()
    // One more: the channel by which the bus detects gaps.
    exactly('B6 channels after a restart', channels + 1, Number(subscribed))
    return { value: now - foundAt, extra: { 'since Redis is up, ms': now - readyAt } }
  }

  async function pass(): Promise<Measured> {
    const begun = performance.now()
    const subscriber = new Redis(url)
    const names = Array.from({ length: channels }, (_unused, channel) => `bare:${channelAt(channel)}`)
    const chunks = Array.from({ length: Math.ceil(channels / PASS_CHUNK) }, (_unused, chunk) =>
      names.slice(chunk * PASS_CHUNK, (chunk + 1) * PASS_CHUNK),
    )
    await Promise.all(chunks.map((chunk) => subscriber.subscribe(...chunk)))
    const value = performance.now() - begun
    subscriber.disconnect()
    return { value }
  }

  const row = await compare(
    {
      name: `B6 recovery, ${channels.toLocaleString('en')} channels`,
      a: 'from the new connection until all channels are subscribed',
      b: 'one pass of SUBSCRIBE by 1,000',
      unit: 'ms',
      lowerIsBetter: true,
      floor: 2,
      goal: 1.2,
      prepare: async () => {},
      cpu: stack.cpu({ far }),
      runA: reconnect,
      runB: pass,
    },
    quick ? 4 : 6,
    print,
  )
  await far.stop()
  await redis?.stop()
  return row
}
