/**
 * Chat messages: what the author of a template writes stands, values are escaped for the service, and `preview` shows what is sent.
 * First reported as caronc/apprise#721: a link of Slack arrived escaped.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { ConfigureProviders, GetNotification, Send, UpsertTemplates } from '../helpers/operations.ts'
import { PreviewWith } from '../helpers/operations-render.ts'
import { SetCredentials } from '../helpers/operations-vendors.ts'
import { startVendor, type Vendor } from '../helpers/vendor-http.ts'

const services = ['slack', 'discord', 'mattermost', 'msteams'] as const
type Service = (typeof services)[number]
let app: TestApp
let vendor: Vendor
let projects: Map<Service, TestProject>
beforeAll(async () => {
  app = await startTestApp()
  vendor = await startVendor(() => ({ status: 200, body: '{"id":"1"}' }))
  projects = new Map(await Promise.all(services.map(async (kind) => [kind, await newProject(kind)] as const)))
})
afterAll(async () => {
  await app.stop()
  await vendor.close()
})
beforeEach(() => {
  vendor.requests.length = 0
})

async function newProject(kind: Service): Promise<TestProject> {
  const project = await app.project()
  await project.api.do(ConfigureProviders, { providers: [{ key: 'chat', channel: 'CHAT', kind }] })
  await project.api.do(UpsertTemplates, { templates: [{ key: 'first', inApp: [{ body: 'x' }] }] })
  await project.api.do(Send, { messages: [{ template: 'first', contact: { externalId: 'ana', firstName: 'Ana' } }] })
  await project.api.do(SetCredentials, { contact: 'ana', provider: 'chat', webhookUrl: `${vendor.url}/hook` })
  return project
}

const textOf: Readonly<Record<Service, (body: string) => string>> = {
  slack: (body) => JSON.parse(body).text,
  discord: (body) => JSON.parse(body).content,
  mattermost: (body) => JSON.parse(body).text,
  msteams: (body) => JSON.parse(body).attachments[0].content.body[0].text,
}

/** The text as it was posted; it is what `preview` shows and what the activity keeps. */
async function posted(service: Service, body: string, data: Record<string, unknown>): Promise<string> {
  const project = projects.get(service)
  if (project === undefined) throw new Error('There is no such project.')
  await project.api.do(UpsertTemplates, { templates: [{ key: 'chat', chat: [{ body }] }] })
  const message = { template: 'chat', contact: { externalId: 'ana' }, data }
  const { sendMessages } = await project.api.do(Send, { messages: [message], wait: 'SENT' })
  const text = textOf[service](vendor.requests[0]?.body ?? '')
  const { preview } = await project.api.do(PreviewWith, { message })
  expect(preview.channels[0]?.body).toBe(text)
  const { notification } = await project.api.do(GetNotification, { id: sendMessages.results[0]?.notification?.id ?? '' })
  expect(notification?.messages[0]).toMatchObject({ status: 'SENT', text })
  return text
}

const data = {
  url: 'https://example.com/o/17?a=1&b=2',
  name: 'Ana <!channel> & *Co*',
  everyone: '@everyone',
  here: 'here',
  items: [{ text: '<@U1>' }, { text: '[x](http://evil.example)' }],
  own: '<https://example.com|own>',
  word: 'Ana',
}
/** By service; one text stands for all of them. */
type Texts = string | Readonly<Record<Service, string>>
const rows: readonly [what: string, body: string, expected: Texts][] = [
  ['a link with a label', 'See <https://example.com/o/17|your order>', 'See <https://example.com/o/17|your order>'],
  ['a link of Markdown', '[your order](https://example.com/o/17)', '[your order](https://example.com/o/17)'],
  ['formatting and mentions', '*Hi* _there_ <!here> @all', '*Hi* _there_ <!here> @all'],
  [
    'an address from the data within a link with a label',
    '<{{ url }}|your order>',
    {
      slack: '<https://example.com/o/17?a=1&amp;b=2|your order>',
      discord: '<https://example.com/o/17?a=1&b=2|your order>',
      mattermost: '<https://example.com/o/17?a=1&b=2|your order>',
      msteams: '<https://example.com/o/17?a=1&b=2|your order>',
    },
  ],
  [
    'an address from the data within a link of Markdown',
    '[your order]({{ url }})',
    {
      slack: '[your order](https://example.com/o/17?a=1&amp;b=2)',
      discord: '[your order](https://example.com/o/17?a=1&b=2)',
      mattermost: '[your order](https://example.com/o/17?a=1&b=2)',
      msteams: '[your order](https://example.com/o/17?a=1&b=2)',
    },
  ],
  [
    'a value with markup',
    'Hello {{ name }}!',
    {
      slack: 'Hello Ana &lt;!channel&gt; &amp; *Co*!',
      discord: 'Hello Ana <\u200b!channel> & \\*Co\\*!',
      mattermost: 'Hello Ana <\u200b!channel> & \\*Co\\*!',
      msteams: 'Hello Ana <!channel> & *Co*!',
    },
  ],
  [
    "a value that mentions everybody, in one piece or with the author's sign",
    '{{ everyone }} @{{ here }}',
    {
      slack: '@everyone @here',
      discord: '@\u200beveryone @\u200bhere',
      mattermost: '@\u200beveryone @\u200bhere',
      msteams: '@everyone @here',
    },
  ],
  [
    'values in a loop',
    '{% for item in items %}- {{ item.text }}\n{% endfor %}',
    {
      slack: '- &lt;@U1&gt;\n- [x](http://evil.example)',
      discord: '- <\u200b@U1>\n- \\[x\\](http://evil.example)',
      mattermost: '- <\u200b@U1>\n- \\[x\\](http://evil.example)',
      msteams: '- <@U1>\n- [x]\u200b(http://evil.example)',
    },
  ],
  ['a value that is raw', '{{ own | raw }}', '<https://example.com|own>'],
  ['a captured text that is raw, with a plain value', '{% capture a %}<b|{{ word }}>{% endcapture %}{{ a | raw }}', '<b|Ana>'],
  ['a captured word that is compared', '{% capture a %}{{ word }}{% endcapture %}{% if a == "Ana" %}yes{% endif %}', 'yes'],
  [
    'a filter',
    '{{ name | truncate: 9 | upcase }}|{{ missing | default: "<none>" }}',
    {
      slack: 'ANA &lt;!...|&lt;none&gt;',
      discord: 'ANA <\u200b!...|<none>',
      mattermost: 'ANA <\u200b!...|<none>',
      msteams: 'ANA <!...|<none>',
    },
  ],
]

describe.each(services)('%s', (service) => {
  it.each(rows)('sends %s, as preview shows it', async (_what, body, expected) => {
    expect(await posted(service, body, data)).toBe(typeof expected === 'string' ? expected : expected[service])
  })

  it('sends a text that is slow to render in the same way', async () => {
    const slow = '{% assign list = items | sort: "text" %}<https://example.com|x> {{ everyone | strip_html }}'
    const expected = service === 'discord' || service === 'mattermost' ? '@\u200beveryone' : '@everyone'
    expect(await posted(service, slow, data)).toBe(`<https://example.com|x> ${expected}`)
  })
})
