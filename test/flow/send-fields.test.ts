/** `sendMessages`: overrides, languages, channels, and what the answer says of providers. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { ConfigureProviders, Feed, GetNotification, Send, TestProvider, UpsertTemplates } from '../helpers/operations.ts'
import { newShop } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'

let app: TestApp
let smtp: SmtpSink
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  smtp = await startSmtp()
  project = await newShop(app, smtp)
})
beforeEach(() => smtp.script(null))
afterAll(async () => {
  await app.stop()
  await smtp.close()
})

let contacts = 0
/** Sends one message to a contact of its own, waits for its outcome, and reads everything. */
async function sendOne(more: object = {}, contact: object = {}, from: TestProject = project) {
  const externalId = `c${++contacts}`
  const message = {
    template: 'order',
    contact: { externalId, email: `${externalId}@example.com`, phone: '+15005550006', firstName: 'Ann', ...contact },
    data: { number: 7 },
    ...more,
  }
  const { sendMessages } = await from.api.do(Send, { messages: [message], wait: 'SENT' })
  const [result] = sendMessages.results
  if (result === undefined) throw new Error('No result')
  const id = result.notification?.id ?? ''
  const { notification } = id === '' ? { notification: null } : await from.api.do(GetNotification, { id })
  const mails = () => smtp.messages.filter((mail) => mail.to.includes(`${externalId}@example.com`))
  return {
    externalId,
    result,
    notification,
    mails,
    message: (channel: string) => notification?.messages.find((one) => one.channel === channel),
  }
}

describe('overrides', () => {
  it('N1-44, N1-45, N1-48: replace subject and reply-to of this message alone; the subject sees the profile', async () => {
    const email = { subject: 'Hi {{ firstName }}, {{ number }}', replyTo: 'help@example.com' }
    const first = await sendOne({ overrides: { email } })
    expect(first.mails()[0]?.subject).toBe('Hi Ann, 7')
    expect(first.mails()[0]?.headers.get('reply-to')).toBe('help@example.com')
    const second = await sendOne()
    expect(second.mails()[0]?.subject).toBe('Order 7')
    expect(second.mails()[0]?.headers.has('reply-to')).toBe(false)
  })
  it('N1-46, N1-47: send copies to comma-separated addresses, blind ones without a trace in the mail', async () => {
    const { mails } = await sendOne({
      overrides: { email: { cc: 'c1@example.com, c2@example.com', bcc: 'blind1@example.com,blind2@example.com' } },
    })
    const [mail] = mails()
    expect(mail?.to.toSorted()).toEqual(
      expect.arrayContaining(['blind1@example.com', 'blind2@example.com', 'c1@example.com', 'c2@example.com']),
    )
    expect(mail?.headers.get('cc')).toBe('c1@example.com, c2@example.com')
    expect(mail?.raw).not.toMatch(/blind/i)
  })
  it('N1-43, NV-33: replace title, body, icon, link and feed of the in-app message', async () => {
    const inApp = {
      title: 'T {{ number }}',
      body: 'B {{ firstName }}',
      iconUrl: 'https://example.com/o.png',
      url: '/o/{{ number }}',
      feed: 'other',
    }
    const { externalId } = await sendOne({ overrides: { inApp } })
    const { feed } = await project.api.do(Feed, { contact: externalId, feeds: ['other'] })
    expect(feed.nodes[0]).toMatchObject({ title: 'T 7', body: 'B Ann', iconUrl: inApp.iconUrl, url: '/o/7', feed: 'other' })
  })
  it('replace the text of an SMS', async () => {
    const { message } = await sendOne({ overrides: { sms: { body: 'SMS {{ number }}' } } })
    expect(message('SMS')).toMatchObject({ status: 'SENT', text: 'SMS 7' })
  })
  it('that do not parse refuse the message, naming the field', async () => {
    const { result } = await sendOne({ overrides: { email: { subject: '{{ a | nothing }}' } } })
    expect(result).toMatchObject({ ok: false, error: { code: 'TEMPLATE_BROKEN', field: 'overrides.email.subject' } })
  })
  it('I33: whose header would be too long fail that e-mail alone, and a line break in one becomes a space', async () => {
    const long = await sendOne({ overrides: { email: { subject: 'x'.repeat(1_000) } } })
    expect(long.result).toMatchObject({ ok: true, emailError: { code: 'BAD_INPUT' } })
    expect(long.message('SMS')?.status).toBe('SENT')
    const { result, mails } = await sendOne({
      overrides: { email: { subject: '{{ s }}' } },
      data: { number: 7, s: 'a\r\nBcc: evil@example.com' },
    })
    expect(result.emailError ?? null).toBeNull()
    expect(mails()).toHaveLength(1)
    expect(mails()[0]?.subject).toBe('a Bcc: evil@example.com')
    expect(mails()[0]?.headers.has('bcc')).toBe(false)
  })
  it('I39: a link that a value makes invalid becomes null, and the message still arrives', async () => {
    const { externalId } = await sendOne({ overrides: { inApp: { url: '{{ link }}' } }, data: { link: 'javascript:alert(1)' } })
    expect((await project.api.do(Feed, { contact: externalId })).feed.nodes[0]?.url).toBeNull()
  })
})

