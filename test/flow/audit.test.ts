/** The audit log: what every operation leaves in it, and what nobody can do to it. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isOperation, permissions } from '../../src/domain/permission.ts'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { contains, examples } from '../helpers/audited.ts'
import type { Client } from '../helpers/client.ts'
import {
  Authenticate,
  ConfigureProviders,
  CreateApiKey,
  DeleteContacts,
  ListApiKeys,
  RotateSecretKey,
  Send,
  UpdateProject,
  UpsertContacts,
  UpsertTemplates,
  UpsertTopics,
} from '../helpers/operations.ts'
import { UpsertCampaigns, UpsertSegments } from '../helpers/operations-audience.ts'
import { AuditLog, RotateAll, SetAuditRetention } from '../helpers/operations-audit.ts'
import { rowsOf } from '../helpers/project-rows.ts'
import { times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const where = { profile: { path: 'locale', is: 'EXISTS' as const } }
const DAY = 24 * 3_600_000
const clock = createTestClock()
let app: TestApp
let sql: pg.Client
beforeAll(async () => {
  app = await startTestApp({ clock, pruneMs: 50 })
  sql = new pg.Client({ connectionString: app.databaseUrl })
  await sql.connect()
})
afterAll(async () => {
  await sql.end()
  await app.stop()
})

const entriesOf = async (client: Client, filter = {}) =>
  (await client.do(AuditLog, { filter, first: 100 })).auditLog.nodes.toReversed()
/** The entries of all projects, as the table has them. */
const countAll = async (): Promise<number> =>
  (await sql.query<{ n: number }>('SELECT count(*)::int AS n FROM audit_entry')).rows[0]?.n ?? 0
/** A project without entries of its own, as those of its creation are removed. */
const rowsAfter = async (count: number) =>
  (
    await sql.query<{
      operation: string
      kind: string
      key: string | null
      before: unknown
      after: unknown
      actor_kind: string
      actor_id: string | null
      actor_name: string | null
      remote_address: string | null
    }>(
      `SELECT operation, target_kind AS kind, target_key AS key, before, after, actor_kind, actor_id, actor_name, remote_address
        FROM audit_entry ORDER BY id OFFSET $1`,
      [count],
    )
  ).rows

describe.each(Object.entries(examples))('%s', (operation, prepare) => {
  let project: TestProject
  let by: Client
  let isOperators: boolean
  let keyId: string
  let example: Awaited<ReturnType<typeof prepare>>
  let count: number
  beforeAll(async () => {
    project = await app.project()
    const required: readonly unknown[] = isOperation(operation) ? permissions[operation] : []
    isOperators = required.includes('operator')
    by = isOperators ? app.operator : project.api
    keyId = (await project.api.do(ListApiKeys, {})).apiKeys[0]?.id ?? ''
    example = await prepare(app, project)
    count = await countAll()
  })

  it('changes nothing if its entry can not be written', async () => {
    const before = [...(await rowsOf(app.databaseUrl, project.id)), await app.app.prisma.project.count()]
    await sql.query('ALTER TABLE audit_entry ADD CONSTRAINT full_disk CHECK (false) NOT VALID')
    try {
      await expect(
        example.act(by).then((answer) => (hasErrors(answer) ? Promise.reject(new Error('refused')) : answer)),
      ).rejects.toThrow()
    } finally {
      await sql.query('ALTER TABLE audit_entry DROP CONSTRAINT full_disk')
    }
    expect([...(await rowsOf(app.databaseUrl, project.id)), await app.app.prisma.project.count()]).toEqual(before)
  })

  it('leaves one entry for each object that it changes: who, from where, what, before and after', async () => {
    await example.act(by)
    const rows = await rowsAfter(count)
    const who = isOperators
      ? { actor_kind: 'OPERATOR', actor_id: null, actor_name: null }
      : { actor_kind: 'KEY', actor_id: keyId, actor_name: 'first' }
    for (const row of rows) expect(row).toMatchObject({ ...who, operation, remote_address: '127.0.0.1' })
    const shown = rows
      .map(({ kind, key: target, before, after }) => ({ kind, key: target, before, after }))
      .sort((a, b) => (`${a.kind}${a.key}` < `${b.kind}${b.key}` ? -1 : 1))
    expect(shown.map((row, index) => (contains(row, example.leaves[index]) ? example.leaves[index] : row))).toEqual(
      example.leaves,
    )
  })

  it('leaves nothing where it changes nothing', async () => {
    if (example.isRepeatable) return
    const known = await countAll()
    await example.act(by)
    expect(await rowsAfter(known)).toEqual([])
  })
})

const hasErrors = (answer: unknown): boolean =>
  typeof answer === 'object' && answer !== null && 'errors' in answer && Array.isArray(answer.errors) && answer.errors.length > 0

