/** A feed that is asked for a part of its messages answers what it answers about them when it is asked for everything. */
import { parse, validate } from 'graphql'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { messageFields, pageFields } from '../../src/graphql/feed-parts.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { CreateContactToken, Feed, MarkAs, SendBare } from '../helpers/operations.ts'
import { printedSchema } from '../helpers/root-fields.ts'
import { type Random, seeded } from '../helpers/seed.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const OPERATIONS = 150
const LANES = 4
let app: TestApp
let shop: TestProject
let token: string
beforeAll(async () => {
  app = await startTestApp({ env: { CARILLON_LIMITS: 'project=off,contacts=off,key=off,contact=off,address=off' } })
  shop = await newShop(app, null)
  const { sendMessages } = await shop.api.do(SendBare, {
    messages: times(12, (n) => ({
      template: n % 3 === 0 ? 'order' : 'note',
      channels: ['IN_APP' as const],
      contact: { externalId: 'one', firstName: 'Zoë' },
      data: { n: `\u2028"${n}"`, number: n, nested: { list: [n, null] } },
      ...(n % 2 === 0 ? { actor: { externalId: 'author', firstName: 'Ana' } } : {}),
      ...(n % 4 === 0 ? { incrementId: 'x' } : {}),
    })),
  })
  expect(sendMessages.results.every((result) => result.ok)).toBe(true)
  const page = await shop.page('one')
  const [first, second] = (await page.do(Feed, {})).feed.nodes
  await page.do(MarkAs, { messages: [first?.id ?? ''], read: true })
  await page.do(MarkAs, { messages: [second?.id ?? ''], archived: true })
  token = (await shop.api.do(CreateContactToken, { contact: 'one' })).createContactToken.token
})
afterAll(() => app.stop())

interface Answer {
  readonly data: unknown
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[]
}

