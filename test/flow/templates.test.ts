/** Templates: storing them, and what they say. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Feed, GetNotification, GetTemplate, ListTemplates, Send, UpsertTemplates } from '../helpers/operations.ts'
import { newShop, times } from '../helpers/setup.ts'

let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  project = await newShop(app, null)
})
afterAll(() => app.stop())

type Input = { key: string; [field: string]: unknown }
const ask = (...templates: Input[]) => project.api.ask(UpsertTemplates, { templates })
const upsert = async (...templates: Input[]) => (await project.api.do(UpsertTemplates, { templates })).upsertTemplates
const get = async (key: string) => (await project.api.do(GetTemplate, { key })).template

let contacts = 0
/** What an in-app body says to a contact with this data. */
async function said(body: string, data: object = {}, contact: object = {}): Promise<string | undefined> {
  await upsert({ key: 'said', inApp: [{ body }] })
  const externalId = `s${++contacts}`
  await project.api.do(Send, { messages: [{ template: 'said', contact: { externalId, ...contact }, data: { ...data } }] })
  return (await project.api.do(Feed, { contact: externalId })).feed.nodes[0]?.body
}

describe('upsertTemplates', () => {
  it('N1-04: keeps contents for each channel and language, and names its variables', async () => {
    const [template] = await upsert({
      key: 'full',
      name: 'Full',
      feed: 'news',
      critical: true,
      inApp: [
        {
          locale: 'en',
          title: 'T',
          body: 'Hi {{ firstName }}',
          url: '/x',
          primaryAction: { label: 'Go', url: 'https://example.com' },
        },
        { locale: 'ko', body: '안녕 {{ firstName }}' },
      ],
      email: [{ subject: '{{ number }}', html: '<b>{{ data.total }}</b>' }],
      sms: [{ type: 'LMS', title: 'T', body: 'B' }],
    })
    expect(template).toMatchObject({
      ...{ key: 'full', name: 'Full', feed: 'news', critical: true, active: true },
      locales: ['en', 'ko'],
      channels: ['EMAIL', 'IN_APP', 'SMS'],
      variables: ['data', 'firstName', 'number'],
      inApp: [{ locale: 'en', primaryAction: { label: 'Go' }, secondaryAction: null }, { locale: 'ko' }],
      sms: [{ type: 'LMS' }],
    })
  })
  it('leaves what is left out, removes what is null, and replaces a channel as a whole', async () => {
    await upsert({
      key: 'partial',
      name: 'N',
      inApp: [
        { locale: 'en', body: 'a' },
        { locale: 'de', body: 'b' },
      ],
      email: [{ subject: 's', text: 't' }],
    })
    await upsert({ key: 'partial', inApp: [{ locale: 'fr', body: 'c' }] })
    expect(await get('partial')).toMatchObject({ name: 'N', inApp: [{ locale: 'fr', body: 'c' }], email: [{ subject: 's' }] })
    await upsert({ key: 'partial', name: null, email: null })
    expect(await get('partial')).toMatchObject({ name: 'partial', channels: ['IN_APP'], email: [] })
  })
  it('refuses what does not parse with line, column and index, and stores nothing of the call', async () => {
    const answer = await ask(
      { key: 'fine', inApp: [{ body: 'x' }] },
      { key: 'broken', email: [{ subject: 's', html: 'line one\n  {{ oops ' }] },
    )
    expect(answer.codes).toEqual(['TEMPLATE_BROKEN'])
    expect(answer.errors[0]?.extensions).toMatchObject({ index: 1, line: 2, column: 3, field: 'email[0].html' })
    expect(await get('fine')).toBeNull()
  })
  it.each([
    ['an unknown filter', '{{ a | nothing }}'],
    ['an unknown tag', '{% nothing %}'],
    ['a file', "{% include '/etc/passwd' %}"],
    ['another template', "{% render 'x' %}"],
  ])('I37: refuses %s', async (_what, body) => {
    expect((await ask({ key: 'bad', inApp: [{ body }] })).codes).toEqual(['TEMPLATE_BROKEN'])
  })
  it.each(['javascript:alert(1)', 'data:text/html,x', '//evil.example.com', 'ftp://example.com'])(
    'refuses the link %s',
    async (url) => {
      expect((await ask({ key: 'bad', inApp: [{ body: 'x', url }] })).codes).toEqual(['BAD_INPUT'])
    },
  )
  it('refuses one language twice, a wrong one, and a bad key', async () => {
    expect((await ask({ key: 'x', inApp: [{ body: 'a' }, { body: 'b' }] })).codes).toEqual(['BAD_INPUT'])
    expect((await ask({ key: 'x', inApp: [{ locale: '!', body: 'a' }] })).codes).toEqual(['BAD_INPUT'])
    expect((await ask({ key: '' })).codes).toEqual(['BAD_INPUT'])
  })
  it('takes 1,000, refuses 1,001', async () => {
    const many = await app.project()
    const inputs = (count: number) => ({ templates: times(count, (n) => ({ key: `k${n}` })) })
    expect((await many.api.ask(UpsertTemplates, inputs(1_001))).errors[0]?.extensions).toMatchObject({
      code: 'BATCH_TOO_LARGE',
      max: 1_000,
      got: 1_001,
    })
    expect((await many.api.ask(ListTemplates, {})).data?.templates.totalCount).toBe(0)
    expect((await many.api.ask(UpsertTemplates, inputs(1_000))).codes).toEqual([])
    expect((await many.api.do(ListTemplates, { first: 1 })).templates.totalCount).toBe(1_000)
  })
  it('a changed template is used at once', async () => {
    expect(await said('one')).toBe('one')
    expect(await said('two')).toBe('two')
  })
})