describe('what is refused', () => {
  it('leaves nothing, when the last of a batch is invalid', async () => {
    const { api } = await app.project()
    const count = await countAll()
    const answers = await Promise.all([
      api.ask(UpsertTemplates, {
        templates: [
          { key: 'a', inApp: [{ body: 'x' }] },
          { key: '', inApp: [{ body: 'x' }] },
        ],
      }),
      api.ask(UpsertTopics, { topics: [{ key: 'a' }, { key: '' }] }),
      api.ask(UpsertSegments, { segments: [{ key: 'a', where }, { key: 'b' }] }),
      api.ask(ConfigureProviders, {
        providers: [
          { key: 'a', channel: 'SMS', kind: 'capture', settings: {} },
          { key: 'b', channel: 'SMS', kind: 'smtp', settings: {} },
        ],
      }),
      api.ask(UpdateProject, { input: { name: 'New', timezone: 'Nowhere' } }),
      api.ask(SetAuditRetention, { days: 29 }),
      api.ask(SetAuditRetention, { days: 3661 }),
    ])
    expect(answers.map(({ codes }) => codes.length)).toEqual(answers.map(() => 1))
    expect(await countAll()).toBe(count)
  })

  it('leaves nothing, when the credential does not reach that far', async () => {
    const project = await app.project()
    const page = await project.page('ann')
    const { authenticate } = await app.anonymous.do(Authenticate, { accessKey: project.accessKey, secretKey: project.secretKey })
    const count = await countAll()
    expect((await page.ask(UpsertTopics, { topics: [{ key: 'a' }] })).codes).toEqual(['FORBIDDEN'])
    expect((await app.anonymous.ask(UpsertTopics, { topics: [{ key: 'a' }] })).codes).toEqual(['UNAUTHENTICATED'])
    expect((await app.client(authenticate.token).ask(CreateApiKey, { name: 'mine' })).codes).toEqual(['FORBIDDEN'])
    expect(await countAll()).toBe(count)
  })
})

describe('who', () => {
  it('is the access token, by its kind alone', async () => {
    const project = await app.project()
    const { authenticate } = await app.anonymous.do(Authenticate, { accessKey: project.accessKey, secretKey: project.secretKey })
    await app.client(authenticate.token).do(UpsertTopics, { topics: [{ key: 'a' }] })
    expect((await entriesOf(project.api)).at(-1)).toMatchObject({
      operation: 'upsertTopics',
      actor: { kind: 'TOKEN', id: null, name: null, email: null },
      target: { kind: 'TOPIC', key: 'a' },
    })
  })
})

describe('a rotation that revokes the other keys', () => {
  it('leaves an entry for each of them', async () => {
    const { api } = await app.project()
    await api.do(CreateApiKey, { name: 'second' })
    const count = await countAll()
    await api.do(RotateAll, {})
    const rows = await rowsAfter(count)
    expect(rows.map(({ operation, kind, key }) => [operation, kind, key])).toEqual([
      ['rotateSecretKey', 'API_KEY', 'second'],
      ['rotateSecretKey', 'PROJECT', expect.any(String)],
    ])
    expect(rows[1]?.after).toMatchObject({ secretKey: 'changed', accessTokens: 'revoked' })
  })
})

describe('changes of one object at once', () => {
  const makers: Readonly<Record<string, (api: Client, n: number) => Promise<unknown>>> = {
    'a template': (api, n) => api.do(UpsertTemplates, { templates: [{ key: 'one', name: `${n}`, inApp: [{ body: `${n}` }] }] }),
    'a topic': (api, n) => api.do(UpsertTopics, { topics: [{ key: 'one', name: `${n}` }] }),
    'a segment': (api, n) => api.do(UpsertSegments, { segments: [{ key: 'one', name: `${n}`, where }] }),
    'a campaign': (api, n) => api.do(UpsertCampaigns, { campaigns: [{ key: 'one', name: `${n}`, template: 'welcome' }] }),
    'a provider': (api, n) =>
      api.do(ConfigureProviders, { providers: [{ key: 'one', channel: 'SMS', kind: 'capture', settings: {}, priority: n }] }),
    'the project': (api, n) => api.do(UpdateProject, { input: { name: `${n}` } }),
  }
  it.each(Object.entries(makers))('leave entries each of which begins where the one before ended: %s', async (_what, make) => {
    const project = await app.project()
    await project.api.do(UpsertTemplates, { templates: [{ key: 'welcome', inApp: [{ body: 'x' }] }] })
    const count = await countAll()
    await Promise.all(times(20, (index) => make(project.api, index + 1)))
    const rows = await rowsAfter(count)
    expect(rows).toHaveLength(20)
    for (const [index, row] of rows.entries()) if (index > 0) expect(row.before).toEqual(rows[index - 1]?.after)
  })

  it('leave one entry for one contact that is erased by several calls', async () => {
    const project = await app.project()
    await project.api.do(UpsertContacts, { contacts: [{ externalId: 'ann' }] })
    await Promise.all(times(5, () => project.api.do(DeleteContacts, { contacts: [{ externalId: 'ann' }] })))
    expect(await entriesOf(project.api, { operations: ['deleteContacts'] })).toHaveLength(1)
  })
})

