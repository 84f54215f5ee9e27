/**
 * Who may ask for what, generated from the schema: every root field with every kind of credential, what a contact token may read on the
 * way, and the walls between projects. A field that is new is closed until it is listed here and in the code.
 */
import { type GraphQLObjectType, getNamedType, isCompositeType, isInterfaceType, isObjectType, isRequiredArgument } from 'graphql'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  AddSuppressions,
  Authenticate,
  CreateApiKey,
  CreateContactToken,
  Feed,
  RevokeApiKey,
  Send,
  UpsertTemplates,
  UpsertTopics,
} from '../helpers/operations.ts'
import { rowsOf } from '../helpers/project-rows.ts'
import { documentOf, exampleOf, type RootField, rootFields, type Values } from '../helpers/root-fields.ts'
import { newShop, times } from '../helpers/setup.ts'

/** Root fields that others than a project's backend may ask for. */
const open = {
  none: ['authenticate'],
  operator: ['authenticate', 'createProject', 'viewer'],
  contact: [
    'authenticate',
    ...[
      'viewer',
      'feed',
      'preferences',
      'markAs',
      'recordAction',
      'setPreference',
      'setOnline',
      'messageReceived',
      'feedChanged',
    ],
  ],
} as const

/** What a contact token may read of these types. */
const readable: Readonly<Record<string, readonly string[]>> = {
  Project: ['id', 'key', 'name', 'locale', 'timezone'],
  Contact: [
    ...['id', 'externalId', 'name', 'email', 'phone', 'locale', 'timezone', 'firstName', 'lastName', 'photoUrl', 'country'],
    ...['isOnline', 'lastOnlineAt', 'createdAt'],
  ],
  Template: ['key', 'name', 'critical', 'channels', 'feed'],
}
/** And what it may not read of this one. */
const hidden: Readonly<Record<string, readonly string[]>> = { InAppMessage: ['notification', 'attempts', 'history', 'error'] }
/** Types that consist of nothing but what a contact token asked for. */
const wholly = [
  ...['Viewer', 'FeedConnection', 'FeedEdge', 'PageInfo', 'Actor', 'Action', 'MarkPayload', 'MessageReceived', 'FeedChange'],
  ...['Preferences', 'TemplatePreference', 'ChannelPreference', 'AuthenticatePayload'],
]

const MINUTE = 60_000
const clock = createTestClock()
let app: TestApp
let project: TestProject
const credentials: Record<string, string | null> = {}
let fields: RootField[]

beforeAll(async () => {
  app = await startTestApp({ clock })
  project = await newShop(app, null)
  fields = rootFields(app.app.schema)
  const access = () => app.anonymous.do(Authenticate, { accessKey: project.accessKey, secretKey: project.secretKey })
  const contact = () => project.api.do(CreateContactToken, { contact: 'me' })
  const [oldAccess, oldContact] = [await access(), await contact()]
  clock.advance(62 * MINUTE)
  const { createApiKey } = await project.api.do(CreateApiKey, { name: 'to revoke' })
  await project.api.do(RevokeApiKey, { id: createApiKey.apiKey.id })
  Object.assign(credentials, {
    wrong: 'Bearer ck_wrong',
    mutilated: `Bearer ${project.apiKey.slice(0, -1)}`,
    basic: `Basic ${btoa(`x:${project.apiKey}`)}`,
    revoked: `Bearer ${createApiKey.secret}`,
    'expired access token': oldAccess.authenticate.token,
    'expired contact token': `Bearer ${oldContact.createContactToken.token}`,
  })
})
afterAll(() => app.stop())

const authenticate: Values = (coordinate) =>
  ({ 'Mutation.authenticate(accessKey)': project.accessKey, 'Mutation.authenticate(secretKey)': project.secretKey })[coordinate]

/**
 * Asks over a socket of its own, and waits for an error or the first event: at least until the server has the operation, and `graceMs`
 * beyond. @returns the codes of the operation's errors, or the code that the socket was closed with
 */
