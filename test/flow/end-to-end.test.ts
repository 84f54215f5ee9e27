/** The main job, end to end. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { ConfigureProviders, Feed, GetNotification, MessageReceived, Send, UpsertTemplates } from '../helpers/operations.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'

let app: TestApp
let smtp: SmtpSink
let project: TestProject

beforeAll(async () => {
  app = await startTestApp()
  smtp = await startSmtp()
  project = await app.project()
  await project.api.do(ConfigureProviders, {
    providers: [
      {
        key: 'mail',
        channel: 'EMAIL',
        kind: 'smtp',
        settings: { host: '127.0.0.1', port: smtp.port, from: 'Shop <shop@example.com>', tlsVerify: false },
      },
      { key: 'text', channel: 'SMS', kind: 'capture', settings: {} },
    ],
  })
  await project.api.do(UpsertTemplates, {
    templates: [
      {
        key: 'order',
        inApp: [{ title: 'Order {{ number }}', body: 'Hello {{ firstName }}', url: '/orders/{{ number }}' }],
        email: [{ subject: 'Order {{ number }}', text: 'Hello {{ firstName }}', html: '<b>{{ number }}</b>' }],
        sms: [{ body: 'Order {{ number }}' }],
      },
    ],
  })
})
afterAll(async () => {
  await app.stop()
  await smtp.close()
})

it('brings one mutation to the socket, the mail box and the feed, once each', async () => {
  const page = await project.page('anna')
  const live = await page.watch(MessageReceived, {})
  const { sendMessages } = await project.api.do(Send, {
    messages: [
      {
        id: 'order-1',
        template: 'order',
        contact: { externalId: 'anna', email: 'anna@example.com', phone: '+44 123456789', firstName: 'Anna' },
        data: { number: 7 },
      },
    ],
    wait: 'SENT',
  })
  const [result] = sendMessages.results
  expect(result).toMatchObject({ id: 'order-1', ok: true, error: null, channelErrors: [] })
  const [event] = await live.waitFor(1)
  expect(event?.messageReceived).toMatchObject({
    message: { title: 'Order 7', body: 'Hello Anna', data: { number: 7 } },
    unseenCount: 1,
    unreadCount: 1,
  })
  const [mail] = await smtp.waitFor(1)
  expect(mail).toMatchObject({ to: ['anna@example.com'], subject: 'Order 7' })
  const { feed } = await page.do(Feed, {})
  expect(feed).toMatchObject({ totalCount: 1, unseenCount: 1, nodes: [{ title: 'Order 7', url: '/orders/7' }] })
  const { notification } = await project.api.do(GetNotification, { id: result?.notification?.id ?? '' })
  expect(notification?.messages.map((message) => [message.channel, message.status])).toEqual(
    expect.arrayContaining([
      ['IN_APP', 'DELIVERED'],
      ['EMAIL', 'SENT'],
      ['SMS', 'SENT'],
    ]),
  )
  expect(smtp.messages).toHaveLength(1)
  expect(live.events).toHaveLength(1)
  live.close()
})
