/** `sendMessages`: batches, ids, transactions, contacts that come with a message. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Feed, GetContact, ListNotifications, Send, UpsertContacts } from '../helpers/operations.ts'
import { newShop, times } from '../helpers/setup.ts'

let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  project = await newShop(app, null)
})
afterAll(() => app.stop())

const note = (contact: string, more: object = {}) => ({ template: 'note', contact: { externalId: contact }, ...more })
const send = async (...messages: Parameters<typeof note>[]) => {
  const { sendMessages } = await project.api.do(Send, { messages: messages.map((args) => note(...args)) })
  return sendMessages.results
}
const totalOf = async (contact: string): Promise<number> => (await project.api.do(Feed, { contact })).feed.totalCount

describe('batches', () => {
  it('N1-10, NV-41, B7-01: takes 100 messages in one call, and answers in their order', async () => {
    const results = await send(...times(100, (n): [string, object] => ['hundred', { id: `h-${n}`, data: { n } }]))
    expect(results.map((result) => result.id)).toEqual(times(100, (n) => `h-${n}`))
    expect(results.every((result) => result.ok)).toBe(true)
    expect(await totalOf('hundred')).toBe(100)
  })
  it('N1-11, B7-01: refuses 101 as a whole with the limit and the number, and an empty list', async () => {
    const answer = await project.api.ask(Send, { messages: times(101, () => note('none')) })
    expect(answer.codes).toEqual(['BATCH_TOO_LARGE'])
    expect(answer.errors[0]?.extensions).toMatchObject({ max: 100, got: 101 })
    expect((await project.api.ask(Send, { messages: [] })).codes).toEqual(['BAD_INPUT'])
    expect((await project.api.do(GetContact, { externalId: 'none' })).contact).toBeNull()
  })
  it('NV-41, N1-20, N1-57, B7-14: one broken message of a hundred fails alone', async () => {
    const results = await send(
      ...times(100, (n): [string, object] => ['broken', n === 50 ? { template: 'nothing' } : { data: { n } }]),
    )
    expect(results.filter((result) => result.ok)).toHaveLength(99)
    expect(results[50]).toMatchObject({ ok: false, error: { code: 'TEMPLATE_NOT_FOUND', field: 'template' }, notification: null })
    expect(await totalOf('broken')).toBe(99)
  })
  it('N1-12, N1-55: keeps the order of one contact’s messages', async () => {
    await send(...times(20, (n): [string, object] => ['ordered', { data: { n } }]))
    const { feed } = await project.api.do(Feed, { contact: 'ordered', first: 20 })
    expect(feed.nodes.map((node) => node.body)).toEqual(times(20, (n) => String(19 - n)))
  })
})

describe('ids', () => {
  it('N1-17: generates an id where none is given', async () => {
    const [result] = await send(['auto'])
    expect(result?.id).toBe(result?.notification?.id)
    expect(result?.notification?.key).toBeNull()
  })
  it('N1-18, N1-33, B7-02: gives ID_EXISTS to nineteen of twenty parallel sends with one id', async () => {
    const answers = await Promise.all(times(20, () => send(['twenty', { id: 'twenty-1' }])))
    const codes = answers.flat().map((result) => result.error?.code ?? 'ok')
    expect(codes.filter((code) => code === 'ok')).toHaveLength(1)
    expect(codes.filter((code) => code === 'ID_EXISTS')).toHaveLength(19)
    expect(await totalOf('twenty')).toBe(1)
  })
  it('N1-19: of duplicates in one batch the first wins, and the second gets the id of the first', async () => {
    const [first, second, other] = await send(
      ['duplicate', { id: 'duplicate-1' }],
      ['duplicate', { id: 'duplicate-1' }],
      ['duplicate', { id: 'duplicate-1', data: { n: 2 } }],
    )
    expect(first?.ok).toBe(true)
    expect(second).toMatchObject({ ok: false, error: { code: 'ID_EXISTS' }, notification: { id: first?.notification?.id } })
    expect(other).toMatchObject({ ok: false, error: { code: 'ID_MISMATCH' }, notification: null })
  })
  it('the same id with other content is ID_MISMATCH, in another project it is another id', async () => {
    await send(['mismatch', { id: 'm-1', data: { n: 1 } }])
    const [again] = await send(['mismatch', { id: 'm-1', data: { n: 2 } }])
    expect(again?.error?.code).toBe('ID_MISMATCH')
    const other = await newShop(app, null)
    const { sendMessages } = await other.api.do(Send, { messages: [note('x', { id: 'm-1' })] })
    expect(sendMessages.results[0]?.ok).toBe(true)
  })
  it.each([
    ['empty', ''],
    ['of 256 characters', 'x'.repeat(256)],
    ['with a line break', 'a\nb'],
    ['not ASCII', 'é'],
  ])('I30: refuses an id that is %s', async (_what, id) => {
    const [result] = await send(['bad-id', { id }])
    expect(result).toMatchObject({ ok: false, error: { code: 'BAD_INPUT', field: 'id' } })
  })
  it('takes an id of 255 characters', async () => {
    expect((await send(['long-id', { id: 'x'.repeat(255) }]))[0]?.ok).toBe(true)
  })
})

describe('transactions', () => {
  it('NV-36, NV-39: gives all messages of a call one transaction', async () => {
    const results = await send(['t1'], ['t2'])
    expect(results[0]?.transactionId).toEqual(expect.any(String))
    expect(results[1]?.transactionId).toBe(results[0]?.transactionId)
  })
  it('NV-37, B7-13: refuses a transactionId that an earlier call used, at once; one call may use it for several', async () => {
    const first = await send(['t3', { transactionId: 'tx-1' }], ['t3', { transactionId: 'tx-1' }])
    expect(first.map((result) => result.ok)).toEqual([true, true])
    const [again] = await send(['t3', { transactionId: 'tx-1' }])
    expect(again).toMatchObject({ ok: false, error: { code: 'TRANSACTION_EXISTS' } })
    const parallel = await Promise.all(times(10, () => send(['t3', { transactionId: 'tx-2' }])))
    expect(parallel.flat().filter((result) => result.ok)).toHaveLength(1)
    const { notifications } = await project.api.do(ListNotifications, { filter: { transactionId: 'tx-1' } })
    expect(notifications.totalCount).toBe(2)
  })
  it('an id and a transactionId that are both repeated are ID_EXISTS', async () => {
    await send(['t4', { id: 't4-1', transactionId: 'tx-4' }])
    const [again] = await send(['t4', { id: 't4-1', transactionId: 'tx-4' }])
    expect(again?.error?.code).toBe('ID_EXISTS')
  })
  it('keeps nothing of a call that was refused: its transactionId is free', async () => {
    await send(['t5', { transactionId: 'tx-5', template: 'nothing' }])
    expect((await send(['t5', { transactionId: 'tx-5' }]))[0]?.ok).toBe(true)
  })
})

describe('contacts that come with a message', () => {
  it('N1-14, N1-15, N1-34, N1-35, N1-36, N1-37, N1-38, N1-39, N1-40, N1-41, NV-35: creates an unknown contact with all its fields', async () => {
    const contact = {
      externalId: 'new',
      email: 'new@example.com',
      phone: '+44 123456789',
      locale: 'en-GB',
      timezone: 'Europe/London',
      firstName: 'Nina',
      lastName: 'New',
      photoUrl: 'https://example.com/n.png',
      country: 'gb',
      profile: { plan: 'pro' },
    }
    await project.api.do(Send, { messages: [{ template: 'note', contact }] })
    const { contact: stored } = await project.api.do(GetContact, { externalId: 'new' })
    expect(stored).toMatchObject({
      ...contact,
      country: 'GB',
      profile: { plan: 'pro', firstName: 'Nina', id: 'new', externalId: 'new' },
    })
  })
  it('N1-16, B7-03: fills what is missing and never replaces what is there', async () => {
    await project.api.do(UpsertContacts, { contacts: [{ externalId: 'fill', firstName: 'Old', profile: { set: { a: 1 } } }] })
    const contact = { externalId: 'fill', firstName: 'New', lastName: 'Added', profile: { a: 2, b: 3 } }
    await project.api.do(Send, { messages: [{ template: 'note', contact }] })
    const { contact: stored } = await project.api.do(GetContact, { externalId: 'fill' })
    expect(stored).toMatchObject({ firstName: 'Old', lastName: 'Added', profile: { a: 1, b: 3 } })
  })
  it('fills from several messages of one batch, the first first', async () => {
    const of = (fields: object) => ({ template: 'note', contact: { externalId: 'batch', ...fields } })
    await project.api.do(Send, { messages: [of({ firstName: 'A' }), of({ firstName: 'B', lastName: 'C' })] })
    expect((await project.api.do(GetContact, { externalId: 'batch' })).contact).toMatchObject({ firstName: 'A', lastName: 'C' })
  })
  it('creates one contact of parallel sends to an unknown one', async () => {
    await Promise.all(times(20, (n) => send(['crowd', { data: { n } }])))
    expect(await totalOf('crowd')).toBe(20)
  })
  it('keeps nothing of a contact whose message was refused', async () => {
    await send(['ghost', { template: 'nothing' }])
    expect((await project.api.do(GetContact, { externalId: 'ghost' })).contact).toBeNull()
  })
  it('NV-38: an unknown actor becomes a contact, and shows with the message', async () => {
    await send(['watcher', { actor: { externalId: 'doer', firstName: 'Dora', photoUrl: 'https://example.com/d.png' } }])
    expect((await project.api.do(GetContact, { externalId: 'doer' })).contact).toMatchObject({ firstName: 'Dora' })
    const { feed } = await project.api.do(Feed, { contact: 'watcher' })
    expect(feed.nodes[0]?.actor).toEqual({ externalId: 'doer', firstName: 'Dora' })
  })
  it.each([
    ['email', 'a@b@c', 'ADDRESS_INVALID'],
    ['email', 'a@example.com\r\nBcc: x@example.com', 'ADDRESS_INVALID'],
    ['email', 'a@example.com, b@example.com', 'ADDRESS_INVALID'],
    ['phone', 'call me', 'ADDRESS_INVALID'],
    ['phone', `+${'1'.repeat(40)}`, 'ADDRESS_INVALID'],
    ['locale', 'not a locale', 'BAD_INPUT'],
    ['timezone', 'Mars/Base', 'BAD_INPUT'],
    ['country', 'GBR', 'BAD_INPUT'],
    ['photoUrl', 'javascript:alert(1)', 'BAD_INPUT'],
    ['firstName', 'a\u0000b', 'BAD_INPUT'],
    ['firstName', '\ud800', 'BAD_INPUT'],
  ])('I28, I32: refuses the %s %j of a contact, naming the field', async (field, value, code) => {
    const { sendMessages } = await project.api.do(Send, {
      messages: [{ template: 'note', contact: { externalId: 'bad', [field]: value } }],
    })
    expect(sendMessages.results[0]).toMatchObject({ ok: false, error: { code, field: `contact.${field}` } })
  })
  it.each([
    ['empty', ''],
    ['of 256 characters', 'x'.repeat(256)],
    ['with a control character', 'a\u0007'],
  ])('refuses an externalId that is %s', async (_what, externalId) => {
    const { sendMessages } = await project.api.do(Send, { messages: [{ template: 'note', contact: { externalId } }] })
    expect(sendMessages.results[0]?.error?.code).toBe('BAD_INPUT')
  })
  it('N1-14: refuses a message that names nobody', async () => {
    const { sendMessages } = await project.api.do(Send, { messages: [{ template: 'note' }] })
    expect(sendMessages.results[0]).toMatchObject({ ok: false, error: { code: 'BAD_INPUT', field: 'contact' } })
  })
})

describe('data', () => {
  it('NV-32, N1-32: comes back with the message as it was sent', async () => {
    const data = { n: 1, nested: { list: [1, 'two', null, true] }, __proto__x: 1, constructor: 'c', text: '👋 \u202e' }
    await send(['data', { data }])
    expect((await project.api.do(Feed, { contact: 'data' })).feed.nodes[0]?.data).toEqual(data)
  })
  it.each([
    ['a number beyond 2^53', { n: 2 ** 53 }, 'BAD_INPUT'],
    ['a NUL', { n: 'a\u0000' }, 'BAD_INPUT'],
    ['a lone surrogate as a key', { '\udc00': 1 }, 'BAD_INPUT'],
    ['more than 524,288 characters', { n: 'x'.repeat(524_288) }, 'TOO_LARGE'],
  ])('I27, I28: refuses %s', async (_what, data, code) => {
    const [result] = await send(['bad-data', { data }])
    expect(result).toMatchObject({ ok: false, error: { code } })
  })
})
