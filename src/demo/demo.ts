/**
 * `npm run demo`: sends notifications over the public API, to the server that runs on this folder or to one that it starts, and
 * prints what arrives on which channel. A client like any other: GraphQL over HTTP, and graphql-ws.
 */

import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { type FormattedExecutionResult, print } from 'graphql'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { graphql } from '../../generated/gql.ts'
import type { DemoLiveSubscription } from '../../generated/graphql.ts'
import { startApp } from '../app.ts'
import { readConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { showCampaigns } from './campaign.ts'
import { type DemoKeys, keepDemoKeys, readDemoKeys } from './keys.ts'
import { type Stage, showTiming } from './timing.ts'

const Live = graphql(`
  subscription DemoLive($contact: ID!) {
    messageReceived(contact: $contact) { message { title body } unseenCount }
  }
`)
const SendWelcome = graphql(`
  mutation DemoSend($contact: ID!) {
    sendMessages(messages: [{ template: "welcome", contact: { externalId: $contact } }], wait: SENT) {
      results { ok error { code message } notification { id } }
    }
  }
`)
const Look = graphql(`
  query DemoLook($id: ID!, $contact: ID!) {
    notification(id: $id) {
      messages { channel status ... on OutboundMessage { address subject text provider { key } } }
    }
    feed(contact: $contact, first: 1) { totalCount unseenCount nodes { title } }
  }
`)

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const oneLine = (text: string | null | undefined): string => (text ?? '').replaceAll(/\s+/g, ' ').slice(0, 90)

async function ask<T, V>(keys: DemoKeys, document: TypedDocumentNode<T, V>, variables: V): Promise<T> {
  const response = await fetch(`${keys.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${keys.apiKey}` },
    body: JSON.stringify({ query: print(document), variables }),
  })
  const { data, errors } = (await response.json()) as FormattedExecutionResult<T>
  if (errors !== undefined || data === null || data === undefined) throw new Error(JSON.stringify(errors))
  return data
}

const isRunning = (url: string): Promise<boolean> =>
  fetch(`${url}/health`, { signal: AbortSignal.timeout(1_000) }).then(
    (response) => response.ok,
    () => false,
  )

async function demo(keys: DemoKeys): Promise<void> {
  const arrived = Promise.withResolvers<void>()
  const listening = Promise.withResolvers<void>()
  const client = createClient({
    url: `${keys.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${keys.contactToken}` },
    retryAttempts: 0,
  })
  client.subscribe<DemoLiveSubscription>(
    { query: print(Live), variables: { contact: keys.contact } },
    {
      next({ data }) {
        if (data?.messageReceived === undefined) return
        const { message, unseenCount } = data.messageReceived
        say(`  live       over the WebSocket: "${message.title}" - ${oneLine(message.body)} (${unseenCount} unseen)`)
        arrived.resolve()
      },
      error: (error) => arrived.reject(new Error(`The subscription failed: ${JSON.stringify(error)}`)),
      complete() {},
    },
  )
  // Operations of one socket are answered in order: when this one is, the subscription before it has begun.
  client.subscribe({ query: '{ __typename }' }, { next() {}, error: listening.reject, complete: listening.resolve })
  await listening.promise

  say(`Sending "welcome" to ${keys.contact} at ${keys.url}`)
  const { sendMessages } = await ask(keys, SendWelcome, { contact: keys.contact })
  const [result] = sendMessages.results
  if (result?.ok !== true || result.notification === null) throw new Error(`It was not accepted: ${JSON.stringify(result)}`)
  await arrived.promise
  const { notification, feed } = await ask(keys, Look, { id: result.notification.id, contact: keys.contact })
  for (const message of notification?.messages ?? []) {
    if (!('address' in message)) continue
    const said = message.subject ?? message.text
    const channel = message.channel.toLowerCase().replace('_', ' ').padEnd(10)
    say(
      `  ${channel} to ${oneLine(message.address)} through ${message.provider?.key ?? 'no provider'}: "${oneLine(said)}" (${message.status})`,
    )
  }
  say(`  feed       stored: "${feed.nodes[0]?.title}", ${feed.totalCount} in all, ${feed.unseenCount} unseen`)
  const stage: Stage = { contact: keys.contact, say, ask: (document, variables) => ask(keys, document, variables) }
  await showTiming(stage)
  await showCampaigns(stage)
  await client.dispose()
}

async function main(): Promise<void> {
  const config = readConfig(process.env, process.argv.slice(2))
  const kept = await readDemoKeys(config.dir)
  if (kept !== null && (await isRunning(kept.url))) return demo(kept)
  const app = await startApp({ ...config, port: 0 }, createLog('warn', process.stdout.isTTY === true))
  try {
    const made = app.firstStart
    const keys = made === null ? kept : { ...made, url: app.url }
    if (keys === null)
      throw new Error(
        `The store in ${config.dir} has projects, but none that a first start made. Set CARILLON_DIR to a new folder.`,
      )
    if (made !== null) await keepDemoKeys(config.dir, { ...made, url: config.publicUrl })
    await demo({ ...keys, url: app.url })
  } finally {
    await app.stop()
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
