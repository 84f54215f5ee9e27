/** Addresses and headers of e-mails: what values of a template do to them, who gets copies, and what mail programs see. */
import { simpleParser } from 'mailparser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../../generated/gql.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  AddSuppressions,
  ConfigureProviders,
  GetNotification,
  ListContacts,
  ListNotifications,
  Send,
  UpsertContacts,
  UpsertTemplates,
} from '../helpers/operations.ts'
import { Erase } from '../helpers/operations-erase.ts'
import { newShop } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'

const PreviewEmail = graphql(`
  query PreviewEmail($message: MessageInput!, $draft: TemplateInput) {
    preview(message: $message, draft: $draft) {
      ok
      error { code field }
      channels { channel wouldSend reason { code message } subject title from replyTo cc bcc suppressedCopies text html }
    }
  }
`)

let app: TestApp
let smtp: SmtpSink
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  smtp = await startSmtp()
  project = await newShop(app, smtp)
})
afterAll(async () => {
  await app.stop()
  await smtp.close()
})

let count = 0
/** Stores an e-mail template, sends it to a new contact, and reads the mail and the message. */
async function mailOf(
  content: object,
  more: {
    data?: Record<string, unknown>
    actor?: { externalId: string; lastName?: string }
    overrides?: object
    contact?: { externalId: string; email: string }
  } = {},
) {
  const key = `t${++count}`
  const address = `${key}@example.com`
  await project.api.do(UpsertTemplates, {
    templates: [{ key, email: [{ subject: 'Hello', text: 'Hello', ...content }] }],
  })
  const message = { template: key, contact: { externalId: key, email: address }, ...more }
  const { preview } = await project.api.do(PreviewEmail, { message })
  const { sendMessages } = await project.api.do(Send, { messages: [message], wait: 'SENT' })
  const id = sendMessages.results[0]?.notification?.id ?? ''
  const { notification } = id === '' ? { notification: null } : await project.api.do(GetNotification, { id })
  const mail = smtp.messages.find((one) => one.to.includes(address))
  return {
    result: sendMessages.results[0],
    preview: preview.channels[0],
    message: notification?.messages[0],
    mail,
    parsed: mail === undefined ? null : await simpleParser(mail.raw, { skipTextToHtml: true, skipHtmlToText: true }),
  }
}