describe('languages', () => {
  let shop: TestProject
  beforeAll(async () => {
    shop = await app.project({ locale: 'de' })
    await shop.api.do(UpsertTemplates, {
      templates: [
        { key: 'tongues', inApp: ['en', 'pt', 'pt-BR', 'de'].map((locale) => ({ locale, body: locale })) },
        { key: 'english', inApp: [{ locale: 'en', body: 'en' }], sms: [{ locale: 'fr', body: 'fr' }] },
      ],
    })
  })
  it.each([
    ['pt-BR', 'pt-BR'],
    ['pt-PT', 'pt'],
    ['en-GB', 'en'],
    ['ja', 'de'],
    [null, 'de'],
  ])('N1-04, N1-36, N1-59: speaks to a contact with the locale %s in %s', async (locale, spoken) => {
    const { externalId } = await sendOne({ template: 'tongues' }, { locale }, shop)
    expect((await shop.api.do(Feed, { contact: externalId })).feed.nodes[0]?.body).toBe(spoken)
  })
  it('N1-59: refuses with TEMPLATE_EMPTY where no channel has a language for the contact; one that has is enough', async () => {
    expect((await sendOne({ template: 'english' }, { locale: 'ja' }, shop)).result).toMatchObject({
      ok: false,
      error: { code: 'TEMPLATE_EMPTY' },
    })
    const { result } = await sendOne({ template: 'english' }, { locale: 'en' }, shop)
    expect(result).toMatchObject({ ok: true, smsError: { code: 'TEMPLATE_EMPTY' } })
  })
})

describe('channels', () => {
  it('NV-40: says what is wrong with the template', async () => {
    await project.api.do(UpsertTemplates, {
      templates: [{ key: 'off', active: false, inApp: [{ body: 'x' }] }, { key: 'blank' }],
    })
    expect((await sendOne({ template: 'off' })).result.error?.code).toBe('TEMPLATE_INACTIVE')
    expect((await sendOne({ template: 'blank' })).result.error?.code).toBe('TEMPLATE_EMPTY')
    expect((await sendOne({ template: 'never' })).result.error?.code).toBe('TEMPLATE_NOT_FOUND')
  })
  it('N1-06: goes out on those of the template that are asked for', async () => {
    const { notification, mails } = await sendOne({ channels: ['SMS'] })
    expect(notification?.messages.map((one) => one.channel)).toEqual(['SMS'])
    expect(notification?.channels).toEqual(['SMS'])
    expect(mails()).toHaveLength(0)
  })
  it('skips a channel without an address, or without a provider, and says so', async () => {
    const { result, message } = await sendOne({}, { email: null })
    expect(result).toMatchObject({ ok: true, emailError: { code: 'ADDRESS_MISSING' }, smsError: null })
    expect(message('EMAIL')).toMatchObject({ status: 'SKIPPED', error: { code: 'ADDRESS_MISSING' } })
    const bare = await app.project()
    await bare.api.do(UpsertTemplates, { templates: [{ key: 'order', sms: [{ body: 'x' }], inApp: [{ body: 'x' }] }] })
    const second = await sendOne({}, {}, bare)
    expect(second.result).toMatchObject({ ok: true, smsError: { code: 'CHANNEL_NOT_CONFIGURED' } })
    expect(second.result.channelErrors).toMatchObject([{ channel: 'SMS', error: { code: 'CHANNEL_NOT_CONFIGURED' } }])
  })
})

