/** What an empty store gets on a developer's machine: a project to try, so that the first notification is one paste away. */

import type { PrismaClient } from '../db/generated/client.ts'
import type { CredentialInput } from '../domain/credential.ts'
import type { Domain } from '../domain/domain.ts'
import { type Channel, channels } from '../domain/words.ts'

/** What was made; its secrets are shown once. */
export interface FirstStart {
  readonly apiKey: string
  readonly accessKey: string
  readonly secretKey: string
  readonly contact: string
  readonly contactToken: string
}

const CONTACT = 'demo-user'
const TOKEN_SECONDS = 24 * 3600
const PUSH = { locale: 'en', title: 'Welcome, {{ firstName }}', body: 'Good to have you here.', url: '/inbox', data: {} }
/** How the contact is reached where a field of its own is not enough: nothing of it is real, and nothing goes there. */
const REACH: readonly (readonly [Channel, CredentialInput])[] = [
  ['PUSH', { deviceTokens: ['demo-device'] }],
  ['WEB_PUSH', { deviceTokens: ['{"endpoint":"https://push.example.com/demo-browser","keys":{"p256dh":"","auth":""}}'] }],
  ['CHAT', { webhookUrl: 'https://chat.example.com/hooks/demo', channelName: 'general' }],
  ['WEBHOOK', { webhookUrl: 'https://hooks.example.com/demo' }],
]

const captureOf = (channel: Channel): string => `capture-${channel.toLowerCase().replaceAll('_', '-')}`

/** Makes the project `demo`, unless there is a project already. */
export async function firstStart(domain: Domain, prisma: PrismaClient): Promise<FirstStart | null> {
  if ((await prisma.project.count()) > 0) return null
  const { project, secret, accessKey, secretKey } = await domain.projects.create({ key: 'demo', name: 'Demo' })
  await domain.contacts.upsert(project.id, [
    { externalId: CONTACT, email: 'demo-user@example.com', phone: '+15005550006', firstName: 'Robin', locale: 'en' },
  ])
  await domain.templates.upsert(project.id, [
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
        { locale: 'en', title: '{{ actor.firstName | default: "Somebody" }} commented', body: '{{ comment }}', url: '{{ url }}' },
      ],
    },
    {
      key: 'receipt',
      name: 'Receipt',
      critical: true,
      email: [{ locale: 'en', subject: 'Your receipt {{ number }}', text: 'Thank you, {{ firstName }}. You paid {{ amount }}.' }],
    },
  ])
  const providers = channels.filter((channel) => channel !== 'IN_APP')
  await domain.providers.configure(
    project.id,
    providers.map((channel) => ({ key: captureOf(channel), channel, kind: 'capture', settings: {} })),
  )
  const contact = await domain.contacts.keyOf(project.id, CONTACT)
  for (const [channel, reach] of REACH) await domain.credentials.set(contact, captureOf(channel), reach)
  const { token } = await domain.projects.contactToken(project.id, CONTACT, TOKEN_SECONDS)
  return { apiKey: secret, accessKey, secretKey, contact: CONTACT, contactToken: token }
}
