/** The part of the demo that takes time: a digest of what came within a second, and an e-mail that goes only if the message is still unread. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { graphql } from '../../generated/gql.ts'

const PrepareTiming = graphql(`
  mutation DemoPrepareTiming {
    upsertTemplates(templates: [
      {
        key: "likes", name: "Likes", digest: { windowSeconds: 1, key: "photo" }
        inApp: [{ title: "{{ digest.count }} likes", body: "{% for like in digest.items %}{{ like.who }}{% unless forloop.last %}, {% endunless %}{% endfor %} like {{ photo }}." }]
      }
      {
        key: "reminder", name: "Reminder", rules: [{ channel: EMAIL, delaySeconds: 1, onlyIf: UNREAD }]
        inApp: [{ title: "{{ what }}", body: "Have a look." }]
        email: [{ subject: "You have not read: {{ what }}", text: "Have a look." }]
      }
    ]) { key }
  }
`)
const SendTiming = graphql(`
  mutation DemoSendTiming($messages: [MessageInput!]!) {
    sendMessages(messages: $messages) { results { ok error { code message } notification { id messages { id channel } } } }
  }
`)
const ReadMessage = graphql(`
  mutation DemoReadMessage($contact: ID!, $id: ID!) {
    markAs(contact: $contact, messages: [$id], read: true) { unreadCount }
  }
`)
const LookTiming = graphql(`
  query DemoLookTiming($id: ID!) {
    notification(id: $id) {
      messages { channel status error { message } ... on OutboundMessage { subject } }
      foldedInto { messages { ... on InAppMessage { title body } } }
    }
  }
`)

/** What it speaks to the server and to the reader by. */
export interface Stage {
  readonly contact: string
  ask<T, V>(document: TypedDocumentNode<T, V>, variables: V): Promise<T>
  say(line: string): void
}

const LOOK_MS = 100
const LOOKS = 150

/** Asks until there is an answer. */
async function until<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  for (let looks = 0; looks < LOOKS; looks++) {
    const found = await look()
    if (found !== null) return found
    await sleep(LOOK_MS)
  }
  throw new Error(`It did not happen: ${what}`)
}

/** Shows both. */
export async function showTiming({ contact, ask, say }: Stage): Promise<void> {
  await ask(PrepareTiming, {})
  const send = async (template: string, ...list: Record<string, string>[]) => {
    const messages = list.map((data) => ({ template, contact: { externalId: contact }, data }))
    const { sendMessages } = await ask(SendTiming, { messages })
    return sendMessages.results.map(({ notification, error }) => {
      if (notification === null) throw new Error(`It was not accepted: ${JSON.stringify(error)}`)
      return notification
    })
  }

  say('Sending "likes" three times: a digest makes one of what comes within a second')
  const [like] = await send('likes', ...['Ann', 'Ben', 'Cleo'].map((who) => ({ who, photo: 'your photo' })))
  const [digest] = await until('the digest', async () => {
    const { notification } = await ask(LookTiming, { id: like?.id ?? '' })
    return notification?.foldedInto?.messages ?? null
  })
  if (digest !== undefined && 'body' in digest) say(`  digest     one message: "${digest.title}" - ${digest.body}`)

  say('Sending "reminder" twice, and reading the first: its rule says e-mail a second later, only if UNREAD')
  const reminders = await send('reminder', { what: 'The report' }, { what: 'The invoice' })
  const read = reminders[0]?.messages.find((message) => message.channel === 'IN_APP')
  await ask(ReadMessage, { contact, id: read?.id ?? '' })
  for (const { id } of reminders) {
    const mail = await until('the e-mail', async () => {
      const { notification } = await ask(LookTiming, { id })
      const message = notification?.messages.find((one) => one.channel === 'EMAIL')
      return message === undefined || ['SCHEDULED', 'QUEUED', 'SENDING'].includes(message.status) ? null : message
    })
    if ('subject' in mail) say(`  email      ${mail.status}: ${mail.error?.message ?? `"${mail.subject}"`}`)
  }
}
