/** What could not be sent is known when it is accepted: the result, the preview and the notification say the same, and no vendor is asked. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { MessageInput } from '../../generated/graphql.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { ConfigureProviders, GetNotification, Preview, Send, UpsertTemplates } from '../helpers/operations.ts'
import { SendText, TriggerCampaign, UpsertCampaigns } from '../helpers/operations-audience.ts'
import { until } from '../helpers/until.ts'
import { startVendor, type Vendor } from '../helpers/vendor-http.ts'

const FINAL = new Set(['SENT', 'DELIVERED', 'FAILED', 'SKIPPED', 'UNKNOWN'])
const LONG = 'x'.repeat(1_601)
const tooLong = { code: 'TOO_LARGE', message: 'The text has 1601 characters: Twilio takes 1600.' }

let app: TestApp
let project: TestProject
let vendor: Vendor
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())
beforeEach(async () => {
  vendor = await startVendor(() => ({ status: 201, body: { sid: `SM${'0'.repeat(32)}`, status: 'queued' } }))
  project = await app.project()
  await project.api.do(ConfigureProviders, {
    providers: [
      {
        ...{ key: 'texts', channel: 'SMS' as const, kind: 'twilio' },
        settings: { accountSid: `AC${'a'.repeat(32)}`, authToken: 'token', from: '+15005550006', baseUrl: vendor.url },
      },
      // Nothing listens there: what is refused does not get that far.
      {
        key: 'mails',
        channel: 'EMAIL' as const,
        kind: 'smtp',
        settings: { host: '127.0.0.1', port: 9, from: 'shop@example.com' },
      },
      { key: 'chat', channel: 'FRIENDTALK' as const, kind: 'capture', settings: {} },
    ],
  })
  await project.api.do(UpsertTemplates, {
    templates: [
      {
        ...{
          key: 'order',
          inApp: [{ body: 'Order' }],
          sms: [{ body: '{{ text }}' }],
          friendtalk: [{ body: 'Order', isAd: false }],
        },
        rules: [{ channel: 'SMS', delaySeconds: 0, onlyIf: 'UNREAD' }],
      },
      { key: 'mail', email: [{ subject: '{{ text }}', cc: '{{ cc }}', text: '{{ text }}' }] },
      { key: 'slow', sms: [{ body: '{{ list | sort | join }}' }] },
    ],
  })
})
afterEach(() => vendor.close())

const contact = { externalId: 'anna', phone: '+14155550100', email: 'anna@example.com' }
async function send(message: MessageInput) {
  const { preview } = await project.api.do(Preview, { message })
  const { sendMessages } = await project.api.do(Send, { messages: [message] })
  const [result] = sendMessages.results
  const find = async () => (await project.api.do(GetNotification, { id: result?.notification?.id ?? '' })).notification?.messages
  return {
    preview: preview.channels.flatMap(({ channel, reason }) => (reason === null ? [] : [{ channel, code: reason.code }])),
    result: result?.channelErrors,
    atOnce: await find(),
    settled: () =>
      until('each message has an outcome', async () => {
        const messages = await find()
        return messages?.every(({ status }) => FINAL.has(status)) === true ? messages : null
      }),
  }
}

it.each([
  ['now', {}],
  ['later', { delaySeconds: 3_600 }],
])('what no provider takes is not sent, and the other channels are: %s', async (_title, when) => {
  const sent = await send({ template: 'order', contact, data: { text: LONG }, ...when })
  expect(sent.result).toEqual([{ channel: 'SMS', error: tooLong }])
  expect(sent.preview).toEqual(sent.result?.map(({ channel, error: { code } }) => ({ channel, code })))
  const text = sent.atOnce?.find(({ channel }) => channel === 'SMS')
  expect(text).toMatchObject({
    status: 'SKIPPED',
    error: tooLong,
    attempts: [],
    history: [{ status: 'SKIPPED', detail: 'TOO_LARGE' }],
  })
  if ('delaySeconds' in when) return
  const others = (await sent.settled()).filter(({ channel }) => channel !== 'SMS')
  expect(others.map(({ status }) => status).sort()).toEqual(['DELIVERED', 'SENT'])
  expect(vendor.requests).toHaveLength(0)
})

it.each([
  ['a subject of 999 bytes', { text: 'x'.repeat(999) }, 'BAD_INPUT'],
  ['a copy that is no address', { text: 'x', cc: 'x' }, 'ADDRESS_INVALID'],
  ['nothing to read', { text: ' ' }, 'TEMPLATE_EMPTY'],
])('an e-mail with %s is not sent', async (_title, data, code) => {
  const sent = await send({ template: 'mail', contact, data })
  expect(sent.atOnce).toMatchObject([{ status: 'SKIPPED', error: { code } }])
  expect(sent.result).toMatchObject([{ channel: 'EMAIL', error: { code } }])
  expect(sent.preview).toEqual(sent.result?.map(({ channel, error: { code } }) => ({ channel, code })))
})

it('of one call, each message is decided by itself', async () => {
  const to = (text: string): MessageInput => ({ template: 'order', contact, channels: ['SMS'], data: { text } })
  const { sendMessages } = await project.api.do(Send, { messages: [to('Hello'), to(LONG), to('x'.repeat(1_600))], wait: 'SENT' })
  expect(sendMessages.results.map(({ smsError }) => smsError?.code ?? null)).toEqual([null, 'TOO_LARGE', null])
  expect(vendor.requests).toHaveLength(2)
})

it('a recipient whom nothing can be sent to is skipped', async () => {
  await project.api.do(UpsertCampaigns, { campaigns: [{ key: 'go', template: 'order', channel: 'SMS', dispatch: 'API' }] })
  const { triggerCampaign } = await project.api.do(TriggerCampaign, {
    campaign: 'go',
    recipients: ['Hello', LONG].map((text, n) => ({
      type: 'PHONE_NUMBER' as const,
      phoneNumber: `+1415555010${n}`,
      eventParams: { text },
    })),
  })
  expect(triggerCampaign).toMatchObject({ acceptedCount: 1, skipped: [{ index: 1, error: { code: 'TOO_LARGE' } }] })
  const { sendText } = await project.api.do(SendText, { type: 'SMS', body: LONG, recipients: [{ phoneNumber: '+14155550102' }] })
  expect(sendText).toMatchObject({ acceptedCount: 0, skipped: [{ index: 0, error: { code: 'TOO_LARGE' } }] })
})

it('a slow template is not run for it: a worker finds out', async () => {
  const sent = await send({ template: 'slow', contact, data: { list: [LONG] } })
  expect(sent.result).toEqual([])
  expect(await sent.settled()).toMatchObject([{ status: 'FAILED', error: tooLong }])
})
