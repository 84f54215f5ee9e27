/** Templates, topics and segments by the thousand, twice in one call, and by many callers at once. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../../generated/gql.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import type { Client } from '../helpers/client.ts'
import { DeleteTopics, GetTemplate, UpsertTemplates } from '../helpers/operations.ts'
import { DeleteSegments } from '../helpers/operations-audience.ts'
import { DeleteTemplates } from '../helpers/operations-digest.ts'
import { times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const UpsertTopics = graphql(`
  mutation NameTopics($topics: [TopicInput!]!) {
    upsertTopics(topics: $topics) { key name }
  }
`)
const StoreSegments = graphql(`
  mutation StoreSegments($segments: [SegmentInput!]!) {
    upsertSegments(segments: $segments) { key name where }
  }
`)

let app: TestApp
let other: TestApp
let project: TestProject
let callers: Client[]
beforeAll(async () => {
  app = await startTestApp()
  other = await app.another()
  project = await app.project()
  callers = [project.api, other.client(`Bearer ${project.apiKey}`)]
})
afterAll(() => app.stop())

const where = (value: number) => ({ profile: { path: 'n', is: 'EQUALS' as const, value } })
interface Kind {
  /** Upserts one of each key, with the content `n`. @returns key, name and content, as they are answered */
  write(api: Client, keys: readonly string[], name: string | undefined, n: number): Promise<unknown[][]>
  said(n: number): unknown
  remove(api: Client, keys: string[]): Promise<unknown>
}
const named = (keys: readonly string[], name: string | undefined) =>
  keys.map((key) => ({ key, ...(name === undefined ? {} : { name }) }))
const kinds: { readonly [table: string]: Kind } = {
  template: {
    async write(api, keys, name, n) {
      const templates = named(keys, name).map((one) => ({ ...one, inApp: [{ body: `says ${n}` }], sms: [{ body: 'b' }] }))
      const { upsertTemplates } = await api.do(UpsertTemplates, { templates })
      return upsertTemplates.map((one) => [one.key, one.name, one.inApp[0]?.body])
    },
    said: (n) => `says ${n}`,
    remove: (api, keys) => api.do(DeleteTemplates, { keys }),
  },
  topic: {
    async write(api, keys, name) {
      const { upsertTopics } = await api.do(UpsertTopics, { topics: named(keys, name) })
      return upsertTopics.map((one) => [one.key, one.name, null])
    },
    said: () => null,
    remove: (api, keys) => api.do(DeleteTopics, { keys }),
  },
  segment: {
    async write(api, keys, name, n) {
      const { upsertSegments } = await api.do(StoreSegments, {
        segments: named(keys, name).map((one) => ({ ...one, where: where(n) })),
      })
      return upsertSegments.map((one) => [one.key, one.name, one.where])
    },
    said: where,
    remove: (api, keys) => api.do(DeleteSegments, { keys }),
  },
}

/** Where ten calls wait for each other, the last ones may be told to come again. */
async function tryAgain<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes('"OVERLOADED"')) throw error
    }
  }
}