async function overSocket(
  credential: string | null,
  query: string,
  variables: Record<string, unknown>,
  graceMs = 0,
): Promise<string[]> {
  const codes: string[] = []
  const answered = Promise.withResolvers<void>()
  const client = createClient({
    url: `${app.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    ...(credential === null ? {} : { connectionParams: { authorization: credential } }),
  })
  const fail = (error: unknown): void => {
    if (Array.isArray(error)) codes.push(...error.map((one) => String(one.extensions.code)))
    else codes.push(String((error as { code?: number }).code))
    answered.resolve()
  }
  client.subscribe(
    { query, variables },
    {
      next({ errors }) {
        codes.push(...(errors ?? []).map((error) => String(error.extensions?.['code'])))
        answered.resolve()
      },
      error: fail,
      complete() {},
    },
  )
  // Handled in order on one socket: when the second of these is answered, the subscription has begun or was refused.
  for (let round = 0; round < 2; round++) {
    await new Promise<void>((resolve) => {
      client.subscribe({ query: '{ __typename }' }, { next() {}, error: () => resolve(), complete: resolve })
    })
  }
  const timer = setTimeout(answered.resolve, graceMs)
  await answered.promise
  clearTimeout(timer)
  await client.dispose()
  return codes
}

/** The whole answer, as text. */
async function overHttp(credential: string | null, query: string, variables: Record<string, unknown>) {
  const response = await fetch(`${app.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(credential === null ? {} : { authorization: credential }) },
    body: JSON.stringify({ query, variables }),
  })
  return { status: response.status, text: await response.text() }
}
const codesIn = (text: string): string[] =>
  ((JSON.parse(text) as { errors?: { extensions: { code: string } }[] }).errors ?? []).map((error) => error.extensions.code)

async function ask(credential: string | null, field: RootField, values: Values = authenticate): Promise<string[]> {
  const { query, variables } = documentOf(app.app.schema, field, values)
  return field.kind === 'subscription'
    ? overSocket(credential, query, variables)
    : codesIn((await overHttp(credential, query, variables)).text)
}

/** What each field answered. */
async function outcomes(credential: string | null | ((field: RootField) => Promise<string>)): Promise<Record<string, string[]>> {
  const answers: Record<string, string[]> = {}
  for (const field of fields) {
    answers[field.name] = await ask(typeof credential === 'function' ? await credential(field) : credential, field)
  }
  return answers
}
const expected = (code: (field: RootField) => string[]) => Object.fromEntries(fields.map((field) => [field.name, code(field)]))
const closed = ['UNAUTHENTICATED', 'FORBIDDEN', '4403', '4401']
const isLetIn = (codes: readonly string[]): boolean => !codes.some((code) => closed.includes(code))

describe('every root field', () => {
  it('A1: is walked here', () => {
    expect(fields.length).toBeGreaterThan(50)
    expect(fields.filter((field) => field.kind === 'subscription').length).toBeGreaterThan(2)
    for (const list of Object.values(open)) expect(fields.map((field) => field.name)).toEqual(expect.arrayContaining([...list]))
  })

  it('A1, N1-07: is UNAUTHENTICATED without a credential, authenticate apart, over HTTP and over a socket', async () => {
    const wanted = expected((field) => (open.none.some((name) => name === field.name) ? [] : ['UNAUTHENTICATED']))
    expect(await outcomes(null)).toEqual(wanted)
  })

  it.each(['wrong', 'mutilated', 'basic', 'revoked', 'expired access token', 'expired contact token'])(
    'A1, N1-07, LY-72: is UNAUTHENTICATED with this credential: %s; a socket is closed with 4403',
    async (name) => {
      const credential = credentials[name] ?? null
      // Whoever holds a token that ran out gets a new one, whatever is in the header.
      const wanted = expected((field) =>
        field.name === 'authenticate' ? [] : field.kind === 'subscription' ? ['4403'] : ['UNAUTHENTICATED'],
      )
      expect(await outcomes(credential)).toEqual(wanted)
      expect((await overHttp(credential, '{ viewer { isOperator } }', {})).status).toBe(401)
    },
  )

  it('A1: is FORBIDDEN to the operator, but for createProject and viewer', async () => {
    const answers = await outcomes(`Bearer ${app.operatorKey}`)
    for (const field of fields) {
      const codes = answers[field.name] ?? []
      if (open.operator.some((name) => name === field.name)) expect([field.name, isLetIn(codes)]).toEqual([field.name, true])
      else expect([field.name, codes]).toEqual([field.name, ['FORBIDDEN']])
    }
  })

  it.each(['project', 'access'])('A1, X-04: lets the project in by its %s credential, but for createProject', async (name) => {
    const own = await newShop(app, null)
    const { authenticate: access } = await app.anonymous.do(Authenticate, { accessKey: own.accessKey, secretKey: own.secretKey })
    const answers = await outcomes(name === 'project' ? `ApiKey ${own.apiKey}` : access.token)
    for (const field of fields) {
      const wanted = field.name === 'createProject' ? ['FORBIDDEN'] : expect.not.arrayContaining(closed)
      expect([field.name, answers[field.name]]).toEqual([field.name, wanted])
    }
  })

  it('A1: is FORBIDDEN to a contact token, but for what is its own', async () => {
    // One token of one contact for each: its requests a second are limited.
    const answers = await outcomes(
      async ({ name }) => `Bearer ${(await project.api.do(CreateContactToken, { contact: name })).createContactToken.token}`,
    )
    for (const field of fields) {
      const codes = answers[field.name] ?? []
      if (open.contact.some((name) => name === field.name)) expect([field.name, isLetIn(codes)]).toEqual([field.name, true])
      else expect([field.name, codes]).toEqual([field.name, ['FORBIDDEN']])
    }
  })

  it('A1: that names a contact is FORBIDDEN to the token of another contact', async () => {
    const naming = fields.filter((field) => field.args.some((arg) => arg.name === 'contact'))
    expect(naming.length).toBeGreaterThan(7)
    const page = `Bearer ${(await project.api.do(CreateContactToken, { contact: 'nosy' })).createContactToken.token}`
    for (const name of ['me', 'nobody', '']) {
      for (const field of naming) {
        const values: Values = (coordinate) => (coordinate.endsWith('(contact)') ? name : undefined)
        expect([field.name, name, await ask(page, field, values)]).toEqual([field.name, name, ['FORBIDDEN']])
      }
    }
  })
})