const names = [
  ['owncloud/ocis#9402: a comma', 'Tux, Eberhard'],
  ['a quotation mark, and another address', 'A" <evil@x.example>, "B'],
  ['an address in angle brackets', '<evil@x.example>'],
  ['chatwoot#15278: an address', 'evil@x.example'],
  ['a line break and a header', 'A\r\nBcc: evil@x.example'],
  ['another script, with its comma', '김, 철수、太郎'],
  ['a group', 'team: evil@x.example;'],
  ['a backslash at its end', 'A\\'],
  ['an encoded word', '=?UTF-8?Q?evil=40x.example?='],
  ['a bracket that does not end', 'A (B'],
  ['text of a template', '{{ data }}'],
  ['a line separator', 'A\u2028B\u0085C'],
  ['5,000 characters', 'é'.repeat(5_000)],
] as const
describe('a value in the name of a mailbox', () => {
  it.each(names)('%s: is a part of that name, and no other mailbox', async (_source, lastName) => {
    const shown = lastName.replace(/[\s\p{Cc}\u2028\u0085]+/gu, ' ')
    const name = `${shown} via Shop`.slice(0, 200)
    const { preview, message, mail, parsed } = await mailOf(
      {
        from: '{{ actor.lastName }} via Shop <shop@example.com>',
        replyTo: '"{{ actor.lastName }} via Shop" <help@example.com>, team@example.com',
        cc: '{{ actor.lastName }} via Shop <cc@example.com>',
      },
      { actor: { externalId: `actor-${count}`, lastName: lastName.slice(0, 255) } },
    )
    const wanted = lastName.length > 255 ? 'é'.repeat(200) : name
    expect(message).toMatchObject({ status: 'SENT' })
    expect(parsed?.from?.value).toEqual([{ name: wanted, address: 'shop@example.com' }])
    expect(parsed?.replyTo?.value).toEqual([
      { name: wanted, address: 'help@example.com' },
      { name: '', address: 'team@example.com' },
    ])
    expect(mail?.to).toHaveLength(2)
    expect(mail?.from).toBe('shop@example.com')
    expect(preview).toMatchObject({ wouldSend: true, bcc: [] })
    expect(preview?.cc).toHaveLength(1)
    const lines = mail?.raw.split('\r\n').filter((line) => !line.startsWith('List-Unsubscribe: ')) ?? []
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(78)
  })

  it.each<[string, string, object, string[]]>([
    ['a loop', '{% for w in watchers %}{{ w.name }} <{{ w.email }}>, {% endfor %}', {}, ['w1@example.com', 'w2@example.com']],
    ['a list of addresses', '{{ addresses }}', {}, ['w1@example.com', 'w2@example.com']],
    ['a list as text', "{{ addresses | join: ', ' }}", {}, ['w1@example.com', 'w2@example.com']],
    [
      'a captured list',
      '{% capture c %}{{ watchers[0].name }} <{{ addresses[0] }}>{% endcapture %}{{ c }}',
      {},
      ['w1@example.com'],
    ],
    ['a part of an address', 'reply+{{ n }}@example.com', {}, ['reply+7@example.com']],
    ['raw, which changes nothing', '{{ watchers[0].name | raw }} <cc@example.com>', {}, ['cc@example.com']],
    ['nothing', '{{ none }}', {}, []],
    ['an international domain', 'Laden <post@müller.example>', {}, ['post@xn--mller-kva.example']],
  ])('goes to the copies that the field says: %s', async (_title, cc, _none, expected) => {
    const watchers = [
      { name: 'Tux, E <evil@x.example>', email: 'w1@example.com' },
      { name: 'B', email: 'w2@example.com' },
    ]
    const { mail } = await mailOf({ cc }, { data: { watchers, addresses: ['w1@example.com', 'w2@example.com'], n: 7 } })
    expect(mail?.to.slice(1)).toEqual(expected)
  })

  it('is not sent, in the preview as in the send, where a value in an address is none', async () => {
    const { preview, message, mail } = await mailOf(
      { from: 'Shop <{{ sender }}>' },
      { data: { sender: 'a@x.example>, <b@x.example' } },
    )
    expect(preview).toMatchObject({ wouldSend: false, reason: { code: 'ADDRESS_INVALID' } })
    expect(message).toMatchObject({ status: 'SKIPPED', error: { code: 'ADDRESS_INVALID' } })
    expect(mail).toBeUndefined()
  })
})

describe('an address field that is wrong whatever its values are', () => {
  it.each([
    ['from', 'Shop'],
    ['from', 'a@x.example, b@x.example'],
    ['from', 'Tux, Eberhard <a@x.example>'],
    ['from', '{{ name }} <shop@ex ample.com>'],
    ['cc', 'a@x.example b@x.example'],
    ['cc', '{{ name }} <a@x.example'],
    ['bcc', 'team: a@x.example;'],
    ['replyTo', 'help'],
    ['replyTo', '"Help <a@x.example>'],
  ])('%s: %j is refused when it is stored, previewed and given as an override', async (field, text) => {
    const content = { subject: 's', text: 't', [field]: text }
    const draft = { key: 'wrong', email: [content] }
    const { errors } = await project.api.ask(UpsertTemplates, { templates: [draft] })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'ADDRESS_INVALID', field: `email[0].${field}`, index: 0 })
    const message = { template: 'order', contact: { externalId: 'o', email: 'o@example.com' }, channels: ['EMAIL' as const] }
    const overridden = { ...message, overrides: { email: { [field]: text } } }
    const { sendMessages } = await project.api.do(Send, { messages: [overridden] })
    const error = { code: 'ADDRESS_INVALID', field: `overrides.email.${field}` }
    expect(sendMessages.results[0]).toMatchObject({ ok: false, error })
    expect((await project.api.do(PreviewEmail, { message: overridden })).preview).toMatchObject({ ok: false, error })
  })
})

const suppress = (address: string) => project.api.do(AddSuppressions, { suppressions: [{ channel: 'EMAIL', address }] })

