/** What the operator does with projects: lists, suspends, deletes and recovers them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  Authenticate,
  CreateApiKey,
  Feed,
  GetNotification,
  GetViewer,
  MessageReceived,
  Send,
  UpsertContacts,
} from '../helpers/operations.ts'
import { TrackEvents, UpsertCampaigns, UpsertSegments } from '../helpers/operations-audience.ts'
import { UpsertTimed } from '../helpers/operations-digest.ts'
import { Broadcast } from '../helpers/operations-fanout.ts'
import { DeleteProject, OperatorProjects, RecoverProject, ResumeProject, SuspendProject } from '../helpers/operations-operator.ts'
import { rowsOf } from '../helpers/project-rows.ts'
import { newShop, times } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'

const HOUR = 3_600_000
const clock = createTestClock()
let app: TestApp
let other: TestApp
let smtp: SmtpSink
beforeAll(async () => {
  smtp = await startSmtp()
  app = await startTestApp({ clock })
  other = await app.another({}, { clock })
})
afterAll(async () => {
  await app.stop()
  await smtp.close()
})

const find = async (key: string) => (await app.operator.do(OperatorProjects, { search: key })).operatorProjects.nodes[0]

describe('operatorProjects', () => {
  it('is every project a page at a time, by key or name, with the use of its keys', async () => {
    const projects = [await app.project(), await app.project(), await app.project()]
    const seen: string[] = []
    let after: string | null = null
    do {
      const page: Awaited<ReturnType<typeof ask>> = await ask(after)
      seen.push(...page.nodes.map((node) => node.key))
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null
    } while (after !== null)
    async function ask(from: string | null) {
      return (await app.operator.do(OperatorProjects, { first: 2, after: from })).operatorProjects
    }
    expect(seen).toEqual([...new Set(seen)])
    for (const { key } of projects) expect(seen).toContain(key)
    const one = projects[0]
    if (one === undefined) throw new Error('No project')
    expect(await find(one.key.toUpperCase())).toMatchObject({ key: one.key, apiKeyCount: 1, lastUsedAt: null, status: 'ACTIVE' })
    await one.api.do(CreateApiKey, { name: 'ci' })
    const found = await find(one.key)
    expect([found?.apiKeyCount, found?.lastUsedAt === null]).toEqual([2, false])
    expect((await app.operator.do(OperatorProjects, { search: '%' })).operatorProjects.totalCount).toBe(0)
  })
})

describe('a suspended project', () => {
  let project: TestProject
  beforeAll(async () => {
    project = await newShop(app, smtp)
  })
  /** A message of another project that goes out after everything that is due now. */
  async function othersAreSent(): Promise<void> {
    const witness = await newShop(app, smtp)
    const contact = { externalId: 'w', email: `${witness.key}@example.com` }
    await witness.api.do(Send, { messages: [{ template: 'order', contact }] })
    await until('the e-mail of another project arrives', () => smtp.messages.some((mail) => mail.to.includes(contact.email)))
  }
  const mails = () => smtp.messages.filter((mail) => mail.to.some((to) => to.endsWith('@suspended.example'))).length

  it('is refused in every process with the reason, its sockets are closed, and others are not', async () => {
    const bystander = await newShop(app, null)
    const page = await project.page('me')
    const { authenticate } = await app.anonymous.do(Authenticate, { accessKey: project.accessKey, secretKey: project.secretKey })
    const credentials = [`Bearer ${project.apiKey}`, `Bearer ${authenticate.token}`]
    const clients = [page, ...credentials.flatMap((one) => [app.client(one), other.client(one)])]
    const lives = await Promise.all(
      clients.map((client) => client.watch(MessageReceived, client === page ? {} : { contact: 'me' })),
    )
    const { suspendProject } = await app.operator.do(SuspendProject, { project: project.key, reason: 'unpaid' })
    expect(suspendProject).toEqual({ status: 'SUSPENDED', suspendedReason: 'unpaid' })
    const refused = await project.api.ask(GetViewer, {})
    expect([refused.status, refused.codes, refused.errors[0]?.message]).toEqual([
      403,
      ['PROJECT_SUSPENDED'],
      expect.stringContaining('unpaid'),
    ])
    for (const live of lives) expect(await live.ended()).toMatchObject({ code: 4403 })
    for (const client of clients) expect((await client.ask(GetViewer, {})).codes).toEqual(['PROJECT_SUSPENDED'])
    const { accessKey, secretKey } = project
    expect((await app.anonymous.ask(Authenticate, { accessKey, secretKey })).codes).toEqual(['PROJECT_SUSPENDED'])
    expect((await app.anonymous.ask(Authenticate, { accessKey, secretKey: 'x' })).codes).toEqual(['UNAUTHENTICATED'])
    expect((await bystander.api.ask(GetViewer, {})).codes).toEqual([])
    await app.operator.do(ResumeProject, { project: project.id })
    for (const one of [app, other]) {
      await until(
        'it is let in again',
        async () => (await one.client(credentials[0] ?? null).ask(GetViewer, {})).codes.length === 0,
      )
    }
  })

  it('sends nothing, loses nothing, and sends it all when it is resumed', async () => {
    const { api } = project
    await api.do(UpsertTimed, {
      templates: [
        { key: 'mail', email: [{ subject: 'Hi', text: 'x' }] },
        { key: 'digest', email: [{ subject: '{{ digest.count }}', text: 'x' }], digest: { windowSeconds: 600 } },
      ],
    })
    const contacts = times(5, (n) => ({ externalId: `c${n}`, email: `c${n}@suspended.example` }))
    await api.do(UpsertContacts, { contacts })
    const where = { profile: { path: 'email', is: 'EXISTS' as const } }
    await api.do(UpsertSegments, { segments: [{ key: 'mailed', where }] })
    const at = new Date(clock.now().getTime() + HOUR / 2).toISOString()
    await api.do(UpsertCampaigns, {
      campaigns: [
        {
          key: 'timed',
          segment: 'mailed',
          name: 'timed',
          dispatch: 'SEGMENT',
          channel: 'EMAIL',
          template: 'mail',
          schedule: { at, timezone: 'UTC' },
        },
      ],
    })
    await api.do(Send, {
      messages: contacts.map(({ externalId }) => ({ template: 'mail', contact: { externalId }, sendAt: at })),
    })
    await api.do(Send, { messages: [{ template: 'digest', contact: { externalId: 'c0' } }] })
    await api.do(Broadcast, { input: { template: 'mail', sendAt: at } })
    const { sendMessages } = await api.do(Send, {
      messages: [{ template: 'mail', contact: { externalId: 'c1' } }],
    })
    await until('one e-mail is sent', () => mails() === 1)
    const id = sendMessages.results[0]?.notification?.id ?? ''
    await until('and that is recorded', async () => {
      const { notification } = await api.do(GetNotification, { id })
      return notification?.messages.every((message) => message.status === 'SENT')
    })
    const link = smtp.messages.find((mail) => mail.to.includes('c1@suspended.example'))?.headers.get('list-unsubscribe')

    const live = await other.client(`Bearer ${project.apiKey}`).watch(MessageReceived, { contact: 'c0' })
    await app.operator.do(SuspendProject, { project: project.id })
    clock.advance(HOUR)
    await othersAreSent()
    expect(mails()).toBe(1)
    expect(await live.ended()).toMatchObject({ code: 4403 })
    await othersAreSent()
    await until('each is back where it waits', async () => {
      const rows = await rowsOf(app.databaseUrl, project.id)
      return !rows.some((row) => row.includes('"status": "SENDING"'))
    })
    const waiting = (await rowsOf(app.databaseUrl, project.id)).filter((row) => row.startsWith('message '))
    await othersAreSent()
    expect(mails()).toBe(1)
    expect((await rowsOf(app.databaseUrl, project.id)).filter((row) => row.startsWith('message '))).toEqual(waiting)
    // Unsubscribing works meanwhile.
    const target = new URL(/<(http[^>]+)>/.exec(link ?? '')?.[1] ?? '')
    const response = await fetch(`${app.url}${target.pathname}${target.search}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'List-Unsubscribe=One-Click',
    })
    expect(response.ok).toBe(true)

    await app.operator.do(ResumeProject, { project: project.id })
    // Single sends, the broadcast and the campaign, each without the one who unsubscribed from the template; and the digest.
    await until('all is sent', () => mails() === 1 + 4 + 4 + 4 + 1, 20_000)
    await othersAreSent()
    expect(mails()).toBe(14)
  })

  it('runs a campaign that an event triggered when it is resumed', async () => {
    const { api } = project
    await api.do(UpsertCampaigns, {
      campaigns: [
        {
          key: 'on',
          segment: 'mailed',
          name: 'on',
          dispatch: 'SEGMENT',
          channel: 'EMAIL',
          template: 'mail',
          schedule: { onEvent: 'bought', timezone: 'UTC' },
        },
      ],
    })
    expect((await api.do(TrackEvents, { events: [{ name: 'bought', contact: 'c2' }] })).trackEvents.acceptedCount).toBe(1)
    await app.operator.do(SuspendProject, { project: project.id })
    await app.operator.do(ResumeProject, { project: project.id })
    await until('its e-mail arrives', () => mails() === 15)
  })
})

describe('deleteProject', () => {
  const isGone = async (key: string) => (await find(key)) === undefined
  const rest = async (id: string) => rowsOf(app.databaseUrl, id)

  it('takes the key to confirm, refuses all credentials, and erases every row; others keep theirs', async () => {
    const [project, bystander] = [await newShop(app, smtp), await newShop(app, smtp)]
    for (const { api } of [project, bystander]) {
      await api.do(Send, {
        messages: times(20, (n) => ({ transactionId: 'tx', template: 'note', contact: { externalId: `c${n}` }, data: { n } })),
      })
      await api.do(TrackEvents, { events: [{ name: 'x', contact: 'c1' }] })
    }
    expect((await app.operator.ask(DeleteProject, { project: project.id, confirm: 'yes' })).codes).toEqual(['BAD_INPUT'])
    const before = await rest(bystander.id)
    expect((await rest(project.id)).length).toBeGreaterThan(60)
    const { deleteProject } = await app.operator.do(DeleteProject, { project: project.key, confirm: project.key })
    expect(deleteProject.status).toBe('DELETING')
    await until('it is gone', () => isGone(project.key), 20_000)
    const left = await rest(project.id)
    const operations = left.map((row) => /^audit_entry .*"operation": "(\w+)".*"actor_kind": "OPERATOR"/.exec(row)?.[1] ?? row)
    expect(operations.sort()).toEqual(['createProject', 'createProject', 'deleteProject'])
    expect(await rest(bystander.id)).toEqual(before)
    for (const one of [app, other]) {
      const codes = async () => (await one.client(`Bearer ${project.apiKey}`).ask(GetViewer, {})).codes
      await until('its key is unknown', async () => (await codes())[0] === 'UNAUTHENTICATED')
    }
    expect((await app.operator.ask(ResumeProject, { project: project.id })).codes).toEqual(['NOT_FOUND'])
  })

  it('can be called off by recoverProject until it has begun', async () => {
    const project = await newShop(app, null)
    await app.operator.do(DeleteProject, { project: project.id, confirm: project.key, afterHours: 24 })
    expect((await project.api.ask(GetViewer, {})).codes).toEqual(['PROJECT_SUSPENDED'])
    expect((await app.operator.ask(ResumeProject, { project: project.id })).codes).toEqual(['PROJECT_SUSPENDED'])
    const { recoverProject } = await app.operator.do(RecoverProject, { project: project.id })
    expect(recoverProject).toMatchObject({
      project: { status: 'ACTIVE' },
      apiKey: { scopes: ['SEND', 'READ', 'MANAGE', 'KEYS'] },
      revokedKeys: [],
    })
    for (const secret of [project.apiKey, recoverProject.secret]) {
      expect((await app.client(`Bearer ${secret}`).ask(GetViewer, {})).codes).toEqual([])
    }
    await app.operator.do(DeleteProject, { project: project.id, confirm: project.key, afterHours: 1 })
    clock.advance(HOUR)
    await until('it is gone', () => isGone(project.key), 20_000)
  })
})

describe('recoverProject', () => {
  it('makes a key for a project that has none, and can end those that it has', async () => {
    const project = await newShop(app, null)
    const { createApiKey } = await project.api.do(CreateApiKey, { name: 'thief' })
    const { recoverProject } = await app.operator.do(RecoverProject, { project: project.key, revokeKeys: true })
    expect(recoverProject.revokedKeys.map((key) => key.name)).toEqual(['thief', 'first'])
    for (const secret of [project.apiKey, createApiKey.secret]) {
      expect((await app.client(`Bearer ${secret}`).ask(GetViewer, {})).codes).toEqual(['UNAUTHENTICATED'])
    }
    const owner = app.client(`Bearer ${recoverProject.secret}`)
    expect((await owner.ask(CreateApiKey, { name: 'again' })).codes).toEqual([])
    expect((await owner.ask(Feed, { contact: 'nobody' })).codes).toEqual(['CONTACT_NOT_FOUND'])
    expect((await app.operator.ask(RecoverProject, { project: 'nowhere' })).codes).toEqual(['NOT_FOUND'])
  })
})
