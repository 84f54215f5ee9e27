/** Subscribers never miss (G9): cut at random, resumed by cursor, each has every message once, in order. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import type { Client, Watched } from '../helpers/client.ts'
import {
  CreateContactToken as CreateToken,
  Feed,
  FeedChanged,
  MarkAs,
  MessageReceived,
  SendBare,
  UpsertTemplates,
} from '../helpers/operations.ts'
import { until } from '../helpers/until.ts'

const SECONDS = process.env['TEST_FULL'] === '1' ? 20 : 4
const PER_SECOND = 200

let app: TestApp
let project: TestProject

beforeAll(async () => {
  app = await startTestApp()
  project = await app.project()
  await project.api.do(UpsertTemplates, { templates: [{ key: 'tick', inApp: [{ body: '{{ n }}' }] }] })
})
afterAll(() => app.stop())

type Received = Watched<{ messageReceived: { message: { body: string }; cursor: string } }>

/** Subscribes, is cut after a random number of messages, resumes with the cursor of the last one, and so on. */
async function subscriber(
  page: Client,
  after: string,
  total: number,
  random: () => number,
): Promise<{ bodies: string[]; cuts: number }> {
  const bodies: string[] = []
  let cursor = after
  let cuts = 0
  while (bodies.length < total) {
    const live: Received = await page.watch(MessageReceived, { after: cursor })
    const take = Math.min(total - bodies.length, 1 + Math.floor(random() * 150))
    const events = await live.waitFor(take, 30_000)
    live.close()
    // What came beyond the cut is thrown away, as a page that was closed would lose it.
    for (const { messageReceived } of events.slice(0, take)) {
      bodies.push(messageReceived.message.body)
      cursor = messageReceived.cursor
    }
    cuts++
  }
  return { bodies, cuts }
}

/** Pseudo-random numbers from a seed, so that a failure can be run again. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

it(`G9: gives three subscribers that are cut at random every message once, in order, at ${PER_SECOND} a second`, async () => {
  const page = await project.page('g9')
  const { feed } = await page.do(Feed, {})
  const total = SECONDS * PER_SECOND
  const subscribers = [1, 2, 3].map((seed) => subscriber(page, feed.cursor, total, seeded(seed)))
  const send = async (): Promise<void> => {
    const begun = performance.now()
    const sends: Promise<unknown>[] = []
    for (let n = 0; n < total; ) {
      await new Promise((resolve) => setTimeout(resolve, begun + (n / PER_SECOND) * 1000 - performance.now()))
      // Ten at a time, in one call: their order is that of the call.
      const messages = Array.from({ length: 10 }, (_unused, index) => ({
        template: 'tick',
        contact: { externalId: 'g9' },
        data: { n: n + index },
      }))
      sends.push(project.api.do(SendBare, { messages }))
      await sends.at(-1)
      n += 10
    }
    await Promise.all(sends)
  }
  const [results] = await Promise.all([Promise.all(subscribers), send()])
  const expected = Array.from({ length: total }, (_unused, n) => String(n))
  for (const { bodies, cuts } of results) {
    expect(bodies).toEqual(expected)
    expect(cuts).toBeGreaterThan(3)
  }
}, 90_000)

it('G9: replays changes as they now are, then goes on live, with exact counts', async () => {
  const page = await project.page('changes')
  const { feed } = await page.do(Feed, {})
  const messages = Array.from({ length: 3 }, (_unused, n) => ({
    template: 'tick',
    contact: { externalId: 'changes' },
    data: { n },
  }))
  await project.api.do(SendBare, { messages })
  const { feed: full } = await page.do(Feed, {})
  const [latest] = full.nodes
  await page.do(MarkAs, { messages: [latest?.id ?? ''], read: true })
  const live = await page.watch(FeedChanged, { after: feed.cursor })
  const replayed = await live.waitFor(3)
  expect(replayed.map(({ feedChanged }) => [feedChanged.kind, feedChanged.message?.body])).toEqual([
    ['RECEIVED', '0'],
    ['RECEIVED', '1'],
    ['RECEIVED', '2'],
  ])
  expect(replayed[2]?.feedChanged).toMatchObject({ unseenCount: 2, unreadCount: 2, message: { readAt: expect.any(String) } })
  await page.do(MarkAs, { all: {}, read: true })
  const [, , , marked] = await live.waitFor(4)
  expect(marked?.feedChanged).toMatchObject({ kind: 'ALL_MARKED', message: null, unseenCount: 0, unreadCount: 0 })
  live.close()
})

it('G9: finds by comparison what no signal told, on a server that hears none', async () => {
  const other = await app.another({}, { compareMs: 200 })
  const page = await project.page('deaf')
  const deaf = await other
    .client(`Bearer ${(await project.api.do(CreateToken, { contact: 'deaf' })).createContactToken.token}`)
    .watch(MessageReceived, { after: (await page.do(Feed, {})).feed.cursor })
  await project.api.do(SendBare, { messages: [{ template: 'tick', contact: { externalId: 'deaf' }, data: { n: 1 } }] })
  const [event] = await deaf.waitFor(1, 5_000)
  expect(event?.messageReceived.message.body).toBe('1')
  deaf.close()
  expect((await page.do(Feed, {})).feed.totalCount).toBe(1)
})

it('refuses cursors that are forged, borrowed or too old', async () => {
  const anna = await project.page('anna')
  const ben = await project.page('ben')
  const { feed } = await anna.do(Feed, {})
  const ended = async (page: Client, after: string): Promise<unknown> => {
    const live = await page.watch(MessageReceived, { after })
    return until('the subscription fails', () => live.ended(2_000))
  }
  for (const cursor of ['x', '', `${feed.cursor}x`, feed.cursor.slice(1)]) {
    expect(JSON.stringify(await ended(anna, cursor))).toContain('BAD_CURSOR')
  }
  expect(JSON.stringify(await ended(ben, feed.cursor))).toContain('BAD_CURSOR')
})
