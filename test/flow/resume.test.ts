/** Subscribers never miss (G9): cut at random, resumed by cursor, each has every message once, in order. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { FeedChangedSubscription } from '../../generated/graphql.ts'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import type { Client, Watched } from '../helpers/client.ts'
import {
  Cancel,
  CreateContactToken as CreateToken,
  Feed,
  FeedChanged,
  MarkAs,
  MessageReceived,
  Send,
  SendBare,
  UpsertTemplates,
} from '../helpers/operations.ts'
import { randomOf, seeded } from '../helpers/seed.ts'
import { pause, until } from '../helpers/until.ts'

const SECONDS = process.env['TEST_FULL'] === '1' ? 20 : 4
const PER_SECOND = 200
const DAY_MS = 24 * 3_600_000

const clock = createTestClock()
let app: TestApp
let project: TestProject

beforeAll(async () => {
  app = await startTestApp({ clock })
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
    const events = await live.waitFor(take, 30_000).catch((error: unknown) => {
      if (!String(error).includes('RATE_LIMITED')) throw error
      return null
    })
    live.close()
    if (events === null) {
      // A contact may subscribe only so often: as a client does, it waits as long as it is told, and goes on where it was.
      await pause(1_000)
      continue
    }
    // What came beyond the cut is thrown away, as a page that was closed would lose it.
    for (const { messageReceived } of events.slice(0, take)) {
      bodies.push(messageReceived.message.body)
      cursor = messageReceived.cursor
    }
    cuts++
  }
  return { bodies, cuts }
}

it(`G9: gives three subscribers that are cut at random every message once, in order, at ${PER_SECOND} a second`, async () => {
  const page = await project.page('g9')
  const { feed } = await page.do(Feed, {})
  const total = SECONDS * PER_SECOND
  const random = seeded()
  const subscribers = Array.from({ length: 3 }, () => subscriber(page, feed.cursor, total, randomOf(random.int(2 ** 32))))
  const send = async (): Promise<void> => {
    const begun = performance.now()
    const sends: Promise<unknown>[] = []
    for (let n = 0; n < total; ) {
      await pause(begun + (n / PER_SECOND) * 1000 - performance.now())
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
})

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

type Shown = NonNullable<FeedChangedSubscription['feedChanged']['message']>

/** A page that shows a feed by its changes, is cut at random and goes on by cursor, until it has seen the message `end`. */
async function mirror(page: Client, after: string, random: () => number) {
  const shown = new Map<string, Shown>()
  let cursor = after
  let counts: unknown
  let cuts = 0
  for (let ended = false; !ended; cuts++) {
    const live = await page.watch(FeedChanged, { after: cursor })
    const take = 1 + Math.floor(random() * 20)
    const events = await Promise.race([live.waitFor(take, 30_000), finished.promise.then(() => live.waitFor(1))])
    live.close()
    // Three pages of one contact share its 20 operations a second; like real clients, they wait before they come back.
    await pause(500)
    for (const { feedChanged } of events.slice(0, take)) {
      const { kind, message, unseenCount, unreadCount } = feedChanged
      if (kind === 'ALL_MARKED') for (const node of (await everything('mirror')).nodes) shown.set(node.id, node)
      else if (message !== null && kind === 'RETRACTED') shown.delete(message.id)
      else if (message !== null) shown.set(message.id, message)
      cursor = feedChanged.cursor
      counts = { unseenCount, unreadCount }
      ended ||= message?.body === 'end'
    }
  }
  return { shown, counts, cuts }
}
/** Asked with the key: a page may not ask as often. */
const everything = async (contact: string) => (await project.api.do(Feed, { contact, first: 100, archived: null })).feed
const finished = Promise.withResolvers<void>()

