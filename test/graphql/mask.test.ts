/** Masking of personal data: every text of the schema is decided, and what is masked shows nowhere. */
import { isInterfaceType, isObjectType } from 'graphql'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { isTextual, maskAddress, masking, maskText } from '../../src/graphql/mask.ts'
import type { TestProject } from '../helpers/app.ts'
import { AddSuppressions, Send, UpsertContacts } from '../helpers/operations.ts'
import { type PeopleApp, type Person, startPeopleApp } from '../helpers/people.ts'
import { newShop } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'

let people: PeopleApp
let smtp: SmtpSink
let project: TestProject
let viewer: Person
let sender: Person
/** What must not be seen, whole or in part. */
const secrets = [
  'john.doe',
  'example.org',
  '1012345678',
  'Jonathan',
  'Doering',
  'photo.example',
  'gold-card',
  'Order 4711',
  'hook-secret',
]
const shows = (text: string): string[] => secrets.filter((secret) => text.includes(secret))

beforeAll(async () => {
  smtp = await startSmtp()
  people = await startPeopleApp({
    vera: { sub: 'vera', email: 'vera@example.com', email_verified: true },
    sam: { sub: 'sam', email: 'sam@example.com', email_verified: true },
  })
  project = await newShop(people.app, smtp)
  await project.api.raw('mutation { grantRole(email: "vera@example.com", role: VIEWER, maskPersonalData: true) { id } }')
  await project.api.raw('mutation { grantRole(email: "sam@example.com", role: ADMIN, maskPersonalData: true) { id } }')
  viewer = await people.signIn('vera')
  sender = await people.signIn('sam')
  const contact = {
    externalId: 'c-1',
    email: 'john.doe@example.org',
    phone: '+821012345678',
    firstName: 'Jonathan',
    lastName: 'Doering',
    photoUrl: 'https://photo.example/j.png',
  }
  await project.api.do(UpsertContacts, {
    contacts: [
      { ...contact, profile: { set: { card: 'gold-card' } } },
      { ...contact, externalId: 'john.doe@example.org' },
      { externalId: '+821012345678' },
    ],
  })
  await project.api.do(AddSuppressions, { suppressions: [{ channel: 'SMS', address: '+821012345678' }] })
  await project.api.do(Send, {
    messages: ['c-1', 'john.doe@example.org'].map((externalId) => ({
      id: `for ${externalId}`.replaceAll(' ', '-'),
      template: 'order',
      contact: { externalId },
      actor: { externalId: 'c-1' },
      data: { number: 4711, note: 'gold-card' },
    })),
    wait: 'SENT',
  })
})
afterAll(async () => {
  await people?.stop()
  await smtp?.close()
})

describe('the table', () => {
  it('decides every field with a text or JSON of every type', () => {
    const types = Object.values(people.app.app.schema.getTypeMap()).filter(
      (type) => isObjectType(type) && !type.name.startsWith('__'),
    )
    const roots = ['Query', 'Mutation', 'Subscription']
    const undecided: string[] = []
    const known = new Set<string>()
    for (const type of types) {
      if (!isObjectType(type)) continue
      const row = masking[type.name]
      for (const field of Object.values(type.getFields()).filter((one) => isTextual(one.type))) {
        known.add(type.name)
        known.add(`${type.name}.${field.name}`)
        if (roots.includes(type.name) || row === undefined || (row !== 'open' && !Object.hasOwn(row, field.name))) {
          undecided.push(`${type.name}.${field.name}`)
        }
      }
    }
    expect(undecided).toEqual([])
    const named = Object.entries(masking).flatMap(([type, row]) =>
      row === 'open' ? [type] : Object.keys(row).map((field) => `${type}.${field}`),
    )
    expect(named.filter((one) => !known.has(one))).toEqual([])
  })

  it.each([
    ['john.doe@example.org', 'j…@e….org'],
    ['a@b.co.kr', 'a…@b….kr'],
    ['x@localhost', 'x…@l…'],
    ['+821012345678', '+82…678'],
    ['010-1234-5678', '010…678'],
    ['12345', '…'],
    ['https://hooks.example/secret', '…'],
    ['{"endpoint":"https://push.example"}', '…'],
    ['', '…'],
  ])('leaves of the address %j only %j', (address, left) => expect(maskAddress(address)).toBe(left))

  it.each([
    ['550 <john.doe@example.org>: unknown', '550 <j…@e….org>: unknown'],
    ['to +821012345678, or 01012345678 failed', 'to +82…678, or 010…678 failed'],
    ['0199c1de-0000-7000-8000-000000000002', '0199c1de-0000-7000-8000-000000000002'],
    ['CHANNEL_NOT_CONFIGURED', 'CHANNEL_NOT_CONFIGURED'],
  ])('leaves of the text %j only %j', (text, left) => expect(maskText(text)).toBe(left))
})

/** A selection of every field that takes no argument, down to a depth; relations are followed once on each way. */
function everything(typeName: string, depth: number, above: readonly string[] = []): string {
  const type = people.app.app.schema.getType(typeName)
  if (isInterfaceType(type)) {
    const parts = people.app.app.schema
      .getPossibleTypes(type)
      .map(({ name }) => `... on ${name} ${everything(name, depth, above)}`)
    return `{ ${parts.join(' ')} }`
  }
  if (!isObjectType(type)) return ''
  const fields = Object.values(type.getFields()).flatMap((field) => {
    if (field.args.some((arg) => String(arg.type).endsWith('!'))) return []
    const name = String(field.type).replaceAll(/[[\]!]/g, '')
    const inner = people.app.app.schema.getType(name)
    if (!isObjectType(inner) && !isInterfaceType(inner)) return [field.name]
    if (depth === 0 || above.includes(name)) return []
    return [`${field.name} ${everything(name, depth - 1, [...above, typeName])}`]
  })
  return `{ __typename ${fields.join(' ')} }`
}

