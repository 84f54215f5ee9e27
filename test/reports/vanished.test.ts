/** What is deleted while it is read. */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createErrorPresenter } from '../../src/graphql/errors.ts'
import { silentLog } from '../../src/log.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { ConfigureProviders, Send, UpsertContacts, UpsertTemplates } from '../helpers/operations.ts'

let app: TestApp
let other: pg.Client
beforeAll(async () => {
  app = await startTestApp()
  other = new pg.Client({ connectionString: app.databaseUrl })
  await other.connect()
})
afterAll(async () => {
  await other.end()
  await app.stop()
})

/** A project with a row of each kind. */
async function full(): Promise<TestProject> {
  const project = await app.project()
  const { api } = project
  await api.do(ConfigureProviders, {
    providers: [
      { key: 'mail', channel: 'EMAIL', kind: 'capture', settings: {} },
      { key: 'apps', channel: 'PUSH', kind: 'capture', settings: {} },
    ],
  })
  await api.do(UpsertTemplates, { templates: [{ key: 't', inApp: [{ body: 'b' }], email: [{ subject: 's', text: 't' }] }] })
  await api.do(UpsertContacts, { contacts: [{ externalId: 'ana', email: 'ana@example.com' }, { externalId: 'ben' }] })
  expect(await api.raw('mutation { upsertTopics(topics: [{ key: "news" }, { key: "gone" }]) { key } }')).toEqual([])
  for (const key of ['news', 'gone'])
    expect(await api.raw(`mutation { subscribeToTopic(topic: "${key}", contacts: ["ana", "ben"]) { key } }`)).toEqual([])
  expect(
    await api.raw('mutation { setCredentials(contact: "ana", provider: "apps", deviceTokens: ["token"]) { __typename } }'),
  ).toEqual([])
  await api.do(Send, { messages: [{ template: 't', contact: { externalId: 'ana' }, actor: { externalId: 'ben' } }] })
  return project
}

/** Asks, and deletes once the read waits for a table, so between two of its statements. */
async function askWhile(
  project: TestProject,
  query: string,
  table: string,
  deletion: string,
): Promise<{ data: unknown; codes: string[] }> {
  await other.query('BEGIN')
  await other.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`)
  const asking = fetch(`${app.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${project.apiKey}` },
    body: JSON.stringify({ query }),
  })
  await expect
    .poll(
      async () =>
        (await other.query(`SELECT count(*)::int AS count FROM pg_locks WHERE relation = '${table}'::regclass AND NOT granted`))
          .rows[0]?.count,
    )
    .toBeGreaterThan(0)
  await other.query(deletion, [project.id])
  await other.query('COMMIT')
  const { data, errors = [] } = (await (await asking).json()) as {
    data: unknown
    errors?: { message: string; extensions: { code: string } }[]
  }
  return { data, codes: errors.map((one) => one.extensions.code) }
}

it.each<[string, string, string, string, unknown]>([
  [
    'a topic of contacts',
    '{ contacts { nodes { externalId topics { key } } } }',
    'topic',
    "DELETE FROM topic WHERE project_id = $1 AND key = 'gone'",
    {
      contacts: {
        nodes: [
          { externalId: 'ana', topics: [{ key: 'news' }] },
          { externalId: 'ben', topics: [{ key: 'news' }] },
        ],
      },
    },
  ],
  [
    'a topic of one contact',
    '{ contact(externalId: "ana") { topics { key } } }',
    'topic',
    "DELETE FROM topic WHERE project_id = $1 AND key = 'gone'",
    { contact: { topics: [{ key: 'news' }] } },
  ],
  [
    'the provider of a credential',
    '{ contacts { nodes { externalId credentials { provider } } } }',
    'provider',
    "DELETE FROM provider WHERE project_id = $1 AND key = 'apps'",
    {
      contacts: {
        nodes: [
          { externalId: 'ana', credentials: [] },
          { externalId: 'ben', credentials: [] },
        ],
      },
    },
  ],
  [
    'the messages of a notification',
    '{ notifications { nodes { template { key } messages { channel } } } }',
    'message',
    'DELETE FROM notification WHERE project_id = $1',
    null,
  ],
  [
    'the contact of a notification',
    '{ notifications { nodes { template { key } contact { externalId } actor { externalId } } } }',
    'contact',
    'UPDATE notification SET actor_id = NULL WHERE project_id = $1',
    null,
  ],
])('%s: left out, never INTERNAL', async (_title, query, table, deletion, expected) => {
  const project = await full()
  const { data, codes } = await askWhile(project, query, table, deletion)
  expect(codes).toEqual([])
  if (expected !== null) expect(data).toEqual(expected)
})

it('says NOT_FOUND where a row that is read further is gone', () => {
  const present = createErrorPresenter(silentLog, false)
  const gone = Object.assign(new Error('No record was found for a query.'), { code: 'P2025' })
  expect(present(gone).extensions).toEqual({ code: 'NOT_FOUND' })
})
