/** When it is written that an attempt begins, with timers that the test moves. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Provider, ProviderError } from '../../src/channels/provider.ts'
import type { Claimed } from '../../src/db/claim.ts'
import type { Settlement } from '../../src/db/settle.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { CarillonError } from '../../src/errors.ts'
import { createAttempt } from '../../src/jobs/attempt.ts'
import { createBreaker } from '../../src/jobs/breaker.ts'
import type { Outbound } from '../../src/jobs/compose.ts'
import { createHosts } from '../../src/jobs/hosts.ts'
import { createLimiter } from '../../src/jobs/limiter.ts'
import type { OpenProvider } from '../../src/jobs/providers.ts'
import { silentLog } from '../../src/log.ts'
import { times } from '../helpers/setup.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

const target = { providerId: 'p', provider: 'mail', kind: 'smtp', address: 'a@b.example', channelName: null }
const composed: Outbound = {
  ...{ kind: 'outbound', targets: [target], subject: 's', text: 't', html: null },
  at: ({ address }) => ({
    ...{ channel: 'EMAIL', messageId: 'm', createdAt: new Date(0), address, from: null, replyTo: null, cc: [], bcc: [] },
    ...{ subject: 's', text: 't', html: null, unsubscribeUrl: null, dueAt: new Date(0) },
  }),
}
const claimedAs = (id: string): Claimed => ({
  ...{ projectId: 'project', id, notificationId: 'n', transactionId: 't', channel: 'EMAIL', isBulk: false },
  ...{ attemptBegan: false, isCanceled: false, claims: 1, rounds: 0, boundTo: null, begunWith: null, claimedAt: 0 },
  ...{
    address: null,
    feed: null,
    incrementId: null,
    digestId: null,
    isConditional: false,
    createdAt: new Date(0),
    sendAt: null,
    dueAt: new Date(0),
    data: {},
  },
  origin: { templateId: null, campaignId: null, acceptedAt: 0, isOnlyChannel: true },
  ...{ overrides: null, template: null, content: null, contact: null, actor: null },
  project: { id: 'project', key: 'p', name: 'P', locale: 'en', timezone: 'UTC', resendUnknown: false },
})

/** A provider that takes two messages at once, `sendMs` each, and a worker that attempts messages at it. */
function open({ foldsRepeats = true, sendMs = 20, beginMs = 5, isDown = false } = {}) {
  let takesMs = sendMs
  const log = {
    begun: [] as string[],
    postponed: [] as string[],
    sent: 0,
    settled: 0,
    givenBack: [] as string[],
    failed: [] as unknown[],
    last: null as Settlement | null,
  }
  const refused = new Set<string>()
  let copiesFail: Error | null = null
  const provider: Provider = {
    ...{ kind: 'smtp', limits: { concurrency: 2, foldsRepeats }, hostOf: () => null, close: async () => {} },
    async send() {
      log.sent++
      await new Promise((resolve) => setTimeout(resolve, takesMs))
      if (isDown) throw new ProviderError('retryable', 'PROVIDER_UNREACHABLE', 'down', { about: 'provider' })
      return { providerMessageId: null, response: null }
    },
  }
  const now = (): number => performance.now()
  const opened: OpenProvider = {
    ...{ id: 'p', key: 'mail', provider, limiter: createLimiter(2, null), unsettled: createLimiter(6, null) },
    ...{ breaker: createBreaker(now, () => {}), hosts: createHosts(now)('p') },
  }
  const attempt = createAttempt({
    ...{ clock: systemClock, log: silentLog, random: () => 0, stopping: new AbortController().signal },
    async suppressedCopies() {
      if (copiesFail !== null) throw copiesFail
      return new Map()
    },
    isInactive: () => false,
    forget: async (_message, _provider, _host, error) => error,
    outcomes: {
      async begin({ id }) {
        log.begun.push(id)
        await new Promise((resolve) => setTimeout(resolve, beginMs))
        return !refused.has(id)
      },
      postpone: ({ id }) => void log.postponed.push(id),
      async settle(_message, settlement) {
        log.settled++
        log.last = settlement
      },
      giveBack: async ({ id }) => void log.givenBack.push(id),
      assignDevices: async () => new Set(),
      dropAddress: async () => {},
    },
  })
  const sendOne = (message: Claimed): void => {
    const withCopies: Outbound = { ...composed, copies: ['copy@example.com'] }
    // What fails is left to its lease by the caller.
    attempt(message, withCopies, [{ target, open: opened }], performance.now() + 20_000).catch((error) => log.failed.push(error))
  }
  const send = (...ids: readonly string[]): void => {
    for (const id of ids) sendOne(claimedAs(id))
  }
  const names = (from: number, count: number) => times(count, (index) => `m${from + index}`)
  return {
    log,
    send,
    sendOne,
    names,
    refused,
    takes: (ms: number) => (takesMs = ms),
    failCopies: (error: Error | null) => (copiesFail = error),
  }
}

