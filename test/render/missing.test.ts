/** Which variables of a text have no value. */
import { describe, expect, it } from 'vitest'
import { createLiquid } from '../../src/render/liquid.ts'
import { addMissing, usesOf } from '../../src/render/missing.ts'

const liquid = createLiquid()
const data = {
  name: 'Ana',
  order: { items: [{ name: 'a' }, {}], no: 5, 'ship to': 'x' },
  zero: 0,
  no: false,
  empty: '',
  nothing: null,
  key: 'no',
  имя: 'Аня',
}
const missingOf = (source: string): string[] => {
  const missing = new Set<string>()
  addMissing(usesOf(liquid.compile('text', source, 'text').templates), data, missing)
  return [...missing]
}

describe('a variable without a value', () => {
  it.each([
    ['{{ name }} {{ gone }}', ['gone']],
    [
      '{{ order.no }} {{ order.gone.deeper }} {{ order["ship to"] }} {{ order["bill to"] }}',
      ['order.gone.deeper', 'order[bill to]'],
    ],
    ['{{ order[key] }} {{ имя }} {{ 名前 }}', ['名前']],
    ['{{ order[name] }} {{ order[order.no] }} {{ order[name].x }}', ['order[name]', 'order[order.no]', 'order[name].x']],
    ['{{ zero }}{{ no }}{{ empty }}', []],
    ['{{ nothing }}', ['nothing']],
    ['{{ "text" }}{{ 5 }}{{ nil }}{{ blank }}{{ true }}', []],
    // Replaced where it is missing.
    ['{{ gone | default: "x" }}', []],
    ['{{ gone | upcase | default: "x" }}', []],
    ['{{ gone | default: other }}', ['other']],
    ['{{ name | default: other }}', []],
    ['{{ name | append: gone }} {{ name | slice: from, 2 }}', ['gone', 'from']],
    // Only tested.
    ['{% if gone %}{{ gone.x }}{% endif %}', []],
    ['{% if gone %}a{% else %}{{ other }}{% endif %}', ['other']],
    ['{% if name %}{{ other }}{% elsif gone %}{{ last }}{% endif %}', ['other']],
    ['{% unless gone %}{{ other }}{% endunless %}', ['other']],
    ['{% if gone == "x" or name %}{{ other }}{% endif %}', []],
    ['{% case name %}{% when "Ana" %}{{ other }}{% endcase %}', []],
    // Lists.
    ['{% for one in order.items %}{{ forloop.index }} {{ one.name }}{% endfor %}', ['order.items[1].name']],
    ['{% for one in gone %}{{ one.name }}{% endfor %}', ['gone']],
    ['{% for one in gone %}x{% else %}{{ other }}{% endfor %}', ['other']],
    ['{% for n in (1..3) %}{{ n }}{% endfor %}', []],
    ['{% tablerow one in order.items %}{{ one.name }}{% endtablerow %}', ['order.items[1].name']],
    ['{{ order.items.size }} {{ order.items.first.name }} {{ order.items.last.name }}', ['order.items.last.name']],
    // Names of the template's own.
    ['{% assign x = gone %}{{ x }}', ['gone']],
    ['{% assign x = gone %}{{ x | default: 1 }}', []],
    ['{% assign x = "a" %}{{ x }}{% assign x = order.items | size %}{{ x }}', []],
    ['{% capture x %}{{ gone }}{% endcapture %}{{ x }}', ['gone']],
    ['{% if name == "x" %}{% assign y = 1 %}{% endif %}{{ y }}', []],
    ['{% increment n %}{{ n }}', []],
    ['{% cycle gone, "b" %}', ['gone']],
    ['{% echo gone %}', ['gone']],
    ['{% liquid\necho gone\n%}', ['gone']],
    ['{% raw %}{{ gone }}{% endraw %}{% comment %}{{ gone }}{% endcomment %}', []],
    ['{{ constructor }} {{ __proto__ }} {{ name.length }}', ['constructor', '__proto__', 'name.length']],
    ['', []],
  ])('%s', (source, names) => expect(missingOf(source)).toEqual(names))

  it('is looked for in bounded time, and 20 are named', () => {
    const started = performance.now()
    expect(missingOf(Array.from({ length: 100 }, (_unused, n) => `{{ gone${n} }}`).join(''))).toHaveLength(20)
    const loops = `${'{% for a in order.items %}'.repeat(30)}{{ name }}${'{% endfor %}'.repeat(30)}`
    expect(missingOf(loops)).toEqual([])
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})
