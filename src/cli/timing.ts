/** The part of the demo that takes time: a digest of a second, and an e-mail that is sent only if the in-app message is still unread. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { graphql } from './generated/gql.ts'

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
const ReadTiming = graphql(`
  query DemoLookTiming($id: ID!) {
    notification(id: $id) {
      messages { channel status error { message } ... on OutboundMessage { subject } }
      foldedInto { messages { ... on InAppMessage { title body } } }
    }
  }
`)

/** What the parts of the demo use: a client of the server, and the terminal. */
export interface Stage {
  /** externalId of the contact that is notified */
  readonly contact: string
  /** Executes an operation. @throws Error when the response has errors */
  ask<T, V>(document: TypedDocumentNode<T, V>, variables: V): Promise<T>
  printLine(line: string): void
}

const POLL_MS = 100
const POLLS = 150

/** Reads until there is a result. @throws Error when there is none in time */
async function until<T>(what: string, read: () => Promise<T | null>): Promise<T> {
  for (let polls = 0; polls < POLLS; polls++) {
    const found = await read()
    if (found !== null) return found
    await sleep(POLL_MS)
  }
  throw new Error(`Not found in time: ${what}`)
}

/** Sends both, and prints what arrives. @throws Error when a message is refused, or does not arrive in time */
export async function showTiming({ contact, ask, printLine }: Stage): Promise<void> {
  await ask(PrepareTiming, {})
  const send = async (template: string, ...list: Record<string, string>[]) => {
    const messages = list.map((data) => ({ template, contact: { externalId: contact }, data }))
    const { sendMessages } = await ask(SendTiming, { messages })
    return sendMessages.results.map(({ notification, error }) => {
      if (notification === null) throw new Error(`It was not accepted: ${JSON.stringify(error)}`)
      return notification
    })
  }

  printLine('Sending "likes" three times: a digest combines what arrives within a second')
  const [like] = await send('likes', ...['Ann', 'Ben', 'Cleo'].map((who) => ({ who, photo: 'your photo' })))
  const [digest] = await until('the digest', async () => {
    const { notification } = await ask(ReadTiming, { id: like?.id ?? '' })
    return notification?.foldedInto?.messages ?? null
  })
  if (digest !== undefined && 'body' in digest) printLine(`  digest     one message: "${digest.title}" - ${digest.body}`)

  printLine('Sending "reminder" twice, and reading the first: its rule is an e-mail a second later, only if UNREAD')
  const reminders = await send('reminder', { what: 'The report' }, { what: 'The invoice' })
  const read = reminders[0]?.messages.find((message) => message.channel === 'IN_APP')
  await ask(ReadMessage, { contact, id: read?.id ?? '' })
  for (const { id } of reminders) {
    const mail = await until('the e-mail', async () => {
      const { notification } = await ask(ReadTiming, { id })
      const message = notification?.messages.find((one) => one.channel === 'EMAIL')
      if (message === undefined) return null
      // A provider of one's own that can't be reached is tried for hours; the reason is known after the first time.
      return message.error === null && ['SCHEDULED', 'QUEUED', 'SENDING'].includes(message.status) ? null : message
    })
    if ('subject' in mail) printLine(`  email      ${mail.status}: ${mail.error?.message ?? `"${mail.subject}"`}`)
  }
}
