/** Live feeds: what a reader gets when signals come late, or not at all. */
import { afterEach, expect, it } from 'vitest'
import { createLive, type Live } from '../../src/graphql/live.ts'
import { createSendBuffer } from '../../src/http/send-buffer.ts'
import { silentLog } from '../../src/log.ts'
import type { SignalBus } from '../../src/signals/bus.ts'
import { createInProcessBus } from '../../src/signals/in-process.ts'
import type { FeedChange, FeedMessage } from '../../src/words.ts'

const key = { projectId: 'project', contactId: 'contact' }
const changeOf = (seq: number): FeedChange => ({ seq, kind: 'ALL_MARKED', message: null, counts: {} })

/** A table with a feed whose last change has some number. */
function tableOf(seq: number) {
  const table = {
    seq,
    reads: 0,
    isErased: false,
    async latest() {
      table.reads += 1
      if (table.isErased) return []
      return [{ ...key, feedSeq: table.seq }]
    },
    async replay(_key: typeof key, _by: 'arrivals' | 'changes', after: number) {
      table.reads += 1
      const changes = Array.from({ length: table.seq - after }, (_unused, at) => changeOf(after + at + 1))
      return { changes, upTo: table.seq, counts: {}, more: false }
    },
  }
  return table
}

const open: Live[] = []
afterEach(() => {
  for (const live of open.splice(0)) live.close()
})
const bufferOf = (maxBytes: number) => createSendBuffer(maxBytes, { buffered: () => 0, overflow() {} })
function followed(bus: SignalBus, table: ReturnType<typeof tableOf>, sendBuffer = bufferOf(10_000), compareMs = 600_000) {
  const live = createLive({ bus, feed: table, log: silentLog, compareMs })
  open.push(live)
  return live.follow(key, { by: 'changes', feeds: null, after: null }, sendBuffer)
}

it('G9: delivers what came after the start was read and before the first signal was received', async () => {
  const inner = createInProcessBus()
  const answered = Promise.withResolvers<void>()
  const late: SignalBus = {
    ...inner,
    isImmediate: false,
    async subscribe(channel, onSignal) {
      await answered.promise
      return inner.subscribe(channel, onSignal)
    },
  }
  const table = tableOf(5)
  const next = followed(late, table).next()
  await expect.poll(() => table.reads).toBe(1)
  table.seq = 6
  inner.publish([{ topic: 'feed', ...key, changes: [changeOf(6)] }])
  answered.resolve()
  expect(await next).toMatchObject({ value: { seq: 6 } })
})

it('reads the start once where signals are heard at once', async () => {
  const bus = createInProcessBus()
  const table = tableOf(5)
  const next = followed(bus, table).next()
  await new Promise((resolve) => setImmediate(resolve))
  expect(table.reads).toBe(1)
  table.seq = 6
  bus.publish([{ topic: 'feed', ...key, changes: [changeOf(6)] }])
  expect(await next).toMatchObject({ value: { seq: 6 } })
  expect(table.reads).toBe(1)
})

it('G6: counts all that a change holds: what was stored with its buttons, its title and its data as well', async () => {
  const bus = createInProcessBus()
  const table = tableOf(5)
  const sendBuffer = bufferOf(1_000_000)
  const reading = followed(bus, table, sendBuffer)
  const next = reading.next()
  await new Promise((resolve) => setImmediate(resolve))
  bus.publish([{ topic: 'feed', ...key, changes: [changeOf(6)] }])
  await next
  const text = 'x'.repeat(50_000)
  const action = { type: 'PRIMARY', label: 'Yes', url: null, status: 'DONE', payload: { text } } as const
  const at = '2026-01-01T00:00:00.000Z'
  const message: FeedMessage = {
    ...key,
    id: 'm',
    notificationId: 'n',
    transactionId: 't',
    templateKey: null,
    status: 'DELIVERED',
    feed: 'default',
    title: text,
    body: text,
    iconUrl: null,
    url: null,
    actor: null,
    data: { text },
    count: 1,
    actions: [action],
    arrivedSeq: 6,
    listedSeq: 6,
    changedSeq: 7,
    seenAt: null,
    readAt: null,
    archivedAt: null,
    snoozedUntil: null,
    deletedAt: null,
    sentAt: at,
    createdAt: at,
    updatedAt: at,
  }
  bus.publish([{ topic: 'feed', ...key, changes: [{ seq: 7, kind: 'ACTED', message, counts: {} }] }])
  await expect.poll(() => sendBuffer.held()).toBeGreaterThan(200_000)
  await reading.return?.()
  expect(sendBuffer.held()).toBe(0)
})

