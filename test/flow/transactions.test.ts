/** Everything that was sent to many is found, any caller's: by whom, to whom, and what became of it. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { DeleteTopics, Send, SubscribeToTopic, UpsertContacts, UpsertTopics } from '../helpers/operations.ts'
import { UpsertCampaigns, UpsertSegments } from '../helpers/operations-audience.ts'
import { Broadcast, CampaignRuns, GetTransaction, ListTransactions, Transaction } from '../helpers/operations-fanout.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const clock = createTestClock()
let app: TestApp
let project: TestProject
let stranger: TestProject

beforeAll(async () => {
  app = await startTestApp({ clock })
  project = await newShop(app, null)
  stranger = await newShop(app, null)
  await project.api.do(UpsertContacts, {
    contacts: times(6, (n) => ({
      externalId: `c${n}`,
      ...(n < 4 ? { email: `c${n}@example.com` } : {}),
      profile: { set: { n } },
    })),
  })
  await project.api.do(UpsertTopics, { topics: [{ key: 'news' }] })
  await project.api.do(SubscribeToTopic, { topic: 'news', contacts: ['c0', 'c1'] })
  await project.api.do(UpsertSegments, {
    segments: [{ key: 'first', where: { profile: { path: 'n', is: 'EQUALS', value: 0 } } }],
  })
})
afterAll(() => app.stop())

const list = async (filter: object = {}, page: object = {}) =>
  (await project.api.do(ListTransactions, { filter, ...page } as never)).transactions
const ids = async (filter: object) => (await list(filter)).nodes.map((one) => one.id)
const finished = (id: string) =>
  until('it is done', async () => ((await project.api.do(Transaction, { id })).transaction?.status === 'DONE' ? true : null))

it('lists broadcasts, messages to topics and runs of campaigns, with who began them', async () => {
  await project.api.do(Broadcast, { input: { template: 'order', transactionId: 'sale' } })
  await project.api.do(Send, {
    messages: [
      { template: 'note', topic: 'news', transactionId: 'issue-7', data: { n: '7' } },
      { template: 'note', contact: { externalId: 'c5' }, transactionId: 'issue-7', data: { n: '7' } },
    ],
  })
  const at = new Date(clock.now().getTime()).toISOString()
  await project.api.do(UpsertCampaigns, {
    campaigns: [{ key: 'welcome', dispatch: 'SEGMENT', template: 'note', segment: 'first', schedule: { at } }],
  })
  const run = await until('the campaign ran', async () => (await list({ kinds: ['CAMPAIGN'] })).nodes[0] ?? null)
  for (const id of ['sale', 'issue-7', run.id]) await finished(id)

  const { nodes } = await list()
  expect(nodes.map((one) => one.id)).toEqual([run.id, 'issue-7', 'sale'])
  const key = { kind: 'KEY', id: expect.any(String), name: expect.any(String) }
  expect(nodes).toMatchObject([
    {
      ...{
        kind: 'CAMPAIGN',
        by: { kind: 'SYSTEM', id: null, name: null },
        template: { key: 'note' },
        campaign: { key: 'welcome' },
      },
      audience: { kind: 'SEGMENT', topic: null, segment: { key: 'first' } },
      progress: { status: 'DONE', total: 1, sent: 1 },
    },
    {
      ...{ kind: 'BROADCAST', by: key, template: { key: 'note' }, campaign: null, sendAt: null },
      audience: { kind: 'TOPIC', topic: { key: 'news' }, segment: null },
      progress: { status: 'DONE', total: 3, sent: 3 },
    },
    {
      ...{ kind: 'BROADCAST', by: key, template: { key: 'order' }, campaign: null },
      audience: { kind: 'ALL', topic: null, segment: null },
      progress: {
        status: 'DONE',
        total: 6,
        stats: { count: 6, channels: [{ channel: 'IN_APP', sent: 6 }, { channel: 'EMAIL', sent: 4 }, {}] },
      },
    },
  ])
  expect(await ids({ by: nodes[1]?.by?.name, topic: 'news' })).toEqual(['issue-7'])
  expect(await ids({ segment: 'first', campaign: 'welcome', templates: ['note'] })).toEqual([run.id])
  expect(await ids({ statuses: ['DONE'], kinds: ['BROADCAST'] })).toEqual(['issue-7', 'sale'])
  expect(await ids({ statuses: ['ACCEPTED', 'RUNNING', 'CANCELED'] })).toEqual([])
  const { campaign } = await project.api.do(CampaignRuns, { key: 'welcome' })
  expect(campaign?.runs).toMatchObject({
    totalCount: 1,
    nodes: [{ id: run.id, by: { kind: 'SYSTEM' }, progress: { status: 'DONE' } }],
  })
  const second = await list({}, { first: 1, after: (await list({}, { first: 1 })).pageInfo.endCursor })
  expect(second).toMatchObject({ nodes: [{ id: 'issue-7' }], pageInfo: { hasNextPage: true } })
})

it('says of one transaction what it is, and counts its messages by channel and state', async () => {
  const sale = (await project.api.do(GetTransaction, { id: 'sale' })).transaction?.transaction
  expect(sale).toMatchObject({ id: 'sale', kind: 'BROADCAST', counts: { isWhole: true, notifications: 6 } })
  expect(sale?.counts.messages).toEqual(
    expect.arrayContaining([
      { channel: 'IN_APP', status: 'DELIVERED', count: 6 },
      { channel: 'EMAIL', status: 'SENT', count: 4 },
      { channel: 'EMAIL', status: 'SKIPPED', count: 2 },
      { channel: 'SMS', status: 'SKIPPED', count: 6 },
    ]),
  )
  expect(sale?.notifications).toMatchObject({ totalCount: 6, nodes: [{ transactionId: 'sale' }, { transactionId: 'sale' }] })
  await project.api.do(Send, {
    messages: [{ template: 'note', contact: { externalId: 'c1' }, transactionId: 'one', data: { n: 1 } }],
  })
  expect((await project.api.do(GetTransaction, { id: 'one' })).transaction).toMatchObject({
    status: 'DONE',
    transaction: {
      kind: 'CALL',
      by: null,
      template: { key: 'note' },
      campaign: null,
      audience: null,
      counts: { notifications: 1 },
    },
  })
  expect(await ids({})).not.toContain('one')
})

it('shows nothing of another project, and no topic that was deleted', async () => {
  expect((await stranger.api.do(ListTransactions, {})).transactions.nodes).toEqual([])
  expect((await stranger.api.do(GetTransaction, { id: 'sale' })).transaction).toBeNull()
  await project.api.do(DeleteTopics, { keys: ['news'] })
  const issue = (await list()).nodes.find((one) => one.id === 'issue-7')
  expect(issue?.audience).toEqual({ kind: 'TOPIC', topic: null, segment: null })
})

it('refuses kinds that are not listed, and cursors of others', async () => {
  const refusal = async (variables: object) => (await project.api.ask(ListTransactions, variables as never)).codes
  expect(await refusal({ filter: { kinds: ['CALL'] } })).toEqual(['BAD_INPUT'])
  expect(await refusal({ after: 'x.y' })).toEqual(['BAD_CURSOR'])
  expect(await refusal({ first: 101 })).toEqual(['BAD_INPUT'])
})
