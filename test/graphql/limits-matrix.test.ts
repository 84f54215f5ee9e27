/** The limits of lists, generated from the schema: every list that a mutation takes, empty, full, and with one item too many. */
import { getNullableType, isListType } from 'graphql'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { ConfigureProviders, UpsertContacts, UpsertTopics } from '../helpers/operations.ts'
import { rowsOf } from '../helpers/project-rows.ts'
import { documentOf, printedSchema, rootFields } from '../helpers/root-fields.ts'
import { newShop, times } from '../helpers/setup.ts'

interface Row {
  /** 1,000 where it is left out */
  readonly max?: number
  /** the item at a place, the same at no other */
  readonly item: (n: number) => unknown
  /** what else the mutation takes, by the name of the argument */
  readonly more?: Readonly<Record<string, unknown>>
  /** what a full list is answered with; default: no error */
  readonly full?: readonly string[]
  /** no items mean something here */
  readonly mayBeEmpty?: boolean
}

const uuid = (n: number): string => `0199c1de-0000-7000-8000-${String(n).padStart(12, '0')}`
const key = (n: number): { key: string } => ({ key: `k${n}` })
const phoneNumber = (n: number): string => `+1500555${String(n).padStart(4, '0')}`

/** One row for each list argument of a mutation. */
const rows: Readonly<Record<string, Row>> = {
  'sendMessages(messages)': { max: 100, item: (n) => ({ template: 'note', contact: { externalId: `c${n}` } }) },
  'createApiKey(scopes)': { max: 4, item: (n) => ['SEND', 'READ', 'MANAGE', 'KEYS'][n] ?? 'SEND', more: { name: 'x' } },
  'retryMessages(messages)': { item: uuid },
  'upsertContacts(contacts)': { item: (n) => ({ externalId: `c${n}` }) },
  'deleteContacts(contacts)': { item: (n) => ({ externalId: `none-${n}` }) },
  'deleteContacts(addresses)': { item: (n) => `a${n}@example.com` },
  'setCredentials(deviceTokens)': {
    item: (n) => `token-${n}`,
    more: { contact: 'c0', provider: 'push' },
    mayBeEmpty: true,
  },
  'addSuppressions(suppressions)': { item: (n) => ({ channel: 'EMAIL', address: `a${n}@example.com` }) },
  'markAs(messages)': { item: uuid, more: { contact: 'c0', seen: true }, full: ['NOT_FOUND'] },
  'deleteMessages(messages)': { item: uuid, more: { contact: 'c0' }, full: ['NOT_FOUND'] },
  'snoozeMessages(messages)': { item: uuid, more: { contact: 'c0' }, full: ['NOT_FOUND'] },
  'trackEvents(events)': { item: (n) => ({ name: `e${n}`, contact: 'c0' }) },
  'upsertTemplates(templates)': { item: (n) => ({ ...key(n), inApp: [{ body: 'Hi' }] }) },
  'deleteTemplates(keys)': { item: (n) => `none-${n}` },
  'upsertCampaigns(campaigns)': { item: (n) => ({ ...key(n), name: 'C', dispatch: 'API', template: 'note' }) },
  'deleteCampaigns(keys)': { item: (n) => `none-${n}` },
  'upsertSegments(segments)': { item: (n) => ({ ...key(n), where: { profile: { path: 'x', is: 'EXISTS' } } }) },
  'deleteSegments(keys)': { item: (n) => `none-${n}` },
  'upsertTopics(topics)': { item: key },
  'deleteTopics(keys)': { item: (n) => `none-${n}` },
  'subscribeToTopic(contacts)': { item: (n) => `c${n}`, more: { topic: 'news' } },
  'unsubscribeFromTopic(contacts)': { item: (n) => `c${n}`, more: { topic: 'news' } },
  'configureProviders(providers)': { item: (n) => ({ ...key(n), channel: 'SMS', kind: 'capture', settings: {} }) },
  'deleteProviders(keys)': { item: (n) => `none-${n}` },
  'triggerCampaign(recipients)': { item: (n) => ({ userId: `c${n}` }), more: { campaign: 'none' }, full: ['NOT_FOUND'] },
  'sendText(recipients)': { item: (n) => ({ phoneNumber: phoneNumber(n) }), more: { type: 'SMS', body: 'Hi' } },
  'sendAlimtalk(recipients)': {
    item: (n) => ({ phoneNumber: phoneNumber(n) }),
    more: { templateCode: 'none' },
    full: ['CHANNEL_NOT_CONFIGURED'],
  },
  'sendFriendtalk(recipients)': {
    item: (n) => ({ phoneNumber: phoneNumber(n), text: 'Hi' }),
    full: ['CHANNEL_NOT_CONFIGURED'],
  },
}