describe('a person for whom personal data is masked', () => {
  const queries: readonly (readonly [string, string, number])[] = [
    ['contacts(first: 3)', 'ContactConnection', 2],
    ['contact(externalId: "c-1")', 'Contact', 1],
    ['notifications(first: 2)', 'NotificationConnection', 2],
    ['suppressions(first: 2)', 'SuppressionConnection', 2],
    ['feed(contact: "c-1", first: 1)', 'FeedConnection', 2],
    ['segments(first: 2)', 'SegmentConnection', 2],
    ['providers', 'Provider', 1],
    ['topics(first: 2)', 'TopicConnection', 2],
  ]
  it.each(queries)('sees nothing of it in %s, over all fields', async (field, type, depth) => {
    const document = `{ ${field} ${everything(type, depth)} }`
    const answer = await viewer.ask(project.key, document)
    expect([answer.codes, shows(answer.text)]).toEqual([[], []])
  })

  it('sees what is left of it, where an unmasked caller sees all', async () => {
    const document = `{ contact(externalId: "c-1") { externalId email phone firstName lastName photoUrl profile }
      notifications { nodes { key data contact { externalId } messages { ... on OutboundMessage { channel address subject text attempts { response } }
        ... on InAppMessage { title body data url } } } } }`
    const masked = await viewer.ask(project.key, document)
    expect(masked.data?.['contact']).toEqual({
      externalId: 'c-1',
      email: 'j…@e….org',
      phone: '+82…678',
      firstName: 'J…',
      lastName: 'D…',
      photoUrl: null,
      profile: {},
    })
    expect(masked.text).toContain('"key":"f…@e….org"')
    expect(masked.text).toContain('"body":"…"')
    const whole = await viewer.ask(project.key, document, { authorization: `Bearer ${project.apiKey}` })
    expect(shows(whole.text)).toEqual(expect.arrayContaining(['john.doe', '1012345678', 'Jonathan', 'gold-card', 'Order 4711']))
  })

  it.each([
    'contacts(filter: { search: "john" }) { totalCount }',
    'contacts(filter: { email: "john.doe@example.org" }) { totalCount }',
    'contacts(filter: { phone: "+821012345678" }) { totalCount }',
    'notifications(filter: { search: "john" }) { totalCount }',
    'notifications(filter: { emails: ["john.doe@example.org"] }) { totalCount }',
    'preview(message: { template: "order", contact: { externalId: "c-1" } }) { ok }',
  ])('has no way to ask for it: %s', async (field) => {
    expect((await viewer.ask(project.key, `{ ${field} }`)).codes).toEqual(['FORBIDDEN'])
    expect((await viewer.ask(project.key, `{ ${field} }`, { authorization: `Bearer ${project.apiKey}` })).codes).toEqual([])
  })

  it.each([
    'createContactToken(contact: "c-1") { token }',
    'createApiKey(name: "x") { secret }',
    'rotateSecretKey { secretKey }',
    'grantRole(email: "sam@example.com", role: ADMIN) { id }',
    'upsertSegments(segments: [{ key: "x", where: { profile: { path: "email", is: EXISTS } } }]) { key }',
    'retryMessages(filter: { search: "john" }) { retriedCount }',
  ])('has no way to a credential or a look that shows it, as an admin either: %s', async (field) => {
    expect((await sender.ask(project.key, `mutation { ${field} }`)).codes).toEqual(['FORBIDDEN'])
  })

  it('sees nothing of it in subscriptions', async () => {
    class Browser extends WebSocket {
      constructor(address: string, protocols: string[]) {
        super(address, protocols, { headers: { cookie: viewer.cookie, origin: people.app.url } })
      }
    }
    const socket = createClient({
      url: `${people.app.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: Browser,
      connectionParams: { project: project.key },
    })
    const events: string[] = []
    const failures: unknown[] = []
    const watch = (query: string): void =>
      void socket.subscribe(
        { query },
        { next: (event) => void events.push(JSON.stringify(event)), error: (error) => void failures.push(error), complete() {} },
      )
    watch(`subscription { notificationChanged { message { ... on OutboundMessage { address subject text } ... on InAppMessage { title body data } }
      notification { data contact { email phone firstName } } } }`)
    watch('subscription { feedChanged(contact: "c-1") { message { title body data actor { firstName } } } }')
    watch('subscription { messageReceived(contact: "c-1") { message { title body data url } } }')
    watch('subscription { notificationChanged(filter: { search: "john" }) { status } }')
    await until('the filter is refused', () => JSON.stringify([failures, events]).includes('FORBIDDEN'))
    await project.api.do(Send, {
      messages: [{ template: 'order', contact: { externalId: 'c-1' }, actor: { externalId: 'c-1' }, data: { number: 4711 } }],
      wait: 'SENT',
    })
    await until('events of all three', () =>
      ['notificationChanged', 'feedChanged', 'messageReceived'].every((name) => events.some((one) => one.includes(name))),
    )
    await until('an e-mail was seen', () => events.some((one) => one.includes('j…@e….org')))
    expect(shows(events.join())).toEqual([])
    await socket.dispose()
  })
})
