import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Log, silentLog } from '../../src/log.ts'
import type { SignalBus, SignalChannel } from '../../src/signals/bus.ts'
import { createInProcessBus } from '../../src/signals/in-process.ts'
import { createRedisBus } from '../../src/signals/redis.ts'
import type { Signal } from '../../src/words.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { findRedis, hasRedis, howToHaveRedis, type TestRedis } from '../helpers/redis.ts'
import { until } from '../helpers/until.ts'

const ACTIVITY: SignalChannel = 'activity:p1'

/** A signal that carries a number, and ballast of `bytes`. */
const activity = (n: number, bytes = 0, projectId = 'p1'): Signal => ({
  topic: 'activity',
  projectId,
  changes: [{ notificationId: String(n), messageId: 'm'.repeat(bytes), status: 'SENT', at: '2026-01-01T00:00:00.000Z' }],
})

const numberOf = (signal: Signal): number => (signal.topic === 'activity' ? Number(signal.changes[0]?.notificationId) : -1)

/** Collects the numbers that come on a channel. */
async function listen(bus: SignalBus, channel: SignalChannel = ACTIVITY): Promise<{ heard: number[]; end: () => void }> {
  const heard: number[] = []
  const end = await bus.subscribe(channel, (signal) => heard.push(numberOf(signal)))
  return { heard, end }
}

let open: SignalBus[] = []

afterEach(async () => {
  await Promise.all(open.map((bus) => bus.close()))
  open = []
})

function opened(bus: SignalBus): SignalBus {
  open.push(bus)
  return bus
}

/** The contract. `make` gives two ends of one bus: two processes, or twice the same. */
function contract(make: () => Promise<[SignalBus, SignalBus]>): void {
  test('every listener of a channel receives each signal once and in order, in this process and in others', async () => {
    const [here, there] = await make()
    const listeners = [await listen(here), await listen(here), await listen(there)]
    here.publish(Array.from({ length: 100 }, (_, n) => activity(n)))
    here.publish([activity(100)])
    const all = Array.from({ length: 101 }, (_, n) => n)
    await until('all have heard the last', () => listeners.every(({ heard }) => heard.includes(100)))
    for (const { heard } of listeners) expect(heard).toEqual(all)
  })

  test('never says of a channel with listeners that it has none', async () => {
    const [here, there] = await make()
    const first = await listen(there)
    const second = await listen(there)
    first.end()
    expect([here.mayHaveListeners(ACTIVITY), there.mayHaveListeners(ACTIVITY)]).toEqual([true, true])
    second.end()
  })

  test('carries a signal unchanged', async () => {
    const [here, there] = await make()
    const heard: Signal[] = []
    await there.subscribe('feed:p1:c1', (signal) => heard.push(signal))
    const signal: Signal = {
      topic: 'feed',
      projectId: 'p1',
      contactId: 'c1',
      changes: [{ seq: 7, kind: 'ALL_MARKED', message: null, counts: { 'ä"\u2028': [1, 2] } }],
    }
    here.publish([signal])
    await until('it is heard', () => heard.length > 0)
    expect(heard).toEqual([signal])
  })

  test('nothing of one channel reaches another', async () => {
    const [here, there] = await make()
    const mine = await listen(there)
    const other = await listen(there, 'activity:p2')
    here.publish([activity(1), activity(2, 0, 'p2'), activity(3, 0, 'p3'), { topic: 'wake' }, activity(4), activity(5, 0, 'p2')])
    await until('the last came', () => mine.heard.includes(4) && other.heard.includes(5))
    expect([mine.heard, other.heard]).toEqual([
      [1, 4],
      [2, 5],
    ])
  })

  test('a listener that throws does not affect the others', async () => {
    const [here, there] = await make()
    const broken = () => {
      throw new Error('broken')
    }
    for (const bus of [here, there]) await bus.subscribe(ACTIVITY, broken)
    const listeners = [await listen(here), await listen(there)]
    here.publish([activity(1), activity(2)])
    await until('the others hear', () => listeners.every(({ heard }) => heard.length === 2))
  })

  test('a listener that unsubscribed receives nothing more, and the others still do', async () => {
    const [here, there] = await make()
    const first = await listen(there)
    const second = await listen(there)
    first.end()
    first.end()
    here.publish([activity(1)])
    await until('the other hears', () => second.heard.length === 1)
    second.end()
    const third = await listen(there)
    here.publish([activity(2)])
    await until('the new one hears', () => third.heard.length === 1)
    expect([first.heard, second.heard]).toEqual([[], [1]])
  })

  test('a listener may unsubscribe itself and others while it is called', async () => {
    const [here, there] = await make()
    const heard: string[] = []
    const ends: (() => void)[] = []
    const endAll = (name: string) => () => {
      heard.push(name)
      for (const end of ends) end()
    }
    for (const name of ['first', 'second']) ends.push(await there.subscribe(ACTIVITY, endAll(name)))
    const last = await listen(there, 'activity:p2')
    here.publish([activity(1), activity(2), activity(3, 0, 'p2')])
    await until('the last came', () => last.heard.length === 1)
    expect(heard).toEqual(['first'])
  })

  test('a listener that publishes does not change the order for the next one', async () => {
    const [here] = await make()
    await here.subscribe(ACTIVITY, (signal) => {
      if (numberOf(signal) === 1) here.publish([activity(2)])
    })
    const second = await listen(here)
    here.publish([activity(1)])
    await until('both came', () => second.heard.length === 2)
    expect(second.heard).toEqual([1, 2])
  })

  test('publishing returns before any listener is called', async () => {
    const [here] = await make()
    const { heard } = await listen(here)
    here.publish([activity(1)])
    expect(heard).toEqual([])
    await until('it is heard', () => heard.length === 1)
  })

  test('a closed bus accepts signals and delivers none', async () => {
    const [here] = await make()
    const { heard } = await listen(here)
    await here.close()
    await here.close()
    expect(() => here.publish([activity(1)])).not.toThrow()
    expect([heard, here.isConnected()]).toEqual([[], false])
  })
}

