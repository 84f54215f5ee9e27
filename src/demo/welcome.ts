/** What a start prints: where the server is, and on the first one, what to click and paste. */
import type { App } from '../app.ts'
import type { Config } from '../config.ts'

/** The text. Every line that is meant to be pasted stands alone. */
export function welcome(app: Pick<App, 'url' | 'firstStart'>, config: Pick<Config, 'role' | 'explore'>): string {
  const { url, firstStart } = app
  if (config.role === 'worker') return `Carillon works. Health: ${url}/health\n`
  const lines = ['', `Carillon is running: ${url}/graphql`, '']
  if (firstStart === null) {
    lines.push(`  Console   ${url}/`, `  Inbox     ${url}/inbox`)
    if (config.explore) lines.push(`  GraphiQL  ${url}/graphql`)
    return [...lines, `  Health    ${url}/health`, `  Metrics   ${url}/metrics`, '', ''].join('\n')
  }
  const { apiKey, accessKey, secretKey, contactToken } = firstStart
  // The fragment never reaches a server or its logs; each page takes it out of the address at once.
  const fragment = `#authorization=${encodeURIComponent(`Bearer ${apiKey}`)}`
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
    'npm run demo sends and shows what arrives. npm start -- --help lists the settings.',
    '',
    '',
  ].join('\n')
}