it('writes that messages begin together, while they wait for their turn at a provider that is quick', async () => {
  const { log, send, names } = open({ sendMs: 40 })
  // Nothing is known of it yet: those that have no place of it wait with that, too.
  send(...names(1, 6))
  await pass(0)
  expect(log.begun).toEqual(names(1, 2))
  await pass(500)
  expect(log).toMatchObject({ begun: names(1, 6), sent: 6, settled: 6 })
  send(...names(7, 6))
  await pass(0)
  expect(log.begun).toEqual(names(1, 10))
  expect(log.sent).toBe(6)
  // As far as its turn is expected soon; the others when it comes.
  await pass(500)
  expect(log).toMatchObject({ begun: names(1, 12), sent: 12, settled: 12, givenBack: [] })
})

it('writes it last where nothing folds repeats: what was not sent yet is sent after a crash', async () => {
  const { log, send, names } = open({ foldsRepeats: false })
  send(...names(1, 6))
  await pass(500)
  send(...names(7, 6))
  await pass(0)
  expect(log.begun).toEqual(names(1, 8))
  await pass(500)
  expect(log).toMatchObject({ begun: names(1, 12), sent: 12, settled: 12 })
})

it('G5: gives back what was written as begun and whose turn did not come soon, so that it is decided again', async () => {
  const { log, send, names, takes } = open({ sendMs: 10 })
  send(...names(1, 6))
  await pass(500)
  takes(3_000)
  send(...names(7, 6))
  await pass(1_100)
  expect(log).toMatchObject({ begun: names(1, 12), sent: 8, givenBack: [] })
  await pass(2_000)
  expect(log).toMatchObject({ sent: 8, settled: 8 })
  expect(log.givenBack.toSorted()).toEqual(['m10', 'm11', 'm12', 'm9'])
  // What comes while nothing moves is not written as begun before its turn.
  takes(3_000)
  send(...names(13, 2))
  await pass(1_500)
  const before = log.begun.length
  send('late')
  await pass(1_000)
  expect(log.begun).toHaveLength(before)
})

it('does not send what was canceled, or taken by another worker, before it was written', async () => {
  const { log, send, names, refused } = open()
  send(...names(1, 6))
  await pass(500)
  for (const id of ['m8', 'm10']) refused.add(id)
  send(...names(7, 6))
  await pass(500)
  expect(log).toMatchObject({ begun: names(1, 12), sent: 10, settled: 10, givenBack: [] })
})

it('is not hurried by a slow database: its turn came, and the write was what took long', async () => {
  const { log, send, names } = open({ beginMs: 2_000 })
  send(...names(1, 6))
  await pass(10_000)
  send(...names(7, 4))
  await pass(10_000)
  expect(log).toMatchObject({ sent: 10, settled: 10, givenBack: [] })
})

it('G4: a message that may have arrived through a provider stays with it, whatever becomes of further attempts', async () => {
  const { log, sendOne } = open({ isDown: true })
  sendOne({ ...claimedAs('m1'), boundTo: 'p', rounds: 1 })
  await pass(500)
  expect(log.last).toMatchObject({ status: 'QUEUED', boundTo: 'p' })
  sendOne({ ...claimedAs('m2'), rounds: 1 })
  await pass(500)
  expect(log.last).toMatchObject({ status: 'QUEUED', boundTo: null })
  const working = open()
  working.sendOne({ ...claimedAs('m3'), boundTo: 'p' })
  await pass(500)
  expect(working.log.last).toMatchObject({ status: 'SENT', boundTo: null })
})

it('G8: gives back what it could not look the copies up for while the database was away, though it was written as begun', async () => {
  const { log, send, names, failCopies } = open()
  failCopies(new CarillonError('OVERLOADED', { retryAfterSeconds: 1 }))
  send(...names(1, 12))
  await pass(2_000)
  expect(log).toMatchObject({ sent: 0, settled: 0, failed: [] })
  expect(log.givenBack).toHaveLength(12)
  failCopies(null)
  send(...names(13, 6))
  await pass(500)
  expect(log).toMatchObject({ sent: 6, settled: 6 })
})

it('G8: gives the places of a provider back when an attempt fails on our side, however often', async () => {
  const { log, send, names, failCopies } = open()
  failCopies(new TypeError('A fault'))
  send(...names(1, 20))
  await pass(2_000)
  expect(log.failed).toHaveLength(20)
  failCopies(null)
  send(...names(21, 6))
  await pass(500)
  expect(log).toMatchObject({ sent: 6, settled: 6 })
})
