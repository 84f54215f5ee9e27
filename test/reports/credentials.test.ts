/** What a contact is reached by is read when it is set, as the provider reads it when it sends. */
import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { ConfigureProviders, UpsertContacts, UpsertTemplates } from '../helpers/operations.ts'
import { SetCredentials } from '../helpers/operations-vendors.ts'
import { browser, vapidKeys } from '../helpers/push.ts'

let app: TestApp
let project: TestProject
beforeAll(async () => {
  // As in production: what is refused at the send is refused here as well.
  app = await startTestApp({ env: { CARILLON_ALLOW_PRIVATE_HOSTS: 'off' } })
  project = await app.project()
  const encoding = {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  } as const
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048, ...encoding })
  const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1', ...encoding })
  const serviceAccount = JSON.stringify({
    type: 'service_account',
    project_id: 'p',
    client_email: 'a@b.example',
    private_key: rsa.privateKey,
  })
  await project.api.do(ConfigureProviders, {
    providers: [
      { key: 'browser', channel: 'WEB_PUSH', kind: 'web-push', settings: { ...vapidKeys(), subject: 'mailto:a@example.com' } },
      {
        key: 'apple',
        channel: 'PUSH',
        kind: 'apns',
        settings: { teamId: 'A'.repeat(10), keyId: 'B'.repeat(10), privateKey: ec.privateKey, topic: 'a.b' },
      },
      { key: 'google', channel: 'PUSH', kind: 'fcm', settings: { serviceAccount } },
      ...['slack', 'discord', 'mattermost', 'msteams'].map((kind) => ({ key: kind, channel: 'CHAT' as const, kind })),
      {
        key: 'webhook',
        channel: 'WEBHOOK',
        kind: 'webhook',
        settings: { secret: `whsec_${Buffer.alloc(24).toString('base64')}` },
      },
    ],
  })
  await project.api.do(UpsertContacts, { contacts: [{ externalId: 'ana' }] })
})
afterAll(() => app.stop())

const subscription = browser('https://push.example/1').address
const apple = '0a'.repeat(32)
const tokens: readonly [provider: string, good: string, wrong: readonly string[]][] = [
  [
    'browser',
    subscription,
    ['not json', '{}', 'https://push.example/1', subscription.replace('https:', 'http:'), subscription.slice(1)],
  ],
  ['apple', apple, ['x', `<${apple}>`, `${apple} `, 'fcm:APA91b']],
  ['google', 'fcm:APA91b', ['two words', 'token\n', 'ключ']],
]
const hooks = ['slack', 'discord', 'mattermost', 'msteams', 'webhook']
const good = 'https://chat.example/hooks/1'
const wrongHooks = [
  '#general',
  'javascript:x',
  'http://chat.example/hooks/1',
  'https://u:p@chat.example/',
  'https://chat.example:8065/h',
  `${good} `,
  '',
]

describe('setCredentials', () => {
  it.each(tokens)('keeps no token of %s that can never be sent to', async (provider, right, wrong) => {
    for (const one of wrong) {
      const answer = await project.api.ask(SetCredentials, { contact: 'ana', provider, deviceTokens: [right, one] })
      expect([one, answer.codes]).toEqual([one, ['ADDRESS_INVALID']])
      expect(answer.errors[0]?.extensions).toMatchObject({ field: 'deviceTokens', index: 1 })
      expect(answer.errors[0]?.message).toMatch(/^deviceTokens\[1\]: /)
    }
    const { setCredentials } = await project.api.do(SetCredentials, { contact: 'ana', provider, deviceTokens: [right] })
    expect(setCredentials.credentials.find((one) => one.provider === provider)?.deviceTokens).toEqual([right])
  })

  it.each(hooks)('keeps no address of %s that can never be sent to', async (provider) => {
    for (const webhookUrl of wrongHooks) {
      const answer = await project.api.ask(SetCredentials, { contact: 'ana', provider, webhookUrl })
      expect([webhookUrl, answer.codes]).toEqual([webhookUrl, ['ADDRESS_INVALID']])
      // It may be all that is needed to post there.
      if (webhookUrl !== '') expect(answer.errors[0]?.message).not.toContain(webhookUrl)
    }
    await project.api.do(SetCredentials, { contact: 'ana', provider, webhookUrl: good })
  })
})

describe('links', () => {
  it.each([
    ['a picture by mail', { inApp: [{ body: 'x', iconUrl: 'mailto:a@example.com' }] }],
    ['a user before the host', { inApp: [{ body: 'x', url: 'https://bank.example@evil.example/' }] }],
    ['no host', { push: [{ title: 'x', body: 'x', url: 'https://' }] }],
    ['a picture of an app', { push: [{ title: 'x', body: 'x', imageUrl: 'shop://a' }] }],
    ['code in a button', { inApp: [{ body: 'x', primaryAction: { label: 'x', url: 'javascript:x' } }] }],
  ])('of a template are not taken: %s', async (_what, contents) => {
    expect((await project.api.ask(UpsertTemplates, { templates: [{ key: 'link', ...contents }] })).codes).toEqual(['BAD_INPUT'])
  })

  it.each(['javascript:x', 'https://u:p@example.com/a.png', 'https://example.com/a b.png', '/a.png'])(
    'to a photo of a contact are not taken: %s',
    async (photoUrl) => {
      const { upsertContacts } = await project.api.do(UpsertContacts, { contacts: [{ externalId: 'bo', photoUrl }] })
      expect(upsertContacts.failed[0]?.error.code).toBe('BAD_INPUT')
    },
  )
})
