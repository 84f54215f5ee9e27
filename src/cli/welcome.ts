/** What `start` prints: the server's URLs and, on a first start, its keys and commands to try. */
import type { App } from '../app.ts'
import type { Config } from '../config.ts'
import { commandOf } from './invocation.ts'

/** The demo project of an earlier start: its API key, and the file that has all of its keys. */
export interface KnownDemo {
  readonly apiKey: string
  readonly file: string
}

// The fragment never reaches a server or its logs; each page takes it out of the address at once.
const fragmentOf = (apiKey: string): string => `#authorization=${encodeURIComponent(`Bearer ${apiKey}`)}`

/** How to sign in where the keys were shown before. */
function signIn(url: string, { operatorKey }: Pick<Config, 'operatorKey'>, known: KnownDemo | null): string[] {
  if (known !== null) {
    const fragment = fragmentOf(known.apiKey)
    return [
      `The keys of the project "demo" are in ${known.file}. The console and the inbox, with the credential in place:`,
      `${url}/${fragment}`,
      `${url}/inbox${fragment}`,
      '',
      `${commandOf('demo')} sends and shows what arrives.`,
      '',
    ]
  }
  if (operatorKey === null) return []
  return [
    'Sign in with an API key of a project, or with CARILLON_OPERATOR_KEY to create projects, and to recover one whose keys are lost.',
    '',
  ]
}

/** The text to print. Everything that is meant to be pasted is on a line of its own. */
export function welcome(
  app: Pick<App, 'url' | 'firstStart'>,
  config: Pick<Config, 'role' | 'explore' | 'operatorKey'>,
  known: KnownDemo | null = null,
): string {
  const { url, firstStart } = app
  if (config.role === 'worker') return `Carillon works. Health: ${url}/health\n`
  const lines = ['', `Carillon is running: ${url}/graphql`, '']
  if (firstStart === null) {
    lines.push(`  Console   ${url}/`, `  Inbox     ${url}/inbox`)
    if (config.explore) lines.push(`  GraphiQL  ${url}/graphql`)
    lines.push(`  Health    ${url}/health`, `  Metrics   ${url}/metrics`, '')
    return [...lines, ...signIn(url, config, known), ''].join('\n')
  }
  const { apiKey, accessKey, secretKey, contactToken } = firstStart
  const fragment = fragmentOf(apiKey)
  const send = `mutation { sendMessages(messages: [{ template: \\"welcome\\", contact: { externalId: \\"demo-user\\" } }]) { results { ok error { code message } notification { id } } } }`
  return [
    ...lines,
    'A project "demo" was made. Its keys are shown only now:',
    `  API key     ${apiKey}`,
    `  access key  ${accessKey}`,
    `  secret key  ${secretKey}`,
    '',
    'The console, and two inboxes to try, with the credential in place:',
    `${url}/${fragment}`,
    `${url}/inbox${fragment}`,
    '',
    ...(config.explore
      ? [
          '1. Open GraphiQL, with the credential in place:',
          `${url}/graphql${fragment}`,
          '   and there paste and run:',
          'subscription { messageReceived(contact: "demo-user") { message { title body } unseenCount } }',
          '',
        ]
      : []),
    '2. Send a notification; it appears there at once:',
    `curl -s ${url}/graphql -H 'content-type: application/json' -H 'authorization: Bearer ${apiKey}' -d '{"query":"${send}"}'`,
    '',
    '3. See what would have gone out on every other channel:',
    `curl -s ${url}/graphql -H 'content-type: application/json' -H 'authorization: Bearer ${apiKey}' -d '{"query":"{ notifications(first: 1) { nodes { messages { channel status ... on OutboundMessage { address subject text } } } } }"}'`,
    '',
    'A token for the page of demo-user, good for 24 hours:',
    `  ${contactToken}`,
    '',
    `${commandOf('demo')} sends and shows what arrives. ${commandOf('start', '--help')} lists the settings.`,
    '',
    '',
  ].join('\n')
}
