/** Turns of operations, with the clock and the event loop as arguments. */
import { expect, it } from 'vitest'
import type { Project } from '../../src/db/generated/client.ts'
import type { Caller } from '../../src/graphql/context.ts'
import { type TurnLimits, turnLimits } from '../../src/http/limits.ts'
import { createTurns, type Turn } from '../../src/http/turns.ts'
import { keyCaller } from '../helpers/caller.ts'

const project = (id: string): Project => ({ ...({} as Project), id })
const key = (id: string): Caller => keyCaller('k', project(id))
const contact = (id: string, contactId: string): Caller => ({
  kind: 'contact',
  project: project(id),
  contactId,
  externalId: contactId,
  expiresAt: new Date(0),
})

/** Turns whose operations end when the test says so. */
function start(limits: Partial<TurnLimits & { operationsInFlight: number }> = {}) {
  const turns = createTurns({
    limits: { ...turnLimits, operationsInFlight: 1_000, waitMs: 60_000, ...limits },
    runFor: (_id, work) => work(),
    now: () => 0,
  })
  const open: { readonly name: string; readonly turn: Turn; end(): void }[] = []
  const began: string[] = []
  const run = (caller: Caller, name: string): Promise<string> =>
    turns.run(caller, '192.0.2.1', (turn) => {
      began.push(name)
      return new Promise((resolve) => {
        open.push({ name, turn, end: () => resolve(name) })
      })
    })
  const idle = async (): Promise<void> => {
    for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve))
  }
  const end = async (name?: string): Promise<void> => {
    const index = name === undefined ? 0 : open.findIndex((one) => one.name === name)
    open.splice(index, 1)[0]?.end()
    await idle()
  }
  return { turns, run, began, open, end, idle }
}

it.each([1, 2, 5, 10])(
  'lets the others of %i projects have their turn at once or after one of each, while one floods the server',
  async (others) => {
    const { turns, run, began, open, end, idle } = start()
    const calls = Array.from({ length: 300 }, (_, n) => run(key('flood'), `flood${n}`))
    await idle()
    // It never has all turns, however much it asks for.
    expect(open.length).toBeLessThanOrEqual(turnLimits.running * 0.75)
    for (let n = 0; n < others; n++) calls.push(run(key(`other${n}`), `other${n}`))
    await idle()
    for (let n = 0; n <= 2 * others; n++)
      if (open.some(({ name }) => name.startsWith('flood'))) await end(open.find(({ name }) => name.startsWith('flood'))?.name)
    for (let n = 0; n < others; n++) expect(began).toContain(`other${n}`)
    expect(began.filter((name) => name.startsWith('flood')).length).toBeLessThan(50)
    while (turns.running() + turns.waiting() > 0) await end()
    expect((await Promise.all(calls)).length).toBe(300 + others)
  },
)

it("keeps some of a project's turns from its contacts, and some of those from one contact", async () => {
  const { turns, run, open, end, idle } = start()
  const calls = Array.from({ length: 50 }, (_, n) => run(contact('p', 'one'), `one${n}`))
  await idle()
  expect(open.length).toBe(turnLimits.runningOfContact)
  for (let n = 0; n < 20; n++) calls.push(run(contact('p', `c${n}`), `c${n}`))
  await idle()
  expect(open.length).toBe(turnLimits.runningOfContacts)
  calls.push(run(key('p'), 'backend'))
  await idle()
  expect(open.map(({ name }) => name)).toContain('backend')
  while (turns.running() + turns.waiting() > 0) await end()
  await Promise.all(calls)
})

it('refuses with OVERLOADED what goes beyond the share of a project, and still takes others', async () => {
  const { turns, run, end, idle } = start({ operationsInFlight: 20 })
  const calls = Array.from({ length: 30 }, (_, n) => run(key('flood'), `flood${n}`).catch((error: unknown) => error))
  await idle()
  calls.push(run(key('other'), 'other'))
  await idle()
  while (turns.running() + turns.waiting() > 0) await end()
  const ends = await Promise.all(calls)
  expect(ends.filter((one) => typeof one === 'string')).toHaveLength(11)
  expect(ends).toContain('other')
  expect(ends.find((one) => typeof one !== 'string')).toMatchObject({
    code: 'OVERLOADED',
    details: { retryAfterSeconds: 1, max: 10, got: 11 },
  })
})

it('refuses an operation that has waited for too long, which is then not begun', async () => {
  const { run, began, open, end } = start({ running: 1, waitMs: 5 })
  const first = run(key('a'), 'first')
  await expect(run(key('a'), 'second')).rejects.toMatchObject({ code: 'OVERLOADED', details: { retryAfterSeconds: 1 } })
  await end()
  expect(open).toEqual([])
  expect(began).toEqual(['first'])
  await first
})

it('gives the turn of an operation that only waits to another, and lets it go on however many wait', async () => {
  const { turns, run, began, idle } = start({ running: 1 })
  const waits = Promise.withResolvers<string>()
  const paused = turns.run(key('a'), '192.0.2.1', (turn) => turn.pause(() => waits.promise))
  await idle()
  expect(turns.running()).toBe(0)
  const others = Array.from({ length: 3 }, (_, n) => turns.run(key('a'), '192.0.2.1', async () => void began.push(`other${n}`)))
  await Promise.all(others)
  waits.resolve('done')
  expect(await paused).toBe('done')
  void run
  await expect(turns.run(key('a'), '192.0.2.1', (turn) => turn.pause(() => Promise.reject(new Error('failed'))))).rejects.toThrow(
    'failed',
  )
  expect(turns.running()).toBe(0)
})

it('lets few operations that cost much run at a time, and others meanwhile', async () => {
  const { turns, run, open, end, idle } = start()
  let running = 0
  let most = 0
  const ends = Array.from({ length: 10 }, () => Promise.withResolvers<void>())
  const heavy = ends.map(({ promise }) =>
    turns.run(key('a'), '192.0.2.1', async (turn) => {
      await turn.grow()
      running += 1
      most = Math.max(most, running)
      await promise
      running -= 1
    }),
  )
  await idle()
  expect(running).toBe(turnLimits.heavyOfProject)
  const light = run(key('a'), 'light')
  await idle()
  expect(open.map(({ name }) => name)).toEqual(['light'])
  await end()
  await light
  for (const { resolve } of ends) {
    resolve()
    await idle()
  }
  await Promise.all(heavy)
  expect(most).toBe(turnLimits.heavyOfProject)
  expect(turns.running()).toBe(0)
})
