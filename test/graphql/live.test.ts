/** Live feeds: what a reader gets when signals come late, or not at all. */
import { afterEach, expect, it } from 'vitest'
import type { FeedChange } from '../../src/domain/words.ts'
import { createLive, type Live } from '../../src/graphql/live.ts'
import { createOutlet } from '../../src/graphql/outlet.ts'
import { silentLog } from '../../src/log.ts'
import type { SignalBus } from '../../src/signals/bus.ts'
import { createInProcessBus } from '../../src/signals/in-process.ts'

const key = { projectId: 'project', contactId: 'contact' }
const changeOf = (seq: number): FeedChange => ({ seq, kind: 'ALL_MARKED', message: null, counts: {} })

/** A record with a feed that is at some number. */
function recordOf(seq: number) {
  const record = {
    seq,
    reads: 0,
    async latest() {
      record.reads += 1
      return [{ ...key, feedSeq: record.seq }]
    },
    async replay(_key: typeof key, _by: 'arrivals' | 'changes', after: number) {
      record.reads += 1
      const changes = Array.from({ length: record.seq - after }, (_unused, at) => changeOf(after + at + 1))
      return { changes, upTo: record.seq, counts: {}, more: false }
    },
  }
  return record
}

const open: Live[] = []
afterEach(() => {
  for (const live of open.splice(0)) live.close()
})
function followed(bus: SignalBus, record: ReturnType<typeof recordOf>) {
  const live = createLive({ bus, feed: record, log: silentLog, compareMs: 600_000 })
  open.push(live)
  const outlet = createOutlet(
    10_000,
    () => 0,
    () => {},
  )
  return live.follow(key, { by: 'changes', feeds: null, after: null }, outlet)
}

it('G9: tells what came after the start was read and before the first signal was heard', async () => {
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
  const record = recordOf(5)
  const next = followed(late, record).next()
  await expect.poll(() => record.reads).toBe(1)
  record.seq = 6
  inner.publish([{ topic: 'feed', ...key, changes: [changeOf(6)] }])
  answered.resolve()
  expect(await next).toMatchObject({ value: { seq: 6 } })
})

it('reads the start once where signals are heard at once', async () => {
  const bus = createInProcessBus()
  const record = recordOf(5)
  const next = followed(bus, record).next()
  await new Promise((resolve) => setImmediate(resolve))
  expect(record.reads).toBe(1)
  record.seq = 6
  bus.publish([{ topic: 'feed', ...key, changes: [changeOf(6)] }])
  expect(await next).toMatchObject({ value: { seq: 6 } })
  expect(record.reads).toBe(1)
})
