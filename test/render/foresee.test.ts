/** What is known of a text before it is rendered: never less than what it becomes, and enough to leave ordinary templates unrendered. */
import { describe, expect, it } from 'vitest'
import { createRenderer, type Scope } from '../../src/render/renderer.ts'
import { isBlank } from '../../src/values/blank.ts'
import type { Channel, ContentOf, JsonObject, Overrides } from '../../src/words.ts'
import { contact, project } from '../helpers/facts.ts'
import { createRandom, hostileText, hostileValue, type Random } from '../helpers/hostile.ts'

const renderer = createRenderer()
const plain: JsonObject = {
  name: 'Anna',
  code: '123456',
  total: 49.9,
  items: [{ title: 'Shoes', price: 20 }, { title: 'Socks' }],
  url: 'https://shop.example/orders/1',
}
const scopeOf = (data: JsonObject): Scope => ({
  project,
  contact: { ...contact, firstName: 'Anna', lastName: 'Smith' },
  actor: null,
  data,
  unsubscribeUrl: null,
})
const foresee = <C extends Channel>(
  channel: C,
  content: ContentOf[C],
  data: JsonObject = plain,
  overrides: Overrides | null = null,
) => renderer.foresee(scopeOf(data), overrides)({ channel, locale: 'en', content })

const mail = (more: Partial<ContentOf['EMAIL']> = {}): ContentOf['EMAIL'] => ({
  ...{ subject: 'Your order', html: null, text: 'Thank you.', from: null, replyTo: null, cc: null, bcc: null },
  ...more,
})
const text = (body: string, title: string | null = null): ContentOf['SMS'] => ({ type: 'SMS', title, body })
const push = (more: Partial<ContentOf['PUSH']> = {}): ContentOf['PUSH'] => ({
  ...{ title: 'Order', body: '{{ name }}', imageUrl: null, url: null, data: null },
  ...more,
})

describe('of an ordinary template, the extent is known', () => {
  it.each<[string, ContentOf['EMAIL']]>([
    ['what is written', mail()],
    ['a name in the subject', mail({ subject: 'Hello {{ firstName }}' })],
    ['a name or another word', mail({ subject: 'Hello {{ firstName | default: "there" | capitalize }}' })],
    ['a condition in the subject', mail({ subject: 'Order {% if code %}{{ code }}{% else %}?{% endif %}' })],
    ['a date and a price', mail({ subject: '{{ "now" | date: "%d.%m." }}: {{ total | round: 2 }}', text: 'x' })],
    ['a loop in the text', mail({ text: 'Items: {% for one in items %}{{ one.title | upcase }}, {% endfor %}' })],
    ['HTML with an assignment', mail({ html: '<p>{% assign n = items.size %}{{ n }} {{ name | escape }}</p>', text: null })],
    ['a sender with a name', mail({ from: '{{ project.name }} <shop@example.com>', replyTo: '{{ contact.email }}' })],
    ['a copy that is left out', mail({ cc: '{{ nobody }}' })],
  ])('%s', (_title, content) => {
    const extent = foresee('EMAIL', content)
    expect(extent?.title).toBeLessThan(332)
  })

  it('of a text message, to the character where nothing is converted', () => {
    expect(foresee('SMS', text('Code {{ code }}'))).toMatchObject({ type: 'SMS', title: 0, body: 11 })
    expect(foresee('SMS', text('{{ name }}', 'For {{ name }}'))).toMatchObject({ title: 8, body: 4 })
  })
  it('of a push, what is not cut', () => {
    const extent = foresee('PUSH', push({ url: '{{ url }}', data: { order: '{{ code }}', n: 1 } }))
    expect(extent).toMatchObject({ dataKeys: ['order', 'n'] })
    expect(extent?.rest).toBeLessThan(200)
  })
  it('of what is replaced, too', () => {
    expect(foresee('SMS', text('x'), plain, { sms: { body: 'Hello {{ name }}' } })?.body).toBe(10)
    expect(foresee('EMAIL', mail(), plain, { email: { subject: 'x'.repeat(400) } })?.title).toBe(400)
    expect(foresee('PUSH', push(), plain, { push: { data: { aps: '1' } } })?.dataKeys).toEqual(['aps'])
  })
})