describe('what the answer says of providers', () => {
  it('N1-13, N1-56, X-06: waits for the outcome of each outbound message', async () => {
    const { result, message, mails } = await sendOne()
    expect(result).toMatchObject({ ok: true, error: null, emailError: null, smsError: null, channelErrors: [] })
    expect(mails()).toHaveLength(1)
    expect(message('EMAIL')).toMatchObject({ status: 'SENT', attempts: [{ number: 1, ok: true, provider: { key: 'mail' } }] })
    expect(message('EMAIL')?.history.map((one) => one.status)).toEqual(['QUEUED', 'SENDING', 'SENT'])
  })
  it('N1-58, B7-15: a provider that refuses leaves ok true and sets emailError', async () => {
    smtp.script(({ stage }) => (stage === 'rcpt' ? { reply: '550 5.7.1 not here' } : undefined))
    const { result, message } = await sendOne()
    expect(result).toMatchObject({ ok: true, error: null, emailError: { code: 'PROVIDER_REFUSED' }, smsError: null })
    expect(message('EMAIL')).toMatchObject({ status: 'FAILED', error: { code: 'PROVIDER_REFUSED' }, attempts: [{ ok: false }] })
    expect(message('EMAIL')?.attempts[0]?.response).toContain('550 5.7.1 not here')
  })
  it('I43: keeps what a provider answers, without what no database keeps', async () => {
    smtp.script(({ stage }) => (stage === 'rcpt' ? { reply: '550 5.7.1 no\u0000 \u001b[31mway' } : undefined))
    const { message } = await sendOne()
    expect(message('EMAIL')).toMatchObject({ status: 'FAILED' })
    expect(message('EMAIL')?.attempts[0]?.response).toContain('550 5.7.1 no')
  })
  it('N1-58: a provider that can not take it now leaves it queued, and says so', async () => {
    smtp.script(({ stage }) => (stage === 'mail' ? { reply: '451 4.3.0 later' } : undefined))
    const { result, message } = await sendOne()
    expect(result).toMatchObject({ ok: true, emailError: { retryable: true } })
    expect(message('EMAIL')).toMatchObject({ status: 'QUEUED', attempts: [{ number: 1, ok: false }] })
  })
  it('testProvider sends one message, and returns the answer of the provider', async () => {
    const { testProvider } = await project.api.do(TestProvider, { provider: 'mail', to: 'probe@example.com' })
    expect(testProvider).toMatchObject({ ok: true, error: null })
    smtp.script(({ stage }) => (stage === 'rcpt' ? { reply: '550 no' } : undefined))
    expect((await project.api.do(TestProvider, { provider: 'mail', to: 'probe@example.com' })).testProvider).toMatchObject({
      ok: false,
      error: { code: 'PROVIDER_REFUSED' },
    })
    expect((await project.api.ask(TestProvider, { provider: 'none', to: 'a@example.com' })).codes).toEqual(['NOT_FOUND'])
  })
  it('never shows a secret, and leaves it as it is when "set" comes back', async () => {
    const settings = {
      host: '127.0.0.1',
      port: smtp.port,
      from: 'a@example.com',
      user: 'u',
      password: 'very-secret',
      tlsVerify: false,
    }
    const configure = (more: object) =>
      project.api.do(ConfigureProviders, {
        providers: [{ key: 'secretive', channel: 'EMAIL', kind: 'smtp', active: false, ...more }],
      })
    const first = await configure({ settings })
    expect(first.configureProviders[0]?.settings).toEqual({ ...settings, password: 'set' })
    const stored = await app.app.prisma.provider.findFirst({ where: { projectId: project.id, key: 'secretive' } })
    expect(JSON.stringify(stored)).not.toContain('very-secret')
    await configure({ settings: { ...settings, password: 'set', user: 'v' } })
    const after = await app.app.prisma.provider.findFirst({ where: { projectId: project.id, key: 'secretive' } })
    expect(JSON.stringify(after?.settings)).toContain('sealed:v2:')
  })
  it('refuses wrong settings, naming the field and the index, and changes nothing', async () => {
    const answer = await project.api.ask(ConfigureProviders, {
      providers: [
        { key: 'good', channel: 'SMS', kind: 'capture', settings: {} },
        { key: 'bad', channel: 'EMAIL', kind: 'smtp', settings: { from: 'a@example.com' } },
      ],
    })
    expect(answer.codes).toEqual(['BAD_INPUT'])
    expect(answer.errors[0]?.extensions).toMatchObject({ index: 1, field: 'settings.host' })
    expect(await app.app.prisma.provider.count({ where: { projectId: project.id, key: 'good' } })).toBe(0)
    const wrong = {
      providers: [{ key: 'x', channel: 'SMS' as const, kind: 'smtp', settings: { host: 'h', from: 'a@example.com' } }],
    }
    expect((await project.api.ask(ConfigureProviders, wrong)).codes).toEqual(['CHANNEL_UNSUPPORTED'])
  })
  it('says that in-app needs no provider, whatever its kind, and changes nothing', async () => {
    const fine = { key: 'fine', channel: 'SMS' as const, kind: 'capture' }
    for (const provider of [
      { key: 'feed', channel: 'IN_APP' as const, kind: 'capture', settings: {} },
      { key: 'feed', channel: 'IN_APP' as const, kind: 'webhook' },
      { key: 'text', channel: 'IN_APP' as const },
    ]) {
      const { codes, errors } = await project.api.ask(ConfigureProviders, { providers: [fine, provider] })
      expect(codes).toEqual(['BAD_INPUT'])
      expect(errors[0]).toMatchObject({
        message: expect.stringContaining('in-app needs no provider'),
        extensions: { index: 1, field: 'channel' },
      })
    }
    const left = { projectId: project.id, OR: [{ key: { in: ['fine', 'feed'] } }, { channel: 'IN_APP' as const }] }
    expect(await app.app.prisma.provider.count({ where: left })).toBe(0)
  })
})
