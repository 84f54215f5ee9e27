/** An erasure meets work that is under way: whatever comes first, nothing that names the person is left afterwards. */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { dumpOf } from '../helpers/dump.ts'
import { ConfigureProviders, Send, UpsertContacts, UpsertTemplates } from '../helpers/operations.ts'
import { TriggerCampaign, UpsertCampaigns } from '../helpers/operations-audience.ts'
import { Erase } from '../helpers/operations-erase.ts'
import { Broadcast } from '../helpers/operations-fanout.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, startProcess } from '../helpers/process.ts'
import { times } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { killTree } from '../helpers/tree.ts'
import { until } from '../helpers/until.ts'

const clock = createTestClock()
let app: TestApp
let smtp: SmtpSink
beforeAll(async () => {
  app = await startTestApp({ clock })
  smtp = await startSmtp()
})
afterAll(async () => {
  await app.stop()
  await smtp.close()
})

const traces = async (): Promise<string[]> =>
  (await dumpOf(app.app.prisma)).flatMap((line) => {
    const at = /zebulon|quatermass/i.exec(line)?.index
    return at === undefined ? [] : [`${line.slice(0, line.indexOf(':'))}: ${line.slice(Math.max(0, at - 60), at + 40)}`]
  })

async function newShop(): Promise<TestProject> {
  const project = await app.project()
  await project.api.do(ConfigureProviders, {
    providers: [
      {
        key: 'mail',
        channel: 'EMAIL',
        kind: 'smtp',
        settings: { host: '127.0.0.1', port: smtp.port, from: 'Shop <shop@example.com>', tlsVerify: false },
      },
    ],
  })
  await project.api.do(UpsertTemplates, {
    templates: [
      {
        key: 'mail',
        email: [{ subject: 'Hi {{ firstName }}', text: '{{ actor.firstName }}' }],
        inApp: [{ body: '{{ actor.firstName }}' }],
      },
      { key: 'plain', email: [{ subject: 'To {{ name }}', text: 'For {{ name }}' }] },
      { key: 'folded', digest: { windowSeconds: 1 }, inApp: [{ body: '{{ digest.latest.who }}' }] },
    ],
  })
  await project.api.do(UpsertCampaigns, {
    campaigns: [{ key: 'mailing', name: 'Mailing', dispatch: 'API', channel: 'EMAIL', template: 'plain' }],
  })
  return project
}
const PERSON = { externalId: 'zebulon', email: 'zebulon@quatermass.example', firstName: 'Zebulon' }
const underWay = (project: TestProject) =>
  app.app.prisma.delivery.count({ where: { projectId: project.id, begunAt: { not: null } } })

it('NV-54, F40: a bare address that is refused for good after it was erased is not suppressed in clear', async () => {
  const project = await newShop()
  smtp.script(({ stage }) =>
    stage === 'mail'
      ? { delayMs: 1_500 }
      : stage === 'rcpt'
        ? { reply: '550 5.1.1 <zebulon@quatermass.example>: no such user' }
        : undefined,
  )
  const recipients = [{ type: 'EMAIL' as const, email: PERSON.email, eventParams: { name: 'Zebulon' } }]
  await project.api.do(TriggerCampaign, { campaign: 'mailing', recipients })
  await until('it is under way', async () => (await underWay(project)) > 0)
  const { deleteContacts } = await project.api.do(Erase, { addresses: ['Zebulon@quatermass.example'] })
  expect(deleteContacts.erasure).toMatchObject({ notificationCount: 1, messageCount: 1 })
  const where = { projectId: project.id, status: 'FAILED' as const }
  const settled = await until('it is settled', () => app.app.prisma.message.findFirst({ where, include: { attempts: true } }))
  smtp.script(null)
  expect(settled).toMatchObject({ address: null, errorMessage: null, subject: null, attempts: [{ ok: false, response: null }] })
  expect(await app.app.prisma.suppression.count({ where: { projectId: project.id } })).toBe(0)
  expect(await traces()).toEqual([])
})

it('NV-54: a message to another that is under way when its actor is erased goes out once, and is kept without its text', async () => {
  const project = await newShop()
  smtp.script(({ stage }) => (stage === 'dot' ? { delayMs: 1_500 } : undefined))
  const message = { template: 'mail', contact: { externalId: 'reader', email: 'reader@example.com' }, actor: PERSON }
  await project.api.do(Send, { messages: [message] })
  await until('it is under way', async () => (await underWay(project)) > 0)
  await project.api.do(Erase, { contacts: [{ externalId: 'zebulon' }] })
  const where = { projectId: project.id, status: 'SENT' as const }
  const sent = await until('it is sent', () => app.app.prisma.message.findFirst({ where }))
  smtp.script(null)
  expect(sent).toMatchObject({ address: 'reader@example.com', text: null, subject: null })
  expect(smtp.messages.filter((mail) => mail.to.includes('reader@example.com'))).toHaveLength(1)
  expect(await traces()).toEqual([])
})