async function rows<T>(text: string, ...values: unknown[]): Promise<T[]> {
  return app.app.prisma.$queryRawUnsafe<T[]>(text, ...values)
}
describe.each(Object.entries(kinds))('%ss', (table, { write, said, remove }) => {
  /** Keys in the order in which they were made. */
  const keysOf = async (prefix: string): Promise<string[]> => {
    const text = `SELECT key FROM ${table} WHERE project_id = $1::uuid AND key LIKE $2 ORDER BY id`
    return (await rows<{ key: string }>(text, project.id, `${prefix}%`)).map((one) => one.key)
  }

  it('1,000 in a call are made in the order asked, and changed where they are there', async () => {
    // Not in the order of their keys.
    const keys = times(1_000, (n) => `k${(n * 7) % 1_000}`)
    expect(await write(project.api, keys, undefined, 1)).toEqual(keys.map((key) => [key, key, said(1)]))
    expect(await keysOf('k')).toEqual(keys)
    const more = [...times(500, (n) => `k-more${n}`), ...keys.slice(0, 500)]
    expect(await write(project.api, more, 'Named', 2)).toEqual(more.map((key) => [key, 'Named', said(2)]))
    expect(await write(project.api, keys, undefined, 3)).toEqual(keys.map((key, n) => [key, n < 500 ? 'Named' : key, said(3)]))
    expect(await keysOf('k')).toEqual([...keys, ...more.slice(0, 500)])
  })

  it('the same thousand keys in ten calls at once, in every order, through two servers: each call stands whole', async () => {
    const keys = times(997, (n) => `c${n}`)
    await write(project.api, keys.slice(0, 500), 'First', 0)
    const place = (key: string, n: number): number => (Number(key.slice(1)) * (n * 31 + 1)) % 997
    const calls = await Promise.all(
      times(10, async (n) => {
        const mine = keys.toSorted((a, b) => place(a, n) - place(b, n))
        const answer = await tryAgain(() => write(callers[n % 2] ?? project.api, mine, `Call ${n}`, n))
        return answer.map(([key]) => key).join() === mine.join()
      }),
    )
    expect(calls).toEqual(times(10, () => true))
    expect((await keysOf('c')).toSorted()).toEqual(keys.toSorted())
    // Not a row of one call, and a row of another.
    const last = await write(project.api, keys, undefined, 99)
    expect(new Set(last.map(([, name]) => name)).size).toBe(1)
    if (table !== 'template') return
    const versions = 'SELECT DISTINCT version FROM template WHERE project_id = $1::uuid AND key LIKE $2 ORDER BY version'
    expect(await rows(versions, project.id, 'c%')).toEqual([{ version: 11 }, { version: 12 }])
  })

  it('rows are locked in the order of their keys, whatever the order asked: a call that waits holds no lock that another needs', async () => {
    await write(project.api, ['a', 'm', 'z'], 'Before', 1)
    const holder = new pg.Client({ connectionString: app.databaseUrl })
    await holder.connect()
    try {
      const lock = `SELECT key FROM ${table} WHERE project_id = $1 AND key = $2 FOR UPDATE`
      await holder.query('BEGIN')
      await holder.query(lock, [project.id, 'm'])
      const calls = [
        write(project.api, ['a', 'm', 'z'], 'One', 2),
        write(project.api, ['z', 'y', 'm', 'a'], 'Two', 3),
        remove(project.api, ['z', 'm', 'a']),
      ]
      const waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
      await until('all three wait', async () => (await holder.query(waiting)).rowCount === calls.length)
      expect((await holder.query(`${lock} SKIP LOCKED`, [project.id, 'z'])).rows).toEqual([{ key: 'z' }])
      await holder.query('COMMIT')
      await Promise.all(calls)
    } finally {
      await holder.end()
    }
  })

  it('the same keys made and deleted at once: each call stands', async () => {
    const keys = times(97, (n) => `d${n}`)
    await Promise.all(
      times(30, (n) => {
        const mine = keys.toSorted((a, b) => ((Number(a.slice(1)) * (n + 1)) % 97) - ((Number(b.slice(1)) * (n + 1)) % 97))
        const api = callers[n % 2] ?? project.api
        return tryAgain<unknown>(() => (n % 3 === 0 ? remove(api, mine) : write(api, mine, `Call ${n}`, n)))
      }),
    )
    expect(await write(project.api, keys, 'Last', 7)).toEqual(keys.map((key) => [key, 'Last', said(7)]))
  })
})

it('what comes twice in a call is changed in order, and answered in its final state', async () => {
  const { upsertTemplates } = await project.api.do(UpsertTemplates, {
    templates: [
      {
        key: 'duplicate',
        name: 'One',
        critical: true,
        inApp: [{ body: 'a' }, { locale: 'de', body: 'b' }],
        sms: [{ body: 's' }],
      },
      { key: 'between' },
      { key: 'duplicate', name: 'Two', inApp: [{ locale: 'fr', body: 'c' }] },
    ],
  })
  const duplicate = { key: 'duplicate', name: 'Two', critical: true, inApp: [{ locale: 'fr', body: 'c' }], sms: [{ body: 's' }] }
  expect(upsertTemplates).toMatchObject([duplicate, { key: 'between' }, duplicate])
  await project.api.do(UpsertTemplates, {
    templates: [
      { key: 'duplicate', critical: null },
      { key: 'duplicate', sms: null, name: null },
    ],
  })
  expect((await project.api.do(GetTemplate, { key: 'duplicate' })).template).toMatchObject({
    ...{ name: 'duplicate', critical: false, channels: ['IN_APP'], inApp: [{ locale: 'fr', body: 'c' }] },
  })
  const version = 'SELECT version FROM template WHERE project_id = $1::uuid AND key = $2'
  // A call makes one version of it.
  expect(await rows(version, project.id, 'duplicate')).toEqual([{ version: 2 }])

  const { upsertTopics } = await project.api.do(UpsertTopics, {
    topics: [{ key: 'duplicate', name: 'One' }, { key: 'duplicate' }],
  })
  expect(upsertTopics).toMatchObject([{ name: 'One' }, { name: 'One' }])
  const { upsertSegments } = await project.api.do(StoreSegments, {
    segments: [
      { key: 'duplicate', where: where(1) },
      { key: 'duplicate', name: 'Two' },
      { key: 'duplicate', where: where(2) },
    ],
  })
  expect(upsertSegments).toMatchObject(times(3, () => ({ name: 'Two', where: where(2) })))
})

it('a segment without a condition is refused with its index, and nothing of the call is stored', async () => {
  await project.api.do(StoreSegments, { segments: [{ key: 'there', where: where(1) }] })
  const segments = [
    { key: 'there', name: 'Renamed' },
    { key: 'new', where: where(1) },
    { key: 'new', name: 'N' },
    { key: 'bare' },
  ]
  const { errors } = await project.api.ask(StoreSegments, { segments })
  expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_INPUT', index: 3, field: 'where' })
  const stored = "SELECT key, name FROM segment WHERE project_id = $1::uuid AND key IN ('there', 'new', 'bare')"
  expect(await rows(stored, project.id)).toEqual([{ key: 'there', name: 'there' }])
})