describe('what a contact token may read', () => {
  /** A field of an object type, as a query that gets there. */
  interface Path {
    readonly type: GraphQLObjectType
    /** the root field that it begins with */
    readonly root: RootField
    /** puts a selection of the type where it belongs */
    readonly around: (selection: string) => string
    readonly name: string
  }
  const mayRead = (type: string, field: string): boolean =>
    hidden[type] === undefined ? (readable[type]?.includes(field) ?? wholly.includes(type)) : !hidden[type].includes(field)

  /** Every way to every object type, over fields that it may read; each way is gone once from each type. */
  function paths(): Path[] {
    const found: Path[] = []
    const gone = new Set<string>()
    const step = (root: RootField, from: unknown, around: Path['around'], name: string): void => {
      if (!isObjectType(from) || from.name.startsWith('__')) return
      found.push({ type: from, root, around, name })
      for (const field of Object.values(from.getFields())) {
        const edge = `${root.name} ${from.name}.${field.name}`
        if (!mayRead(from.name, field.name) || gone.has(edge) || field.args.some(isRequiredArgument)) continue
        gone.add(edge)
        step(root, getNamedType(field.type), (selection) => around(`{ ${field.name} ${selection} }`), `${name}.${field.name}`)
      }
    }
    const { schema } = app.app
    for (const root of fields.filter(
      (field) => open.contact.some((name) => name === field.name) && field.name !== 'authenticate',
    )) {
      const type = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
        .flatMap((one) => one?.getFields()[root.name] ?? [])
        .map((field) => getNamedType(field.type))[0]
      step(root, type, (selection) => selection, root.name)
    }
    return found
  }

  const CONTACTS = 24
  const pages: string[] = []
  const messages: string[] = []
  beforeAll(async () => {
    await project.api.do(UpsertTemplates, {
      templates: [{ key: 'ask', inApp: [{ body: 'Come?', primaryAction: { label: 'Yes' }, secondaryAction: { label: 'No' } }] }],
    })
    await project.api.do(Send, {
      messages: times(CONTACTS, (n) => ({
        template: 'ask',
        contact: { externalId: `reader-${n}` },
        actor: { externalId: 'doer' },
      })),
    })
    for (let n = 0; n < CONTACTS; n++) {
      pages.push(`Bearer ${(await project.api.do(CreateContactToken, { contact: `reader-${n}` })).createContactToken.token}`)
      messages.push((await project.api.do(Feed, { contact: `reader-${n}` })).feed.nodes[0]?.id ?? '')
    }
  })
  let turn = 0
  /** Spread over many contacts, whose requests a second are limited. */
  async function read(root: RootField, selection: string): Promise<string[]> {
    const n = turn++ % CONTACTS
    const values: Values = (coordinate) =>
      ({
        'Mutation.markAs(messages)': [messages[n]],
        'Mutation.markAs(seen)': true,
        'Mutation.recordAction(message)': messages[n],
        'Mutation.setPreference(template)': 'ask',
      })[coordinate]
    const { query, variables } = documentOf(app.app.schema, root, values, selection)
    return codesIn((await overHttp(pages[n] ?? null, query, variables)).text)
  }
  const leaf = (type: unknown): string => (isCompositeType(type) ? '{ __typename }' : '')

  it('A1: comes by way of types that are listed here', () => {
    const types = new Set(paths().map((path) => path.type.name))
    expect(
      [...types].filter((name) => !wholly.includes(name) && readable[name] === undefined && hidden[name] === undefined),
    ).toEqual([])
    for (const name of [...Object.keys(readable), ...Object.keys(hidden)]) expect([...types]).toContain(name)
    for (const [name, list] of Object.entries(hidden)) {
      const type = app.app.schema.getType(name)
      if (isObjectType(type)) expect(Object.keys(type.getFields())).toEqual(expect.arrayContaining([...list]))
    }
  })

  it('A1: is every field that the rules name, and FORBIDDEN is every other, by every way there', async () => {
    const asked = { allowed: 0, forbidden: 0 }
    for (const { type, root, around, name } of paths().filter((path) => path.root.kind !== 'subscription')) {
      for (const field of Object.values(type.getFields())) {
        const args = field.args.filter(isRequiredArgument)
        const given = args.map((arg) => `${arg.name}: ${JSON.stringify(exampleOf(arg.type))}`).join(', ')
        const selection = around(`{ ${field.name}${given && `(${given})`} ${leaf(getNamedType(field.type))} }`)
        // In a list, once for each of its items.
        const codes = [...new Set(await read(root, selection))]
        const isAllowed = mayRead(type.name, field.name)
        asked[isAllowed ? 'allowed' : 'forbidden']++
        expect([`${name}.${field.name}`, codes]).toEqual([`${name}.${field.name}`, isAllowed ? [] : ['FORBIDDEN']])
      }
    }
    expect(asked.allowed).toBeGreaterThan(80)
    expect(asked.forbidden).toBeGreaterThan(40)
  }, 60_000)

  it('A1: is the same on what a subscription brings', async () => {
    let asked = 0
    for (const { type, root, around, name } of paths().filter((path) => path.root.kind === 'subscription')) {
      const closedFields = Object.values(type.getFields()).filter((field) => !mayRead(type.name, field.name))
      for (const [n, field] of closedFields.entries()) {
        const contact = `live-${root.name}-${n}`
        await project.api.do(Send, { messages: [{ template: 'ask', contact: { externalId: contact } }] })
        const { feed } = await project.api.do(Feed, { contact })
        const { token } = (await project.api.do(CreateContactToken, { contact })).createContactToken
        await project.api.do(Send, { messages: [{ template: 'ask', contact: { externalId: contact } }] })
        const selection = around(`{ ${field.name} ${leaf(getNamedType(field.type))} }`)
        const values: Values = (at) => (at.endsWith('(after)') ? feed.cursor : undefined)
        const { query, variables } = documentOf(app.app.schema, root, values, selection)
        const codes = await overSocket(token, query, variables, 10_000)
        expect([`${name}.${field.name}`, codes]).toEqual([`${name}.${field.name}`, ['FORBIDDEN']])
        asked++
      }
    }
    expect(asked).toBeGreaterThan(7)
  }, 60_000)

  it('A1: has no way round by a fragment on an interface', async () => {
    const interfaces = Object.values(app.app.schema.getTypeMap()).filter(isInterfaceType)
    const root = fields.find((field) => field.name === 'feed')
    if (root === undefined) throw new Error('There is no feed')
    for (const type of interfaces) {
      for (const field of Object.values(type.getFields())) {
        const isAllowed = mayRead('InAppMessage', field.name)
        const selection = `{ nodes { ... on ${type.name} { ${field.name} ${leaf(getNamedType(field.type))} } } }`
        expect([field.name, await read(root, selection)]).toEqual([field.name, isAllowed ? [] : ['FORBIDDEN']])
      }
    }
  })
})