/** A contact may ask only so often. */
const ask = (query: string, credential: string, variables: object): Promise<Answer> =>
  until('the rate allows it', async () => {
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${credential}` },
      body: JSON.stringify({ query, variables }),
    })
    const answer = (await response.json()) as Answer
    return answer.errors?.[0]?.extensions.code === 'RATE_LIMITED' ? undefined : answer
  })

const leaves = [
  ...[
    'id',
    'channel',
    'status',
    'createdAt',
    'sentAt',
    'deliveredAt',
    'transactionId',
    'template',
    'severity',
    'feed',
    'title',
    'body',
  ],
  ...[
    'iconUrl',
    'url',
    'data',
    'count',
    'seenAt',
    'readAt',
    'archivedAt',
    'snoozedUntil',
    'deletedAt',
    'updatedAt',
    '__typename',
  ],
]
const objects: Readonly<Record<string, string>> = {
  actor: '{ externalId firstName }',
  primaryAction: '{ type label status }',
  secondaryAction: '{ label }',
}
const backendsOnly: Readonly<Record<string, string>> = {
  notification: '{ id transactionId template { key } }',
  error: '{ code }',
  attempts: '{ number }',
  history: '{ status at }',
}

/** A selection of a feed, in the form in which clients write them, and its fragments. */
function selectionOf(random: Random, fields: Readonly<Record<string, string>>) {
  const fragments: string[] = []
  let aliases = 0
  const directive = (): string =>
    random.int(7) === 0 ? ` @${random.of(['include', 'skip'])}(if: ${random.of(['true', 'false', '$yes', '$no'])})` : ''
  const alias = (): string => (random.int(4) === 0 ? `a${++aliases}: ` : '')
  const wrapped = (text: string, type: string): string => {
    const kind = random.int(8)
    if (kind === 0) return `...${directive()} { ${text} }`
    if (kind === 1) return `... on ${type}${directive()} { ${text} }`
    if (kind > 3) return text
    const name = `F${fragments.length}`
    fragments.push(`fragment ${name} on ${type} { ${text} }`)
    return `...${name}${directive()}`
  }
  const names = Object.keys(fields)
  const message = (): string => {
    const parts = times(1 + random.int(3), () => {
      const name = random.of(names)
      return wrapped(
        `${alias()}${name}${directive()} ${fields[name]}`,
        random.of(['InAppMessage', leaves.slice(0, 6).includes(name) ? 'Message' : 'InAppMessage']),
      )
    })
    return `{ ${parts.join(' ')} }`
  }
  const part = (): string =>
    random.of([
      () => `${alias()}nodes${directive()} ${message()}`,
      () => `${alias()}nodes ${message()}`,
      () => `${alias()}edges${directive()} { cursor node ${message()} }`,
      () => `edges { ${alias()}node ${message()} }`,
      () => `pageInfo { ${random.of(['hasNextPage', 'startCursor', 'hasPreviousPage endCursor'])} }`,
      () => random.of(['unseenCount', 'unreadCount', 'totalCount', '__typename', 'edges { cursor }']),
    ])()
  const text = times(1 + random.int(3), () => wrapped(part(), 'FeedConnection')).join(' ')
  return { text: `{ ${text} }`, fragments: fragments.join(' ') }
}

/** Signatures of cursors have the time in them. */
const withoutTimes = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value).replaceAll(/"([\da-z]+)\.[\da-z]+\.[\w-]{16}"/g, '"$1"'))

it(`answers ${OPERATIONS} generated selections as it does when everything is asked for`, async () => {
  const random = seeded()
  const schema = printedSchema()
  const everything = Object.entries({ ...objects, ...Object.fromEntries(leaves.map((name) => [name, ''])) })
  const whole = everything.map(([name, below]) => `all_${name}: ${name} ${below}`).join(' ')
  const plain = Object.fromEntries(leaves.map((name) => [name, '']))
  const operations = times(OPERATIONS, () => {
    const isBackend = random.int(4) > 0
    const { text, fragments } = selectionOf(random, { ...plain, ...objects, ...(isBackend ? backendsOnly : {}) })
    const args = random.of([
      'first: 5',
      'last: 4, archived: null',
      'first: 20, seen: false',
      'archived: true',
      'first: 1',
      'feeds: ["none"]',
    ])
    const head = 'query Q($yes: Boolean! = true, $no: Boolean! = false)'
    const used = '__typename @include(if: $yes) @skip(if: $no)'
    const feed = isBackend ? `feed(contact: "one", ${args})` : `feed(${args})`
    const query = `${head} { ${used} asked: ${feed} ${text} } ${fragments}`
    const complete = `${head} { ${used} asked: ${feed} { ...Asked nodes { ${whole} } } } fragment Asked on FeedConnection ${text} ${fragments}`
    const variables = random.of([{}, { yes: false }, { no: true }, { yes: false, no: true }])
    return { query, complete, variables, credential: isBackend ? shop.apiKey : token }
  })
  let answered = 0
  const lane = async (): Promise<void> => {
    for (let next = operations.pop(); next !== undefined; next = operations.pop()) {
      const { query, complete, variables, credential } = next
      if (validate(schema, parse(complete)).length > 0) continue
      // The fourth one is executed from a plan.
      for (const _turn of [1, 2, 3, 4]) {
        const part = await ask(query, credential, variables)
        expect(part.errors, query).toBe(undefined)
        const all = await ask(complete, credential, variables)
        expect(all.errors, complete).toBe(undefined)
        expect(withoutTimes(all.data), query).toMatchObject(withoutTimes(part.data) as object)
      }
      answered += 1
    }
  }
  await Promise.all(times(LANES, lane))
  expect(answered).toBeGreaterThan(OPERATIONS / 2)
})

it('has a row for each field of a message and of a page: what has none would read everything', () => {
  const schema = printedSchema()
  const fieldsOf = (name: string): string[] => {
    const type = schema.getType(name)
    return type !== undefined && 'getFields' in type ? Object.keys(type.getFields()) : []
  }
  expect([...messageFields.keys()].sort()).toEqual([...fieldsOf('InAppMessage'), '__typename'].sort())
  expect([...pageFields.keys()].sort()).toEqual([...fieldsOf('FeedConnection'), '__typename'].sort())
  expect([...(pageFields.get('edges')?.below?.keys() ?? [])].sort()).toEqual([...fieldsOf('FeedEdge'), '__typename'].sort())
})
