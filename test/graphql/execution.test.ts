/** One execution for each event and contact, however many connections follow it: nobody receives what another caller selected. */
import { buildSchema, type ExecutionResult, parse } from 'graphql'
import { expect, it } from 'vitest'
import type { Project } from '../../src/db/generated/client.ts'
import type { Caller } from '../../src/domain/caller.ts'
import { createErrorPresenter } from '../../src/graphql/errors.ts'
import { createExecution } from '../../src/graphql/execution.ts'
import { createLimits } from '../../src/graphql/limits.ts'
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

/** Subscriptions of one schema, all of which get the same events. */
function createFollowers() {
  const schema = buildSchema(
    'type Query { hello: String } type Subscription { said(to: String): Said } type Said { text: String count: Int }',
  )
  const followers: PromiseWithResolvers<Event>[] = []
  let executed = 0
  const said = schema.getSubscriptionType()?.getFields()['said']
  if (said === undefined) throw new Error('There is no such field')
  said.subscribe = async function* () {
    for (;;) {
      const next = Promise.withResolvers<Event>()
      followers.push(next)
      yield await next.promise
    }
  }
  said.resolve = ({ text }: Event, { to }: { to?: string }) => {
    executed += 1
    if (text === 'bad') throw new Error('secret')
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
