/** Calls of Novu's API that come again with the same `idempotency-key`, which @novu/api sends with each and repeats. */
import { Novu } from '@novu/api'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { type DialectClient, shown } from '../helpers/dialect.ts'
import { newNovu } from '../helpers/novu.ts'
import { Feed, ListNotifications, UpsertTopics } from '../helpers/operations.ts'
import { times } from '../helpers/setup.ts'

let app: TestApp
let project: TestProject
let novu: DialectClient
beforeAll(async () => {
  app = await startTestApp()
  ;[project, novu] = await newNovu(app)
})
afterAll(() => app?.stop())

const post = (path: string, key: string, body: unknown, client = novu) =>
  client.call({ path: `/v1/events/trigger${path}`, body, headers: { 'idempotency-key': key } })
const processed = (transactionId: string) => ({ acknowledged: true, status: 'processed', transactionId })
const countOf = async (contact: string): Promise<number> => (await project.api.do(Feed, { contact })).feed.totalCount
const reused = (key: string) => ({
  status: 422,
  body: { statusCode: 422, message: `Request with key "${key}" is being reused for a different body` },
})

it('answers the same call as before, and sends nothing again', async () => {
  await project.api.do(UpsertTopics, { topics: [{ key: 'all' }] })
  const to = [
    'twice',
    { subscriberId: 'thrice', firstName: 'T' },
    { type: 'Topic', topicKey: 'all' },
    { subscriberId: 'x', email: 'no' },
  ]
  const event = { name: 'note', to, payload: { n: 1 } }
  const first = await post('', 'key-1', event)
  expect(shown(first)).toEqual({
    status: 201,
    body: { data: { ...processed('key-1'), error: [expect.stringMatching(/^email: /)] } },
  })
  for (const again of await Promise.all(times(5, () => post('', 'key-1', event)))) expect(shown(again)).toEqual(shown(first))
  expect([await countOf('twice'), await countOf('thrice')]).toEqual([1, 1])
})

it('sends once what comes several times at once', async () => {
  const event = { name: 'note', to: ['at-once', 'at-once-2'], payload: { n: 1 } }
  for (const answer of await Promise.all(times(12, () => post('', 'key-2', event)))) {
    expect(shown(answer)).toEqual({ status: 201, body: { data: processed('key-2') } })
  }
  expect([await countOf('at-once'), await countOf('at-once-2')]).toEqual([1, 1])
})

it('refuses the key for another body, in the words of Novu, and does nothing', async () => {
  const event = { name: 'note', to: 'other', payload: { n: 1 } }
  await post('', 'key-3', event)
  for (const wrong of [
    { ...event, payload: { n: 2 } },
    { ...event, to: ['other', 'other-2'] },
    { ...event, to: 'other-2' },
  ]) {
    expect(shown(await post('', 'key-3', wrong))).toMatchObject(reused('key-3'))
  }
  expect(shown(await post('/bulk', 'key-3-bulk', { events: [event, event] })).status).toBe(201)
  expect(shown(await post('/bulk', 'key-3-bulk', { events: [{ ...event, to: 'other-3' }, event] }))).toMatchObject(
    reused('key-3-bulk'),
  )
  await post('/broadcast', 'key-3-all', { name: 'note', payload: { n: 3 } })
  expect(shown(await post('/broadcast', 'key-3-all', { name: 'note', payload: { n: 4 } }))).toMatchObject(reused('key-3-all'))
  const { nodes } = (await project.api.do(ListNotifications, { filter: { contact: 'other-3' } })).notifications
  expect(nodes.filter(({ transactionId }) => transactionId !== 'key-3-all')).toEqual([])
})

it('leaves a transactionId that the body names as it is, and recognizes the same call all the same', async () => {
  const event = { name: 'note', to: 'named', payload: { n: 1 }, transactionId: 'named-1' }
  for (const _time of [1, 2]) expect((await post('', 'key-4', event)).body).toEqual({ data: processed('named-1') })
  expect(await countOf('named')).toBe(1)
  // Without the key, the transactionId was used before.
  expect((await novu.call({ path: '/v1/events/trigger', body: event })).status).toBe(409)
})

it('repeats bulk calls and broadcasts alike', async () => {
  const events = [...times(3, (n) => ({ name: 'note', to: 'bulk', payload: { n } })), { name: 'nothing', to: 'bulk' }]
  const first = await post('/bulk', 'key-5', { events })
  expect(first.body).toMatchObject({
    data: [processed('key-5-0'), processed('key-5-1'), processed('key-5-2'), { status: 'error' }],
  })
  expect((await post('/bulk', 'key-5', { events })).body).toEqual(first.body)
  expect(await countOf('bulk')).toBe(3)
  const all = { name: 'note', payload: { n: 9 } }
  for (const answer of await Promise.all(times(6, () => post('/broadcast', 'key-6', all)))) {
    expect(shown(answer)).toEqual({ status: 201, body: { data: processed('key-6') } })
  }
  await expect.poll(() => countOf('bulk')).toBe(4)
})

it('takes a key for its own project alone, and refuses one that is none', async () => {
  const [, foreign] = await newNovu(app)
  const event = { name: 'note', to: 'walled', payload: { n: 1 } }
  await post('', 'key-7', event)
  expect((await post('', 'key-7', { ...event, payload: { n: 2 } }, foreign)).status).toBe(201)
  expect(shown(await post('', 'x'.repeat(256), event))).toMatchObject({ status: 400, body: { statusCode: 400 } })
  expect((await post('', 'x'.repeat(255), event)).status).toBe(201)
  expect((await post('/bulk', 'x'.repeat(254), { events: [event] })).status).toBe(201)
})

it('lets @novu/api repeat a call whose answer was lost', async () => {
  const sdk = new Novu({ apiKey: project.apiKey, serverURL: `${app.url}/novu`, retryConfig: { strategy: 'none' } })
  const event = { name: 'note', to: 'lost', payload: { n: 1 } }
  const first = await sdk.trigger(event, 'sdk-1')
  expect((await sdk.trigger(event, 'sdk-1')).result).toEqual(first.result)
  await expect(sdk.trigger({ ...event, to: 'other' }, 'sdk-1')).rejects.toMatchObject({ statusCode: 422 })
  // It makes a key of its own for each call.
  await Promise.all([sdk.trigger(event), sdk.trigger(event)])
  expect(await countOf('lost')).toBe(3)
})
