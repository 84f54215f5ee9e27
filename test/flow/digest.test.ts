/** Digests: what comes within a window becomes one notification, and each of it is in exactly one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Cancel, DeleteContacts, Feed, ListNotifications, Send } from '../helpers/operations.ts'
import { GetFolded, PreviewTimes, UpsertTimed } from '../helpers/operations-digest.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const clock = createTestClock()
const MINUTE = 60_000
let app: TestApp
let project: TestProject
const items = '{{ digest.count }}: {% for item in digest.items %}{{ item.n }} {% endfor %}'
beforeAll(async () => {
  app = await startTestApp({ clock })
  project = await newShop(app, null)
  const said = {
    inApp: [{ title: 'Latest {{ n }}', body: items }],
    email: [{ subject: '{{ digest.count }} new', text: items }],
  }
  await project.api.do(UpsertTimed, {
    templates: [
      { key: 'all', ...said, digest: { windowSeconds: 600 } },
      { key: 'by-post', ...said, digest: { windowSeconds: 600, key: 'post.id' } },
      {
        key: 'later',
        ...said,
        digest: { windowSeconds: 600 },
        rules: [{ channel: 'EMAIL', delaySeconds: 600, onlyIf: 'UNREAD' }],
      },
      { key: 'month', ...said, digest: { windowSeconds: 30 * 86_400 } },
    ],
  })
})
afterAll(() => app.stop())

let contacts = 0
const someone = () => {
  const externalId = `d${++contacts}`
  return { externalId, email: `${externalId}@example.com` }
}
const send = async (...messages: object[]) => (await project.api.do(Send, { messages: messages as never })).sendMessages.results
const idsOf = (results: Awaited<ReturnType<typeof send>>) => results.map((one) => one.notification?.id ?? '')
const find = async (id: string) => {
  const { notification } = await project.api.do(GetFolded, { id })
  if (notification === null) throw new Error('No notification')
  return notification
}
const folded = (id: string) =>
  until('the digest is closed', async () => {
    const { foldedInto } = await find(id)
    return foldedInto === null ? null : find(foldedInto.id)
  })
const saidOn = (notification: Awaited<ReturnType<typeof find>>, channel: string) => {
  const message = notification.messages.find((one) => one.channel === channel)
  return message === undefined ? null : 'body' in message ? message.body : 'text' in message ? message.text : null
}
const sent = (id: string) =>
  until('the e-mail is out', async () => {
    const notification = await find(id)
    return notification.messages.some((one) => one.channel === 'EMAIL' && one.status === 'SENT') ? notification : null
  })
/** Another one that is due now goes through the same workers. */
const workersLooked = async () => {
  const [probe] = await send({ template: 'all', contact: someone(), data: { n: 0 } })
  clock.advance(11 * MINUTE)
  await folded(probe?.notification?.id ?? '')
}