describe('in-process bus', () => {
  contract(async () => {
    const bus = opened(createInProcessBus())
    return [bus, bus]
  })

  test('knows which channels have listeners', async () => {
    const bus = opened(createInProcessBus())
    expect(bus.mayHaveListeners(ACTIVITY)).toBe(false)
    const { end } = await listen(bus)
    expect([bus.mayHaveListeners(ACTIVITY), bus.mayHaveListeners('activity:p2')]).toEqual([true, false])
    end()
    expect(bus.mayHaveListeners(ACTIVITY)).toBe(false)
  })
})

optionalSuite({ name: 'Redis bus', found: hasRedis(), how: howToHaveRedis }, () => {
  let redis: TestRedis
  let prefix = 0

  beforeAll(async () => {
    const found = await findRedis()
    if (found === null) throw new Error('Redis became unavailable')
    redis = found
  })
  afterAll(() => redis.stop())

  type Keys = Parameters<typeof createRedisBus>[1]['keys']
  const [oldKey, newKey] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const nameOf = (channel: string): string => `carillon-test-${process.pid}-${prefix}:${channel}`
  const make = (log: Log = silentLog, url = redis.url, more: { keys?: Keys; onRefused?: () => void } = {}): SignalBus =>
    opened(createRedisBus(url, { log, keys: [oldKey], prefix: nameOf(''), ...more }))

  async function pair(): Promise<[SignalBus, SignalBus]> {
    prefix += 1
    const buses: [SignalBus, SignalBus] = [make(), make()]
    await until('both are connected', () => buses.every((bus) => bus.isConnected()))
    return buses
  }

  contract(pair)

  test('signals without a valid signature, or from another channel, are dropped, counted and logged once', async () => {
    prefix += 1
    let refused = 0
    const lines: string[] = []
    const note = (line: string) => void lines.push(line)
    const [here, there] = [make(), make({ ...silentLog, warn: note }, redis.url, { onRefused: () => refused++ })]
    await until('both are connected', () => here.isConnected() && there.isConnected())
    const [p1, p2] = [await listen(there), await listen(there, 'activity:p2')]
    const gaps: number[] = []
    there.onGap(() => gaps.push(1))
    const { Redis } = await import('ioredis')
    const raw = new Redis(redis.url)
    const tap = new Redis(redis.url)
    try {
      const caught: string[] = []
      tap.on('message', (_channel, text) => caught.push(text))
      await tap.subscribe(nameOf('activity:p1'))
      here.publish([activity(1)])
      await until('it is heard', () => p1.heard.length === 1 && caught.length === 1)
      const [genuine = ''] = caught
      const body = genuine.slice(genuine.indexOf('{'))
      const forged = [
        body,
        '',
        'x',
        JSON.stringify({ from: 'x', signal: activity(9) }),
        `${'A'.repeat(22)}${body}`,
        genuine.replace('activity', 'Activity'),
        `${genuine} `,
      ]
      for (const text of forged) await raw.publish(nameOf('activity:p1'), text)
      await raw.publish(nameOf('activity:p2'), genuine)
      await raw.publish(nameOf('gap'), '{"from":"x","gap":true}')
      await until('all are counted', () => refused === forged.length + 2)
      here.publish([activity(2)])
      await until('the next is heard', () => p1.heard.length === 2)
      expect([p1.heard, p2.heard, gaps]).toEqual([[1, 2], [], []])
      expect(lines).toHaveLength(1)
    } finally {
      raw.disconnect()
      tap.disconnect()
    }
  })

  test('signals are understood while one key replaces another', async () => {
    prefix += 1
    const buses = [[oldKey], [oldKey, newKey], [newKey, oldKey]] satisfies Keys[]
    const [old, ...both] = buses.map((keys) => make(silentLog, redis.url, { keys }))
    if (old === undefined) throw new Error('There is none.')
    await until('all are connected', () => [old, ...both].every((bus) => bus.isConnected()))
    const listeners = await Promise.all(both.map((bus) => listen(bus)))
    old.publish([activity(1)])
    await until('both hear the old one', () => listeners.every(({ heard }) => heard.length === 1))
    both[1]?.publish([activity(2)])
    await until('the other hears the new one', () => listeners.every(({ heard }) => heard.length === 2))
  })

  const ownOnly = test.skipIf((process.env['TEST_REDIS_URL'] ?? '') !== '')

  ownOnly(
    'while Redis is unavailable, listeners of the same process still receive signals; then all do, and are notified of the gap',
    async () => {
      const [here, there] = await pair()
      const before = [await listen(here), await listen(there)]
      const gaps = [0, 0]
      here.onGap(() => gaps.splice(0, 1, Number(gaps[0]) + 1))
      there.onGap(() => gaps.splice(1, 1, Number(gaps[1]) + 1))
      await redis.kill()
      await until('it is noticed', () => !here.isConnected() && !there.isConnected())
      // A channel that is subscribed to meanwhile, and one that has lost its last listener.
      const meanwhile = await listen(there, 'activity:p2')
      const left = await listen(there, 'activity:p3')
      left.end()
      here.publish([activity(1)])
      await until('the listener here hears', () => before[0]?.heard.length === 1)
      expect(gaps).toEqual([0, 0])

      await redis.start()
      await until('both are connected again', () => here.isConnected() && there.isConnected())
      await until('both were notified', () => Math.min(...gaps) > 0)
      here.publish([activity(2), activity(3, 0, 'p2')])
      await until('everybody hears', () => meanwhile.heard.length === 1)
      expect(before.map(({ heard }) => heard)).toEqual([[1, 2], [2]])
    },
  )

  ownOnly('starts while Redis is down, and logs one line for the outage and one for its end', async () => {
    await redis.kill()
    const lines: string[] = []
    const note = (line: string) => void lines.push(line)
    let bus: SignalBus
    try {
      bus = make({ debug: note, info: note, warn: note, error: note })
      const { heard } = await listen(bus)
      bus.publish([activity(1)])
      await until('the listener here hears', () => heard.length === 1)
      // Long enough for several tries.
      const began = performance.now()
      await until('some tries failed', () => performance.now() > began + 800)
    } finally {
      await redis.start()
    }
    await until('it is connected', () => bus.isConnected())
    expect(lines).toEqual([
      'Redis is unavailable: until it is available again, signals do not reach other processes',
      'Redis is available again',
    ])
  })

  ownOnly('closes at once while Redis is down', async () => {
    const [here, there] = await pair()
    await listen(there)
    await redis.kill()
    try {
      const down = make()
      await listen(down)
      const began = performance.now()
      await Promise.all([here, there, down].map((bus) => bus.close()))
      expect(performance.now() - began).toBeLessThan(700)
    } finally {
      await redis.start()
    }
  })

  test('nothing is buffered for a slow listener: 20,000 signals of 4 KB leave the memory as it was', async () => {
    const [here, there] = await pair()
    let heard = 0
    await there.subscribe(ACTIVITY, () => {
      heard += 1
    })
    const slow: Promise<void>[] = []
    // It starts slow work for every hundredth signal; the bus neither waits nor buffers for it.
    await here.subscribe(ACTIVITY, (signal) => {
      if (numberOf(signal) % 100 === 0) slow.push(new Promise((done) => setTimeout(done, 50)))
    })
    const before = settledHeap()
    let highest = 0
    for (let n = 0; n < 20_000; n += 100) {
      here.publish(Array.from({ length: 100 }, (_, i) => activity(n + i, 4_000)))
      await new Promise((done) => setImmediate(done))
      highest = Math.max(highest, process.memoryUsage().rss)
      // No faster than Redis accepts them: what it does not accept in time is dropped, which another test covers.
      await until('the other process keeps up', () => heard > n - 2_000)
    }
    await until('all are heard', () => heard === 20_000, 20_000)
    await Promise.all(slow)
    expect(settledHeap() - before).toBeLessThan(8 * 1024 * 1024)
  })

  test('signals of one commit reach the others, whatever their total size', async () => {
    const [here, there] = await pair()
    const { heard } = await listen(there)
    // 25 MB: more than may wait for Redis, and the first of them need not.
    here.publish(Array.from({ length: 250 }, (_, n) => activity(n, 100_000)))
    await until('the first is heard', () => heard.includes(0))
  })

  test('a bus that drops signals publishes a gap, also when nothing else is in flight', async () => {
    const [here, there] = await pair()
    let gaps = 0
    there.onGap(() => {
      gaps += 1
    })
    here.publish([activity(1, 17 * 1024 * 1024)])
    await until('the others are notified', () => gaps > 0)
  })

  ownOnly(
    'a Redis that hangs costs neither memory nor time, and the others are notified of the gap',
    { timeout: 60_000 },
    async () => {
      const [here, there] = await pair()
      const mine = await listen(here)
      let gaps = 0
      there.onGap(() => {
        gaps += 1
      })
      const before = settledHeap() + process.memoryUsage().external
      redis.pause()
      try {
        const began = performance.now()
        for (let n = 0; n < 20_000; n += 100) here.publish(Array.from({ length: 100 }, (_, i) => activity(n + i, 4_000)))
        expect(performance.now() - began).toBeLessThan(5_000)
        await until('the listener here hears all', () => mine.heard.length === 20_000)
        // 80 MB were published; what waits for Redis is at most 16 MB of text, and as much in the socket.
        expect(settledHeap() + process.memoryUsage().external - before).toBeLessThan(48 * 1024 * 1024)
      } finally {
        redis.resume()
      }
      await until('the others are notified', () => gaps > 0, 20_000)
      const { heard } = await listen(there)
      here.publish([activity(7)])
      await until('they hear again', () => heard.includes(7))
    },
  )

  ownOnly('a Redis that hangs for long is disconnected, and connected again', async () => {
    const [here, there] = await pair()
    const { heard } = await listen(there)
    redis.pause()
    try {
      here.publish([activity(1)])
      await until('it is disconnected', () => !here.isConnected(), 8_000)
    } finally {
      redis.resume()
    }
    await until('both are connected', () => here.isConnected() && there.isConnected())
    here.publish([activity(2)])
    await until('it is heard', () => heard.includes(2))
  })

  test('keeps trying while Redis refuses a subscription, and receives signals once it does not', async () => {
    prefix += 1
    const { Redis } = await import('ioredis')
    const operator = new Redis(redis.url)
    const name = `carillon-test-${process.pid}`
    try {
      await operator.call('ACL', 'SETUSER', name, 'reset', 'on', '>secret', '~*', '+@all', 'resetchannels')
      const url = new URL(redis.url)
      url.username = name
      url.password = 'secret'
      const lines: string[] = []
      const there = make({ ...silentLog, warn: (line) => void lines.push(line), info: (line) => void lines.push(line) }, url.href)
      const { heard } = await listen(there)
      await until('it is logged', () => lines.length === 1)
      expect(there.isConnected()).toBe(false)
      await operator.call('ACL', 'SETUSER', name, 'allchannels')
      await until('it is connected', () => there.isConnected())
      const here = make()
      await until('the other too', () => here.isConnected())
      here.publish([activity(1)])
      await until('it is heard', () => heard.length === 1)
      expect(lines).toEqual([
        'Redis is unavailable: until it is available again, signals do not reach other processes',
        'Redis is available again',
      ])
    } finally {
      await operator.call('ACL', 'DELUSER', name)
      operator.disconnect()
    }
  })

  test('ignores foreign messages on its channels', async () => {
    const [here, there] = await pair()
    const { heard } = await listen(there)
    const { Redis } = await import('ioredis')
    const stranger = new Redis(redis.url)
    try {
      for (const text of [
        '',
        'not JSON',
        'null',
        '[]',
        '7',
        '{"from":"x"}',
        '{"from":"x","signal":{"topic":"other"}}',
        '{"from":"x","signal":null}',
      ]) {
        for (const channel of [ACTIVITY, 'gap']) await stranger.publish(`carillon-test-${process.pid}-${prefix}:${channel}`, text)
      }
    } finally {
      stranger.disconnect()
    }
    here.publish([activity(1)])
    await until('ours is heard', () => heard.length === 1)
  })
})

/** Bytes of the heap after everything that is not held was collected. */
function settledHeap(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  return process.memoryUsage().heapUsed
}
