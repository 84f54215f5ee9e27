/** What is provably cheap of what callers write, and what is not. */
import { describe, expect, it } from 'vitest'
import { createDataSchemas } from '../../src/domain/data-schema.ts'
import { programLimits } from '../../src/render/limits.ts'
import { createMeter } from '../../src/render/meter.ts'
import { compilePattern, readPattern } from '../../src/render/pattern.ts'
import { createRenderer, type Scope, SlowTemplate } from '../../src/render/renderer.ts'
import { costOfSchema } from '../../src/render/schema-cost.ts'
import type { JsonObject } from '../../src/words.ts'

describe('a pattern', () => {
  const linear = (source: string): ((text: string) => boolean) => {
    const test = compilePattern(readPattern(source))
    if (test === null) throw new Error(`${source} is not linear`)
    return test
  }
  it.each([
    ['^(a+)+$'],
    ['^(a|a)*$'],
    ['^(a|aa)+$'],
    ['(x+x+)+y'],
    ['^(([a-z])+.)+[A-Z]([a-z])+$'],
    ['(.*a){20}'],
    ['^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))$'],
    ['((((a*)*)*)*)*b'],
    ['^\\s+|\\s+$'],
    ['(a?){30}a{30}'],
    ['(?:[ab]*a[ab]{30})c'],
  ])('takes time in proportion to the text, however it backtracks elsewhere: %s', (source) => {
    const test = linear(source)
    const time = (length: number): number => {
      const text = `${'a'.repeat(length)}!`
      const began = process.cpuUsage()
      test(text)
      const { user, system } = process.cpuUsage(began)
      return user + system
    }
    time(20_000)
    // Exponential or quadratic time would be at least sixteen times as much.
    expect(time(80_000)).toBeLessThan(12 * Math.max(time(20_000), 5_000))
  })

  const samples = [
    '', 'a', 'A', 'abc', 'a b', '12', '2024-01-31', 'ann@example.com', 'a-b_c', '\n', '\u2028', '\u00a0', 'é', '한글', '😀', '[x]', '\\', '\0', '\b', '^', '-', ']', 'a\nb', '/', '+82 10',
  ] // biome-ignore format: a table
  it.each([
    ['^[a-z]+$'],
    ['^\\d{4}-\\d{2}-\\d{2}$'],
    ['^[\\w.+-]+@[\\w-]+(\\.[\\w-]+)+$'],
    ['\\s'],
    ['\\S'],
    ['^[^\\s]+$'],
    ['[\\s\\S]'],
    ['^.$'],
    ['[^]'],
    ['^\\p{L}+$'],
    ['^\\p{Letter}+$'],
    ['\\p{Script=Hangul}'],
    ['\\u{1F600}'],
    ['\\ud83d\\ude00'],
    ['\\u00e9'],
    ['[[]x'],
    ['[\\]\\\\^-]'],
    ['[\\b]'],
    ['\\cJ'],
    ['\\0'],
    ['^(?<year>\\d+)'],
    ['^(?:a|b)?c{0,2}'],
    ['\\/'],
    ['^a$|^12$'],
    ['\\bb\\b'],
    ['^\\+\\d{1,3}[ -]?\\d+$'],
  ])('means what it means in JavaScript: %s', (source) => {
    const here = new RegExp(source, 'u')
    const test = linear(source)
    expect(samples.filter(test)).toEqual(samples.filter((text) => here.test(text)))
  })

  it.each([
    ['(a)\\1', 'a back-reference'],
    ['(?<n>a)\\k<n>', 'a back-reference'],
    ['(?=a)', 'a look-around'],
    ['(?!a)', 'a look-around'],
    ['(?<=a)b', 'a look-around'],
    ['^(?=.*\\d).{8,}$', 'a look-around'],
  ])('is refused when it is stored, with the reason: %s', (pattern, what) => {
    const check = (schema: JsonObject) => () => createDataSchemas().check(schema, createMeter(1e9))
    expect(readPattern(pattern).backtracks).toBe(what)
    expect(check({ properties: { s: { pattern } } })).toThrow(new RegExp(`${what}.*RE2 syntax`))
    expect(check({ patternProperties: { [pattern]: true } })).toThrow(what)
  })
  it('that was stored before, which RE2 does not have, runs in the sandbox', () => {
    const { run } = createDataSchemas().of({ properties: { s: { pattern: '(?=a)' } } })
    expect(run({ s: 'a' }, createMeter(1e9))).toBeUndefined()
  })
})

