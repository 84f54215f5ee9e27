/** A template that is sent without its data: the caller is told, or refused if the template is strict. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  ConfigureProviders,
  DeleteContacts,
  SubscribeToTopic,
  UpsertContacts,
  UpsertTemplates,
  UpsertTopics,
} from '../helpers/operations.ts'
import { TriggerCampaign, UpsertCampaigns } from '../helpers/operations-audience.ts'
import { BroadcastStrict, NotificationWarnings, PreviewWarned, SendWarned, StrictTemplate } from '../helpers/operations-render.ts'
import { until } from '../helpers/until.ts'

const clock = createTestClock()
let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp({ clock })
  project = await app.project()
  await project.api.do(ConfigureProviders, {
    providers: [
      { key: 'mail', channel: 'EMAIL', kind: 'capture' },
      { key: 'text', channel: 'SMS', kind: 'capture' },
    ],
  })
  const inApp = [{ body: 'Order {{ order.number }} is on its way', url: '/orders/{{ order.number }}' }]
  const email = [
    {
      subject: 'Order {{ data.number }}',
      html: '<p>Dear {{ contact.firstName | default: "customer" }}</p>',
      text: '{% if note %}{{ note }}{% endif %}{{ data.number }} {{ name }}',
    },
  ]
  await project.api.do(UpsertTemplates, {
    templates: [
      { key: 'shipped', inApp },
      { key: 'strict', inApp, strict: true },
      { key: 'mail', email },
      { key: 'strict-mail', email, strict: true },
      {
        key: 'digest',
        digest: { windowSeconds: 60 },
        strict: true,
        inApp: [{ body: '{{ digest.count }}{% for one in digest.items %}{{ one.text }}{% endfor %}' }],
      },
      { key: 'late', inApp, delaySeconds: 60 },
      {
        key: 'news',
        digest: { windowSeconds: 60 },
        inApp: [{ body: '{% for one in digest.items %}{{ one.text }}{% endfor %}{{ title }}' }],
      },
      { key: 'default', inApp: [{ body: 'Order {{ order.number | default: "of yours" }}' }] },
      {
        key: 'spoken',
        inApp: [
          { locale: 'en', body: '{{ english }} {{ actor.firstName }}' },
          { locale: 'ko', body: '{{ korean }}' },
        ],
      },
      { key: 'keyed', inApp: [{ body: '{{ data.names[contact.email] }}' }] },
    ],
  })
})
afterAll(() => app.stop())

const to = { externalId: 'ana', email: 'ana@example.com' }
async function send(template: string, more: object = {}) {
  const message = { template, contact: to, ...more }
  // `preview` says the same.
  const { preview } = await project.api.do(PreviewWarned, { message })
  const { sendMessages } = await project.api.do(SendWarned, { messages: [message] })
  const [result] = sendMessages.results
  // So does the notification, as long as nothing was changed.
  expect(result?.notification?.warnings ?? []).toEqual(result?.warnings)
  const found = { ok: result?.ok, code: result?.error?.code ?? null, missing: result?.warnings.map((one) => one.field) }
  expect({ ok: preview.ok, code: preview.error?.code ?? null, missing: preview.warnings.map((one) => one.field) }).toEqual(found)
  for (const { code, message: said, field } of result?.warnings ?? []) {
    expect([code, said]).toEqual(['MISSING_DATA', `${field}: the template "${template}" uses it, and it has no value.`])
  }
  return found
}

const fine = { ok: true, code: null, missing: [] }
const warned = (...missing: string[]) => ({ ok: true, code: null, missing })
const refused = { ok: false, code: 'DATA_INVALID', missing: [] }

describe('a message that lacks data', () => {
  it.each([
    ['shipped', {}, warned('order.number')],
    ['shipped', { data: { order: {} } }, warned('order.number')],
    ['shipped', { data: { order: { number: null } } }, warned('order.number')],
    ['shipped', { data: { order: { number: 0 } } }, fine],
    ['shipped', { overrides: { inApp: { body: 'Hi', url: '/' } } }, fine],
    [
      'shipped',
      { data: { order: { number: 1 } }, overrides: { inApp: { title: '{{ gone }}', body: '{{ lost }}' } } },
      warned('lost'),
    ],
    ['late', {}, warned('order.number')],
    ['mail', {}, warned('data.number', 'name')],
    ['mail', { data: { number: 1 } }, warned('name')],
    ['mail', { data: { number: 1 }, contact: { ...to, profile: { name: 'Ana' } } }, fine],
    // Nothing is sent by e-mail, so nothing is missing in it.
    ['mail', { contact: { externalId: 'nobody' } }, fine],
    ['strict', {}, refused],
    ['strict', { data: { order: { number: 'A1' } } }, fine],
    ['strict-mail', { data: { number: 1 }, contact: { externalId: 'bo', email: 'bo@example.com' } }, refused],
    ['digest', { data: { text: 'a' } }, fine],
    ['digest', {}, refused],
  ])('of %s with %j', async (template, more, expected) => expect(await send(template, more)).toEqual(expected))

  it('is refused alone, and takes no id', async () => {
    const first = { id: 'once', template: 'strict', contact: to }
    const messages = [first, { template: 'strict', contact: to, data: { order: { number: 1 } } }]
    const { sendMessages } = await project.api.do(SendWarned, { messages })
    expect(sendMessages.results.map((one) => one.error?.code ?? null)).toEqual(['DATA_INVALID', null])
    expect(sendMessages.results[0]?.error).toMatchObject({ field: 'order.number' })
    const again = { ...first, data: { order: { number: 1 } } }
    expect((await project.api.do(SendWarned, { messages: [again] })).sendMessages.results[0]?.ok).toBe(true)
  })
})

describe('a notification', () => {
  const shown = async (filter: object) =>
    (await project.api.do(NotificationWarnings, { filter })).notifications.nodes.toReversed().map((one) => ({
      ...one,
      missing: one.warnings.map(({ field }) => field),
    }))
  const missing = async (filter: object) => (await shown(filter)).map((one) => one.missing)

  it.each([
    ['default', {}, fine],
    ['spoken', { actor: { externalId: 'max', firstName: 'Max' } }, warned('english')],
    ['spoken', { contact: { externalId: 'min', locale: 'ko-KR' } }, warned('korean')],
    ['spoken', { data: { english: 'x' } }, warned('actor.firstName')],
    ['keyed', {}, warned('data.names[contact.email]')],
    ['mail', { contact: { email: 'bare@example.com' } }, warned('data.number', 'name')],
  ])('of %s with %j says what its result said', async (template, more, expected) =>
    expect(await send(template, more)).toEqual(expected),
  )

  it('of a member of a topic shows what its texts lack', async () => {
    const contacts = [{ externalId: 'one' }, { externalId: 'two', firstName: 'Two' }]
    await project.api.do(UpsertContacts, { contacts })
    await project.api.do(UpsertTopics, { topics: [{ key: 'readers' }] })
    await project.api.do(SubscribeToTopic, { topic: 'readers', contacts: ['one', 'two'] })
    const { sendMessages } = await project.api.do(SendWarned, { messages: [{ template: 'shipped', topic: 'readers' }] })
    expect(sendMessages.results).toMatchObject([{ ok: true, warnings: [] }])
    const of = (contact: string) =>
      until('it is sent', async () => {
        const found = await missing({ contact })
        return found.length === 0 ? null : found
      })
    expect([await of('one'), await of('two')]).toEqual([[['order.number']], [['order.number']]])
  })

  it('of a digest shows what all of its items lack, and each of them what it lacks itself', async () => {
    const contact = { externalId: 'reader' }
    for (const data of [{ text: 'a', title: 'T' }, {}]) {
      await project.api.do(SendWarned, { messages: [{ template: 'news', contact, data }] })
    }
    const items = [[], ['digest.items[0].text', 'title']]
    expect(await missing({ contact: 'reader' })).toEqual(items)
    clock.advance(61_000)
    const closed = await until('the digest is closed', async () => {
      const found = await missing({ contact: 'reader' })
      return found.length === 3 ? found : null
    })
    expect(closed).toEqual([...items, ['digest.items[1].text', 'title']])
  })

  it('is judged by the template as it is now, and by what is left of its data', async () => {
    const change = (body: string) => project.api.do(UpsertTemplates, { templates: [{ key: 'changed', inApp: [{ body }] }] })
    const contact = { externalId: 'leaving' }
    await change('{{ old }}')
    await project.api.do(SendWarned, { messages: [{ template: 'changed', contact, transactionId: 'leaving-1' }] })
    const now = () => missing({ transactionId: 'leaving-1' })
    expect(await now()).toEqual([['old']])
    await change('{{ old | default: 1 }} {{ young }}')
    expect(await now()).toEqual([['young']])
    await project.api.do(DeleteContacts, { contacts: [contact] })
    const left = await now()
    expect(left.flat()).toEqual([])
  })

  it('is one of a page, whose templates differ', async () => {
    const contact = { externalId: 'many' }
    const messages = Array.from({ length: 30 }, (_, index) => ({
      template: ['shipped', 'default', 'spoken'][index % 3] ?? '',
      contact,
      transactionId: 'page',
    }))
    await project.api.do(SendWarned, { messages })
    const found = await missing({ transactionId: 'page' })
    const expected = [['order.number'], [], ['english', 'actor.firstName']]
    expect(found).toEqual(messages.map((_, index) => expected[index % 3]))
  })
})

describe('a strict template', () => {
  it('refuses a send to many for what only its data can give', async () => {
    const broadcast = (input: object) => project.api.ask(BroadcastStrict, { input: { template: 'strict-mail', ...input } })
    expect((await broadcast({})).codes).toEqual(['DATA_INVALID'])
    // `name` may be a property of each contact.
    expect((await broadcast({ data: { number: 1 } })).codes).toEqual([])
  })

  describe('of a campaign', () => {
    const contact = (externalId: string, name?: string) => ({
      externalId,
      email: `${externalId}@example.com`,
      ...(name === undefined ? {} : { profile: { set: { name } } }),
    })
    beforeAll(async () => {
      await project.api.do(UpsertContacts, { contacts: [contact('named', 'Ana'), contact('other', 'Bo'), contact('nameless')] })
      await project.api.do(UpsertTemplates, {
        templates: [
          {
            key: 'two',
            strict: true,
            email: [{ subject: '{{ data.number }}', text: 'a' }],
            inApp: [{ body: '{{ data.word | default: "b" }}' }],
          },
          {
            key: 'schema',
            strict: true,
            inApp: [{ body: '{{ n }}' }],
            dataSchema: { type: 'object', properties: { n: { type: 'integer' } } },
          },
        ],
      })
      await project.api.do(UpsertCampaigns, {
        campaigns: [
          { key: 'mailing', template: 'strict-mail', channel: 'EMAIL' },
          { key: 'in-app', template: 'two', channel: 'IN_APP' },
          { key: 'both', template: 'two' },
          { key: 'checked', template: 'schema' },
        ],
      })
    })
    const number = { number: 1 }
    const trigger = async (campaign: string, ...recipients: object[]) => {
      const { codes, errors, data } = await project.api.ask(TriggerCampaign, { campaign, recipients })
      const { index, field } = errors[0]?.extensions ?? {}
      if (codes.length > 0) return { codes, index, field }
      const { acceptedCount, skipped } = data?.triggerCampaign ?? {}
      return { acceptedCount, skipped: skipped?.map((one) => [one.index, one.error.code, one.error.field]) }
    }
    const user = (userId: string, eventParams = {}) => ({ type: 'USER_ID', userId, eventParams })
    const mail = (email: string, eventParams = {}) => ({ type: 'EMAIL', email, eventParams })

    it.each([
      ['mailing', [user('named', number), user('other', number)], { acceptedCount: 2, skipped: [] }],
      // What only the call can give is its fault.
      ['mailing', [user('named', number), user('other')], { codes: ['DATA_INVALID'], index: 1, field: 'data.number' }],
      ['mailing', [user('nameless')], { codes: ['DATA_INVALID'], index: 0, field: 'data.number' }],
      // What a contact lacks is not: nothing is sent to it, and the others get theirs.
      [
        'mailing',
        [user('nameless', number), user('named', number)],
        { acceptedCount: 1, skipped: [[0, 'DATA_INVALID', 'name']] },
      ],
      [
        'mailing',
        [mail('bare@example.com', number), mail('full@example.com', { number: 1, name: 'Cy' })],
        { acceptedCount: 1, skipped: [[0, 'DATA_INVALID', 'name']] },
      ],
      ['mailing', [user('nameless', { number: 1, name: 'Di' })], { acceptedCount: 1, skipped: [] }],
      // Nothing is sent by e-mail, so nothing is missing in it.
      ['in-app', [user('named')], { acceptedCount: 1, skipped: [] }],
      ['both', [user('named')], { codes: ['DATA_INVALID'], index: 0, field: 'data.number' }],
      ['checked', [user('named', { n: 'x' })], { codes: ['DATA_INVALID'], index: 0, field: 'data.n' }],
      ['checked', [user('named', { n: 1 }), user('other')], { acceptedCount: 1, skipped: [[1, 'DATA_INVALID', 'n']] }],
    ])('%s to %j', async (campaign, recipients, expected) => expect(await trigger(campaign, ...recipients)).toEqual(expected))

    it.each([
      [['IN_APP'], null],
      [['EMAIL'], 'DATA_INVALID'],
      [['IN_APP', 'EMAIL'], 'DATA_INVALID'],
      [null, 'DATA_INVALID'],
    ] as const)('or of a topic lacks nothing that its own channels do not: %j', async (channels, code) => {
      await project.api.do(UpsertTopics, { topics: [{ key: 'few' }] })
      const message = { template: 'two', topic: 'few', ...(channels === null ? {} : { channels: [...channels] }) }
      const { sendMessages } = await project.api.do(SendWarned, { messages: [message] })
      expect(sendMessages.results[0]?.error?.code ?? null).toBe(code)
    })
  })

  it('is stored, kept when it is left out, and removed by null', async () => {
    const strict = async (given: object) => {
      await project.api.do(UpsertTemplates, { templates: [{ key: 'kept', inApp: [{ body: '{{ gone }}' }], ...given }] })
      return (await project.api.do(StrictTemplate, { key: 'kept' })).template?.strict
    }
    expect([await strict({}), await strict({ strict: true }), await strict({}), await strict({ strict: null })]).toEqual([
      false,
      true,
      true,
      false,
    ])
    const message = { template: 'kept', contact: to }
    const { preview } = await project.api.do(PreviewWarned, { message, draft: { key: 'kept', strict: true } })
    expect(preview.error).toMatchObject({ code: 'DATA_INVALID', field: 'gone' })
  })
})