it('NV-54: sends to, by and without the person at the very moment leave nothing that a last erasure does not remove', async () => {
  const project = await newShop()
  const { api } = project
  await api.do(UpsertContacts, { contacts: times(40, (n) => ({ externalId: `r${n}`, email: `r${n}@example.com` })) })
  const both = { contacts: [{ externalId: 'zebulon' }], addresses: [PERSON.email] }
  let isOver = false
  let sent = 0
  const work = async (n: number): Promise<void> => {
    for (let round = 0; !isOver && round < 12; round++) {
      const id = `zebulon@quatermass.example ${n} ${round}`
      const kinds = [
        () =>
          api.do(Send, { messages: times(5, (k) => ({ id: `${id} ${k}`, template: 'mail', contact: PERSON, actor: PERSON })) }),
        () =>
          api.do(Send, {
            messages: times(5, (k) => ({
              template: 'mail',
              contact: { externalId: `r${k}` },
              actor: PERSON,
              incrementId: 'zebulon',
            })),
          }),
        () => api.do(Broadcast, { input: { template: 'mail', actor: PERSON, data: { by: 'Zebulon' }, transactionId: id } }),
        () => api.do(Send, { messages: [{ template: 'folded', contact: PERSON, actor: PERSON, data: { who: 'Zebulon' } }] }),
        () =>
          api.do(Send, {
            messages: [{ template: 'folded', contact: { externalId: 'r1' }, actor: PERSON, data: { who: 'Zebulon' } }],
          }),
        () =>
          api.do(TriggerCampaign, {
            campaign: 'mailing',
            recipients: [{ type: 'EMAIL', email: PERSON.email, eventParams: { name: 'Zebulon' } }],
          }),
      ]
      await kinds[n]?.()
      sent++
    }
  }
  let workersDone = false
  const workers = Promise.all(times(6, work)).then(() => {
    workersDone = true
  })
  for (let round = 0; round < 4; round++) {
    await until('more was sent', () => sent > round * 6 || workersDone)
    clock.advance(1_000)
    const { deleteContacts } = await api.do(Erase, both)
    expect(deleteContacts.deletedCount).toBeLessThanOrEqual(1)
  }
  isOver = true
  await workers
  await api.do(Erase, both)
  clock.advance(2_000)
  const { prisma } = app.app
  const where = { projectId: project.id }
  await until(
    'nothing waits any more',
    async () =>
      (await prisma.message.count({ where: { ...where, status: { in: ['QUEUED', 'SENDING', 'SCHEDULED'] } } })) === 0 &&
      (await prisma.fanout.count({ where: { ...where, status: { in: ['ACCEPTED', 'RUNNING'] } } })) === 0 &&
      (await prisma.digest.count({ where: { ...where, closedAt: null } })) === 0,
    60_000,
  )
  expect(await traces()).toEqual([])
  // The feeds of the others are whole: what is counted is there, and every change has a number of its own.
  const [state] = await prisma.$queryRaw<{ wrong: bigint }[]>`SELECT count(*) AS wrong FROM feed_state s
    WHERE s.project_id = ${project.id}::uuid AND COALESCE((s.counts -> 'default' ->> 1)::int, 0) <> (SELECT count(*) FROM message m
      WHERE m.project_id = s.project_id AND m.contact_id = s.contact_id AND m.channel = 'IN_APP' AND m.arrived_seq IS NOT NULL
        AND m.read_at IS NULL AND m.archived_at IS NULL AND m.status <> 'CANCELED')`
  expect(Number(state?.wrong)).toBe(0)
}, 120_000)

it('NV-54: an erasure whose process is killed is continued by another one', async () => {
  const database = await createTestDatabase()
  const env = { ...newSecrets(), DATABASE_URL: database.url }
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  const servers = [await startProcess(env)]
  try {
    const [first] = servers
    if (first === undefined) throw new Error('There is no server.')
    const { credential } = await newProject(first, env.CARILLON_OPERATOR_KEY)
    const api = first.client(credential)
    await api.do(UpsertTemplates, { templates: [{ key: 'mail', inApp: [{ body: '{{ firstName }}' }] }] })
    await api.do(Send, { messages: [{ id: 'of zebulon', template: 'mail', contact: PERSON }] })
    await pool.query(`INSERT INTO notification (project_id, id, key, content_hash, transaction_id, template_id, contact_id, data)
      SELECT project_id, gen_random_uuid(), 'zebulon ' || n, content_hash, transaction_id, template_id, contact_id, '{"who": "Zebulon"}'
      FROM notification, generate_series(1, 20000) n`)
    await pool.query(`INSERT INTO message (project_id, id, notification_id, contact_id, channel, status, address, subject)
      SELECT project_id, gen_random_uuid(), id, contact_id, 'EMAIL', 'SENT', 'zebulon@quatermass.example', 'Zebulon' FROM notification`)
    const left = async (): Promise<number> =>
      Number((await pool.query(`SELECT count(*) FROM message WHERE subject = 'Zebulon'`)).rows[0]?.count)
    const all = await left()
    void api.do(Erase, { contacts: [{ externalId: 'zebulon' }] }).catch(() => {})
    await until('it has begun', async () => (await left()) < all)
    first.kill('SIGKILL')
    await first.exited
    expect(await left()).toBeGreaterThan(0)
    expect((await pool.query('SELECT 1 FROM erasure')).rowCount).toBe(1)
    // Its lease has run out.
    await pool.query('UPDATE erasure SET due_at = now()')
    servers.push(await startProcess(env))
    await until('it has ended', async () => (await pool.query('SELECT 1 FROM erasure')).rowCount === 0, 60_000)
    expect(await left()).toBe(0)
    const { rows } =
      await pool.query(`SELECT (SELECT count(*) FROM contact) + (SELECT count(*) FROM notification WHERE key IS NOT NULL) AS named,
      (SELECT count(*) FROM spent_id WHERE is_hash) AS hashes`)
    expect(rows.map((row) => [Number(row.named), Number(row.hashes)])).toEqual([[0, 20_001]])
  } finally {
    for (const server of servers) killTree(server.pid)
    await pool.end()
    await database.drop()
  }
}, 180_000)