const properties = (count: number, schema: JsonObject): JsonObject => ({
  properties: Object.fromEntries(Array.from({ length: count }, (_unused, n) => [`p${n}`, schema])),
})
const alternatives = (depth: number): JsonObject =>
  depth === 0 ? { type: 'string' } : { anyOf: [alternatives(depth - 1), alternatives(depth - 1)] }

describe('a schema', () => {
  it.each<[string, JsonObject]>([
    ['nothing', {}],
    ['a type', { type: 'object' }],
    ['properties', properties(20, { type: 'string', maxLength: 100 })],
    ['required ones', { required: ['a', 'b'], properties: { a: true, b: false } }],
    ['a pattern', { properties: { a: { pattern: '^[A-Z]{2}\\d+$' } } }],
    ['a pattern that backtracks elsewhere', { properties: { a: { pattern: '^(a+)+$' } } }],
    ['formats', { properties: { a: { format: 'email' }, b: { format: 'uri' }, c: { format: 'date-time' } } }],
    ['an enum', { properties: { a: { enum: ['x', 'y', 1, null] } } }],
    ['a const', { properties: { a: { const: { b: [1, 2] } } } }],
    ['a list of objects', { properties: { l: { type: 'array', items: { type: 'object', required: ['n'] }, maxItems: 50 } } }],
    ['a short list of unique items', { properties: { l: { uniqueItems: true, maxItems: 20 } } }],
    ['a tuple', { properties: { l: { prefixItems: [{ type: 'string' }, { type: 'number' }] } } }],
    ['no more properties', { properties: { a: true }, additionalProperties: false }],
    ['names of properties', { propertyNames: { pattern: '^[a-z]+$' } }],
    ['patterns of properties', { patternProperties: { '^x-': { type: 'string' } } }],
    ['a few alternatives', { oneOf: [{ required: ['a'] }, { required: ['b'] }] }],
    ['a condition', JSON.parse('{"if":{"required":["a"]},"then":{"required":["a"]},"else":{"required":["c"]}}') as JsonObject],
    ['dependent schemas', { dependentSchemas: { a: { required: ['b'] } }, dependentRequired: { a: ['c'] } }],
    ['a reference', { $defs: { n: { type: 'number' } }, properties: { a: { $ref: '#/$defs/n' } } }],
    ['draft 7', { $schema: 'http://json-schema.org/draft-07/schema#', definitions: { n: {} }, $ref: '#/definitions/n' }],
    ['notes', { title: 'x'.repeat(1_000), examples: Array.from({ length: 1_000 }, (_unused, n) => n), type: 'object' }],
  ])('is cheap: %s', (_what, schema) => {
    expect(costOfSchema(schema).why).toBeNull()
    expect(createDataSchemas().of(schema).run({ a: 'x' }, createMeter(programLimits.callUnits))).not.toBeUndefined()
  })

  it.each<[string, JsonObject]>([
    ['900 properties', properties(900, { type: 'string' })],
    ['an enum of 10,000', { enum: Array.from({ length: 10_000 }, (_unused, n) => n) }],
    ['a large const', { const: Array.from({ length: 1_000 }, (_unused, n) => ({ n })) }],
    ['nested alternatives', alternatives(8)],
    ['unique items of a list without a bound', { properties: { l: { uniqueItems: true } } }],
    ['unique items of a long list', { properties: { l: { uniqueItems: true, maxItems: 10_000 } } }],
    ['a recursive reference', { properties: { c: { $ref: '#' } } }],
    ['references that branch', {
      $defs: { n: { anyOf: [{ $ref: '#/$defs/m' }, { $ref: '#/$defs/m' }] }, m: { properties: { c: { $ref: '#/$defs/n' } } } },
      $ref: '#/$defs/n',
    }],
    ['references that double', {
      $defs: Object.fromEntries(
        Array.from({ length: 20 }, (_unused, n) => [`d${n}`, { allOf: [{ $ref: `#/$defs/d${n + 1}` }, { $ref: `#/$defs/d${n + 1}` }] }]),
      ),
      $ref: '#/$defs/d0',
    }],
    ['a reference into nothing', { $ref: '#/$defs/none' }],
    ['a reference to elsewhere', { $ref: 'https://example.com/x' }],
    ['a dynamic reference', { $dynamicAnchor: 'n', properties: { c: { $dynamicRef: '#n' } } }],
    ['names of its own', { $defs: { a: {} }, properties: { a: { $id: 'https://example.com/a' } } }],
    ['unevaluated properties', { unevaluatedProperties: false }],
    ['unevaluated items', { properties: { l: { unevaluatedItems: false } } }],
    ['a look-around', { properties: { a: { pattern: '^(?=a)' } } }],
    ['a back-reference', { properties: { a: { pattern: '(a)\\1' } } }],
    ['a pattern that is none', { properties: { a: { pattern: '(' } } }],
    ['a pattern that is unfolded', { properties: { a: { pattern: '(a{50}){50}' } } }],
    ['a pattern with a large repeat', { patternProperties: { 'a{5000}': true } }],
    ['many patterns', { allOf: Array.from({ length: 60 }, (_unused, n) => ({ patternProperties: { [`^[a-z]{1,9}${n}`]: true } })) }],
    ['deep nesting', JSON.parse(`${'{"not":'.repeat(40)}true${'}'.repeat(40)}`) as JsonObject],
  ])('runs in the sandbox: %s', (_what, schema) => {
    expect(costOfSchema(schema).why).not.toBeNull()
    expect(createDataSchemas().of(schema).run({ a: 'x' }, createMeter(1e9))).toBeUndefined()
  }) // biome-ignore format: a table

  it('runs in the sandbox where the data is too much for it, or the allowance of the call is used up', () => {
    const { run } = createDataSchemas().of({ properties: { s: { pattern: '^[a-z]+$' }, l: { items: { type: 'number' } } } })
    const allowance = (): ReturnType<typeof createMeter> => createMeter(programLimits.callUnits)
    expect(run({ s: 'a'.repeat(500_000) }, createMeter(programLimits.messageUnits))).toBeUndefined()
    expect(run({ l: Array.from({ length: 50_000 }, () => 1) }, allowance())).toBeUndefined()
    const shared = allowance()
    const results = Array.from({ length: 2_000 }, () => run({ s: 'a'.repeat(2_000) }, shared))
    expect(results[0]).toBeNull()
    expect(results.at(-1)).toBeUndefined()
  })
})

