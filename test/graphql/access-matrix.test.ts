/**
 * Who may ask for what, generated from the schema: every root field with every kind of credential, what a contact token may read on the
 * way, and the walls between projects. What each root field takes is read from the table of permissions.
 */
import { type GraphQLObjectType, getNamedType, isCompositeType, isInterfaceType, isObjectType, isRequiredArgument } from 'graphql'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { isOperation, isPermitted, type Permission, permissions, type Requirement } from '../../src/domain/permission.ts'
import { CarillonError } from '../../src/errors.ts'
import { roleScopes, roles, type Scope, scopes } from '../../src/words.ts'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { keyCaller } from '../helpers/caller.ts'
import {
  AddSuppressions,
  Authenticate,
  CreateApiKey,
  CreateContactToken,
  Feed,
  GetNotification,
  RevokeApiKey,
  Send,
  UpsertTemplates,
  UpsertTopics,
} from '../helpers/operations.ts'
import { RevokeContactTokens, SuspendProject } from '../helpers/operations-operator.ts'
import { rowsOf } from '../helpers/project-rows.ts'
import { documentOf, exampleOf, type RootField, rootFields, type Values } from '../helpers/root-fields.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

/** Which permissions of the table a credential has. Written out here: what a scope is good for does not change by accident. */
const has = {
  none: ['public'],
  operator: ['public', 'self', 'operator'],
  project: ['public', 'self', 'send', 'read', 'manage', 'keys'],
  access: ['public', 'self', 'send', 'read', 'manage'],
  contact: ['public', 'self', 'inbox'],
  send: ['public', 'self', 'send'],
  read: ['public', 'self', 'read'],
  manage: ['public', 'self', 'manage'],
  keys: ['public', 'self', 'keys'],
  viewer: ['public', 'self', 'read'],
  sender: ['public', 'self', 'read', 'send'],
  editor: ['public', 'self', 'read', 'send', 'manage'],
  admin: ['public', 'self', 'read', 'send', 'manage', 'keys'],
} satisfies Record<string, readonly Permission[]>
type Kind = keyof typeof has
const isOpen = (kind: Kind, name: string): boolean => {
  if (!isOperation(name)) return false
  const row: Requirement = permissions[name]
  const hasOne = (one: Permission): boolean => has[kind].some((permission) => permission === one)
  return row.some((one) => (typeof one === 'string' ? hasOne(one) : one.every(hasOne)))
}
/** And what those who are not a project's backend may do, by name. */
const open = {
  none: ['authenticate'],
  operator: [
    ...['authenticate', 'createProject', 'viewer', 'operatorProjects', 'suspendProject', 'resumeProject', 'deleteProject'],
    'recoverProject',
    'setProjectLimits',
  ],
  send: [
    ...[
      'authenticate',
      'viewer',
      'broadcast',
      'cancel',
      'retryMessages',
      'sendAlimtalk',
      'sendFriendtalk',
      'sendMessages',
      'sendText',
    ],
    ...['setCredentials', 'subscribeToTopic', 'trackEvents', 'triggerCampaign', 'unsubscribeFromTopic', 'upsertContacts'],
    ...[
      'revokeContactTokens',
      'markAs',
      'deleteMessages',
      'snoozeMessages',
      'recordAction',
      'setOnline',
      'setPreference',
      'notification',
      'transaction',
      'progress',
    ],
  ],
  keys: [
    'authenticate',
    'viewer',
    'apiKeys',
    'auditLog',
    'createApiKey',
    'revokeApiKey',
    'rotateSecretKey',
    'people',
    'grantRole',
    'revokeRole',
  ],
  contact: [
    ...[
      'authenticate',
      'viewer',
      'feed',
      'preferences',
      'markAs',
      'deleteMessages',
      'snoozeMessages',
      'recordAction',
      'setPreference',
      'setOnline',
    ],
    ...['messageReceived', 'feedChanged'],
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
const hidden: Readonly<Record<string, readonly string[]>> = {
  InAppMessage: ['notification', 'attempts', 'history', 'error', 'templateVersion'],
}
/** Types that consist of nothing but what a contact token asked for. */
const wholly = [
  'SeverityCounts',
  ...[
    'Viewer',
    'ApiKey',
    'FeedConnection',
    'FeedEdge',
    'PageInfo',
    'Actor',
    'Action',
    'MarkPayload',
    'MessageReceived',
    'FeedChange',
  ],
  ...['ViewerPerson', 'ViewerProject'],
  ...['Preferences', 'TemplatePreference', 'ChannelPreference', 'AuthenticatePayload'],
]

const MINUTE = 60_000
const nameOf = (scope: Scope) => scope.toUpperCase() as Uppercase<Scope>
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
  const soon = new Date(clock.now().getTime() + 61 * MINUTE).toISOString()
  const { createApiKey: expiring } = await project.api.do(CreateApiKey, { name: 'to expire', expiresAt: soon })
  clock.advance(62 * MINUTE)
  const revoked = await project.api.do(CreateContactToken, { contact: 'gone' })
  await project.api.do(RevokeContactTokens, { contact: 'gone' })
  const { createApiKey } = await project.api.do(CreateApiKey, { name: 'to revoke' })
  await project.api.do(RevokeApiKey, { id: createApiKey.apiKey.id })
  Object.assign(credentials, {
    wrong: 'Bearer ck_wrong',
    mutilated: `Bearer ${project.apiKey.slice(0, -1)}`,
    basic: `Basic ${btoa(`x:${project.apiKey}`)}`,
    revoked: `Bearer ${createApiKey.secret}`,
    expired: `Bearer ${expiring.secret}`,
    'revoked contact token': `Bearer ${revoked.createContactToken.token}`,
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
  it('A1: is walked here, and has a row in the table of permissions; no row is without a field', () => {
    expect(fields.length).toBeGreaterThan(50)
    expect(fields.filter((field) => field.kind === 'subscription').length).toBeGreaterThan(2)
    expect(fields.map((field) => field.name).sort()).toEqual(Object.keys(permissions).sort())
    for (const kind of ['none', 'operator', 'contact', 'send', 'keys'] as const) {
      const names = fields.map((field) => field.name).filter((name) => isOpen(kind, name))
      expect([kind, names.sort()]).toEqual([kind, [...open[kind]].sort()])
    }
    // Looking changes nothing.
    for (const { kind, name } of fields) {
      if (kind === 'mutation') expect([name, isOpen('read', name)]).toEqual([name, name === 'authenticate'])
    }
  })

  it('A1, N1-07: is UNAUTHENTICATED without a credential, authenticate apart, over HTTP and over a socket', async () => {
    const wanted = expected((field) => (isOpen('none', field.name) ? [] : ['UNAUTHENTICATED']))
    expect(await outcomes(null)).toEqual(wanted)
  })

  it.each([
    'wrong',
    'mutilated',
    'basic',
    'revoked',
    'expired',
    'expired access token',
    'expired contact token',
    'revoked contact token',
  ])('A1, N1-07, LY-72: is UNAUTHENTICATED with this credential: %s; a socket is closed with 4403', async (name) => {
    const credential = credentials[name] ?? null
    // The holder of an expired token gets a new one, whatever is in the header.
    const wanted = expected((field) =>
      field.name === 'authenticate' ? [] : field.kind === 'subscription' ? ['4403'] : ['UNAUTHENTICATED'],
    )
    expect(await outcomes(credential)).toEqual(wanted)
    expect((await overHttp(credential, '{ viewer { isOperator } }', {})).status).toBe(401)
  })

  it.each(roles)('is what the scopes of the role %s are good for', (role) => {
    const who = { kind: 'person', id: 'x', email: null, name: null, role } as const
    const caller = { ...keyCaller('x', Object.create(null), roleScopes[role]), keyId: null, who }
    for (const { name } of fields) {
      expect([name, isOperation(name) && isPermitted(caller, name)]).toEqual([name, isOpen(role, name)])
    }
  })

  it.each(scopes)(
    'is open to a key with the scope %s alone where the table says so; elsewhere the scope is named',
    async (scope) => {
      const own = await newShop(app, null)
      const { createApiKey } = await own.api.do(CreateApiKey, { name: scope, scopes: [nameOf(scope)] })
      const credential = `Bearer ${createApiKey.secret}`
      const answers = await outcomes(credential)
      for (const field of fields) {
        // A credential is not changed for a better one: this takes more than its row says.
        const isPartial = field.name === 'rotateSecretKey'
        const wanted = isOpen(scope, field.name) && !isPartial ? expect.not.arrayContaining(closed) : ['FORBIDDEN']
        expect([field.name, answers[field.name]]).toEqual([field.name, wanted])
        if (isOpen(scope, field.name) || field.kind === 'subscription' || isOpen('operator', field.name)) continue
        const { query, variables } = documentOf(app.app.schema, field)
        expect((await overHttp(credential, query, variables)).text).toMatch(/with the scopes? (SEND|READ|MANAGE|KEYS)\b/)
      }
    },
  )

  it.each(['key', 'access token', 'contact token'])('is PROJECT_SUSPENDED to the %s of a suspended project', async (name) => {
    const own = await newShop(app, null)
    const { authenticate: access } = await app.anonymous.do(Authenticate, { accessKey: own.accessKey, secretKey: own.secretKey })
    const { createContactToken } = await own.api.do(CreateContactToken, { contact: 'me' })
    await app.operator.do(SuspendProject, { project: own.id })
    const tokens = { key: own.apiKey, 'access token': access.token, 'contact token': createContactToken.token }
    const credential = `Bearer ${tokens[name as keyof typeof tokens]}`
    const wanted = expected((field) => (field.kind === 'subscription' ? ['4403'] : ['PROJECT_SUSPENDED']))
    expect(await outcomes(credential)).toEqual(wanted)
    expect((await overHttp(credential, '{ viewer { isOperator } }', {})).status).toBe(403)
  })

  it('A1: is FORBIDDEN to the operator, but for projects and viewer', async () => {
    const answers = await outcomes(`Bearer ${app.operatorKey}`)
    for (const field of fields) {
      const codes = answers[field.name] ?? []
      if (isOpen('operator', field.name)) expect([field.name, isLetIn(codes)]).toEqual([field.name, true])
      else expect([field.name, codes]).toEqual([field.name, ['FORBIDDEN']])
    }
  })

  it.each(['project', 'access'] as const)(
    "A1, X-04: lets the project in by its %s credential, but for what is the operator's",
    async (name) => {
      const own = await newShop(app, null)
      const { authenticate: access } = await app.anonymous.do(Authenticate, {
        accessKey: own.accessKey,
        secretKey: own.secretKey,
      })
      const answers = await outcomes(name === 'project' ? `ApiKey ${own.apiKey}` : access.token)
      for (const field of fields) {
        const wanted = isOpen(name, field.name) ? expect.not.arrayContaining(closed) : ['FORBIDDEN']
        expect([field.name, answers[field.name]]).toEqual([field.name, wanted])
      }
    },
  )

  it('A1: is FORBIDDEN to a contact token, but for what is its own', async () => {
    // One token of one contact for each: its requests a second are limited.
    const answers = await outcomes(
      async ({ name }) => `Bearer ${(await project.api.do(CreateContactToken, { contact: name })).createContactToken.token}`,
    )
    for (const field of fields) {
      const codes = answers[field.name] ?? []
      if (isOpen('contact', field.name)) expect([field.name, isLetIn(codes)]).toEqual([field.name, true])
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
    for (const root of fields.filter((field) => isOpen('contact', field.name) && field.name !== 'authenticate')) {
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
  const deleted: string[] = []
  beforeAll(async () => {
    await project.api.do(UpsertTemplates, {
      templates: [{ key: 'ask', inApp: [{ body: 'Come?', primaryAction: { label: 'Yes' }, secondaryAction: { label: 'No' } }] }],
    })
    await project.api.do(Send, {
      messages: times(CONTACTS * 2, (n) => ({
        template: 'ask',
        contact: { externalId: `reader-${n % CONTACTS}` },
        actor: { externalId: 'doer' },
      })),
    })
    for (let n = 0; n < CONTACTS; n++) {
      pages.push(`Bearer ${(await project.api.do(CreateContactToken, { contact: `reader-${n}` })).createContactToken.token}`)
      const { nodes } = (await project.api.do(Feed, { contact: `reader-${n}` })).feed
      messages.push(nodes[0]?.id ?? '')
      deleted.push(nodes[1]?.id ?? '')
    }
  })
  let turn = 0
  /** Spread over many contacts, whose requests a second are limited. */
  async function read(root: RootField, selection: string): Promise<string[]> {
    const n = turn++ % CONTACTS
    const values: Values = (coordinate) =>
      ({
        'Query.feed(first)': 1,
        'Mutation.markAs(messages)': [messages[n]],
        'Mutation.markAs(seen)': true,
        'Mutation.deleteMessages(messages)': [deleted[n]],
        'Mutation.snoozeMessages(messages)': [messages[n]],
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
  })

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
  })

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

describe('what a credential with one scope may read on the way', () => {
  const readableBy = {
    send: {
      Contact: ['id', 'externalId'],
      Template: ['key'],
      Campaign: ['key'],
      Provider: ['key', 'channel'],
      Topic: ['id', 'key'],
      Actor: ['externalId'],
      Attempt: ['number', 'ok', 'error', 'startedAt', 'durationMs'],
      MarkPayload: ['changedCount'],
      Preferences: [],
      Project: ['id', 'key', 'name', 'locale', 'timezone'],
    },
    manage: {
      Provider: ['id', 'key', 'channel', 'kind', 'settings', 'priority', 'ratePerSecond', 'active'],
      Segment: ['id', 'key', 'name', 'where', 'createdAt', 'updatedAt'],
      Topic: ['id', 'key', 'name', 'createdAt'],
    },
    keys: { Project: ['id', 'key', 'name', 'locale', 'timezone'] },
  } satisfies Record<string, Readonly<Record<string, readonly string[]>>>
  /** Closed by a field of these types, however they are reached. */
  const closedTo = {
    send: ['NotificationConnection', 'TemplateConnection', 'EmailContent', 'Credential', 'ProviderHealth', 'Stats', 'Preview'],
    manage: ['Contact', 'Notification', 'OutboundMessage', 'InAppMessage', 'ProviderHealth', 'Credential', 'Stats'],
    keys: ['Contact', 'Notification', 'Template', 'Provider', 'Segment', 'Topic'],
  }

  it.each(['send', 'manage', 'keys'] as const)('%s: every field of every type, asked of its guard', async (scope) => {
    const caller = keyCaller('x', Object.create(null), [scope])
    const rules: Readonly<Record<string, readonly string[]>> = readableBy[scope]
    let forbidden = 0
    const roots = ['Query', 'Mutation', 'Subscription']
    for (const type of Object.values(app.app.schema.getTypeMap())) {
      if (!isObjectType(type) || type.name.startsWith('__') || roots.includes(type.name)) continue
      for (const field of Object.values(type.getFields())) {
        let isClosed = false
        try {
          // A resolver that is let in fails for want of a source, which is not a refusal.
          await field.resolve?.(
            {},
            {},
            { caller, carillon: Object.create(null), sendBuffer: Object.create(null), remoteAddress: '' },
            Object.create(null),
          )
        } catch (error) {
          isClosed = error instanceof CarillonError && error.code === 'FORBIDDEN'
          if (isClosed) expect(String(error)).toMatch(/READ/)
        }
        if (isClosed) forbidden++
        const list = rules[type.name]
        if (list !== undefined)
          expect([type.name, field.name, isClosed]).toEqual([type.name, field.name, !list.includes(field.name)])
        if (closedTo[scope].includes(type.name)) expect([type.name, field.name, isClosed]).toEqual([type.name, field.name, true])
      }
    }
    expect(forbidden).toBeGreaterThan(100)
  })

  it('send: sees what became of what it sent, and gets no further from there', async () => {
    const own = await newShop(app, null)
    const { createApiKey } = await own.api.do(CreateApiKey, { name: 'sender', scopes: ['SEND'] })
    const sender = app.client(`Bearer ${createApiKey.secret}`)
    const contact = { externalId: 'ann', email: 'ann@example.com', firstName: 'Ann' }
    const { sendMessages } = await sender.do(Send, { messages: [{ transactionId: 'tx', template: 'order', contact }] })
    const id = sendMessages.results[0]?.notification?.id
    await until('its e-mail was sent', async () => {
      const { notification } = await own.api.do(GetNotification, { id: id ?? '' })
      return notification?.messages.some((message) => message.status === 'SENT')
    })
    const of = (selection: string) => sender.raw(`query ($id: ID!) { notification(id: $id) { ${selection} } }`, { id })
    expect(
      await of('id data transactionId contact { externalId } template { key } messages { id status history { at } }'),
    ).toEqual([])
    expect(
      await sender.raw('{ transaction(id: "tx") { status sent } viewer { scopes apiKey { name scopes } project { key } } }'),
    ).toEqual([])
    for (const selection of [
      'contact { email }',
      'contact { profile }',
      'contact { project { accessKey } }',
      'template { email { subject } }',
      'template { name }',
      'messages { ... on OutboundMessage { address } }',
      'messages { ... on OutboundMessage { provider { settings } } }',
      'messages { notification { contact { phone } } }',
      'messages { attempts { response } }',
    ]) {
      expect([selection, [...new Set(await of(selection))]]).toEqual([selection, ['FORBIDDEN']])
    }
    for (const query of [
      'mutation { setOnline(contact: "ann", isOnline: true) { isOnline } }',
      'mutation { setPreference(contact: "ann", enabled: false, channel: SMS) { templates { enabled } } }',
      'mutation { markAs(contact: "ann", all: {}, seen: true) { messages { body } } }',
      'mutation { revokeContactTokens(contact: "ann") { email } }',
      'mutation { createContactToken(contact: "ann") { token } }',
      '{ contact(externalId: "ann") { id } }',
      '{ notifications { totalCount } }',
      '{ templates { totalCount } }',
      '{ feed(contact: "ann") { totalCount } }',
    ]) {
      expect([query, [...new Set(await sender.raw(query))]]).toEqual([query, ['FORBIDDEN']])
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
      'Mutation.deleteMessages(messages)': feed.nodes[0]?.id,
      'Mutation.snoozeMessages(messages)': feed.nodes[0]?.id,
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
      // One of id and key is named; test/reports/own-id.test.ts tries the other one.
      if (at === 'Query.notification(key)') return undefined
      if (at === 'MessageInput.topic' || at.startsWith('Mutation.authenticate')) return undefined
      if (at === 'MessageInput.contact' || at === 'BroadcastInput.actor') return { externalId: whose }
      if (at.endsWith('(filter)')) return undefined
      if (/\((keys|contacts|feeds)\)$/.test(at) && type === 'ID') return [whose]
      return type === 'ID' ? whose : undefined
    }

  it('G10: what belongs to another project looks exactly like what is not there, at every root field', async () => {
    const isWaiting = (row: string): boolean => /"status": "(QUEUED|SENDING)"/.test(row)
    await until('nothing of it is waiting', async () => !(await rows()).some(isWaiting))
    const before = await rows()
    expect(before.length).toBeGreaterThan(10)
    const walked = fields.filter((field) => field.name !== 'authenticate' && !isOpen('operator', field.name))
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
  })

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