it('G9: a page that is cut at random shows what the feed is, whatever happens to it, and counts exactly', async () => {
  const page = await project.page('mirror')
  const { feed } = await page.do(Feed, {})
  const random = seeded()
  const mirrors = Array.from({ length: 3 }, () => mirror(page, feed.cursor, randomOf(random.int(2 ** 32))))
  const transactions: string[] = []
  const contact = { externalId: 'mirror' }
  for (let n = 0; n < 300; n++) {
    const drawn = random()
    const { nodes } = await everything('mirror')
    const messages = [nodes[Math.floor(random() * nodes.length)]?.id ?? '']
    const isSet = random() < 0.6
    if (nodes.length === 0 || (drawn < 0.3 && nodes.length < 90)) {
      const incrementId = random() < 0.5 ? `like-${Math.floor(random() * 3)}` : null
      const sent = await project.api.do(Send, { messages: [{ template: 'tick', contact, data: { n }, incrementId }] })
      transactions.push(sent.sendMessages.results[0]?.transactionId ?? '')
    } else if (drawn < 0.5) await project.api.do(MarkAs, { contact: 'mirror', messages, read: isSet })
    else if (drawn < 0.7) await project.api.do(MarkAs, { contact: 'mirror', messages, seen: isSet })
    else if (drawn < 0.85) await project.api.do(MarkAs, { contact: 'mirror', messages, archived: isSet })
    else if (drawn < 0.9) await project.api.do(MarkAs, { contact: 'mirror', all: {}, seen: true })
    else await project.api.do(Cancel, { transactionId: transactions[Math.floor(random() * transactions.length)] ?? '' })
  }
  await project.api.do(SendBare, { messages: [{ template: 'tick', contact, data: { n: 'end' } }] })
  finished.resolve()
  const now = await everything('mirror')
  expect(now.nodes.length).toBeGreaterThan(20)
  const states = (list: readonly Shown[]) =>
    list
      .map(({ id, body, count, seenAt, readAt, archivedAt }) => ({ id, body, count, seenAt, readAt, archivedAt }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
  for (const { shown, counts, cuts } of await Promise.all(mirrors)) {
    expect(states([...shown.values()])).toEqual(states(now.nodes))
    expect(counts).toEqual({ unseenCount: now.unseenCount, unreadCount: now.unreadCount })
    expect(cuts).toBeGreaterThan(3)
  }
})

it('G9: goes on in the feeds asked for, and counts those only', async () => {
  const page = await project.page('filtered')
  const { feed } = await page.do(Feed, {})
  const send = (from: number) =>
    project.api.do(SendBare, {
      messages: Array.from({ length: 50 }, (_unused, n) => ({
        template: 'tick',
        contact: { externalId: 'filtered' },
        data: { n: from + n },
        overrides: { inApp: { feed: n % 5 === 0 ? 'rare' : 'common' } },
      })),
    })
  await send(0)
  const first = await page.watch(MessageReceived, { after: feed.cursor, feeds: ['rare'] })
  const [event] = (await first.waitFor(10)).slice(4)
  first.close()
  await send(50)
  const second = await page.watch(MessageReceived, { after: event?.messageReceived.cursor ?? '', feeds: ['rare'] })
  await send(100)
  const rest = await second.waitFor(25)
  second.close()
  const expected = Array.from({ length: 25 }, (_unused, n) => String(25 + n * 5))
  expect(rest.map(({ messageReceived }) => messageReceived.message.body)).toEqual(expected)
  expect(rest.at(-1)?.messageReceived).toMatchObject({ unseenCount: 30, unreadCount: 30 })
})

it('G9: finds what no signal announced by comparing numbers, on a server that receives none', async () => {
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

  clock.advance(30 * DAY_MS - 60_000)
  const still = await (await project.page('anna')).watch(MessageReceived, { after: feed.cursor })
  await project.api.do(SendBare, { messages: [{ template: 'tick', contact: { externalId: 'anna' }, data: { n: 1 } }] })
  await still.waitFor(1)
  still.close()
  clock.advance(120_000)
  expect(JSON.stringify(await ended(await project.page('anna'), feed.cursor))).toContain('CURSOR_EXPIRED')
})
