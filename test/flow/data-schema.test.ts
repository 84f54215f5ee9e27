/** `dataSchema`: what a template demands of the data that it is sent with. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Send } from '../helpers/operations.ts'
import { PreviewTimes, UpsertTimed } from '../helpers/operations-digest.ts'

let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  project = await app.project()
})
afterAll(() => app.stop())

const contact = { externalId: 'ann' }
const upsert = async (key: string, dataSchema: object | null) => {
  const templates = [{ key, inApp: [{ body: 'Order {{ number }}' }], ...(dataSchema === null ? {} : { dataSchema }) }]
  return project.api.ask(UpsertTimed, { templates: templates as never })
}
const send = async (template: string, ...data: object[]) => {
  const { sendMessages } = await project.api.do(Send, {
    messages: data.map((one) => ({ template, contact, data: one as never })),
  })
  return sendMessages.results
}
const order = {
  type: 'object',
  properties: {
    number: { type: 'integer', minimum: 1 },
    mail: { type: 'string', format: 'email' },
    items: { type: 'array', items: { type: 'object', properties: { price: { type: 'number' } }, required: ['price'] } },
  },
  required: ['number'],
  additionalProperties: false,
}

describe('data', () => {
  it('N1-32: takes data that fits, and refuses each message whose data does not, naming the field', async () => {
    expect((await upsert('order', order)).data?.upsertTemplates[0]?.dataSchema).toEqual(order)
    const results = await send(
      'order',
      { number: 1, items: [{ price: 2 }] },
      { number: 0 },
      {},
      { number: 1, more: true },
      { number: 1, items: [{ price: 1 }, {}] },
      { number: 1, mail: 'nobody' },
      { number: 2 },
    )
    expect(results.map((one) => (one.ok ? 'ok' : `${one.error?.code} ${one.error?.field}`))).toEqual([
      'ok',
      'DATA_INVALID data.number',
      'DATA_INVALID data.number',
      'DATA_INVALID data.more',
      'DATA_INVALID data.items.1.price',
      'DATA_INVALID data.mail',
      'ok',
    ])
    expect(results[2]?.error).toEqual({
      code: 'DATA_INVALID',
      message: 'data.number: is missing.',
      field: 'data.number',
      retryable: false,
    })
    expect(results[2]?.notification).toBeNull()
  })
  it('is refused in a preview as in a send', async () => {
    await upsert('order', order)
    const { preview } = await project.api.do(PreviewTimes, {
      message: { template: 'order', contact, data: { number: 'x' } } as never,
    })
    expect(preview).toMatchObject({ ok: false, error: { code: 'DATA_INVALID', field: 'data.number' }, channels: [] })
  })
  it('is checked by the schema as it is now: replaced, kept, removed', async () => {
    await upsert('changing', { required: ['a'] })
    expect((await send('changing', {}))[0]?.error?.code).toBe('DATA_INVALID')
    await upsert('changing', { required: ['b'] })
    expect((await send('changing', { b: 1 }))[0]?.ok).toBe(true)
    await upsert('changing', null)
    expect((await send('changing', {}))[0]?.error?.field).toBe('data.b')
    await project.api.do(UpsertTimed, { templates: [{ key: 'changing', dataSchema: null }] })
    expect((await send('changing', {}))[0]?.ok).toBe(true)
  })
  it('understands draft 7 where the schema says so', async () => {
    const tuple = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      properties: { t: { items: [{ type: 'string' }, { type: 'number' }] } },
    }
    expect((await upsert('seven', tuple)).errors).toEqual([])
    const results = await send('seven', { t: ['a', 1] }, { t: ['a', 'b'] })
    expect(results.map((one) => one.ok)).toEqual([true, false])
    expect(results[1]?.error?.field).toBe('data.t.1')
  })
  it('keeps the names that schemas give themselves apart', async () => {
    const named = (type: string) => ({
      $id: 'https://example.com/order',
      $defs: { n: { $id: 'https://example.com/n', type } },
      properties: { n: { $ref: 'https://example.com/n' } },
    })
    expect((await upsert('text', named('string'))).errors).toEqual([])
    expect((await upsert('number', named('number'))).errors).toEqual([])
    expect((await send('text', { n: 'a' }))[0]?.ok).toBe(true)
    expect((await send('number', { n: 'a' }))[0]?.ok).toBe(false)
  })
  it.each([
    ['a pattern that backtracks', { properties: { s: { pattern: '^(a+)+$' } } }, { s: `${'a'.repeat(60)}b` }],
    [
      'references that branch',
      {
        $defs: {
          n: { anyOf: [{ $ref: '#/$defs/m' }, { $ref: '#/$defs/m' }] },
          m: { properties: { c: { $ref: '#/$defs/n' } }, required: ['c'] },
        },
        $ref: '#/$defs/n',
      },
      JSON.parse(`${'{"c":'.repeat(30)}{}${'}'.repeat(30)}`) as object,
    ],
  ])('cuts off a check that takes too long: %s', async (what, schema, data) => {
    expect((await upsert(what, schema)).errors).toEqual([])
    const began = performance.now()
    const [result] = await send(what, data)
    const took = performance.now() - began
    if (what === 'a pattern that backtracks') {
      // The engine takes linear time, so there is nothing to cut off.
      expect(result?.error).toMatchObject({ code: 'DATA_INVALID', field: 'data.s', message: expect.stringContaining('pattern') })
    } else {
      const message = expect.stringMatching(/takes longer than 250 ms .* the template "references that branch"/)
      expect(result?.error).toMatchObject({ code: 'DATA_INVALID', message })
    }
    expect(took).toBeLessThan(5_000)
  })
})

describe('a schema that does not compile', () => {
  it.each([
    ['a type that there is not', { type: 'objekt' }],
    ['a pattern that is none', { properties: { s: { pattern: '(' } } }],
    ['another draft', { $schema: 'http://json-schema.org/draft-04/schema#' }],
    ['a reference to elsewhere, which is not fetched', { $ref: 'https://example.com/schema.json' }],
    ['a reference into nothing', { $ref: '#/$defs/none' }],
    ['an asynchronous one', { $async: true, type: 'object' }],
  ])('is BAD_INPUT: %s', async (_what, dataSchema) => {
    // A project of its own has all of its time for schemas.
    const { api } = await app.project()
    const { errors } = await api.ask(UpsertTimed, {
      templates: [{ key: 'fine' }, { key: 'bad', dataSchema: dataSchema as never }],
    })
    expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_INPUT', field: 'dataSchema', index: 1 })
  })
  it('is TOO_LARGE beyond 65,536 characters', async () => {
    const { errors } = await upsert('large', { description: 'x'.repeat(65_536) })
    expect(errors[0]?.extensions).toMatchObject({ code: 'TOO_LARGE', field: 'dataSchema', max: 65_536 })
  })
})
