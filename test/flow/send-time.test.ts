/** Time: what is sent later, what is tried again, what is counted up, and what is taken back. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Cancel, Feed, FeedChanged, GetNotification, MarkAs, Send, SetPreference } from '../helpers/operations.ts'
import { newShop, times } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'

const clock = createTestClock()
const MINUTE = 60_000
let app: TestApp
let smtp: SmtpSink
let project: TestProject
beforeAll(async () => {
  app = await startTestApp({ clock })
  smtp = await startSmtp()
  project = await newShop(app, smtp)
})
beforeEach(() => smtp.script(null))
afterAll(async () => {
  await app.stop()
  await smtp.close()
})

let contacts = 0
const someone = () => {
  const externalId = `t${++contacts}`
  return { externalId, email: `${externalId}@example.com`, phone: '+15005550006', firstName: 'Tom' }
}
const send = async (...messages: object[]) => {
  const { sendMessages } = await project.api.do(Send, {
    messages: messages.map((one) => ({ template: 'order', contact: someone(), data: { number: 1 }, ...one })),
  })
  return sendMessages.results
}
const inMs = (ms: number): string => new Date(clock.now().getTime() + ms).toISOString()
const find = async (id: string) => {
  const { notification } = await project.api.do(GetNotification, { id })
  if (notification === null) throw new Error('No notification')
  return notification
}
const statuses = async (id: string) => Object.fromEntries((await find(id)).messages.map((one) => [one.channel, one.status]))
const mailsTo = (email: string) => smtp.messages.filter((mail) => mail.to.includes(email))

describe('later', () => {
  it('sendAt: waits for its time on every channel, then goes out once', async () => {
    const contact = someone()
    const [result] = await send({ contact, sendAt: inMs(10 * MINUTE) })
    const id = result?.notification?.id ?? ''
    expect(await statuses(id)).toEqual({ IN_APP: 'SCHEDULED', EMAIL: 'SCHEDULED', SMS: 'SCHEDULED' })
    clock.advance(9 * MINUTE)
    // Another message that is due now goes through the same worker: had the first one been due, it would be out as well.
    const [quick] = await send({})
    await until('the quick one is out', async () => (await statuses(quick?.notification?.id ?? ''))['SMS'] === 'SENT')
    expect(mailsTo(contact.email)).toHaveLength(0)
    clock.advance(2 * MINUTE)
    await until(
      'it is out',
      async () => (await statuses(id))['EMAIL'] === 'SENT' && (await statuses(id))['IN_APP'] === 'DELIVERED',
    )
    expect(mailsTo(contact.email)).toHaveLength(1)
    const { feed } = await project.api.do(Feed, { contact: contact.externalId })
    expect(feed).toMatchObject({ totalCount: 1, unseenCount: 1, nodes: [{ title: 'Order 1', body: 'Hello Tom' }] })
  })
  it('delaySeconds: the same, from now on', async () => {
    const [result] = await send({ delaySeconds: 3600, channels: ['SMS'] })
    const id = result?.notification?.id ?? ''
    expect((await statuses(id))['SMS']).toBe('SCHEDULED')
    clock.advance(61 * MINUTE)
    await until('it is out', async () => (await statuses(id))['SMS'] === 'SENT')
  })
  it.each([
    ['more than 5 minutes in the past', () => ({ sendAt: inMs(-6 * MINUTE) })],
    ['more than a year ahead', () => ({ sendAt: inMs(367 * 24 * 60 * MINUTE) })],
    ['together with delaySeconds', () => ({ sendAt: inMs(MINUTE), delaySeconds: 5 })],
  ])('I31: refuses a sendAt %s', async (_what, more) => {
    expect((await send(more()))[0]).toMatchObject({ ok: false, error: { code: 'BAD_INPUT', field: 'sendAt' } })
  })
  it('takes a sendAt up to 5 minutes in the past as now', async () => {
    // No e-mail: nobody would wait for it, and the next test's server would refuse it.
    const [result] = await send({ sendAt: inMs(-4 * MINUTE), channels: ['IN_APP'] })
    expect((await statuses(result?.notification?.id ?? ''))['IN_APP']).toBe('DELIVERED')
  })
})

describe('again', () => {
  it('tries eight times, later each time, then fails with the error kept', async () => {
    smtp.script(({ stage }) => (stage === 'mail' ? { reply: '451 4.3.0 later' } : undefined))
    const [result] = await send({ channels: ['EMAIL'] })
    const id = result?.notification?.id ?? ''
    for (let attempt = 1; attempt <= 8; attempt++) {
      await until(`attempt ${attempt}`, async () => (await find(id)).messages[0]?.attempts.length === attempt)
      if (attempt < 8) expect((await statuses(id))['EMAIL']).toBe('QUEUED')
      clock.advance(60 * MINUTE)
    }
    const [message] = (await find(id)).messages
    expect(message).toMatchObject({ status: 'FAILED', error: { code: 'PROVIDER_UNREACHABLE' } })
    expect(message?.attempts.map((one) => one.number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })
  it('goes on when the provider does', async () => {
    let refusals = 2
    smtp.script(({ stage }) => (stage === 'rcpt' && refusals-- > 0 ? { reply: '450 greylisted' } : undefined))
    const contact = someone()
    const [result] = await send({ contact, channels: ['EMAIL'] })
    const id = result?.notification?.id ?? ''
    await until('the first attempt', async () => (await find(id)).messages[0]?.attempts.length === 1)
    clock.advance(MINUTE)
    await until('the second attempt', async () => (await find(id)).messages[0]?.attempts.length === 2)
    clock.advance(MINUTE)
    await until('it is out', async () => (await statuses(id))['EMAIL'] === 'SENT')
    expect(mailsTo(contact.email)).toHaveLength(1)
  })
  it('G4: sends an e-mail whose outcome is unknown again by itself, with the same Message-ID', async () => {
    let resets = 1
    smtp.script(({ stage }) => (stage === 'dot' && resets-- > 0 ? 'reset' : undefined))
    const contact = someone()
    const [result] = await send({ contact, channels: ['EMAIL'] })
    const id = result?.notification?.id ?? ''
    await until('the first attempt', async () => (await find(id)).messages[0]?.attempts.length === 1)
    expect((await find(id)).messages[0]).toMatchObject({ status: 'QUEUED', error: { code: 'OUTCOME_UNKNOWN' } })
    clock.advance(MINUTE)
    await until('it is out', async () => (await statuses(id))['EMAIL'] === 'SENT')
    const mails = mailsTo(contact.email)
    expect(mails).toHaveLength(2)
    expect(new Set(mails.map((mail) => mail.messageId)).size).toBe(1)
  })
})

describe('incrementId', () => {
  const like = (externalId: string, more: object = {}) => ({
    contact: { externalId, email: `${externalId}@example.com`, phone: '+15005550006' },
    incrementId: 'likes',
    ...more,
  })

  it('N1-42, N1-49, B7-20: five sends are one unread message with the count 5, and one e-mail', async () => {
    const page = await project.page('inc')
    const live = await page.watch(FeedChanged, {})
    for (let n = 1; n <= 5; n++) {
      await send(like('inc', { data: { number: n } }))
      // Each is seen before the next: several changes of one message may come as one when they are replayed.
      await live.waitFor(n)
    }
    const events = await live.waitFor(5)
    expect(events.map(({ feedChanged }) => [feedChanged.kind, feedChanged.message?.count, feedChanged.unreadCount])).toEqual([
      ['RECEIVED', 1, 1],
      ['UPDATED', 2, 1],
      ['UPDATED', 3, 1],
      ['UPDATED', 4, 1],
      ['UPDATED', 5, 1],
    ])
    live.close()
    const { feed } = await page.do(Feed, {})
    expect(feed).toMatchObject({ totalCount: 1, unreadCount: 1, nodes: [{ title: 'Order 5', count: 5 }] })
    await until('the mail is out', () => mailsTo('inc@example.com').length === 1)
  })
  it('N1-49: begins again at 1 once it is read', async () => {
    const page = await project.page('inc')
    const { feed } = await page.do(Feed, {})
    await page.do(MarkAs, { messages: [feed.nodes[0]?.id ?? ''], read: true })
    await send(like('inc'))
    expect((await page.do(Feed, {})).feed.nodes.map((node) => node.count)).toEqual([1, 5])
  })
  it('folds within one call, and every fold is a notification without messages of its own', async () => {
    const results = await send(...times(3, (n) => like('inc3', { data: { number: n } })))
    const messages = await Promise.all(
      results.map(async (result) => (await find(result.notification?.id ?? '')).messages.map((one) => one.channel)),
    )
    // The in-app message belongs to the latest one, the others went out with the first.
    expect(messages.map((list) => list.toSorted())).toEqual([['EMAIL', 'SMS'], [], ['IN_APP']])
  })
  it('folds when it is due, and then no other channel sends', async () => {
    await send(like('inc4'))
    await until('the first is out', () => mailsTo('inc4@example.com').length === 1)
    const [later] = await send(like('inc4', { delaySeconds: 60, data: { number: 2 } }))
    clock.advance(2 * MINUTE)
    await until('it has folded', async () => (await project.api.do(Feed, { contact: 'inc4' })).feed.nodes[0]?.count === 2)
    // Due later than the fold, through the same worker.
    const probe = someone()
    await send({ contact: probe })
    await until('the probe is out', () => mailsTo(probe.email).length === 1)
    expect(mailsTo('inc4@example.com')).toHaveLength(1)
    expect((await find(later?.notification?.id ?? '')).messages.map((one) => one.channel)).toEqual(['IN_APP'])
  })
  it('sends the other channels of a scheduled one whose in-app message is not wanted any more', async () => {
    await send(like('inc6', { delaySeconds: 60 }))
    await (await project.page('inc6')).do(SetPreference, { channel: 'IN_APP', enabled: false })
    clock.advance(2 * MINUTE)
    await until('the mail is out', () => mailsTo('inc6@example.com').length === 1)
  })
  it('sends the other channels of a scheduled one that did not fold', async () => {
    await send(like('inc5', { delaySeconds: 60 }))
    clock.advance(2 * MINUTE)
    await until('the mail is out', () => mailsTo('inc5@example.com').length === 1)
  })
})

describe('cancel', () => {
  it('NV-44, NV-45: cancels what waits, takes back what is unseen, and counts what went out', async () => {
    const page = await project.page('cancel')
    const live = await page.watch(FeedChanged, {})
    const contact = { externalId: 'cancel', email: 'cancel@example.com' }
    const transactionId = 'tx-cancel'
    const results = await send(
      { contact, transactionId, template: 'note', data: { n: 'seen' } },
      { contact, transactionId, template: 'note', data: { n: 'unseen' } },
      { contact, transactionId, delaySeconds: 600 },
    )
    await live.waitFor(2)
    const { feed } = await page.do(Feed, {})
    await page.do(MarkAs, { messages: [feed.nodes.find((node) => node.body === 'seen')?.id ?? ''], seen: true })
    const { cancel } = await project.api.do(Cancel, { transactionId })
    // Scheduled: in-app, e-mail (there is no phone number). Taken back: one.
    expect(cancel).toEqual({ transactionId, canceledCount: 3, alreadySentCount: 1 })
    const events = await live.waitFor(4)
    expect(events.at(-1)?.feedChanged).toMatchObject({ kind: 'RETRACTED', unseenCount: 0, unreadCount: 1 })
    live.close()
    clock.advance(20 * MINUTE)
    const probe = someone()
    await send({ contact: probe })
    await until('the probe is out', () => mailsTo(probe.email).length === 1)
    expect(mailsTo('cancel@example.com')).toHaveLength(0)
    expect((await page.do(Feed, {})).feed.nodes.map((node) => node.body)).toEqual(['seen'])
    expect((await find(results[2]?.notification?.id ?? '')).canceledAt).not.toBeNull()
    // Once more changes nothing.
    expect((await project.api.do(Cancel, { transactionId })).cancel).toEqual({
      transactionId,
      canceledCount: 0,
      alreadySentCount: 1,
    })
  })
  it('NV-45: is NOT_FOUND for an unknown transaction', async () => {
    for (const transactionId of ['never', '', 'a\0b'])
      expect((await project.api.ask(Cancel, { transactionId })).codes).toEqual(['NOT_FOUND'])
  })
  it('NV-44, B7-12: sends nothing more once it has answered, while mails are going out', async () => {
    smtp.script(({ stage }) => (stage === 'mail' ? { delayMs: 20 } : undefined))
    const people = times(100, someone)
    const results = await send(...people.map((contact) => ({ contact, channels: ['EMAIL'] })))
    const transactionId = results[0]?.transactionId ?? ''
    await until('some are out', () => people.filter((one) => mailsTo(one.email).length > 0).length > 10)
    const { cancel } = await project.api.do(Cancel, { transactionId })
    const atAnswer = people.filter((one) => mailsTo(one.email).length > 0).length
    expect(cancel.canceledCount + cancel.alreadySentCount).toBe(100)
    expect(cancel.canceledCount).toBeGreaterThan(0)
    expect(cancel.alreadySentCount).toBe(atAnswer)
    smtp.script(null)
    const probe = someone()
    await send({ contact: probe })
    await until('the probe is out', () => mailsTo(probe.email).length === 1)
    expect(people.filter((one) => mailsTo(one.email).length > 0).length).toBe(atAnswer)
  })
})