describe('a text', () => {
  const renderer = createRenderer()
  const project = { id: 'p', key: 'p', name: 'P', locale: 'en', timezone: 'UTC', resendUnknown: false }
  const scope = (data: JsonObject): Scope => ({ project, contact: null, actor: null, data, unsubscribeUrl: null })
  const isHere = (source: string, data: JsonObject): boolean => {
    try {
      renderer.within(createMeter(programLimits.callUnits)).text('body', source, scope(data))
      return true
    } catch (error) {
      if (error instanceof SlowTemplate) return false
      throw error
    }
  }
  const items = Array.from({ length: 50 }, (_unused, n) => ({ name: `n${n}`, price: n }))
  const order: JsonObject = { name: 'Ann', items, total: 12.5, at: '2026-01-02T03:04:05Z', tags: ['a', 'b'], stars: 4 }
  it.each([
    ['Hello'],
    ['Hello {{ name }}'],
    ['Hello {{ data.name | default: "you" | upcase }}'],
    ['{% if name %}Hello{% else %}Hi{% endif %}'],
    ['{% if name == "Ann" and total > 10 or stars contains 4 %}x{% endif %}'],
    ['{% for item in items %}{{ item.name }}: {{ item.price }}\n{% endfor %}'],
    ['{% for item in items limit: 3 %}{% if forloop.first %}-{% endif %}{{ item.name | escape }}{% endfor %}'],
    ['{% for item in items reversed %}{{ forloop.index }}{% endfor %}'],
    ['{% assign sum = 0 %}{% for item in items %}{% assign sum = sum | plus: item.price %}{% endfor %}{{ sum }}'],
    ['{% capture line %}{{ name }}, {{ total }}{% endcapture %}{{ line }}{{ line }}'],
    ['{{ at | date: "%Y-%m-%d %H:%M" }}'],
    ['{% case stars %}{% when 4 %}good{% when 5 %}best{% else %}bad{% endcase %}'],
    ['{% for i in (1..5) %}*{% endfor %}'],
    ['{% for i in (1..stars) %}*{% endfor %}'],
    ['{{ tags | join: ", " }} {{ tags | first }} {{ tags.size }}'],
    ['{{ total | times: 2 | round: 1 }}'],
    ['{{ data | json }}'],
    ['{% unless missing %}x{% endunless %}{% comment %}no{% endcomment %}{% raw %}{{ x }}{% endraw %}'],
    ['{% cycle "a", "b" %}{% increment n %}{% decrement m %}'],
    ['{% tablerow item in tags cols: 2 %}{{ item }}{% endtablerow %}'],
    ['{% liquid assign a = 1\necho a %}'],
    [`${'<p>words and words</p>'.repeat(500)}{{ name }}`],
  ])('is rendered in the server: %s', (source) => {
    expect(isHere(source, order)).toBe(true)
  })

  const large: JsonObject = {
    s: 'x'.repeat(500_000),
    l: Array.from({ length: 50_000 }, () => ''),
    o: Object.fromEntries(Array.from({ length: 20_000 }, (_unused, n) => [`k${n}`, 1])),
  }
  it.each([
    ['a loop', '{% for i in (1..10000) %}{{ i }}{% endfor %}'],
    ['an empty loop', '{% for i in (1..100000) %}{% endfor %}'],
    ['a loop that prints one thing', '{% for i in (1..4500) %}x{% endfor %}'],
    ['nested loops', '{% for i in (1..100) %}{% for j in (1..100) %}{{ j }}{% endfor %}{% endfor %}'],
    ['a loop over long data', '{% for one in l %}x{% endfor %}'],
    ['a loop that assigns', '{% for i in (1..5000) %}{% assign x = i | plus: 1 %}{% endfor %}'],
    ['a table', '{% tablerow i in (1..5000) cols: 2 %}{{ i }}{% endtablerow %}'],
    ['a range with a bound that is given', '{% assign n = 9000 %}{% for i in (1..n) %}x{% endfor %}'],
    ['memory that doubles', `{% assign s = "aaaa" %}${'{% assign s = s | append: s %}'.repeat(30)}`],
    ['captures that double', `{% capture s %}aaaa{% endcapture %}${'{% capture s %}{{ s }}{{ s }}{% endcapture %}'.repeat(30)}`],
    ['long data, printed often', '{{ s }}'.repeat(1_000)],
    ['a long list of nothing, printed often', '{{ l }}'.repeat(100)],
    ['long data as JSON', '{{ data | json }}'.repeat(100)],
    ['long data, searched', '{% if s contains "y" %}{% endif %}'.repeat(1_000)],
    ['a long list, searched', '{% if l contains "y" %}{% endif %}'.repeat(1_000)],
    ['a large object, gone through for one item', '{% for x in o limit: 1 %}{% endfor %}'.repeat(100)],
    ['lists that are compared', '{% case l %}{% when l %}{% endcase %}'.repeat(100)],
    ['a long list, reversed', '{{ l | reverse | join }}'.repeat(100)],
    ['a chain of filters on long data', `{{ s${' | upcase | downcase'.repeat(100)} }}`],
    ['a long condition in a loop', `{% for i in (1..100) %}{% if ${'a or '.repeat(2_000)}a %}{% endif %}{% endfor %}`],
    ['a filter that may hang', '{{ l | sort: l }}'],
    ['replacing', '{{ s | replace: "x", "xxxxxxxxxx" }}'],
    ['splitting', '{{ s | split: "" | size }}'],
    ['a text of 400 KB', '{{ a }}'.repeat(57_000)],
    ['a deep text', '{% if a %}'.repeat(5_000) + '{% endif %}'.repeat(5_000)],
  ])('is rendered in the sandbox: %s', (_what, source) => {
    expect(isHere(source, large)).toBe(false)
  })

  it('shares the allowance of its call, so that many that are almost cheap are not rendered here', () => {
    const within = renderer.within(createMeter(programLimits.callUnits))
    const once = (): boolean => {
      try {
        within.text('body', '{% for i in (1..900) %}{{ i }}{% endfor %}', scope({}))
        return true
      } catch (error) {
        if (error instanceof SlowTemplate) return false
        throw error
      }
    }
    const here = Array.from({ length: 800 }, once).filter((one) => one).length
    expect(here).toBeGreaterThan(10)
    expect(here).toBeLessThan(100)
  })
})