describe('a window', () => {
  it('N1-32: folds what came into one notification, with all data in order', async () => {
    const contact = someone()
    const events = idsOf(await send(...[1, 2, 3].map((n) => ({ template: 'all', contact, data: { n } }))))
    const [first] = events
    const waiting = await find(first ?? '')
    expect(waiting).toMatchObject({ messages: [], foldedInto: null, channels: ['IN_APP', 'EMAIL'] })
    expect(new Date(String(waiting.sendAt)).getTime() - clock.now().getTime()).toBeGreaterThan(9 * MINUTE)
    expect((await project.api.do(Feed, { contact: contact.externalId })).feed.totalCount).toBe(0)
    clock.advance(9 * MINUTE)
    // The window does not move.
    events.push(...idsOf(await send({ template: 'all', contact, data: { n: 4 } })))
    clock.advance(2 * MINUTE)
    const digest = await sent((await folded(first ?? '')).id)
    expect(saidOn(digest, 'IN_APP')).toBe('4: 1 2 3 4')
    expect(saidOn(digest, 'EMAIL')).toBe('4: 1 2 3 4')
    expect(digest.data).toEqual({ n: 4 })
    for (const id of events) expect(await find(id)).toMatchObject({ messages: [], foldedInto: { id: digest.id } })
    expect((await project.api.do(Feed, { contact: contact.externalId })).feed).toMatchObject({
      totalCount: 1,
      unseenCount: 1,
      nodes: [{ title: 'Latest 4' }],
    })
  })
  it('is one for each contact and each value of its key', async () => {
    const [ann, ben] = [someone(), someone()]
    const post = (contact: object, id: unknown, n: number) => ({ template: 'by-post', contact, data: { n, post: { id } } })
    const events = await send(
      post(ann, 'a', 1),
      post(ann, 'b', 2),
      post(ben, 'a', 3),
      post(ann, 'a', 4),
      { template: 'by-post', contact: ann, data: { n: 5 } },
      { template: 'by-post', contact: ann, data: { n: 6, post: 'a' } },
      post(ann, 'x'.repeat(10_000), 7),
      post(ann, { b: 1, a: 2 }, 8),
      post(ann, { a: 2, b: 1 }, 9),
    )
    clock.advance(11 * MINUTE)
    const digests = await Promise.all(idsOf(events).map(async (id) => saidOn(await folded(id), 'IN_APP')))
    expect(digests).toEqual(['2: 1 4', '1: 2', '1: 3', '2: 1 4', '2: 5 6', '2: 5 6', '1: 7', '2: 8 9', '2: 8 9'])
  })
  it('opens a new window with what comes after it closed', async () => {
    const contact = someone()
    const [first] = idsOf(await send({ template: 'all', contact, data: { n: 1 } }))
    clock.advance(11 * MINUTE)
    await folded(first ?? '')
    const [second] = idsOf(await send({ template: 'all', contact, data: { n: 2 } }))
    expect((await find(second ?? '')).foldedInto).toBeNull()
    clock.advance(11 * MINUTE)
    expect(saidOn(await folded(second ?? ''), 'IN_APP')).toBe('1: 2')
  })
  it('may be open for 30 days', async () => {
    const [id] = idsOf(await send({ template: 'month', contact: someone(), data: { n: 1 } }))
    clock.advance(29 * 24 * 60 * MINUTE)
    await workersLooked()
    expect((await find(id ?? '')).foldedInto).toBeNull()
    clock.advance(24 * 60 * MINUTE)
    expect(saidOn(await folded(id ?? ''), 'IN_APP')).toBe('1: 1')
  })
  it('keeps the ids of what waits: each is accepted once, permanently', async () => {
    const contact = someone()
    const event = { id: 'event-1', template: 'all', contact, data: { n: 1 } }
    const [first, duplicate] = await send(event, event)
    expect([first?.ok, duplicate?.error?.code]).toEqual([true, 'ID_EXISTS'])
    clock.advance(11 * MINUTE)
    expect(saidOn(await folded(first?.notification?.id ?? ''), 'IN_APP')).toBe('1: 1')
    const [again, other] = await send(event, { ...event, data: { n: 2 } })
    expect([again?.error?.code, again?.notification?.id, other?.error?.code]).toEqual([
      'ID_EXISTS',
      first?.notification?.id,
      'ID_MISMATCH',
    ])
  })
  it('is waited for with rules on top: the e-mail later still, if the digest is unread', async () => {
    const contact = someone()
    const [id] = idsOf(await send({ template: 'later', contact, data: { n: 1 } }))
    clock.advance(11 * MINUTE)
    const digest = await folded(id ?? '')
    expect(Object.fromEntries(digest.messages.map((one) => [one.channel, one.status]))).toEqual({
      IN_APP: 'DELIVERED',
      EMAIL: 'SCHEDULED',
    })
    clock.advance(11 * MINUTE)
    expect(saidOn(await sent(digest.id), 'EMAIL')).toBe('1: 1')
  })
  it('refuses a message that says when itself', async () => {
    const message = { template: 'all', contact: someone(), data: { n: 1 } }
    const results = await send(
      { ...message, delaySeconds: 5 },
      { ...message, sendAt: new Date(clock.now().getTime() + MINUTE) },
      { ...message, delaySeconds: 0 },
    )
    expect(results.map((one) => one.error?.field ?? one.ok)).toEqual(['delaySeconds', 'sendAt', true])
  })
  it('is shown by a preview: how long it waits, and what one message alone would say', async () => {
    const { preview } = await project.api.do(PreviewTimes, {
      message: { template: 'later', contact: someone(), data: { n: 7 } } as never,
    })
    expect(preview.channels.map((one) => [one.channel, one.delaySeconds, one.onlyIf, one.text ?? one.body])).toEqual([
      ['IN_APP', 600, 'ALWAYS', '1: 7'],
      ['EMAIL', 1200, 'UNREAD', '1: 7'],
    ])
  })
})

