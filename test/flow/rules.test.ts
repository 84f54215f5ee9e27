/** Rules: channels that wait, and channels that depend on what became of the in-app message. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Channel, ChannelCondition } from '../../generated/graphql.ts'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Cancel, Feed, GetNotification, MarkAs, Send, SetOnline, SetPreference } from '../helpers/operations.ts'
import { PreviewTimes, UpsertTimed } from '../helpers/operations-digest.ts'
import { newShop } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const clock = createTestClock()
const MINUTE = 60_000
let app: TestApp
let project: TestProject
const later = (channel: Channel, onlyIf: ChannelCondition, delaySeconds = 600) => ({ channel, onlyIf, delaySeconds })
beforeAll(async () => {
  app = await startTestApp({ clock })
  project = await newShop(app, null)
  const said = { inApp: [{ body: 'Hello {{ n }}' }], email: [{ subject: 'Hello', text: 'Hello {{ n }}' }], sms: [{ body: 'Hi' }] }
  await project.api.do(UpsertTimed, {
    templates: [
      { key: 'unread', ...said, rules: [later('EMAIL', 'UNREAD')] },
      { key: 'unseen', ...said, rules: [later('EMAIL', 'UNSEEN'), later('SMS', 'ALWAYS', 1200)] },
      { key: 'offline', ...said, rules: [later('EMAIL', 'OFFLINE', 0), later('IN_APP', 'OFFLINE', 0)] },
      { key: 'late-feed', ...said, rules: [later('IN_APP', 'ALWAYS')] },
      { key: 'no-feed', ...said, inApp: null, rules: [later('EMAIL', 'UNREAD'), later('SMS', 'UNSEEN')] },
      { key: 'default-delay', ...said, delaySeconds: 600, rules: [later('SMS', 'ALWAYS', 600)] },
    ],
  })
})
afterAll(() => app.stop())

let contacts = 0
const someone = () => {
  const externalId = `r${++contacts}`
  return { externalId, email: `${externalId}@example.com`, phone: '+15005550006' }
}
const send = async (message: object) => {
  const { sendMessages } = await project.api.do(Send, { messages: [{ contact: someone(), ...message } as never] })
  const [result] = sendMessages.results
  if (result?.ok !== true) throw new Error(JSON.stringify(result))
  return result
}
const idOf = async (message: object) => (await send(message)).notification?.id ?? ''
const find = async (id: string) => {
  const { notification } = await project.api.do(GetNotification, { id })
  return Object.fromEntries((notification?.messages ?? []).map((one) => [one.channel, one]))
}
const statuses = async (id: string) =>
  Object.fromEntries(Object.entries(await find(id)).map(([channel, one]) => [channel, one.status]))
const reaches = (id: string, channel: string, status: string) =>
  until(`${channel} is ${status}`, async () => (await find(id))[channel]?.status === status)
const mark = async (contact: string, what: { seen?: boolean; read?: boolean }) => {
  const { feed } = await project.api.do(Feed, { contact })
  await project.api.do(MarkAs, { contact, messages: feed.nodes.map((one) => one.id), ...what })
}

describe('a channel that depends', () => {
  it('LY-18: sends the e-mail ten minutes later, since the in-app message is still unread', async () => {
    const contact = someone()
    const id = await idOf({ template: 'unread', contact })
    expect(await statuses(id)).toMatchObject({ IN_APP: 'DELIVERED', EMAIL: 'SCHEDULED' })
    await mark(contact.externalId, { seen: true })
    clock.advance(9 * MINUTE)
    await reaches(await idOf({ template: 'order', data: { number: 1 } }), 'EMAIL', 'SENT')
    expect(await statuses(id)).toMatchObject({ EMAIL: 'SCHEDULED', SMS: 'SENT' })
    clock.advance(2 * MINUTE)
    await reaches(id, 'EMAIL', 'SENT')
  })
  it('skips the e-mail once the in-app message was read, and names the rule', async () => {
    const contact = someone()
    const id = await idOf({ template: 'unread', contact })
    await mark(contact.externalId, { read: true })
    clock.advance(11 * MINUTE)
    await reaches(id, 'EMAIL', 'SKIPPED')
    expect((await find(id))['EMAIL']).toMatchObject({
      error: { code: 'SUPPRESSED', message: 'The rule "EMAIL only if UNREAD" does not hold: the in-app message was read.' },
      attempts: [],
      history: [{ status: 'SCHEDULED' }, { status: 'SKIPPED', detail: 'SUPPRESSED' }],
    })
  })
  it('UNSEEN: skips once it was seen, and leaves other channels to their own rules', async () => {
    const contact = someone()
    const id = await idOf({ template: 'unseen', contact })
    await mark(contact.externalId, { seen: true })
    clock.advance(11 * MINUTE)
    await reaches(id, 'EMAIL', 'SKIPPED')
    expect(await statuses(id)).toMatchObject({ SMS: 'SCHEDULED' })
    clock.advance(10 * MINUTE)
    await reaches(id, 'SMS', 'SENT')
  })
  it('OFFLINE: asks whether the contact is online when the message is due, in-app as well', async () => {
    const contact = someone()
    await idOf({ template: 'order', contact, data: { number: 1 } })
    await project.api.do(SetOnline, { contact: contact.externalId, isOnline: true })
    const online = await idOf({ template: 'offline', contact })
    await reaches(online, 'EMAIL', 'SKIPPED')
    await reaches(online, 'IN_APP', 'SKIPPED')
    await project.api.do(SetOnline, { contact: contact.externalId, isOnline: false })
    const offline = await idOf({ template: 'offline', contact })
    await reaches(offline, 'EMAIL', 'SENT')
    await reaches(offline, 'IN_APP', 'DELIVERED')
  })
  it('holds where there is no in-app message, for nobody saw it', async () => {
    const without = await idOf({ template: 'no-feed' })
    const contact = someone()
    await idOf({ template: 'order', contact, data: { number: 1 } })
    await project.api.do(SetPreference, { contact: contact.externalId, channel: 'IN_APP', enabled: false })
    const optedOut = await idOf({ template: 'unread', contact })
    clock.advance(11 * MINUTE)
    await reaches(without, 'EMAIL', 'SENT')
    await reaches(without, 'SMS', 'SENT')
    await reaches(optedOut, 'EMAIL', 'SENT')
  })
  it('incrementId: asks the message that stands for it, after another one folded into it', async () => {
    const [read, unread] = [someone(), someone()]
    const ids = []
    for (const contact of [read, unread]) {
      ids.push(await idOf({ template: 'unread', contact, incrementId: 'x' }))
      const fold = await idOf({ template: 'unread', contact, incrementId: 'x' })
      expect(Object.keys(await find(fold))).toEqual(['IN_APP'])
    }
    await mark(read.externalId, { read: true })
    // Another one with the same incrementId starts a new message, and is not the one that this e-mail depends on.
    await idOf({ template: 'unread', contact: read, incrementId: 'x' })
    clock.advance(11 * MINUTE)
    await reaches(ids[0] ?? '', 'EMAIL', 'SKIPPED')
    await reaches(ids[1] ?? '', 'EMAIL', 'SENT')
  })
  it('incrementId: what waits for its in-app message keeps its own delay on top', async () => {
    const id = await idOf({ template: 'unread', incrementId: 'y', delaySeconds: 600 })
    clock.advance(11 * MINUTE)
    await reaches(id, 'IN_APP', 'DELIVERED')
    await reaches(id, 'SMS', 'SENT')
    expect(await statuses(id)).toMatchObject({ EMAIL: 'SCHEDULED' })
    clock.advance(11 * MINUTE)
    await reaches(id, 'EMAIL', 'SENT')
  })
})

describe('a channel that waits', () => {
  it('in-app: comes into the feed after its delay, while the others have gone', async () => {
    const contact = someone()
    const id = await idOf({ template: 'late-feed', contact })
    await reaches(id, 'EMAIL', 'SENT')
    expect(await statuses(id)).toMatchObject({ IN_APP: 'SCHEDULED' })
    expect((await project.api.do(Feed, { contact: contact.externalId })).feed.totalCount).toBe(0)
    clock.advance(11 * MINUTE)
    await reaches(id, 'IN_APP', 'DELIVERED')
    expect((await project.api.do(Feed, { contact: contact.externalId })).feed).toMatchObject({ totalCount: 1, unseenCount: 1 })
  })
  it('NV-44: cancels what waits by a rule or by a delay, and counts it', async () => {
    const contact = someone()
    const { transactionId, notification } = await send({ template: 'unseen', contact })
    const { cancel } = await project.api.do(Cancel, { transactionId: transactionId ?? '' })
    // E-mail, SMS, and the in-app message that nobody has seen.
    expect(cancel).toMatchObject({ canceledCount: 3, alreadySentCount: 0 })
    clock.advance(30 * MINUTE)
    await reaches(await idOf({ template: 'order', data: { number: 1 } }), 'EMAIL', 'SENT')
    expect(await statuses(notification?.id ?? '')).toEqual({ IN_APP: 'CANCELED', EMAIL: 'CANCELED', SMS: 'CANCELED' })
  })
  it("delaySeconds of a template: like the message's own, where the message does not say when", async () => {
    const before = clock.now().getTime()
    const { notification } = await send({ template: 'default-delay' })
    const id = notification?.id ?? ''
    expect(new Date(String(notification?.sendAt)).getTime() - before).toBeGreaterThanOrEqual(600_000)
    expect(await statuses(id)).toEqual({ IN_APP: 'SCHEDULED', EMAIL: 'SCHEDULED', SMS: 'SCHEDULED' })
    clock.advance(11 * MINUTE)
    await reaches(id, 'IN_APP', 'DELIVERED')
    await reaches(id, 'EMAIL', 'SENT')
    expect(await statuses(id)).toMatchObject({ SMS: 'SCHEDULED' })
    clock.advance(10 * MINUTE)
    await reaches(id, 'SMS', 'SENT')
    const soon = await send({ template: 'default-delay', delaySeconds: 0 })
    expect(soon.notification?.sendAt).toBeNull()
    await reaches(soon.notification?.id ?? '', 'EMAIL', 'SENT')
    const past = await send({ template: 'default-delay', sendAt: clock.now().toISOString() })
    expect(past.notification?.sendAt).toBeNull()
  })
  it('preview names what will wait, and what must hold then', async () => {
    const times = async (message: object) => {
      const { preview } = await project.api.do(PreviewTimes, { message: { contact: someone(), ...message } as never })
      return Object.fromEntries(preview.channels.map((one) => [one.channel, [one.wouldSend, one.delaySeconds, one.onlyIf]]))
    }
    expect(await times({ template: 'unseen' })).toEqual({
      IN_APP: [true, 0, 'ALWAYS'],
      EMAIL: [true, 600, 'UNSEEN'],
      SMS: [true, 1200, 'ALWAYS'],
    })
    expect(await times({ template: 'default-delay' })).toEqual({
      IN_APP: [true, 600, 'ALWAYS'],
      EMAIL: [true, 600, 'ALWAYS'],
      SMS: [true, 1200, 'ALWAYS'],
    })
  })
})

describe('templates', () => {
  it('keep their rules until they are replaced or removed', async () => {
    const { upsertTemplates: first } = await project.api.do(UpsertTimed, {
      templates: [
        {
          key: 'kept',
          inApp: [{ body: 'x' }],
          delaySeconds: 5,
          rules: [{ channel: 'EMAIL' }],
          digest: { windowSeconds: 60, key: 'a.b' },
        },
      ],
    })
    const all = {
      delaySeconds: 5,
      rules: [{ channel: 'EMAIL', delaySeconds: 0, onlyIf: 'ALWAYS' }],
      digest: { windowSeconds: 60, key: 'a.b' },
    }
    expect(first[0]).toMatchObject(all)
    const { upsertTemplates: second } = await project.api.do(UpsertTimed, { templates: [{ key: 'kept', name: 'Kept' }] })
    expect(second[0]).toMatchObject(all)
    const { upsertTemplates: third } = await project.api.do(UpsertTimed, {
      templates: [{ key: 'kept', delaySeconds: null, rules: null, digest: null }],
    })
    expect(third[0]).toMatchObject({ delaySeconds: null, rules: [], digest: null })
  })
  it.each([
    ['a negative delay', { delaySeconds: -1 }, 'delaySeconds'],
    ['a delay of more than a year', { rules: [{ channel: 'EMAIL', delaySeconds: 366 * 86_400 + 1 }] }, 'rules[0].delaySeconds'],
    ['two rules of a channel', { rules: [{ channel: 'SMS' }, { channel: 'SMS' }] }, 'rules[1]'],
    ['an in-app message that waits for itself', { rules: [{ channel: 'IN_APP', onlyIf: 'UNREAD' }] }, 'rules[0].onlyIf'],
    ['a window of no time', { digest: { windowSeconds: 0 } }, 'digest.windowSeconds'],
    ['a window of more than 30 days', { digest: { windowSeconds: 30 * 86_400 + 1 } }, 'digest.windowSeconds'],
    ['a path with a hole', { digest: { windowSeconds: 1, key: 'a..b' } }, 'digest.key'],
  ])('refuse %s, naming the index', async (_what, more, field) => {
    const { errors } = await project.api.ask(UpsertTimed, { templates: [{ key: 'ok' }, { key: 'bad', ...more }] as never })
    expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_INPUT', index: 1, field })
  })
})
