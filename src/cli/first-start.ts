/** The project that is created in an empty database on a developer's machine, to try Carillon with. */
import type { Carillon } from '../carillon.ts'
import { bySystem } from '../domain/audit.ts'
import type { CredentialInput } from '../domain/credential.ts'
import { type Channel, channels } from '../words.ts'
import type { FirstStart } from './keys.ts'

const CONTACT = 'demo-user'
const TOKEN_SECONDS = 24 * 3600
const PUSH = { locale: 'en', title: 'Welcome, {{ firstName }}', body: 'Good to have you here.', url: '/inbox', data: {} }
/** The contact's credentials for the channels that need some. None is real: the providers only capture messages. */
const REACH: readonly (readonly [Channel, CredentialInput])[] = [
  ['PUSH', { deviceTokens: ['demo-device'] }],
  ['WEB_PUSH', { deviceTokens: ['{"endpoint":"https://push.example.com/demo-browser","keys":{"p256dh":"","auth":""}}'] }],
  ['CHAT', { webhookUrl: 'https://chat.example.com/hooks/demo', channelName: 'general' }],
  ['WEBHOOK', { webhookUrl: 'https://hooks.example.com/demo' }],
]

const captureOf = (channel: Channel): string => `capture-${channel.toLowerCase().replaceAll('_', '-')}`

/** Creates the project `demo`, with templates, a contact and providers. @returns its keys */
export async function firstStart(carillon: Carillon): Promise<FirstStart> {
  const { project, secret, accessKey, secretKey } = await carillon.projects.create({ key: 'demo', name: 'Demo' }, bySystem)
  await carillon.contacts.upsert(project.id, [
    { externalId: CONTACT, email: 'demo-user@example.com', phone: '+15005550006', firstName: 'Robin', locale: 'en' },
  ])
  await carillon.templates.upsert(
    project.id,
    [
      {
        key: 'welcome',
        name: 'Welcome',
        inApp: [
          { locale: 'en', title: 'Welcome, {{ firstName }}', body: 'Good to have you here. Look around.', url: '/inbox' },
          { locale: 'ko', title: '{{ firstName }}님, 환영합니다', body: '함께하게 되어 기쁩니다. 둘러보세요.', url: '/inbox' },
        ],
        email: [
          {
            locale: 'en',
            subject: 'Welcome, {{ firstName }}',
            text: 'Good to have you here, {{ firstName }}.\n\nUnsubscribe: {{ unsubscribeUrl }}',
            html: '<p>Good to have you here, <b>{{ firstName }}</b>.</p><p><a href="{{ unsubscribeUrl }}">Unsubscribe</a></p>',
          },
        ],
        sms: [{ locale: 'en', type: 'SMS', body: 'Welcome, {{ firstName }}!' }],
        push: [PUSH],
        webPush: [PUSH],
        chat: [{ locale: 'en', body: '{{ firstName }} has joined.' }],
        alimtalk: [{ locale: 'en', templateCode: 'welcome', body: 'Welcome, {{ firstName }}!' }],
        friendtalk: [{ locale: 'en', body: 'Welcome, {{ firstName }}!' }],
        webhook: [{ locale: 'en', body: { type: 'welcome', contact: '{{ contact.externalId }}' } }],
      },
      {
        key: 'comment',
        name: 'Comment',
        inApp: [
          {
            locale: 'en',
            title: '{{ actor.firstName | default: "Somebody" }} commented',
            body: '{{ comment }}',
            url: '{{ url }}',
          },
        ],
      },
      {
        key: 'receipt',
        name: 'Receipt',
        critical: true,
        email: [
          { locale: 'en', subject: 'Your receipt {{ number }}', text: 'Thank you, {{ firstName }}. You paid {{ amount }}.' },
        ],
      },
    ],
    bySystem,
  )
  const providers = channels.filter((channel) => channel !== 'IN_APP')
  await carillon.providers.configure(
    project.id,
    providers.map((channel) => ({ key: captureOf(channel), channel, kind: 'capture', settings: {} })),
    bySystem,
  )
  const contact = await carillon.contacts.keyOf(project.id, CONTACT)
  for (const [channel, reach] of REACH) await carillon.credentials.set(contact, captureOf(channel), reach)
  const { token } = await carillon.projects.contactToken(project.id, CONTACT, TOKEN_SECONDS)
  return { apiKey: secret, accessKey, secretKey, contact: CONTACT, contactToken: token }
}