describe('usesend/useSend#192: a suppressed copy', () => {
  it.each([
    ['cc, in a name', 'gone1@example.com', { cc: 'Gone <gone1@example.com>, here@example.com' }],
    ['bcc', 'gone2@example.com', { bcc: 'here@example.com, gone2@example.com' }],
    ['in capitals', 'gone3@example.com', { cc: 'GONE3@Example.com, here@example.com' }],
    ['an international domain', 'gone@bücher.example', { cc: 'here@example.com', bcc: 'gone@xn--bcher-kva.example' }],
    ['an international domain, the other way', 'gone4@xn--bcher-kva.example', { bcc: 'gone4@BÜCHER.example,here@example.com' }],
    ['of a value', 'gone5@example.com', { cc: '{{ who }}, here@example.com' }],
  ])('is left out of the mail, and the activity and the preview say so: %s', async (_title, suppressed, content) => {
    await suppress(suppressed)
    const { mail, message, preview } = await mailOf(content, { data: { who: 'gone5@example.com' } })
    expect(mail?.to.slice(1)).toEqual(['here@example.com'])
    expect(mail?.raw.toLowerCase()).not.toContain('gone')
    expect(message).toMatchObject({ status: 'SENT' })
    expect(message?.attempts[0]?.response).toMatch(/copy left out, because it is suppressed \(MANUAL\): .*gone/i)
    expect(preview?.suppressedCopies).toHaveLength(1)
    expect([...(preview?.cc ?? []), ...(preview?.bcc ?? [])]).toEqual(['here@example.com'])
  })
  it('a message to a suppressed address goes to no copy either', async () => {
    await suppress('whole@bücher.example')
    const { mail, message } = await mailOf(
      { cc: 'here@example.com' },
      { contact: { externalId: 'whole', email: 'Whole@xn--bcher-kva.EXAMPLE' } },
    )
    expect(mail).toBeUndefined()
    expect(message).toMatchObject({ status: 'SKIPPED', error: { code: 'SUPPRESSED' } })
  })
})

describe('one address', () => {
  it.each([
    'ana@example.com/path',
    'ana@example.com?x=1',
    'ana@exam\u00adple.com',
    'Ana <ana@example.com>',
    'ana@example.com,',
    ' ana@example.com',
    'ana@example',
    'ana@example.com\n',
    'ana@[192.0.2.1]',
  ])('ory/kratos#1285: %j is refused where it is written, and suppressed as little', async (email) => {
    const { upsertContacts } = await project.api.do(UpsertContacts, {
      contacts: [{ externalId: 'ana', email }, { externalId: 'bob' }],
    })
    expect(upsertContacts).toMatchObject({ failed: [{ externalId: 'ana', error: { code: 'ADDRESS_INVALID' } }] })
    const { sendMessages } = await project.api.do(Send, {
      messages: [{ template: 'order', contact: { externalId: 'ana', email } }],
    })
    expect(sendMessages.results[0]).toMatchObject({ ok: false, error: { code: 'ADDRESS_INVALID' } })
    const { errors } = await project.api.ask(AddSuppressions, { suppressions: [{ channel: 'EMAIL', address: email }] })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'ADDRESS_INVALID' })
  })
  it.each([
    ['kim@bücher.example', 'KIM@xn--bcher-kva.example'],
    ['lee@xn--3e0b707e.example', 'lee@한국.example'],
  ])('%s is found as %s, in filters of contacts and notifications', async (email, other) => {
    const externalId = `idn-${email.slice(0, 3)}`
    await project.api.do(Send, {
      messages: [{ template: 'order', channels: ['EMAIL'], contact: { externalId, email } }],
      wait: 'SENT',
    })
    const { contacts } = await project.api.do(ListContacts, { filter: { email: other } })
    expect(contacts.nodes.map((one) => one.externalId)).toEqual([externalId])
    const { notifications } = await project.api.do(ListNotifications, { filter: { emails: [other] } })
    expect(notifications.nodes).toHaveLength(1)
  })
})

describe('erasing', () => {
  it.each([
    ['ero@bücher.example', 'ERO@xn--bcher-kva.example'],
    ['era@xn--3e0b707e.example', 'era@한국.example'],
  ])('%s finds the contact that was stored as such by %s, and keeps its suppression', async (email, other) => {
    await suppress(email)
    await project.api.do(UpsertContacts, { contacts: [{ externalId: `erase-${email.slice(0, 3)}`, email }] })
    const { deleteContacts } = await project.api.do(Erase, { contacts: [{ email: other }] })
    expect(deleteContacts).toMatchObject({ deletedCount: 1, erasure: { suppressionCount: 1 } })
    const { message } = await mailOf({}, { contact: { externalId: `again-${email.slice(0, 3)}`, email: other } })
    expect(message).toMatchObject({ status: 'SKIPPED', error: { code: 'SUPPRESSED' } })
  })
})

