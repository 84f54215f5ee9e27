/**
 * `carillon demo`: sends notifications over the public API, to the server that runs on this folder or to one that it starts, and
 * prints what arrives on which channel. A client like any other: GraphQL over HTTP, and graphql-ws.
 */

import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { type FormattedExecutionResult, print } from 'graphql'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { startApp } from '../app.ts'
import { type Config, readConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { showCampaigns } from './campaign.ts'
import { graphql } from './generated/gql.ts'
import type { DemoLiveSubscription } from './generated/graphql.ts'
import { type DemoKeys, demoKeysFile, keepDemoKeys, readDemoKeys } from './keys.ts'
import { type Stage, showTiming } from './timing.ts'
import type { Verb } from './verb.ts'

const Live = graphql(`
  subscription DemoLive($contact: ID!) {
    messageReceived(contact: $contact) { message { title body } unseenCount }
  }
`)
const GetToken = graphql(`
  mutation DemoToken($contact: ID!) { createContactToken(contact: $contact) { token } }
`)
const SendWelcome = graphql(`
  mutation DemoSend($contact: ID!) {
    sendMessages(messages: [{ template: "welcome", contact: { externalId: $contact } }], wait: SENT) {
      results { ok error { code message } notification { id } }
    }
  }
`)
const ReadResult = graphql(`
  query DemoLook($id: ID!, $contact: ID!) {
    notification(id: $id) {
      messages { channel status error { message } ... on OutboundMessage { address subject text provider { key } } }
    }
    feed(contact: $contact, first: 1) { totalCount unseenCount nodes { title } }
  }
`)

const printLine = (line: string): void => void process.stdout.write(`${line}\n`)
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

async function show(keys: DemoKeys): Promise<void> {
  const arrived = Promise.withResolvers<void>()
  const listening = Promise.withResolvers<void>()
  // The one of the first start ends after a day.
  const { createContactToken } = await ask(keys, GetToken, { contact: keys.contact })
  const client = createClient({
    url: `${keys.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${createContactToken.token}` },
    retryAttempts: 0,
  })
  client.subscribe<DemoLiveSubscription>(
    { query: print(Live), variables: { contact: keys.contact } },
    {
      next({ data }) {
        if (data?.messageReceived === undefined) return
        const { message, unseenCount } = data.messageReceived
        printLine(`  live       over the WebSocket: "${message.title}" - ${oneLine(message.body)} (${unseenCount} unseen)`)
        arrived.resolve()
      },
      error: (error) => arrived.reject(new Error(`The subscription failed: ${JSON.stringify(error)}`)),
      complete() {},
    },
  )
  // Operations of one socket are executed in order: when this one is answered, the subscription before it has begun.
  client.subscribe({ query: '{ __typename }' }, { next() {}, error: listening.reject, complete: listening.resolve })
  await listening.promise

  printLine(`Sending "welcome" to ${keys.contact} at ${keys.url}`)
  const { sendMessages } = await ask(keys, SendWelcome, { contact: keys.contact })
  const [result] = sendMessages.results
  if (result?.ok !== true || result.notification === null) throw new Error(`It was not accepted: ${JSON.stringify(result)}`)
  await arrived.promise
  const { notification, feed } = await ask(keys, ReadResult, { id: result.notification.id, contact: keys.contact })
  for (const message of notification?.messages ?? []) {
    if (!('address' in message)) continue
    const text = message.subject ?? message.text
    // One that waits for another attempt has an error, too, and not every one has got as far as a provider.
    const what = message.error === null ? `"${oneLine(text)}"` : oneLine(message.error.message)
    const channel = message.channel.toLowerCase().replace('_', ' ').padEnd(10)
    printLine(
      `  ${channel} to ${oneLine(message.address)} through ${message.provider?.key ?? 'no provider'}: ${what} (${message.status})`,
    )
  }
  printLine(`  feed       stored: "${feed.nodes[0]?.title}", ${feed.totalCount} in all, ${feed.unseenCount} unseen`)
  const stage: Stage = { contact: keys.contact, printLine, ask: (document, variables) => ask(keys, document, variables) }
  await showTiming(stage)
  await showCampaigns(stage)
  await client.dispose()
}

/** The verb `demo`. Ends the process when it is done; it fails when something that it sent did not arrive. */
export const demo: Verb = {
  help: () =>
    [
      'Usage: carillon demo [--help]',
      '',
      'Sends notifications over the public API, to the server that runs on this folder (CARILLON_DIR) or to one that it',
      'starts, and prints what arrives on which channel. It takes the settings of "carillon start".',
      '',
    ].join('\n'),
  async run({ args, env }) {
    const config = readConfig(env, args)
    await runDemo(config).catch((cause: unknown) => {
      throw new Error(`The demo failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    })
    process.exit(0)
  },
}

async function runDemo(config: Config): Promise<void> {
  const kept = await readDemoKeys(config.dir)
  if (kept !== null && (await isRunning(kept.url))) return show(kept)
  const app = await startApp({ ...config, port: 0 }, createLog('warn', process.stdout.isTTY === true))
  try {
    const made = app.firstStart
    const keys = made === null ? kept : { ...made, url: app.url }
    if (keys === null)
      throw new Error(
        config.databaseUrl === null
          ? `The store in ${config.dir} has projects, but none that a first start made. Set CARILLON_DIR to a new folder.`
          : `The database of DATABASE_URL has projects, and their keys are not in ${demoKeysFile(config.dir)}. Set CARILLON_DIR to the folder of the server that made them, or DATABASE_URL to an empty database, or neither.`,
      )
    if (made !== null) await keepDemoKeys(config.dir, { ...made, url: config.publicUrl })
    await show({ ...keys, url: app.url })
  } finally {
    await app.stop()
  }
}
