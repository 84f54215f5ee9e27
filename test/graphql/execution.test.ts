/** One execution for each event and contact, however many connections follow it: nobody receives what another caller selected. */
import { buildSchema, type ExecutionResult, parse } from 'graphql'
import { expect, it } from 'vitest'
import type { Project } from '../../src/db/generated/client.ts'
import type { Caller } from '../../src/domain/caller.ts'
import { createErrorPresenter } from '../../src/graphql/errors.ts'
import { createExecution } from '../../src/graphql/execution.ts'
import { createLimits } from '../../src/graphql/limits.ts'
import type { Polled, PollingReader } from '../../src/graphql/polled.ts'
import { createBudgets } from '../../src/http/budgets.ts'
import { silentLog } from '../../src/log.ts'
import { keyCaller } from '../helpers/caller.ts'

const project: Project = { ...({} as Project), id: 'p', limits: {} }
const key = keyCaller('k', project)
const contactCaller = (contactId: string): Caller => ({
  kind: 'contact',
  project,
  contactId,
  externalId: contactId,
  expiresAt: new Date(0),
})

interface Event {
  readonly text: string
}

/** A source that can be polled. `push` adds an event to it. */
function polledOf(): Polled<Event> & { push(event: Event): void; fail(error: Error): void } {
  const queue: Event[] = []
  let reader: PollingReader | undefined
  const source = {
    [Symbol.asyncIterator]: () => source,
    next: async () => ({ done: true, value: undefined }) as const,
    return: async () => ({ done: true, value: undefined }) as const,
    begin(begun: PollingReader) {
      reader = begun
    },
    poll: () => queue.shift(),
    push(event: Event) {
      queue.push(event)
      reader?.ready()
    },
    fail: (error: Error) => reader?.ended(error),
  }
  return source
}

/** Subscriptions of one schema, all of which get the same events. */
function createFollowers(isPolled = false) {
  const schema = buildSchema(
    'type Query { hello: String } type Subscription { said(to: String): Said } type Said { text: String count: Int }',
  )
  const followers: PromiseWithResolvers<Event>[] = []
  const polled: ReturnType<typeof polledOf>[] = []
  let executed = 0
  const said = schema.getSubscriptionType()?.getFields()['said']
  if (said === undefined) throw new Error('There is no such field')
  const iterated = async function* () {
    for (;;) {
      const next = Promise.withResolvers<Event>()
      followers.push(next)
      yield await next.promise
    }
  }
  said.subscribe = () => {
    if (!isPolled) return iterated()
    const source = polledOf()
    polled.push(source)
    return source
  }
  said.resolve = ({ text }: Event, { to }: { to?: string }) => {
    executed += 1
    if (text === 'bad') throw new Error('secret')
    if (text === 'late') return Promise.resolve({ text })
    return { text: `${text} ${to ?? ''}`.trim(), count: executed }
  }
  const present = createErrorPresenter(silentLog, true)
  const execution = createExecution({
    schema,
    limits: createLimits({ explore: true, budgets: createBudgets() }),
    present,
    check: (query) => ({ document: parse(query), problems: [] }),
  })
  return {
    executed: () => executed,
    publish(text: string) {
      const event = { text }
      for (const { resolve } of followers.splice(0)) resolve(event)
      for (const source of polled) source.push(event)
    },
    fail() {
      for (const source of polled) source.fail(new Error('secret'))
    },
    waiting: () => followers.length,
    async follow(caller: Caller, query: string, variableValues: Record<string, unknown> = {}) {
      const answering = { caller, remoteAddress: '127.0.0.1', turn: null, charge: null, isCostShown: false }
      const { document } = execution.read(query, null, answering)
      const results = await execution.follow({ schema, document, variableValues, contextValue: {} }, answering)
      if (!(Symbol.asyncIterator in results)) throw new Error(JSON.stringify(results))
      return results
    },
  }
}

const SAID = 'subscription($to: String) { said(to: $to) { text } }'

it('executes once for the connections of a contact that select the same, and for every other one', async () => {
  const all = createFollowers()
  const ann = contactCaller('ann')
  // A document is kept when it comes again.
  await all.follow(ann, SAID)
  const followers = await Promise.all([
    ...Array.from({ length: 5 }, () => all.follow(contactCaller('ann'), SAID)),
    all.follow(ann, SAID, { to: 'me' }),
    all.follow(ann, 'subscription { said { count } }'),
    all.follow(contactCaller('bob'), SAID),
    all.follow(key, SAID),
    all.follow(key, SAID),
  ])
  const next = async (text: string): Promise<unknown[]> => {
    const results = followers.map((follower) => follower.next())
    await expect.poll(all.waiting).toBe(followers.length)
    all.publish(text)
    return (await Promise.all(results)).map(
      ({ value }: IteratorResult<ExecutionResult>) => value.data?.['said'] ?? value.errors?.[0]?.message,
    )
  }
  for (const [text, before] of [
    ['one', 0],
    ['two', 6],
  ] as const) {
    expect(await next(text)).toEqual([
      ...Array.from({ length: 5 }, () => ({ text })),
      { text: `${text} me` },
      { count: expect.any(Number) },
      { text },
      { text },
      { text },
    ])
    // Ann's five, her two other ones, Bob, and each of the two with a key.
    expect(all.executed()).toBe(before + 6)
  }
  const failures = await next('bad')
  expect(new Set(failures).size).toBe(1)
  expect(failures[0]).toContain('An internal error occurred')
})

it('pours one text to the connections of a contact that select the same, in order, as fast as each takes it', async () => {
  const all = createFollowers(true)
  await all.follow(contactCaller('ann'), SAID)
  const open = async (caller: Caller, isOpen = true) => {
    const sink = { isOpen, got: [] as string[], errors: [] as unknown[], resume: () => {} }
    const results = await all.follow(caller, SAID)
    const pouring = results.pour({
      isReady: () => sink.isOpen,
      send: (bytes) => sink.got.push(bytes),
      end: (error) => sink.errors.push(error),
    })
    sink.resume = () => pouring.resume()
    return { sink, results }
  }
  const [one, two] = [await open(contactCaller('ann')), await open(contactCaller('ann'))]
  const slow = await open(contactCaller('ann'), false)
  const bob = await open(contactCaller('bob'))
  const texts = ['one', 'late', 'é', 'bad', 'end']
  for (const text of texts) all.publish(text)
  const bytes = texts.map((text) =>
    text === 'bad'
      ? expect.stringMatching(/^\{"data":\{"said":null\},"errors":\[\{"message":"An internal error/)
      : Buffer.from(JSON.stringify({ data: { said: { text } } })).toString('latin1'),
  )
  await expect.poll(() => two.sink.got).toEqual(bytes)
  expect(one.sink.got).toEqual(two.sink.got)
  await expect.poll(() => bob.sink.got).toEqual(bytes)
  // Ann's and Bob's.
  expect(all.executed()).toBe(2 * texts.length)
  expect(slow.sink.got).toEqual([])
  slow.sink.isOpen = true
  slow.sink.resume()
  await expect.poll(() => slow.sink.got).toEqual(bytes)
  all.fail()
  expect(one.sink.errors).toMatchObject([{ message: expect.stringContaining('An internal error occurred') }])
  all.publish('more')
  expect(one.sink.got).toHaveLength(texts.length)
})