describe('the table', () => {
  it('takes no UPDATE, DELETE or TRUNCATE', async () => {
    await app.project()
    const before = (await sql.query('SELECT * FROM audit_entry ORDER BY id')).rows
    expect(before.length).toBeGreaterThan(0)
    for (const statement of [
      `UPDATE audit_entry SET actor_name = 'nobody'`,
      'UPDATE audit_entry SET at = at',
      'DELETE FROM audit_entry',
      'TRUNCATE audit_entry',
      'TRUNCATE project CASCADE; TRUNCATE audit_entry',
    ]) {
      // TRUNCATE may meet the server's own statements, in another order of locks: then one of them is chosen to fail.
      const refused = async (): Promise<string> => {
        const message = await sql.query(statement).then(
          () => 'done',
          (error: Error) => error.message,
        )
        return message.includes('deadlock') ? refused() : message
      }
      expect(await refused(), statement).toContain('append-only')
    }
    await expect(sql.query(`BEGIN; SET LOCAL carillon.pruning = 'on'; UPDATE audit_entry SET at = at`)).rejects.toThrow(
      'append-only',
    )
    await sql.query('ROLLBACK')
    expect((await sql.query('SELECT * FROM audit_entry ORDER BY id')).rows).toEqual(before)
  })

  it('holds no secret, and nothing of people', async () => {
    const project = await app.project()
    const { api } = project
    const { createApiKey } = await api.do(CreateApiKey, { name: 'second' })
    const { rotateSecretKey } = await api.do(RotateSecretKey, {})
    const whsec = (text: string): string => `whsec_${Buffer.from(text.padEnd(32, '-')).toString('base64')}`
    const configure = (n: number) =>
      api.do(ConfigureProviders, {
        providers: [
          {
            key: 'mail',
            channel: 'EMAIL',
            kind: 'smtp',
            settings: { host: 'mail.example.com', from: 'a@example.com', user: 'sender', password: `hush-${n}-password` },
          },
          {
            key: 'hook',
            channel: 'WEBHOOK',
            kind: 'webhook',
            settings: {
              url: `https://hooks.example.com/hush-${n}-path?token=hush-${n}-token`,
              secret: whsec(`hush-${n}-signing`),
              authorization: `Bearer hush-${n}-bearer`,
              headers: { 'x-api-key': `hush-${n}-header` },
            },
          },
        ],
      })
    await configure(1)
    await configure(2)
    await configure(2)
    await api.do(UpsertTemplates, { templates: [{ key: 'note', inApp: [{ body: 'Hi' }] }] })
    await api.do(UpsertContacts, { contacts: [{ externalId: 'hush-contact', email: 'hush@example.com', phone: '+15005550009' }] })
    await api.do(Send, { messages: [{ template: 'note', contact: { externalId: 'hush-contact' } }] })
    await api.do(DeleteContacts, { contacts: [{ email: 'hush@example.com' }] })
    const dump = JSON.stringify((await sql.query('SELECT * FROM audit_entry')).rows)
    for (const secret of [
      'hush',
      Buffer.from('hush').toString('base64'),
      'sealed:',
      '15005550009',
      ...[project.apiKey, project.secretKey, createApiKey.secret, rotateSecretKey.secretKey].map((one) => one.slice(10)),
    ]) {
      expect(dump).not.toContain(secret)
    }
    const providers = await entriesOf(api, { targetKinds: ['PROVIDER'] })
    expect(providers.map(({ target, before, after }) => [target.key, settingsIn(before), settingsIn(after)])).toEqual([
      ['mail', undefined, expect.objectContaining({ host: 'mail.example.com', user: 'sender', password: 'set' })],
      [
        'hook',
        undefined,
        { url: 'https://hooks.example.com/…', secret: 'set', authorization: 'set', headers: { 'x-api-key': 'set' } },
      ],
      ['mail', expect.objectContaining({ password: 'set' }), expect.objectContaining({ password: 'changed' })],
      [
        'hook',
        { url: 'https://hooks.example.com/…', secret: 'set', authorization: 'set', headers: { 'x-api-key': 'set' } },
        {
          url: 'https://hooks.example.com/… (changed)',
          secret: 'changed',
          authorization: 'changed',
          headers: { 'x-api-key': 'changed' },
        },
      ],
    ])
  })

  it('holds states of at most 16 KB; longer ones that differ still do', async () => {
    const { api } = await app.project()
    const locales = ['en', 'de', 'fr', 'ko', 'ja', 'es', 'it', 'pt', 'nl', 'pl']
    const long = (end: string) => {
      const email = locales.map((locale) => ({ locale, subject: 'x', text: 'y'.repeat(9_000) + end }))
      return api.do(UpsertTemplates, {
        templates: [{ key: 'long', email, dataSchema: { description: 'z'.repeat(20_000) + end } }],
      })
    }
    await long('1')
    await long('2')
    await long('2')
    const entries = await entriesOf(api, { target: 'long' })
    expect(entries).toHaveLength(2)
    const { rows } = await sql.query<{ bytes: number }>(
      `SELECT max(octet_length(after::text)) AS bytes FROM audit_entry WHERE target_key = 'long'`,
    )
    expect(rows[0]?.bytes).toBeLessThan(20_000)
    expect(entries[1]?.before).toEqual(entries[0]?.after)
    expect(entries[1]?.after).not.toEqual(entries[1]?.before)
  })
})