describe('G10: the walls between projects', () => {
  const theirs: Record<string, string> = {}
  const nobody = '0199c1de-0000-7000-8000-000000000002'
  let owner: TestProject

  beforeAll(async () => {
    owner = await newShop(app, null)
    const key = 'theirs'
    await owner.api.do(UpsertTemplates, { templates: [{ key, inApp: [{ body: 'Hi' }], sms: [{ body: 'Hi' }] }] })
    const contact = { externalId: key, email: 'theirs@example.com', phone: '+15005550006' }
    const { sendMessages } = await owner.api.do(Send, { messages: [{ id: key, transactionId: key, template: key, contact }] })
    await owner.api.do(UpsertTopics, { topics: [{ key }] })
    const suppressions = [{ channel: 'EMAIL' as const, address: 'theirs@example.com' }]
    const { addSuppressions } = await owner.api.do(AddSuppressions, { suppressions })
    const { createApiKey } = await owner.api.do(CreateApiKey, { name: key })
    const { feed } = await owner.api.do(Feed, { contact: key })
    for (const name of ['upsertSegments', 'configureProviders', 'upsertCampaigns']) {
      // Whatever else has a key of its own: made by the least that it takes, where there is such a field.
      const field = fields.find((one) => one.name === name)
      const values: Values = (at) =>
        ({
          'ProviderInput.channel': 'SMS',
          'ProviderInput.kind': 'capture',
          'SegmentInput.where': { profile: { path: 'x', is: 'EXISTS' } },
          'CampaignInput.name': key,
          'CampaignInput.dispatch': 'API',
        })[at] ?? (/\.(key|template)$/.test(at) ? key : undefined)
      if (field !== undefined) expect([name, await ask(`Bearer ${owner.apiKey}`, field, values)]).toEqual([name, []])
    }
    Object.assign(theirs, {
      'Query.notification(id)': sendMessages.results[0]?.notification?.id,
      'Mutation.revokeApiKey(id)': createApiKey.apiKey.id,
      'Mutation.removeSuppression(id)': addSuppressions[0]?.id,
      'Mutation.recordAction(message)': feed.nodes[0]?.id,
      'Mutation.markAs(messages)': feed.nodes[0]?.id,
      'Mutation.retryMessages(messages)': feed.nodes[0]?.id,
    })
  })

  const rows = () => rowsOf(app.databaseUrl, owner.id)

  /** Fills every place that takes an id, whether it must be given or not: with the owner's, or with one that nobody has. */
  const naming =
    (whose: 'theirs' | 'nobody'): Values =>
    (at, type) => {
      const id = theirs[at]
      if (id !== undefined)
        return at.endsWith('(messages)') ? [whose === 'theirs' ? id : nobody] : whose === 'theirs' ? id : nobody
      if (at === 'Mutation.markAs(seen)') return true
      if (at === 'MessageInput.topic' || at.startsWith('Mutation.authenticate')) return undefined
      if (at === 'MessageInput.contact' || at === 'BroadcastInput.actor') return { externalId: whose }
      if (at.endsWith('(filter)')) return undefined
      if (/\((keys|contacts|feeds)\)$/.test(at) && type === 'ID') return [whose]
      return type === 'ID' ? whose : undefined
    }

  it('G10: what belongs to another project looks exactly like what is not there, at every root field', async () => {
    const before = await rows()
    expect(before.length).toBeGreaterThan(10)
    const walked = fields.filter((field) => !['createProject', 'authenticate'].includes(field.name))
    let differing = 0
    for (const field of walked) {
      // A stranger of its own for each: what one field makes must not be found by the next.
      const stranger = await newShop(app, null)
      const answers: string[] = []
      for (const whose of ['theirs', 'nobody'] as const) {
        const { query, variables } = documentOf(app.app.schema, field, naming(whose))
        if (whose === 'theirs' && /theirs|[0-9a-f]{8}-/.test(JSON.stringify(variables))) differing++
        const credential = `Bearer ${stranger.apiKey}`
        const answer =
          field.kind === 'subscription'
            ? (await overSocket(credential, query, variables, 1_000)).join()
            : (await overHttp(credential, query, variables)).text
        const named = [whose, whose === 'theirs' ? Object.values(theirs) : [nobody]].flat()
        answers.push(named.reduce((text, name) => text.replaceAll(name, 'NAME'), answer))
      }
      expect([field.name, answers[0]]).toEqual([field.name, answers[1]])
    }
    expect(differing).toBeGreaterThan(25)
    expect(await rows()).toEqual(before)
  }, 60_000)

  it('G10: the same names are found by their owner, so that the walls are what hides them', async () => {
    const own = `Bearer ${owner.apiKey}`
    for (const name of ['notification', 'contact', 'template', 'topic', 'segment', 'campaign', 'transaction', 'feed', 'cancel']) {
      const field = fields.find((one) => one.name === name)
      if (field === undefined) continue
      const { query, variables } = documentOf(app.app.schema, field, naming('theirs'))
      const { text } = await overHttp(own, query, variables)
      expect([name, codesIn(text), text.includes(`"${name}":null`)]).toEqual([name, [], false])
    }
  })
})