describe('canceling', () => {
  it('NV-44: takes what was canceled out of its open window, and sends nothing when nothing is left', async () => {
    const [ann, ben] = [someone(), someone()]
    const [kept, gone, alone] = [
      ...(await send({ template: 'all', contact: ann, data: { n: 1 } })),
      ...(await send({ template: 'all', contact: ann, data: { n: 2 } })),
      ...(await send({ template: 'all', contact: ben, data: { n: 3 } })),
    ]
    for (const one of [gone, alone]) {
      const { cancel } = await project.api.do(Cancel, { transactionId: one?.transactionId ?? '' })
      expect(cancel).toMatchObject({ canceledCount: 0, alreadySentCount: 0 })
    }
    clock.advance(11 * MINUTE)
    expect(saidOn(await sent((await folded(kept?.notification?.id ?? '')).id), 'EMAIL')).toBe('1: 1')
    await workersLooked()
    expect(await find(gone?.notification?.id ?? '')).toMatchObject({ messages: [], foldedInto: { id: expect.any(String) } })
    expect(await find(alone?.notification?.id ?? '')).toMatchObject({
      messages: [],
      foldedInto: null,
      canceledAt: expect.any(String),
    })
    const { notifications } = await project.api.do(ListNotifications, { filter: { contact: ben.externalId } })
    expect(notifications.totalCount).toBe(1)
  })
  it('NV-44: takes it out of what is closed and not out yet; a digest that it was all of is canceled', async () => {
    const [ann, ben] = [someone(), someone()]
    const [kept, gone, alone] = [
      ...(await send({ template: 'later', contact: ann, data: { n: 1 } })),
      ...(await send({ template: 'later', contact: ann, data: { n: 2 } })),
      ...(await send({ template: 'later', contact: ben, data: { n: 3 } })),
    ]
    clock.advance(11 * MINUTE)
    const digests = [await folded(kept?.notification?.id ?? ''), await folded(alone?.notification?.id ?? '')]
    const counts = []
    for (const one of [gone, alone])
      counts.push((await project.api.do(Cancel, { transactionId: one?.transactionId ?? '' })).cancel)
    // The in-app message of the first is in the feed, with what was canceled; that of the second is taken back, and its e-mail will not go.
    expect(counts.map((one) => [one.canceledCount, one.alreadySentCount])).toEqual([
      [0, 1],
      [2, 0],
    ])
    clock.advance(11 * MINUTE)
    const first = await sent(digests[0]?.id ?? '')
    expect(saidOn(first, 'EMAIL')).toBe('1: 1')
    expect((await find(digests[1]?.id ?? '')).messages.map((one) => one.status)).toEqual(['CANCELED', 'CANCELED'])
  })
  it('erases what waits with its contact', async () => {
    const contact = someone()
    const [id] = idsOf(await send({ template: 'all', contact, data: { n: 1 } }))
    await project.api.do(DeleteContacts, { contacts: [{ externalId: contact.externalId }] })
    await workersLooked()
    expect(await find(id ?? '')).toMatchObject({ messages: [], foldedInto: null, data: {}, canceledAt: expect.any(String) })
  })
})

const DIGESTS = 1_000
const ARRIVING = 4

it(`F39: puts each of many events into exactly one digest when ${DIGESTS} windows close at once on two workers and events arrive in that moment`, async () => {
  const other = await app.another({}, { clock })
  const clients = [project.api, other.client(`Bearer ${project.apiKey}`)]
  const people = times(DIGESTS, (index) => ({ externalId: `many-${index}` }))
  const ids: string[] = []
  const sendRound = async (round: number): Promise<void> => {
    const messages = people.map((contact, index) => ({
      template: 'all',
      contact,
      channels: ['IN_APP'],
      data: { n: `${round}/${index}` },
    }))
    await Promise.all(
      times(Math.ceil(messages.length / 100), async (page) => {
        const client = clients[page % 2] ?? project.api
        const { sendMessages } = await client.do(Send, { messages: messages.slice(page * 100, page * 100 + 100) as never })
        for (const one of sendMessages.results) ids.push(one.notification?.id ?? `refused: ${one.error?.code}`)
      }),
    )
  }
  await sendRound(0)
  clock.advance(11 * MINUTE)
  for (let round = 1; round <= ARRIVING; round++) await sendRound(round)
  // What came after its window closed is in the next one.
  clock.advance(11 * MINUTE)
  const prisma = app.app.prisma
  await until(
    'all windows are closed',
    async () =>
      (await prisma.digest.count({
        where: { projectId: project.id, closedAt: null, contact: { externalId: { startsWith: 'many-' } } },
      })) === 0,
    60_000,
  )
  expect(ids).toHaveLength(DIGESTS * (ARRIVING + 1))
  const shown: string[] = []
  for (const { externalId } of people) {
    const { feed } = await project.api.do(Feed, { contact: externalId })
    for (const { body } of feed.nodes) {
      const [count, list = ''] = body.split(': ')
      const items = list.split(' ')
      expect(items).toHaveLength(Number(count))
      shown.push(...items)
    }
  }
  expect(shown.toSorted()).toEqual(
    times(ARRIVING + 1, (round) => people.map((_one, index) => `${round}/${index}`))
      .flat()
      .toSorted(),
  )
}, 120_000)
