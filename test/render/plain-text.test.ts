/** Texts of literals and plain variables are rendered without Liquid: to the same result, for the same allowance. */
import { describe, expect, it } from 'vitest'
import { createLiquid } from '../../src/render/liquid.ts'
import { createMeter } from '../../src/render/meter.ts'
import { seeded } from '../helpers/seed.ts'

const liquid = createLiquid()
const dates = { timeZone: 'UTC', locale: 'en' }
const data = {
  name: 'Ana <b> & "Bo" \'s\' \u0000 \ud800 😀',
  html: '<script>',
  empty: '',
  zero: 0,
  price: 12.5,
  big: 1e21,
  yes: true,
  no: false,
  nothing: null,
  missing: undefined,
  list: ['a', { b: 1 }, ['c']],
  order: { no: 5, size: 'XL', items: [{ name: 'x' }], to: { city: 'Graz', toString: 'own' }, length: 3, 'ship to': 'y' },
  constructor: 'mine',
  day: new Date(0),
  имя: 'Аня',
  get link() {
    return 'https://a.example/?a=1&b=2'
  },
}

/** What it returns, or why it fails. */
function resultOf(render: () => string | null): string | null {
  try {
    return render()
  } catch (error) {
    return String(error)
  }
}

/** Both ways, and what is left of the allowance. @param units the allowance */
function both(source: string, escaping: 'text' | 'html', units = 4_000, scope: Record<string, unknown> = data) {
  const compiled = liquid.compile('text', source, escaping)
  const given = { get: (name: string) => (Object.hasOwn(scope, name) ? scope[name] : undefined), all: () => scope }
  const run = (plain: typeof compiled.plain) => {
    const meter = createMeter(units)
    const text = resultOf(() => liquid.render({ ...compiled, plain }, given, meter, dates))
    return { text, isSpent: meter.isSpent(), spent: meter.isSpent() ? null : meter.spent().toFixed(6) }
  }
  return { isPlain: compiled.plain !== null, ours: run(compiled.plain), liquids: run(null) }
}

const variables = [
  ...Object.keys(data),
  ...[
    'gone',
    'gone.deeper',
    'order.no',
    'order.to.city',
    'order.to.gone',
    'order.gone.deeper',
    'order.to',
    'order.items',
    'nothing.x',
  ],
  ...[
    'order.size',
    'order.to.size',
    'list.size',
    'list.first',
    'list.last',
    'list[0]',
    'list.length',
    'order.items[0].name',
    'name.length',
  ],
  ...[
    'order["ship to"]',
    'order["no"]',
    'order[no]',
    'name.size',
    'order.to.toString',
    'order.toString',
    'toString',
    'hasOwnProperty',
    'zero.x',
  ],
  ...[
    'order.length',
    'constructor.name',
    'order.constructor',
    '__proto__',
    'order.__proto__',
    'day.x',
    'day',
    'yes.no',
    'link.x',
    'nil',
    'true',
  ],
  ...[
    'blank',
    'empty',
    '"quoted"',
    '12',
    '1.5',
    '(1..3)',
    'not yes',
    'yes and no',
    'name == "x"',
    'name | upcase',
    'html | raw',
    'html | escape',
  ],
]
const literals = [
  '',
  ' ',
  'Hello ',
  '<p>',
  '</p>\n',
  '&amp;',
  '{ ',
  '}} ',
  '\u00e4\u4e16',
  '  \n',
  '{% if yes %}x{% endif %}',
  '{{- name -}}',
  '{% raw %}{{{% endraw %}',
]

describe('a text of literals and plain variables', () => {
  it.each(variables)('has the value that Liquid has for %s', (variable) => {
    for (const escaping of ['text', 'html'] as const) {
      const { ours, liquids } = both(`a {{ ${variable} }} b`, escaping)
      expect([escaping, ours]).toEqual([escaping, liquids])
    }
  })
  it('is rendered as by Liquid, whatever it is made of and however small the allowance is', () => {
    const random = seeded()
    let plain = 0
    for (let round = 0; round < 3_000; round++) {
      const source = Array.from({ length: 1 + random.int(5) }, () =>
        random() < 0.5 ? random.of(literals) : `{{${random.of(['', ' ', '- '])}${random.of(variables)} }}`,
      ).join('')
      const escaping = random.of(['text', 'html'] as const)
      const { isPlain, ours, liquids } = both(source, escaping, random.of([4_000, 4_000, 3, 6]))
      expect([source, escaping, ours]).toEqual([source, escaping, liquids])
      if (isPlain) plain++
    }
    expect(plain).toBeGreaterThan(300)
  })
  it('is told from one with tags, filters, literals and expressions', () => {
    const isPlain = (source: string, escaping: 'text' | 'html' | 'chat' | 'mailboxes' = 'text') =>
      liquid.compile('text', source, escaping).plain !== null
    expect(['Hello {{ a }}, {{ b.c }} {{ d["e f"] }}', 'none', '{{- a -}}'].map((one) => isPlain(one))).toEqual([
      true,
      true,
      true,
    ])
    expect(isPlain('{{ a }}', 'html')).toBe(true)
    for (const source of [
      '{{ a | upcase }}',
      '{% if a %}{% endif %}',
      '{{ "a" }}',
      '{{ a[0] }}',
      '{{ a[b] }}',
      '{{ a.size }}',
      '{{ a and b }}',
    ])
      expect([source, isPlain(source)]).toEqual([source, false])
    expect(isPlain('{{ a | raw }}', 'html')).toBe(false)
    expect([isPlain('{{ a }}', 'chat'), isPlain('{{ a }}', 'mailboxes')]).toEqual([false, false])
  })
  it('may produce as much as one that Liquid renders', () => {
    const long = { text: 'x'.repeat(600_000) }
    for (const count of [1, 2]) {
      const { ours, liquids } = both('{{ text }}'.repeat(count), 'text', 1e9, long)
      expect(ours).toEqual(liquids)
      if (count === 2) expect(ours.text).toMatch(/has 1200000 characters/)
    }
  })
})