describe('what may fail, or leave nothing, is not foreseen', () => {
  it.each<[string, Channel, unknown, JsonObject?]>([
    ['a text that may be empty', 'SMS', text('{{ nothing }}')],
    ['a text that is blank', 'SMS', text('{{ name }}'), { name: ' \u200b' }],
    ['a text that only a condition shows', 'CHAT', { body: '{% if code %}Code{% endif %}' }],
    ['an e-mail of values that are empty', 'EMAIL', mail({ subject: '{{ a }}', text: '{{ b }}' }), { a: '', b: null }],
    ['a copy that is no address', 'EMAIL', mail({ cc: '{{ cc }}' }), { cc: 'x' }],
    ['two senders', 'EMAIL', mail({ from: '{{ from }}' }), { from: 'a@b.example, c@d.example' }],
    ['an address field with a tag', 'EMAIL', mail({ cc: '{% if name %}a@b.example{% endif %}' })],
    ['an address that is filtered', 'EMAIL', mail({ cc: '{{ name | append: "@b.example" }}' })],
    ['a zone that a value names', 'EMAIL', mail({ subject: 'x {{ "now" | date: "%d", zone }}' }), { zone: 'Nowhere' }],
    ['a range that a value ends', 'EMAIL', mail({ text: 'x {% for i in (1..n) %}x{% endfor %}' }), { n: 1e9 }],
    ['a filter that may fail', 'EMAIL', mail({ text: 'x {{ name | url_decode }}' }), { name: '%' }],
    ['a slow filter', 'EMAIL', mail({ text: 'x {{ items | sort: "price" | join }}' })],
    ['a value that is no text', 'EMAIL', mail({ text: 'Hello {{ name }}' }), { name: { toString: 'x' } }],
    ['a template of an earlier version that is broken', 'SMS', text('x {{ name')],
  ])('%s', (_title, channel, content, data = plain) => {
    expect(foresee(channel, content as ContentOf[typeof channel], data)).toBeNull()
  })
  it.each([
    ['a loop', '{% for one in items %}x{% endfor %}'],
    ['a list', 'x {{ items }}'],
    ['an object', 'x {{ data }}'],
    ['JSON', 'x {{ name | json }}'],
    ['a variable of its own', 'x {% capture y %}{{ name }}{{ name }}{% endcapture %}{{ y }}'],
    ['a name that is computed', 'x {{ data[code] }}'],
    ['a date as wide as it says', 'x {{ "now" | date: "%1000d" }}'],
  ])('and a limited text has no bound where it has %s', (_title, body) => {
    expect(foresee('SMS', text(`Hello ${body}`))?.body).toBe(Infinity)
  })
})

/** Sources of texts: all that templates are made of, in any order. */
function sourceOf(random: Random, depth = 0): string {
  const value = () =>
    random.pick(['a', 'b', 'c.d', 'data.a', 'firstName', 'list', 'list[0]', 'list.size', '"lit"', '7', 'nothing'])
  const filter = () =>
    random.pick([
      ...[
        'upcase',
        'downcase',
        'capitalize',
        'escape',
        'strip',
        'raw',
        'size',
        'round',
        'truncate: 5',
        'truncate',
        'json',
        'join',
      ],
      ...['append: "xyz"', 'prepend: a', 'default: "none"', 'default: b', 'plus: 1', 'divided_by: 0', 'date: "%A %c"', 'date'],
      ...['escape_once', 'url_encode', 'url_decode', 'newline_to_br', 'strip_newlines', 'first', 'times: a', 'date: "%d", a'],
    ])
  const output = () => `{{ ${value()}${random.once(2) ? ` | ${filter()}` : ''}${random.once(4) ? ` | ${filter()}` : ''} }}`
  const inner = () => (depth > 0 ? 'x' : sourceOf(random, depth + 1))
  return Array.from({ length: 1 + random.int(3) }, () =>
    random.pick([
      output,
      output,
      () => random.pick(['Hello ', ' ', '', '{- -}', '\n', 'é', '#', '{ ']),
      () => `{% if ${value()} %}${inner()}{% elsif ${value()} == ${value()} %}${inner()}{% else %}${inner()}{% endif %}`,
      () => `{% unless ${value()} contains "x" %}${inner()}{% endunless %}`,
      () => `{% case ${value()} %}{% when "x" %}${inner()}{% else %}${inner()}{% endcase %}`,
      () => `{% for a in ${random.pick(['list', 'a', '(1..3)', '(1..b)'])} %}${inner()}{% break %}{% endfor %}`,
      () => `{% assign a = ${value()} | ${filter()} %}`,
      () => `{% capture b %}${inner()}{% endcapture %}{{ b }}`,
      () =>
        random.pick(['{% break %}', '{% raw %}{{ a }}{% endraw %}', '{%- comment -%}x{%- endcomment -%}', '{% increment a %}']),
    ])(),
  ).join('')
}

it('whatever a template and its values are, what is foreseen holds', () => {
  const random = createRandom(20_261_130)
  const counts = { foreseen: 0, bounded: 0, open: 0 }
  for (let n = 0; n < 1_500; n++) {
    const some = () => (random.once(4) ? hostileValue(random) : hostileText(random, 40))
    const data = { a: some(), b: some(), c: { d: some() }, list: [some(), some()], x: some() } as JsonObject
    const content = mail({
      subject: `${random.pick(['', 'Hello '])}${sourceOf(random)}`,
      text: random.once(3) ? sourceOf(random) : null,
      cc: random.once(6) ? random.pick(['{{ a }}', 'x@example.com, {{ b }}', '{{ a }} <x@example.com>']) : null,
    })
    let extent: ReturnType<typeof foresee>
    try {
      renderer.check('email', { channel: 'EMAIL', locale: 'en', content })
      extent = foresee('EMAIL', content, data)
    } catch {
      continue // it is refused when it is stored
    }
    if (extent === null) {
      counts.open++
      continue
    }
    counts.foreseen++
    if (Number.isFinite(extent.title)) counts.bounded++
    const problem = `${JSON.stringify(content)} with ${JSON.stringify(data)}`
    const rendered = (() => {
      try {
        return renderer.email(content, scopeOf(data), null)
      } catch (error) {
        return String(error)
      }
    })()
    if (typeof rendered === 'string') expect.fail(`${rendered}: ${problem}`)
    const { subject, text: body } = rendered
    if (isBlank(subject) && isBlank(body ?? '')) expect.fail(`nothing to read: ${problem}`)
    if (subject.length > extent.title) expect.fail(`${subject.length} > ${extent.title}: ${problem}`)
  }

  // Both happen often enough to mean something.
  expect(Math.min(counts.foreseen, counts.bounded, counts.open)).toBeGreaterThan(150)
})