describe('auditLog', () => {
  it('is filtered by who, what and when, and paged from the newest', async () => {
    const project = await app.project()
    const { api } = project
    const { createApiKey } = await api.do(CreateApiKey, { name: 'deploy' })
    const deploy = app.client(`Bearer ${createApiKey.secret}`)
    for (const n of times(5, (index) => index)) await deploy.do(UpsertTopics, { topics: [{ key: `t${n}` }] })
    clock.advance(1000)
    const noon = clock.now()
    clock.advance(1000)
    await api.do(UpdateProject, { input: { name: 'Later' } })
    const keys = async (filter: object) => (await entriesOf(api, filter)).map(({ target }) => target.key)
    const topics = ['t0', 't1', 't2', 't3', 't4']
    expect(await keys({ actor: 'deploy' })).toEqual(topics)
    expect(await keys({ actor: createApiKey.apiKey.id })).toEqual(topics)
    expect(await keys({ actor: 'nobody' })).toEqual([])
    expect(await keys({ actorKinds: ['OPERATOR'] })).toEqual([project.key, 'first'])
    expect(await keys({ operations: ['upsertTopics', 'updateProject'] })).toEqual([...topics, project.key])
    expect(await keys({ targetKinds: ['API_KEY'] })).toEqual(['first', 'deploy'])
    expect(await keys({ target: 't3' })).toEqual(['t3'])
    expect(await keys({ target: project.id })).toEqual([project.key, project.key])
    expect(await keys({ from: noon.toISOString() })).toEqual([project.key])
    expect(await keys({ to: noon.toISOString(), actor: 'first' })).toEqual(['deploy'])
    expect((await api.ask(AuditLog, { filter: { operations: ['sendMessages'] } })).codes).toEqual(['BAD_INPUT'])

    const first = (await api.do(AuditLog, { filter: { actor: 'deploy' }, first: 2 })).auditLog
    expect(first.totalCount).toBe(5)
    expect(first.nodes.map(({ target }) => target.key)).toEqual(['t4', 't3'])
    const after = first.pageInfo.endCursor
    const second = (await api.do(AuditLog, { filter: { actor: 'deploy' }, first: 2, after })).auditLog
    expect(second.nodes.map(({ target }) => target.key)).toEqual(['t2', 't1'])
    const other = await app.project()
    expect((await other.api.ask(AuditLog, { after })).codes).toEqual(['BAD_CURSOR'])
    expect((await entriesOf(other.api)).map(({ operation }) => operation)).toEqual(['createProject', 'createProject'])
  })
})

describe('retention', () => {
  it('is 400 days, or what the project says; the log of a deleted project goes with the default', async () => {
    const [usual, short, gone] = await Promise.all([app.project(), app.project(), app.project()])
    await short.api.do(SetAuditRetention, { days: 30 })
    await app.app.prisma.project.delete({ where: { id: gone.id } })
    const left = async ({ id }: TestProject): Promise<number> => app.app.prisma.auditEntry.count({ where: { projectId: id } })
    expect(await Promise.all([usual, short, gone].map(left))).toEqual([2, 3, 2])
    clock.advance(31 * DAY)
    await until('the short log is empty', async () => (await left(short)) === 0)
    expect(await Promise.all([usual, gone].map(left))).toEqual([2, 2])
    await usual.api.do(UpsertTopics, { topics: [{ key: 'a' }] })
    clock.advance(370 * DAY)
    await until('the old ones are gone', async () => (await left(gone)) === 0 && (await left(usual)) === 1)
    expect((await usual.api.do(SetAuditRetention, { days: null })).updateProject.auditRetentionDays).toBe(400)
  })
})

const settingsIn = (state: unknown): unknown =>
  typeof state === 'object' && state !== null && 'settings' in state ? state.settings : undefined