describe('mu#452, PHPMailer#1023: the date', () => {
  it('is the time at which the mail was due, the same at each attempt', async () => {
    const address = 'date@example.com'
    await project.api.do(UpsertTemplates, {
      templates: [{ key: 'dated', email: [{ subject: 's', text: 't' }], rules: [{ channel: 'EMAIL', delaySeconds: 2 }] }],
    })
    let attempts = 0
    smtp.script((step) => (step.stage === 'dot' && ++attempts === 1 ? { reply: '451 4.3.0 later' } : undefined))
    const message = { template: 'dated', contact: { externalId: 'dated', email: address }, delaySeconds: 1 }
    const { sendMessages } = await project.api.do(Send, { messages: [message] })
    const id = sendMessages.results[0]?.notification?.id ?? ''
    const mail = await until('the mail', () => smtp.messages.find((one) => one.to.includes(address)))
    smtp.script(null)
    const { notification } = await project.api.do(GetNotification, { id })
    const due = Date.parse(notification?.sendAt ?? '') + 2_000
    expect(Date.parse(mail.headers.get('date') ?? '')).toBe(Math.floor(due / 1_000) * 1_000)
    expect(attempts).toBe(2)
  })
})

describe('a text of one line', () => {
  it.each([
    ['open-forms#964: a line feed', 'Mark \nat TEDx', 'Mark at TEDx'],
    ['CRLF', 'a\r\nb', 'a b'],
    ['a tab', 'a\tb', 'a b'],
    ['a NUL', 'a\0b', 'ab'],
    ['line and paragraph separators', 'a\u2028\u2029b', 'a b'],
    ['next line, vertical tab, form feed', 'a\u0085\v\fb', 'a b'],
    ['an escape', 'a\u001bb', 'a b'],
    ['blanks around', '  a  b  ', 'a b'],
    ['a no-break space, which stays', 'Bonjour\u00a0!', 'Bonjour\u00a0!'],
    ['an ideographic space, which stays', '山田\u3000太郎', '山田\u3000太郎'],
  ])('%s: subjects, titles and names', async (_source, title, expected) => {
    const key = `line${++count}`
    await project.api.do(UpsertTemplates, {
      templates: [
        {
          key,
          email: [{ subject: '{{ title }}', text: 't', from: '{{ title }} <shop@example.com>' }],
          inApp: [{ title: '{{ title }}', body: 'b' }],
          push: [{ title: '{{ title }}', body: 'b' }],
          webPush: [{ title: '{{ title }}', body: 'b' }],
          sms: [{ type: 'LMS', title: '{{ title }}', body: 'b' }],
        },
      ],
    })
    // GraphQL takes no NUL; Liquid makes one.
    const data = { title: title.replaceAll('\0', '') }
    const contact = { externalId: key, email: `${key}@example.com`, phone: '+15005550006' }
    const { preview } = await project.api.do(PreviewEmail, { message: { template: key, contact, data } })
    expect(preview.channels.flatMap((one) => (one.channel === 'EMAIL' ? [one.subject] : []))).toEqual([expected])
    expect(preview.channels.flatMap((one) => one.title ?? []).every((one) => one === expected)).toBe(true)
    await project.api.do(Send, { messages: [{ template: key, contact, data }], wait: 'SENT' })
    const mail = smtp.messages.find((one) => one.to.includes(`${key}@example.com`))
    expect(mail?.subject).toBe(expected)
    expect((await simpleParser(mail?.raw ?? '')).from?.value[0]?.name).toBe(expected)
  })
})