it('I28: refuses a NUL in a content, and renders none that a filter produces', async () => {
  expect((await ask({ key: 'nul', inApp: [{ body: 'a\u0000' }] })).codes).toEqual(['BAD_INPUT'])
  expect(await said('{{ "a%00b" | url_decode }}')).toBe('ab')
})

describe('what a template sees', () => {
  it('LY-57, X-08, B7-10: renders what is missing as nothing, and cuts white space at the end', async () => {
    expect(await said('Hello {{ user["name"] }}')).toBe('Hello')
    expect(await said('{{ no.such.thing }}{% if nothing %}x{% endif %}-')).toBe('-')
  })
  it('X-08, LY-112: data first, then the profile, and everything by name', async () => {
    const contact = { firstName: 'Ann', profile: { plan: 'pro', firstThing: 'p' } }
    const data = { number: 1, plan: 'from data' }
    const body =
      '{{ number }}|{{ plan }}|{{ firstName }}|{{ contact.plan }}|{{ user.firstName }}|{{ subscriber.plan }}|{{ data.number }}|{{ payload.number }}|{{ event.number }}|{{ project.name }}'
    expect(await said(body, data, contact)).toBe('1|from data|Ann|pro|Ann|pro|1|1|1|Test')
  })
  it('I40: never renders a value a second time', async () => {
    expect(await said('{{ text }}', { text: '{{ firstName }}{% assign a = 1 %}' }, { firstName: 'secret' })).toBe(
      '{{ firstName }}{% assign a = 1 %}',
    )
  })
  it('I37: sees own properties only', async () => {
    expect(await said('{{ constructor }}{{ data.constructor.name }}{{ __proto__ }}{{ text.length }}', { text: 'abc' })).toBe('3')
  })
  it('I39: escapes values in HTML unless they are marked raw, and nowhere else', async () => {
    await upsert({ key: 'html', email: [{ subject: '{{ v }}', html: '<p>{{ v }}|{{ v | raw }}</p>', text: '{{ v }}' }] })
    const { sendMessages } = await project.api.do(Send, {
      messages: [{ template: 'html', contact: { externalId: 'h', email: 'h@example.com' }, data: { v: '<i>&"' } }],
      wait: 'SENT',
    })
    const { notification } = await project.api.do(GetNotification, { id: sendMessages.results[0]?.notification?.id ?? '' })
    expect(notification?.messages[0]).toMatchObject({ subject: '<i>&"', text: '<i>&"', html: '<p>&lt;i&gt;&amp;&#34;|<i>&"</p>' })
  })
  it.each([
    ['a loop of 1e9', '{% for i in (1..1000000000) %}a{% endfor %}'],
    ['nested loops', '{% for i in (1..30000) %}{% for j in (1..30000) %}{% assign x = i %}{% endfor %}{% endfor %}'],
    ['a filter that hangs', '{{ list | sort: list }}'],
    ['text that doubles 40 times', `{% assign s = "aaaaaaaaaa" %}${'{% assign s = s | append: s %}'.repeat(40)}{{ s }}`],
  ])('I38: %s is stopped, and fails that message alone', async (_what, body) => {
    await upsert({ key: 'hostile', inApp: [{ body }], sms: [{ body: 'fine' }] })
    const begun = performance.now()
    const { sendMessages } = await project.api.do(Send, {
      messages: [
        {
          ...{ template: 'hostile', contact: { externalId: `x${++contacts}`, phone: '+15005550006' } },
          data: { list: Array.from({ length: 20_000 }, (_unused, n) => ({ n })) },
        },
      ],
      wait: 'SENT',
    })
    expect(performance.now() - begun).toBeLessThan(4_000)
    expect(sendMessages.results[0]).toMatchObject({
      ok: true,
      smsError: null,
      channelErrors: [{ channel: 'IN_APP', error: { code: 'TEMPLATE_BROKEN' } }],
    })
    expect(await said('next')).toBe('next')
  })
})
