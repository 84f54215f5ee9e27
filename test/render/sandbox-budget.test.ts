/** The budgets of the sandbox: of a call, of a project a second, and of programs that exceeded theirs. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { silentLog } from '../../src/log.ts'
import { programLimits } from '../../src/render/limits.ts'
import type { RenderCall } from '../../src/render/renderer.ts'
import { createCallBudget, createSandbox, type Sandbox } from '../../src/render/sandbox.ts'
import type { JsonObject } from '../../src/words.ts'

let sandbox: Sandbox
beforeEach(() => {
  sandbox = createSandbox({ log: silentLog })
})
afterEach(() => sandbox.close())

const project = { id: 'p', key: 'p', name: 'P', locale: 'en', timezone: 'UTC', resendUnknown: false }
const call = (source: string, data: JsonObject = {}): RenderCall => ({
  method: 'text',
  args: ['body', source, { project, contact: null, actor: null, data, unsubscribeUrl: null }],
})
const loop = (name: string): string =>
  `{% for i in (1..3000) %}{% for j in (1..3000) %}{% endfor %}{% endfor %}{% comment %}${name}{% endcomment %}`
const branching: JsonObject = {
  $defs: {
    n: { anyOf: [{ $ref: '#/$defs/m' }, { $ref: '#/$defs/m' }] },
    m: { properties: { c: { $ref: '#/$defs/n' } }, required: ['c'] },
  },
  $ref: '#/$defs/n',
}
const deep = JSON.parse(`${'{"c":'.repeat(30)}{}${'}'.repeat(30)}`) as JsonObject
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'ok',
    (error: { code: string }) => error.code,
  )

it('has one budget for all checks of a call: a hundred that hang take the time of one, and the others are not tried', async () => {
  const items = Array.from({ length: 100 }, () => ({ id: 'branching', schema: branching, data: deep }))
  const budget = createCallBudget()
  expect(new Set(await sandbox.check('p', items, budget))).toEqual(new Set(['over']))
  expect(budget.leftMs).toBeLessThan(programLimits.callMs / 2)
  expect(budget.leftMs).toBeGreaterThan(-programLimits.callMs)
})

it('refuses a program that exceeded its budget without running it, until it is changed; others of the project are run', async () => {
  const first = { id: 'branching', schema: branching, data: deep }
  expect(await sandbox.check('p', [first], createCallBudget({ waits: true }))).toEqual(['over'])
  const again = createCallBudget({ waits: true })
  const other = { id: 'other', schema: { required: ['a'] }, data: {} }
  const [refused, checked] = await sandbox.check('p', [{ ...first, data: {} }, other], again)
  expect(refused).toBe('over')
  expect(checked).toMatchObject({ code: 'DATA_INVALID', field: 'data.a' })
  expect(again.leftMs).toBeGreaterThan(programLimits.callMs / 2)
  const changed = { id: 'changed', schema: { ...branching, title: 'changed' }, data: {} }
  expect(await sandbox.check('p', [changed], createCallBudget({ waits: true }))).not.toEqual(['over'])
  // The same program of another project is another program.
  expect(await sandbox.check('q', [{ ...first, data: {} }], createCallBudget())).not.toEqual(['over'])
})

it('refuses calls of a project that has used its time of a second, with the time to wait, and no other project', async () => {
  await sandbox.close()
  // The time stands still, so that the project gets none back, however busy the machine is.
  sandbox = createSandbox({ log: silentLog, now: () => 0 })
  for (let n = 0; n < 10; n++) {
    const code = await codeOf(sandbox.render('p', call(loop(`p${n}`)), createCallBudget()))
    if (code === 'RATE_LIMITED') break
    expect(code).toBe('TEMPLATE_BROKEN')
    if (n === 9) throw new Error('It was never refused')
  }
  await expect(sandbox.render('p', call('x {{ n }}', { n: 1 }), createCallBudget())).rejects.toMatchObject({
    code: 'RATE_LIMITED',
    details: { max: programLimits.projectMsPerSecond, retryAfterSeconds: expect.any(Number) },
  })
  expect(await sandbox.render('q', call('x {{ n }}', { n: 1 }), createCallBudget())).toBe('x 1')
  // What workers do has a time of its own, and waits for it.
  expect(await sandbox.render('p', call('x {{ n }}', { n: 1 }))).toBe('x 1')
})

it('runs what one project is asked for while the programs of another hang', async () => {
  const hanging = Array.from({ length: 6 }, (_unused, n) => codeOf(sandbox.render('p', call(loop(`h${n}`)))))
  const order: string[] = []
  void Promise.all(hanging).then(() => order.push('hanging'))
  for (let n = 0; n < 10; n++) expect(await sandbox.render('q', call('{{ n }}', { n }))).toBe(String(n))
  order.push('others')
  expect(await Promise.all(hanging)).toEqual(Array.from({ length: 6 }, () => 'TEMPLATE_BROKEN'))
  expect(order[0]).toBe('others')
})

it('compiles a large schema elsewhere or refuses it, and says which', async () => {
  const large: JsonObject = {
    properties: Object.fromEntries(Array.from({ length: 1_400 }, (_unused, n) => [`p${n}`, { type: 'string', maxLength: 10 }])),
  }
  const programs = {
    texts: [{ field: 'inApp[0].body', source: '{{ x', escaping: 'text' as const }],
    schemas: [large, { type: 'x' }],
  }
  const [text, schema, bad] = await sandbox.parse('p', programs, createCallBudget())
  expect(text).toMatchObject({ code: 'TEMPLATE_BROKEN', details: { field: 'inApp[0].body', line: 1 } })
  if (schema !== null)
    expect(schema).toMatchObject({ code: 'BAD_INPUT', details: { field: 'dataSchema', max: programLimits.callMs } })
  expect(bad).toMatchObject({ code: 'BAD_INPUT', details: { field: 'dataSchema' } })
})

it('replaces a process whose memory is full, and names the budget', async () => {
  const doubling = `{% assign s = "aaaaaaaaaa" | split: "" %}${'{% assign s = s | concat: s %}'.repeat(40)}{{ s.size }}`
  expect(await codeOf(sandbox.render('p', call(doubling)))).toBe('TEMPLATE_BROKEN')
  expect(await sandbox.render('p', call('{{ n }}', { n: 1 }))).toBe('1')
})
