/** A transactionId names one call: also one that the server gave, when another call uses it. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { ConfigureProviders, Preview, Send, UpsertContacts, UpsertTemplates } from '../helpers/operations.ts'
import { SendText } from '../helpers/operations-audience.ts'
import { Broadcast } from '../helpers/operations-fanout.ts'

let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  project = await app.project()
  await project.api.do(ConfigureProviders, { providers: [{ key: 'text', channel: 'SMS', kind: 'capture', settings: {} }] })
  await project.api.do(UpsertTemplates, { templates: [{ key: 't', inApp: [{ body: 'b' }], sms: [{ body: 'b' }] }] })
  await project.api.do(UpsertContacts, { contacts: [{ externalId: 'ana', phone: '+15005550006' }] })
})
afterAll(() => app.stop())

const message = { template: 't', contact: { externalId: 'ana' } }
const send = async (transactionId?: string) =>
  (await project.api.do(Send, { messages: [{ ...message, ...(transactionId === undefined ? {} : { transactionId }) }] }))
    .sendMessages.results[0]
const broadcast = async (transactionId?: string) => {
  const input = { template: 't', ...(transactionId === undefined ? {} : { transactionId }) }
  const { codes, data } = await project.api.ask(Broadcast, { input })
  return { code: codes[0] ?? 'OK', transactionId: data?.broadcast?.transactionId ?? '' }
}
const text = (transactionId: string | null) =>
  project.api.ask(SendText, { type: 'SMS', body: 'b', recipients: [{ phoneNumber: '+15005550006' }], transactionId })

it.each([
  ['one message', async () => (await send())?.transactionId ?? ''],
  ['a send to many', async () => (await broadcast()).transactionId],
  ['a text to numbers', async () => (await text(null)).data?.sendText.transactionId ?? ''],
])('the id that the server gave to %s is refused to every other call', async (_title, given) => {
  const transactionId = await given()
  expect(transactionId).not.toBe('')
  expect((await send(transactionId))?.error).toMatchObject({ code: 'TRANSACTION_EXISTS', field: 'transactionId' })
  expect((await broadcast(transactionId)).code).toBe('TRANSACTION_EXISTS')
  expect((await text(transactionId)).codes).toEqual(['TRANSACTION_EXISTS'])
  expect((await project.api.do(Preview, { message: { ...message, transactionId } })).preview.error?.code).toBe(
    'TRANSACTION_EXISTS',
  )
})

it('is free in another project, and where nobody had it', async () => {
  const transactionId = (await send())?.transactionId ?? ''
  const other = await app.project()
  await other.api.do(UpsertTemplates, { templates: [{ key: 't', inApp: [{ body: 'b' }] }] })
  const { sendMessages } = await other.api.do(Send, { messages: [{ ...message, transactionId }] })
  expect(sendMessages.results[0]).toMatchObject({ ok: true, transactionId })
  expect((await send('3f2c1c56-0000-7000-8000-000000000001'))?.ok).toBe(true)
})

it('a repeated call is still the repeated one', async () => {
  const first = (await project.api.do(Send, { messages: [{ ...message, id: 'order-1' }] })).sendMessages.results[0]
  const again = { ...message, id: 'order-1', transactionId: first?.transactionId ?? '' }
  expect((await project.api.do(Send, { messages: [again] })).sendMessages.results[0]?.error?.code).toBe('ID_EXISTS')
})