it('NV-54: ends readers whose contact was erased with an error, and buffers nothing for them any more', async () => {
  const bus = createInProcessBus()
  const table = tableOf(5)
  const sendBuffer = bufferOf(10_000)
  const reading = followed(bus, table, sendBuffer, 10)
  const first = reading.next()
  await new Promise((resolve) => setImmediate(resolve))
  bus.publish([{ topic: 'feed', ...key, changes: [changeOf(6), changeOf(7)] }])
  await first
  const waiting = followed(bus, table, bufferOf(10_000), 10).next()
  table.isErased = true
  await expect(waiting).rejects.toMatchObject({ code: 'CONTACT_NOT_FOUND' })
  await expect.poll(() => sendBuffer.held()).toBe(0)
  await expect(reading.next()).rejects.toMatchObject({ code: 'CONTACT_NOT_FOUND' })
  expect(await reading.next()).toEqual({ done: true, value: undefined })
})

it('gives a reader that polls what comes, in order, and keeps within its budget what the reader does not ask for', async () => {
  const bus = createInProcessBus()
  const table = tableOf(5)
  const sendBuffer = bufferOf(2_500)
  const reading = followed(bus, table, sendBuffer)
  const ready: number[] = []
  let readies = 0
  let isReading = true
  const read = (): void => {
    readies += 1
    for (let change = isReading ? reading.poll() : undefined; change !== undefined; change = reading.poll())
      ready.push(change.seq)
  }
  const ended = new Promise((resolve) => reading.begin({ ready: read, ended: resolve }))
  await expect.poll(() => readies).toBeGreaterThan(0)
  const publish = (...numbers: number[]): void => bus.publish([{ topic: 'feed', ...key, changes: numbers.map(changeOf) }])
  publish(6, 7)
  await expect.poll(() => ready).toEqual([6, 7])
  expect(table.reads).toBe(1)
  // Three fit, beside the one that was asked for.
  isReading = false
  table.seq = 14
  publish(8, 9, 10, 11, 12, 13, 14)
  await new Promise((resolve) => setImmediate(resolve))
  expect(sendBuffer.held()).toBeGreaterThan(0)
  expect(sendBuffer.held()).toBeLessThanOrEqual(2_500)
  isReading = true
  read()
  await expect.poll(() => ready).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14])
  expect(sendBuffer.held()).toBe(0)
  await reading.return?.()
  expect(await ended).toBeUndefined()
  publish(15)
  await new Promise((resolve) => setImmediate(resolve))
  expect(ready).toHaveLength(9)
})

it('NV-54: ends a reader that polls with an error once its contact was erased', async () => {
  const table = tableOf(5)
  const reading = followed(createInProcessBus(), table, bufferOf(10_000), 10)
  const ended = new Promise((resolve) => reading.begin({ ready: () => void reading.poll(), ended: resolve }))
  table.isErased = true
  expect(await ended).toMatchObject({ code: 'CONTACT_NOT_FOUND' })
})

it.each([0, 1, 2, 3, 4, 5, 6])(
  'G9: gives what was missing before what comes while it is read, %d turns after the table answered',
  async (turns) => {
    const bus = createInProcessBus()
    let signal = (_change: FeedChange): void => {}
    const direct: SignalBus = {
      ...bus,
      async subscribe(_channel, onSignal) {
        signal = (change) => onSignal({ topic: 'feed', ...key, changes: [change] })
        return () => {}
      },
    }
    const table = tableOf(5)
    const { replay } = table
    let isAnswered = false
    table.replay = async (...args) => {
      const page = await replay(...args)
      let left = turns
      const turn = (): void => {
        if (left-- > 0) queueMicrotask(turn)
        else signal(changeOf(8))
      }
      if (!isAnswered) queueMicrotask(turn)
      isAnswered = true
      return page
    }
    const reading = followed(direct, table)
    const got: number[] = []
    const ready = (): void => {
      for (let change = reading.poll(); change !== undefined; change = reading.poll()) got.push(change.seq)
    }
    reading.begin({ ready, ended() {} })
    await new Promise((resolve) => setImmediate(resolve))
    ready()
    table.seq = 7
    signal(changeOf(7))
    table.seq = 8
    await expect.poll(() => got.length).toBeGreaterThanOrEqual(3)
    expect(got).toEqual([6, 7, 8])
  },
)

it('G9: compares again after a gap that began during a comparison', async () => {
  const inner = createInProcessBus()
  let lose = (): void => {}
  const bus: SignalBus = {
    ...inner,
    onGap(listener) {
      lose = listener
      return () => {}
    },
  }
  const table = tableOf(5)
  const next = followed(bus, table).next()
  await expect.poll(() => table.reads).toBe(1)
  const answered = Promise.withResolvers<void>()
  const { latest } = table
  // The comparison reads the table, and only then something is lost.
  table.latest = async () => {
    const found = await latest()
    await answered.promise
    return found
  }
  lose()
  table.seq = 6
  lose()
  answered.resolve()
  expect(await next).toMatchObject({ value: { seq: 6 } })
})
