/** Settings of providers as people and programs write them: what is only spelled otherwise is taken, and what is wrong is named. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { post } from '../helpers/guide.ts'

let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  project = await app.project()
})
afterAll(() => app.stop())

const configure = async (provider: string) => {
  const query = `mutation { configureProviders(providers: [${provider}]) { key kind settings } }`
  const { data, errors } = await post(app.url, `Bearer ${project.apiKey}`, query)
  const [first] = errors ?? []
  return first === undefined ? data?.['configureProviders'] : { message: first.message, field: first.extensions['field'] }
}

const from = 'from: "a@b.example"'
const sid = `AC${'0'.repeat(32)}`

it.each<[string, string, object]>([
  [
    'text for numbers and switches',
    `{ key: "a", channel: EMAIL, kind: "SMTP", settings: { host: "mail.example", port: "587", secure: "TRUE", ${from} } }`,
    { kind: 'smtp', settings: { host: 'mail.example', port: 587, secure: true, from: 'a@b.example' } },
  ],
  [
    'white space, null and empty texts',
    `{ key: "b", channel: EMAIL, kind: " Smtp", settings: { host: " mail.example\\n", user: "", password: null, ${from} } }`,
    { kind: 'smtp', settings: { host: 'mail.example', from: 'a@b.example' } },
  ],
  [
    'the line break of a file after a password',
    `{ key: "c", channel: EMAIL, kind: "smtp", settings: { host: "mail.example", user: "u", password: "p \\n", tlsVerify: 0, ${from} } }`,
    { kind: 'smtp', settings: { host: 'mail.example', user: 'u', password: 'set', tlsVerify: false, from: 'a@b.example' } },
  ],
  [
    'a list as text, and members of a set in another case',
    '{ key: "d", channel: SMS, kind: "Solapi", settings: { apiKey: "K", apiSecret: "S", from: 29302266, countries: "KR, JP", friendtalk: "cta" } }',
    { kind: 'solapi', settings: { apiKey: 'K', apiSecret: 'set', from: '29302266', countries: ['KR', 'JP'], friendtalk: 'CTA' } },
  ],
  [
    'a kind with an underscore',
    '{ key: "e", channel: SMS, kind: "NHN_SMS", settings: { appKey: "k", secretKey: "s", from: "15446859" } }',
    { kind: 'nhn-sms' },
  ],
  ['a delay as text', '{ key: "f", channel: SMS, kind: "capture", settings: { delayMs: "5" } }', { settings: { delayMs: 5 } }],
])('takes %s', async (_title, provider, expected) => {
  expect(await configure(provider)).toMatchObject([expected])
})

it.each<[string, string, string]>([
  [
    `{ key: "x", channel: EMAIL, kind: "smpt", settings: {} }`,
    'kind',
    'There is no kind of provider "smpt": it is one of capture, smtp',
  ],
  [`{ key: "x", channel: EMAIL, kind: "smpt", settings: {} }`, 'kind', 'Did you mean smtp?'],
  [`{ key: "x", channel: SMS, kind: "smtp", settings: {} }`, 'channel', "A smtp provider can't carry SMS: it carries EMAIL."],
  [`{ key: "x", channel: EMAIL, kind: "smtp", settings: { ${from} } }`, 'settings.host', 'settings.host: is needed'],
  [
    `{ key: "x", channel: EMAIL, kind: "smtp", settings: { host: "mail.example", port: "http", ${from} } }`,
    'settings.port',
    'settings.port: must be a number; it is "http"',
  ],
  [
    `{ key: "x", channel: EMAIL, kind: "smtp", settings: { host: "mail.example", port: 70000, ${from} } }`,
    'settings.port',
    'settings.port: must be at most 65,535; it is 70000',
  ],
  [
    `{ key: "x", channel: EMAIL, kind: "smtp", settings: { host: "mail.example", secure: "ssl", ${from} } }`,
    'settings.secure',
    'settings.secure: must be true or false; it is "ssl"',
  ],
  [
    `{ key: "x", channel: EMAIL, kind: "smtp", settings: { host: "mail.example", username: "u", pass: "p", ${from} } }`,
    'settings.username',
    'settings.username: there is no such setting (did you mean user?). settings.pass: there is no such setting (did you mean password?)',
  ],
  [
    `{ key: "x", channel: EMAIL, kind: "smtp", settings: { host: "mail.example", colour: 1, ${from} } }`,
    'settings.colour',
    'there is no such setting (the settings are host, port, from',
  ],
  [
    `{ key: "x", channel: SMS, kind: "twilio", settings: { accountSid: "${sid}", authToken: 5.5, from: [] } }`,
    'settings.from',
    'settings.from: must be text; it is []',
  ],
])('%s: names %s, and says: %s', async (provider, field, message) => {
  expect(await configure(provider)).toEqual({ field, message: expect.stringContaining(message) })
})

it('says all that is wrong at once, and no secret', async () => {
  const answer = await configure(
    `{ key: "x", channel: EMAIL, kind: "smtp", settings: { host: "a b", port: 0, password: ["hunter2"], user: "u", from: "nobody" } }`,
  )
  const { message } = answer as { message: string }
  for (const name of ['host', 'port', 'password', 'from']) expect(message).toContain(`settings.${name}: `)
  expect(message).not.toContain('hunter2')
})
