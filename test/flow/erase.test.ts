/** Erasing contacts. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  DeleteContacts,
  Feed,
  GetContact,
  GetNotification,
  GetStats,
  MessageReceived,
  Send,
  SetOnline,
  UpsertContacts,
} from '../helpers/operations.ts'
import { Broadcast, Transaction } from '../helpers/operations-fanout.ts'
import { newShop, times } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'

const clock = createTestClock()
let app: TestApp
let smtp: SmtpSink
let project: TestProject
beforeAll(async () => {
  app = await startTestApp({ clock })
  smtp = await startSmtp()
  project = await newShop(app, smtp)
})
afterAll(async () => {
  await app.stop()
  await smtp.close()
})

const erase = async (...contacts: object[]) =>
  (await project.api.do(DeleteContacts, { contacts: contacts as { externalId: string }[] })).deleteContacts.deletedCount
const exists = async (externalId: string) => (await project.api.do(GetContact, { externalId })).contact !== null

it('LY-30, LY-31, LY-33, LY-35, LY-36: by id, by e-mail without case, by phone; all who match are counted', async () => {
  await project.api.do(UpsertContacts, {
    contacts: [
      { externalId: 'a', email: 'Shared@example.com' },
      { externalId: 'b', email: 'shared@Example.com' },
      { externalId: 'c', phone: '010-1234-1234' },
      { externalId: 'd' },
    ],
  })
  expect(await erase({ email: 'SHARED@example.com' }, { externalId: 'd' }, { externalId: 'nobody' })).toBe(3)
  expect(await Promise.all(['a', 'b', 'c', 'd'].map(exists))).toEqual([false, false, true, false])
})

it('NV-54, NV-58: the token of a contact that was erased opens nothing, and says why', async () => {
  const page = await project.page('erased')
  const { feed } = await page.do(Feed, {})
  expect(await erase({ externalId: 'erased' })).toBe(1)
  expect((await page.ask(Feed, {})).codes).toEqual(['CONTACT_NOT_FOUND'])
  expect((await page.ask(SetOnline, { isOnline: true })).codes).toEqual(['CONTACT_NOT_FOUND'])
  for (const after of [null, feed.cursor]) {
    const live = await page.watch(MessageReceived, { after })
    expect(await live.ended()).toMatchObject([{ extensions: { code: 'CONTACT_NOT_FOUND' } }])
    live.close()
  }
})

it('LY-34, B7-08: a phone number matches exactly as it was given', async () => {
  await project.api.do(UpsertContacts, { contacts: [{ externalId: 'kr', phone: '01012341234' }] })
  expect(await erase({ phone: '010-1234-1234' })).toBe(1)
  expect(await exists('kr')).toBe(true)
  expect(await erase({ phone: '01012341234' })).toBe(1)
})

it('LY-32, LY-36, B7-07: takes 1,000, refuses 1,001, none, and a selector that selects nothing', async () => {
  expect(await erase(...times(1_000, (n) => ({ externalId: `none-${n}` })))).toBe(0)
  const tooMany = await project.api.ask(DeleteContacts, { contacts: times(1_001, (n) => ({ externalId: `none-${n}` })) })
  expect(tooMany.codes).toEqual(['BATCH_TOO_LARGE'])
  expect((await project.api.ask(DeleteContacts, { contacts: [] })).codes).toEqual(['BAD_INPUT'])
  expect((await project.api.ask(DeleteContacts, { contacts: [{} as { externalId: string }] })).codes).toEqual(['BAD_INPUT'])
})

it('NV-54: erases profile, feed and contents, cancels what waits, and keeps the counts', async () => {
  const contact = { externalId: 'gone', email: 'gone@example.com', firstName: 'Greta' }
  const send = async (more: object = {}) => {
    const { sendMessages } = await project.api.do(Send, {
      messages: [{ template: 'order', contact, data: { number: 1, secret: 'xyzzy' }, ...more }],
      wait: 'SENT',
    })
    return sendMessages.results[0]?.notification?.id ?? ''
  }
  const [said, waiting] = [await send(), await send({ delaySeconds: 600 })]
  const page = await project.page('gone')
  const live = await page.watch(MessageReceived, { after: (await page.do(Feed, {})).feed.cursor })
  const before = await project.api.do(GetStats, { last: 1 })
  const mails = smtp.messages.length
  expect(await erase({ externalId: 'gone' })).toBe(1)
  live.close()

  const after = await project.api.do(GetStats, { last: 1 })
  expect(after.stats.days[0]?.count).toBe(before.stats.days[0]?.count)
  for (const id of [said, waiting]) {
    const { notification } = await project.api.do(GetNotification, { id })
    expect(notification).toMatchObject({ contact: null, data: {} })
    expect(JSON.stringify(notification)).not.toMatch(/gone|Greta|xyzzy/)
  }
  const statuses = (await project.api.do(GetNotification, { id: waiting })).notification?.messages.map((one) => one.status)
  expect(new Set(statuses)).toEqual(new Set(['CANCELED', 'SKIPPED']))
  expect((await page.ask(Feed, {})).codes).toEqual(['CONTACT_NOT_FOUND'])
  const rows: object[] = await app.app.prisma
    .$queryRaw`SELECT to_jsonb(c) AS row FROM contact c UNION ALL SELECT to_jsonb(m) FROM message m UNION ALL SELECT to_jsonb(n) FROM notification n`
  expect(JSON.stringify(rows)).not.toMatch(/Greta|xyzzy|gone@example/)

  clock.advance(700_000)
  const { sendMessages } = await project.api.do(Send, {
    messages: [{ template: 'order', contact: { externalId: 'probe', email: 'probe@example.com' }, data: { number: 2 } }],
    wait: 'SENT',
  })
  expect(sendMessages.results[0]?.ok).toBe(true)
  await until('the probe is out', () => smtp.messages.some((mail) => mail.to.includes('probe@example.com')))
  expect(smtp.messages.slice(mails).some((mail) => mail.to.includes('gone@example.com'))).toBe(false)
})

it('NV-54: forgets what a vendor reported of the address, and how the contact is reached', async () => {
  smtp.script(({ stage }) => (stage === 'rcpt' ? { reply: '554 5.7.1 <refused@example.com> is not welcome' } : undefined))
  const { sendMessages } = await project.api.do(Send, {
    messages: [
      {
        template: 'order',
        channels: ['EMAIL'],
        contact: { externalId: 'refused', email: 'refused@example.com' },
        data: { number: 1 },
      },
    ],
    wait: 'SENT',
  })
  smtp.script(null)
  const id = sendMessages.results[0]?.notification?.id ?? ''
  expect(JSON.stringify((await project.api.do(GetNotification, { id })).notification)).toMatch(/not welcome/)
  const { prisma } = app.app
  const contact = await prisma.contact.findFirstOrThrow({ where: { projectId: project.id, externalId: 'refused' } })
  const provider = await prisma.provider.findFirstOrThrow({ where: { projectId: project.id, key: 'text' } })
  const template = await prisma.template.findFirstOrThrow({ where: { projectId: project.id, key: 'order' } })
  const of = { projectId: project.id, contactId: contact.id }
  await prisma.credential.create({ data: { ...of, providerId: provider.id, deviceTokens: ['token-of-refused'] } })
  await prisma.digest.create({
    data: { ...of, id: contact.id, templateId: template.id, key: 'of-refused', closesAt: new Date() },
  })
  await prisma.event.create({
    data: { ...of, id: contact.id, name: 'opened', params: { page: 'of-refused' }, occurredAt: new Date() },
  })
  expect(await erase({ externalId: 'refused' })).toBe(1)
  const rows: object[] =
    await prisma.$queryRaw`SELECT to_jsonb(x) AS row FROM attempt x UNION ALL SELECT to_jsonb(x) FROM message x
    UNION ALL SELECT to_jsonb(x) FROM notification x UNION ALL SELECT to_jsonb(x) FROM credential x UNION ALL SELECT to_jsonb(x) FROM digest x
    UNION ALL SELECT to_jsonb(x) FROM event x UNION ALL SELECT to_jsonb(x) FROM contact x UNION ALL SELECT to_jsonb(x) FROM feed_state x`
  expect(JSON.stringify(rows)).not.toMatch(/refused|not welcome/)
  expect((await project.api.do(GetNotification, { id })).notification?.messages[0]).toMatchObject({
    status: 'FAILED',
    error: { code: 'PROVIDER_REFUSED' },
    attempts: [{ ok: false, response: null }],
  })
})

it('NV-54, F40: keeps nothing of what a vendor answers after the contact is gone', async () => {
  smtp.script(({ stage }) =>
    stage === 'mail'
      ? { delayMs: 1_500 }
      : stage === 'rcpt'
        ? { reply: '554 5.7.1 <late-one@example.com> is not welcome' }
        : undefined,
  )
  const contact = { externalId: 'late-one', email: 'late-one@example.com' }
  const { sendMessages } = await project.api.do(Send, { messages: [{ template: 'order', contact, data: { number: 1 } }] })
  const id = sendMessages.results[0]?.notification?.id ?? ''
  const { prisma } = app.app
  const where = { projectId: project.id, notificationId: id, channel: 'EMAIL' as const }
  await until('it is under way', async () => (await prisma.delivery.count({ where: { ...where, begunAt: { not: null } } })) > 0)
  expect(await erase({ externalId: 'late-one' })).toBe(1)
  const settled = await until('it is settled', () =>
    prisma.message.findFirst({ where: { ...where, status: 'FAILED' }, include: { attempts: true } }),
  )
  smtp.script(null)
  expect(settled).toMatchObject({ errorCode: 'PROVIDER_REFUSED', errorMessage: null, address: null })
  expect(settled.attempts).toMatchObject([{ ok: false, errorCode: 'PROVIDER_REFUSED', errorMessage: null, response: null }])
  expect(JSON.stringify(settled)).not.toMatch(/late-one|not welcome/)
  expect((settled.history as unknown[][]).every((entry) => entry[2] === null)).toBe(true)
})

it('NV-54: a broadcast whose actor is erased is written to its end, and its actor is forgotten', async () => {
  const shop = await newShop(app, null)
  const { prisma } = app.app
  await shop.api.do(UpsertContacts, { contacts: [{ externalId: 'reader' }, { externalId: 'speaker' }] })
  const speaker = await prisma.contact.findFirstOrThrow({ where: { projectId: shop.id, externalId: 'speaker' } })
  const input = { template: 'note', data: { n: 'x' }, actor: { externalId: 'speaker' }, transactionId: 'spoken' }
  await shop.api.do(Broadcast, { input })
  const isDone = async () => (await shop.api.do(Transaction, { id: 'spoken' })).transaction?.status === 'DONE'
  await until('it is done', isDone)
  await shop.api.do(DeleteContacts, { contacts: [{ externalId: 'speaker' }] })
  const sent = { projectId: shop.id, transactionId: 'spoken' }
  expect(await prisma.fanout.findFirstOrThrow({ where: sent })).toMatchObject({ actorId: null })
  // One that is accepted at the very moment can't name somebody who is gone.
  const again = { status: 'RUNNING', cursor: null, dueAt: new Date(), written: 0, sent: 0 }
  await expect(prisma.fanout.updateMany({ where: sent, data: { ...again, actorId: speaker.id } })).rejects.toMatchObject({
    code: 'P2003',
  })
  await prisma.fanout.updateMany({ where: sent, data: again })
  await shop.api.do(Broadcast, { input: { template: 'note', transactionId: 'next' } })
  await until('it is written to the end', isDone)
  expect(await prisma.fanout.findFirstOrThrow({ where: sent })).toMatchObject({ failures: 0, written: 1 })
  const { feed } = await shop.api.do(Feed, { contact: 'reader' })
  const said = feed.nodes.filter((one) => one.body === 'x').map((one) => one.actor)
  expect(said).toEqual([null, null])
})