describe('headers', () => {
  it('zulip#13193, mastodon#22455: say that the mail was generated', async () => {
    const { mail } = await mailOf({})
    expect(mail?.headers.get('auto-submitted')).toBe('auto-generated')
  })
  it('are set by the provider and by the message', async () => {
    const settings = { host: '127.0.0.1', port: smtp.port, from: 'Shop <shop@example.com>', tlsVerify: false }
    const headers = { 'Feedback-ID': 'a:b:c', 'X-Team': 'Läden' }
    await project.api.do(ConfigureProviders, {
      providers: [{ key: 'mail', channel: 'EMAIL', kind: 'smtp', settings: { ...settings, headers } }],
    })
    const { mail } = await mailOf(
      {},
      { overrides: { providers: { mail: { headers: { 'feedback-id': 'x:y:z', 'X-Entity-Ref-ID': '7' } } } } },
    )
    expect(mail?.headers.get('feedback-id')).toBe('x:y:z')
    expect(mail?.headers.get('x-entity-ref-id')).toBe('7')
    expect(mail?.headers.get('x-team')).toBe('Läden')
    await project.api.do(ConfigureProviders, { providers: [{ key: 'mail', channel: 'EMAIL', kind: 'smtp', settings }] })
  })
  it.each(['To', 'subject', 'MESSAGE-ID', 'Content-Type', 'DKIM-Signature', 'List-Unsubscribe', 'X:Y', 'X Y', 'Ключ', ''])(
    'the name %j is refused, in settings and messages',
    async (name) => {
      const overrides = { providers: { mail: { headers: { [name]: 'x' } } } }
      const { sendMessages } = await project.api.do(Send, {
        messages: [{ template: 'order', contact: { externalId: 'h' }, overrides }],
      })
      expect(sendMessages.results[0]).toMatchObject({ ok: false, error: { code: 'BAD_INPUT' } })
      const settings = { host: '127.0.0.1', from: 'a@example.com', headers: { [name]: 'x' } }
      const { errors } = await project.api.ask(ConfigureProviders, {
        providers: [{ key: 'other', channel: 'EMAIL', kind: 'smtp', settings }],
      })
      expect(errors).toHaveLength(1)
    },
  )
  it.each(['a\r\nBcc: evil@x.example', 'a\0', '', 'a\u2028b', 'x'.repeat(901)])('the value %j is refused', async (value) => {
    const overrides = { providers: { mail: { headers: { 'X-A': value } } } }
    const { sendMessages } = await project.api.do(Send, {
      messages: [{ template: 'order', contact: { externalId: 'h' }, overrides }],
    })
    expect(sendMessages.results[0]).toMatchObject({ ok: false, error: { code: 'BAD_INPUT' } })
  })
})

describe('a body', () => {
  it.each([{ subject: 's' }, { subject: 's', text: '', html: null }, { subject: 's', text: ' \n' }, { subject: 's', html: '' }])(
    'is needed: %j is refused',
    async (content) => {
      const { errors } = await project.api.ask(UpsertTemplates, { templates: [{ key: 'empty', email: [content] }] })
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_INPUT', field: 'email[0].text' })
    },
  )
  it('has a text part that is made of the html where none is given, in the mail, the activity and the preview', async () => {
    const html =
      '<style>p { color: red }</style><h1>Hi {{ n }}</h1><p>Your <a href="https://example.com/o">order</a> &amp; more</p>'
    const { mail, message, preview } = await mailOf({ text: null, html }, { data: { n: '<b>' } })
    const text = 'Hi <b>\n\nYour order (https://example.com/o) & more'
    expect(mail?.text?.trim().replaceAll('\r\n', '\n')).toBe(text)
    expect(mail?.html).toContain('<h1>Hi &lt;b&gt;</h1>')
    expect(message).toMatchObject({ text })
    expect(preview?.text).toBe(text)
  })
  it.each([
    ['deep', '<div>'.repeat(40_000)],
    ['wide', '<p>a</p>'.repeat(40_000)],
    ['made of tables', '<table><tr><td>a'.repeat(15_000)],
    ['without tags', 'a'.repeat(400_000)],
    ['made of brackets', '<'.repeat(200_000)],
  ])('is sent though its html is %s, with the text of its beginning', async (_title, html) => {
    const { message, mail } = await mailOf({ text: null, html: `<p>Hello</p>${html}` })
    expect(message).toMatchObject({ status: 'SENT' })
    expect(mail?.text).toMatch(/^Hello/)
  })
  it.each([
    ['mostly ASCII with a no-break space', `Total:\u00a0${'a reasonable line of text. '.repeat(20)}`, 'quoted-printable'],
    ['French', 'Votre commande a été expédiée à l’adresse donnée, merci de votre confiance et à bientôt.', 'quoted-printable'],
    ['Korean', '주문이 발송되었습니다. 감사합니다.', 'base64'],
    ['Russian', 'Ваш заказ отправлен', 'base64'],
    ['ASCII', 'Your order is on its way', '7bit'],
    ['a long line', 'x'.repeat(5_000), 'quoted-printable'],
  ])('of %s arrives as it was, in the shortest encoding', async (_title, text, encoding) => {
    const { mail, parsed } = await mailOf({ text })
    expect(mail?.raw).toContain(`Content-Transfer-Encoding: ${encoding}\r\n`)
    expect(parsed?.text?.trim()).toBe(text.trim())
  })
})