/** The lists that there are: `name(arg)`, read off the printed schema, because tests are named before anything runs. */
const lists = rootFields(printedSchema())
  .filter((field) => field.kind === 'mutation')
  .flatMap((field) =>
    field.args
      .filter((arg) => isListType(getNullableType(arg.type)))
      .map((arg) => ({ field, arg, name: `${field.name}(${arg.name})` })),
  )

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

async function prepared(): Promise<TestProject> {
  const project = await newShop(app, null)
  await project.api.do(UpsertContacts, { contacts: times(1_000, (n) => ({ externalId: `c${n}` })) })
  await project.api.do(UpsertTopics, { topics: [{ key: 'news' }] })
  await project.api.do(ConfigureProviders, { providers: [{ key: 'push', channel: 'PUSH', kind: 'capture' }] })
  return project
}

it('X-03: no list that a mutation takes is missing here', () => {
  expect(lists.length).toBeGreaterThan(15)
  expect(lists.map((list) => list.name).filter((name) => rows[name] === undefined)).toEqual([])
})

const titles: Readonly<Record<string, string>> = {
  'sendMessages(messages)': 'X-03, N1-10, N1-11, NV-41, B7-01',
  'upsertContacts(contacts)': 'X-03, N1-65, N2-12, LY-23, B7-07',
  'deleteContacts(contacts)': 'X-03, LY-32, B7-07',
  'triggerCampaign(recipients)': 'X-03, LY-77',
  'sendText(recipients)': 'X-03, LY-86, B7-07',
  'sendAlimtalk(recipients)': 'X-03, LY-92, B7-07',
  'sendFriendtalk(recipients)': 'X-03, LY-104, B7-07',
}

it.each(lists.map((list) => ({ ...list, ids: titles[list.name] ?? 'X-03' })))(
  '$ids: $name takes as many as it says, one more is BATCH_TOO_LARGE and does nothing, none is BAD_INPUT',
  async ({ field, arg, name }) => {
    const { max = 1_000, item, more = {}, full = [], mayBeEmpty = false } = rows[name] ?? { item: () => null }
    const project = await prepared()
    const ask = (list: readonly unknown[]) => {
      const { document, variables } = documentOf(app.app.schema, field, (at) => {
        const given = /\((\w+)\)$/.exec(at)?.[1]
        return given === undefined ? undefined : given === arg.name ? list : more[given]
      })
      return project.api.ask(document, variables)
    }
    const before = await rowsOf(app.databaseUrl, project.id)
    const over = await ask(times(max + 1, item))
    expect(over.codes).toEqual(['BATCH_TOO_LARGE'])
    expect(over.errors[0]?.extensions).toMatchObject({ max, got: max + 1 })
    expect(over.data ?? null).toBeNull()
    if (!mayBeEmpty) expect((await ask([])).codes).toEqual(['BAD_INPUT'])
    expect(await rowsOf(app.databaseUrl, project.id)).toEqual(before)
    expect(arg.description + (app.app.schema.getMutationType()?.getFields()[field.name]?.description ?? '')).toContain(
      max.toLocaleString('en'),
    )
    expect((await ask(times(max, item))).codes).toEqual(full)
  },
  60_000,
)
