/** Versions of templates: what makes one, drafts and publishing, restoring, and two who change the same template. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Feed, Send } from '../helpers/operations.ts'
import { DeleteTemplates } from '../helpers/operations-digest.ts'
import { Broadcast } from '../helpers/operations-fanout.ts'
import {
  GetVersion,
  GetVersions,
  MessageVersions,
  PreviewVersion,
  PublishTemplate,
  RestoreTemplateVersion,
  SetTemplateDrafts,
  UpsertVersioned,
} from '../helpers/operations-versions.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

let app: TestApp
/** publishes at once */
let project: TestProject
/** keeps drafts */
let careful: TestProject
beforeAll(async () => {
  app = await startTestApp()
  ;[project, careful] = await Promise.all([newShop(app, null), newShop(app, null)])
  await careful.api.do(SetTemplateDrafts, { templateDrafts: true })
})
afterAll(() => app.stop())

type Input = { key: string; [field: string]: unknown }
const upsert = async (where: TestProject, input: Input) => {
  const [template] = (await where.api.do(UpsertVersioned, { templates: [input] })).upsertTemplates
  if (template === undefined) throw new Error('Nothing was stored.')
  return template
}
const text = (key: string, body: string, more: object = {}): Input => ({ key, inApp: [{ body }], ...more })
const versionsOf = async (where: TestProject, key: string, page: object = {}) => {
  const { template } = await where.api.do(GetVersions, { key, ...page })
  if (template === null) throw new Error(`There is no template ${key}.`)
  return template
}

let contacts = 0
/** What a contact reads of a message that is sent with it, or the code of its refusal. */
async function said(where: TestProject, template: string): Promise<string | undefined> {
  const externalId = `v${++contacts}`
  const { sendMessages } = await where.api.do(Send, { messages: [{ template, contact: { externalId }, data: { n: 1 } }] })
  const [result] = sendMessages.results
  if (result?.ok !== true) return result?.error?.code
  return (await where.api.do(Feed, { contact: externalId })).feed.nodes[0]?.body
}

describe('a change that is published at once', () => {
  it('makes a version, with who made it, when, and what it changes', async () => {
    expect(await upsert(project, text('one', 'a', { name: 'One' }))).toMatchObject({ version: 1, latestVersion: 1, draft: null })
    expect(await upsert(project, { ...text('one', 'b'), email: [{ subject: 's', text: 't' }] })).toMatchObject({ version: 2 })
    const { versions, name } = await versionsOf(project, 'one')
    expect(name).toBe('One')
    expect(versions).toMatchObject({
      totalCount: 2,
      nodes: [
        {
          ...{
            number: 2,
            name: 'One',
            channels: ['EMAIL', 'IN_APP'],
            restoredFrom: null,
            author: { kind: 'KEY', name: 'first' },
          },
          inApp: [{ locale: 'en', body: 'b' }],
        },
        { number: 1, inApp: [{ body: 'a' }], channels: ['IN_APP'] },
      ],
    })
    expect(versions.nodes[0]?.publishedAt).toBe(versions.nodes[0]?.createdAt)
    expect(versions.nodes[0]?.changes).toEqual(
      expect.arrayContaining([
        { path: 'inApp.en.body', before: 'a', after: 'b' },
        { path: 'email.en.subject', before: null, after: 's' },
      ]),
    )
    expect(await said(project, 'one')).toBe('b')
  })
  it('makes none where nothing is different, for as many templates of a call as that is so', async () => {
    await upsert(project, text('same', 'a', { rules: [{ channel: 'EMAIL', delaySeconds: 5 }], digest: { windowSeconds: 9 } }))
    const again = text('same', 'a', { rules: [{ channel: 'EMAIL', delaySeconds: 5 }], digest: { windowSeconds: 9 } })
    const { upsertTemplates } = await project.api.do(UpsertVersioned, { templates: [again, text('other', 'x')] })
    expect(upsertTemplates).toMatchObject([
      { key: 'same', version: 1 },
      { key: 'other', version: 1 },
    ])
    expect((await versionsOf(project, 'same')).versions.totalCount).toBe(1)
  })
  it('makes one for a template that a call lists twice', async () => {
    await project.api.do(UpsertVersioned, { templates: [text('twice', 'a'), { key: 'twice', name: 'B' }] })
    const { versions } = await versionsOf(project, 'twice')
    expect(versions.nodes).toMatchObject([{ number: 1, name: 'B', inApp: [{ body: 'a' }] }])
  })
  it('keeps the last 100', async () => {
    for (const n of times(103, (index) => index)) await upsert(project, { key: 'many', name: `n${n}` })
    const { versions, version } = await versionsOf(project, 'many', { first: 100 })
    expect([version, versions.totalCount, versions.nodes.at(-1)?.number]).toEqual([103, 100, 4])
    const first = await versionsOf(project, 'many', { first: 2 })
    const second = await versionsOf(project, 'many', { first: 2, after: first.versions.pageInfo.endCursor })
    expect([...first.versions.nodes, ...second.versions.nodes].map((one) => one.number)).toEqual([103, 102, 101, 100])
  })
  it('starts again for a template that was deleted, with higher numbers', async () => {
    await upsert(project, text('gone', 'old'))
    expect(await said(project, 'gone')).toBe('old')
    await project.api.do(DeleteTemplates, { keys: ['gone'] })
    const back = await upsert(project, text('gone', 'new'))
    expect(back.version).toBeGreaterThan(1)
    expect((await versionsOf(project, 'gone')).versions.nodes).toMatchObject([{ number: back.version, inApp: [{ body: 'new' }] }])
    expect(await said(project, 'gone')).toBe('new')
  })
  it('versions what a process that keeps none has written, before it changes that', async () => {
    await upsert(project, text('older', 'a'))
    const client = new pg.Client({ connectionString: app.databaseUrl })
    await client.connect()
    await client.query(`UPDATE template SET name = 'By an older process', version = version + 1 WHERE key = 'older'`)
    await client.end()
    await upsert(project, text('older', 'b'))
    expect((await versionsOf(project, 'older')).versions.nodes).toMatchObject([
      { number: 3, name: 'By an older process', inApp: [{ body: 'b' }] },
      { number: 2, name: 'By an older process', inApp: [{ body: 'a' }], author: null },
      { number: 1, name: 'older' },
    ])
  })
})

describe('restoreTemplateVersion', () => {
  it('makes a new version of the old content, which is sent', async () => {
    await upsert(project, text('back', 'a', { name: 'A', delaySeconds: null, dataSchema: { type: 'object' } }))
    await upsert(project, { key: 'back', name: 'B', inApp: [{ locale: 'de', body: 'b' }], dataSchema: null })
    const { restoreTemplateVersion } = await project.api.do(RestoreTemplateVersion, { key: 'back', number: 1 })
    expect(restoreTemplateVersion).toMatchObject({ name: 'A', version: 3, draft: null, inApp: [{ locale: 'en', body: 'a' }] })
    const { versions } = await versionsOf(project, 'back')
    expect(versions.nodes[0]).toMatchObject({ number: 3, restoredFrom: 1, author: { kind: 'KEY' } })
    expect(await said(project, 'back')).toBe('a')
    const { templateVersion } = await project.api.do(GetVersion, { key: 'back', number: 3, since: 1 })
    expect(templateVersion).toMatchObject({ number: 3, changes: [] })
  })
  it('says what is not there', async () => {
    const codes = async (variables: { key: string; number: number; expectedVersion?: number }) =>
      (await project.api.ask(RestoreTemplateVersion, variables)).codes
    expect(await codes({ key: 'back', number: 9 })).toEqual(['NOT_FOUND'])
    expect(await codes({ key: 'never', number: 1 })).toEqual(['TEMPLATE_NOT_FOUND'])
    expect(await codes({ key: 'back', number: 1, expectedVersion: 1 })).toEqual(['TEMPLATE_CHANGED'])
    expect((await project.api.do(GetVersion, { key: 'back', number: 9 })).templateVersion).toBeNull()
    expect((await project.api.ask(GetVersion, { key: 'back', number: 3, since: 9 })).codes).toEqual(['NOT_FOUND'])
  })
})

describe('expectedVersion', () => {
  it('lets one of two who change the same template through, and tells the other', async () => {
    await upsert(project, text('shared', 'a'))
    const save = (body: string) => project.api.ask(UpsertVersioned, { templates: [text('shared', body, { expectedVersion: 1 })] })
    const answers = await Promise.all([save('b'), save('c')])
    expect(answers.flatMap((one) => one.codes)).toEqual(['TEMPLATE_CHANGED'])
    const refused = answers.find((one) => one.codes.length > 0)
    expect(refused?.errors[0]?.extensions).toMatchObject({ index: 0, got: 2, field: 'expectedVersion' })
    expect((await versionsOf(project, 'shared')).versions.totalCount).toBe(2)
  })
  it('0 is for a template that must not be there', async () => {
    expect((await upsert(project, text('fresh', 'a', { expectedVersion: 0 }))).version).toBe(1)
    const { codes } = await project.api.ask(UpsertVersioned, { templates: [text('fresh', 'b', { expectedVersion: 0 })] })
    expect(codes).toEqual(['TEMPLATE_CHANGED'])
  })
})

describe('a project that keeps drafts', () => {
  it('sends the published version until another one is published', async () => {
    expect(await upsert(careful, text('receipt', 'a', { name: 'Order' }))).toMatchObject({
      ...{ name: 'Order', published: false, inApp: [], draft: { number: 1 } },
    })
    expect(await said(careful, 'receipt')).toBe('TEMPLATE_INACTIVE')
    expect((await careful.api.do(PublishTemplate, { key: 'receipt' })).publishTemplate).toMatchObject({
      ...{ name: 'Order', version: 1, published: true, inApp: [{ body: 'a' }], draft: null },
    })
    expect(await said(careful, 'receipt')).toBe('a')
    expect(await upsert(careful, text('receipt', 'b'))).toMatchObject({ version: 1, latestVersion: 2, draft: { number: 2 } })
    expect(await upsert(careful, { key: 'receipt', name: 'Second' })).toMatchObject({ name: 'Order', latestVersion: 3 })
    expect((await versionsOf(careful, 'receipt')).draft).toEqual({
      number: 3,
      name: 'Second',
      inApp: [{ locale: 'en', body: 'b' }],
    })
    expect(await said(careful, 'receipt')).toBe('a')
    expect((await careful.api.ask(PublishTemplate, { key: 'receipt', expectedVersion: 2 })).codes).toEqual(['TEMPLATE_CHANGED'])
    await careful.api.do(PublishTemplate, { key: 'receipt', expectedVersion: 3 })
    expect(await said(careful, 'receipt')).toBe('b')
    const { versions } = await versionsOf(careful, 'receipt')
    expect(versions.nodes.map(({ number, publishedAt }) => [number, publishedAt !== null])).toEqual([
      [3, true],
      [2, false],
      [1, true],
    ])
  })
  it('makes no draft of what changes nothing, and publishes nothing twice', async () => {
    await upsert(careful, text('still', 'a'))
    await careful.api.do(PublishTemplate, { key: 'still' })
    expect(await upsert(careful, text('still', 'a'))).toMatchObject({ latestVersion: 1, draft: null })
    expect((await careful.api.do(PublishTemplate, { key: 'still' })).publishTemplate.version).toBe(1)
    expect((await careful.api.ask(PublishTemplate, { key: 'never' })).codes).toEqual(['TEMPLATE_NOT_FOUND'])
  })
  it('removes a channel and a value from the draft alone', async () => {
    await upsert(careful, text('less', 'a', { name: 'Less', email: [{ subject: 's', text: 't' }] }))
    await careful.api.do(PublishTemplate, { key: 'less' })
    await upsert(careful, { key: 'less', name: null, email: null })
    const { versions, name } = await versionsOf(careful, 'less')
    expect([name, versions.nodes[0]?.name, versions.nodes[0]?.channels]).toEqual(['Less', 'less', ['IN_APP']])
  })
  it('restores an earlier version as a draft', async () => {
    const { restoreTemplateVersion } = await careful.api.do(RestoreTemplateVersion, { key: 'receipt', number: 1 })
    expect(restoreTemplateVersion).toMatchObject({
      version: 3,
      inApp: [{ body: 'b' }],
      draft: { number: 4, inApp: [{ body: 'a' }] },
    })
  })
  it('previews either, and a change of the latest', async () => {
    const body = async (more: object) => {
      const message = { template: 'receipt', contact: { externalId: 'p' }, data: { n: 1 } }
      const { preview } = await careful.api.do(PreviewVersion, { message, ...more })
      return preview.ok ? preview.channels[0]?.body : preview.error?.code
    }
    expect(await body({})).toBe('b')
    expect(await body({ version: 4 })).toBe('a')
    expect(await body({ draft: { key: 'receipt', name: 'x' } })).toBe('a')
    expect(await body({ draft: { key: 'receipt', name: 'x' }, version: 3 })).toBe('b')
    expect(await body({ draft: text('receipt', 'c'), version: 3 })).toBe('c')
    expect(await body({ version: 77 })).toBe('NOT_FOUND')
  })
  it('creates a template that was deleted as a draft', async () => {
    await careful.api.do(DeleteTemplates, { keys: ['less'] })
    expect(await upsert(careful, text('less', 'new'))).toMatchObject({ published: false, inApp: [] })
    expect(await said(careful, 'less')).toBe('TEMPLATE_INACTIVE')
    await careful.api.do(PublishTemplate, { key: 'less' })
    expect(await said(careful, 'less')).toBe('new')
    expect((await versionsOf(careful, 'less')).versions.totalCount).toBe(1)
  })
})

describe('Message.templateVersion', () => {
  const versionsIn = async (transactionId: string) => {
    const { notifications } = await project.api.do(MessageVersions, { filter: { transactionId } })
    // Not of contacts without an address.
    const messages = notifications.nodes.flatMap((one) => one.messages).filter(({ status }) => status !== 'SKIPPED')
    return Object.fromEntries(messages.map(({ channel, templateVersion }) => [channel, templateVersion]))
  }
  const transactionOf = async (message: object, wait: 'ACCEPTED' | 'SENT' = 'SENT') => {
    const { sendMessages } = await project.api.do(Send, { messages: [message as never], wait })
    return sendMessages.results[0]?.transactionId ?? ''
  }
  it('is the one that each message was rendered with, however it was sent', async () => {
    const email = [{ subject: 's', text: 't' }]
    await upsert(project, { ...text('told', 'a'), email })
    const contact = { externalId: 'reader', email: 'reader@example.com' }
    const first = await transactionOf({ template: 'told', contact })
    expect(await versionsIn(first)).toEqual({ IN_APP: 1, EMAIL: 1 })
    const waits = await transactionOf({ template: 'told', contact, delaySeconds: 1 }, 'ACCEPTED')
    expect(await versionsIn(waits)).toEqual({ IN_APP: null, EMAIL: null })
    await upsert(project, { key: 'told', name: 'Second' })
    // Twice: the second time nothing has to be looked up.
    await upsert(project, text('alone', 'a'))
    for (const _time of times(2, () => 0)) {
      const alone = await transactionOf({ template: 'alone', contact: { externalId: 'reader' } })
      expect(await versionsIn(alone)).toEqual({ IN_APP: 1 })
    }
    const { broadcast } = await project.api.do(Broadcast, { input: { template: 'told' } })
    const both = async (id: string): Promise<boolean> => {
      const { IN_APP: inApp, EMAIL: mail } = await versionsIn(id)
      return inApp === 2 && mail === 2
    }
    await until('the broadcast is sent with version 2', () => both(broadcast.transactionId))
    await until('what waited is sent with version 2', () => both(waits))
    expect(await versionsIn(first)).toEqual({ IN_APP: 1, EMAIL: 1 })
  })
  it('is that of the last one that was folded into a message', async () => {
    await upsert(project, text('likes', 'a'))
    const contact = { externalId: 'liked' }
    await transactionOf({ template: 'likes', contact, incrementId: 'post' })
    await upsert(project, text('likes', 'b'))
    const second = await transactionOf({ template: 'likes', contact, incrementId: 'post' })
    expect(await versionsIn(second)).toEqual({ IN_APP: 2 })
  })
})

describe('samples', () => {
  it('are kept with the template, and are no version of it', async () => {
    const samples = [
      { name: 'short', data: { n: 1 } },
      { name: 'long', data: { items: [1, 2] } },
    ]
    expect(await upsert(project, text('sampled', 'a', { samples }))).toMatchObject({ version: 1, samples })
    expect(await upsert(project, { key: 'sampled', samples: [] })).toMatchObject({ version: 1, samples: [] })
    const codes = async (list: object[]) =>
      (await project.api.ask(UpsertVersioned, { templates: [{ key: 'sampled', samples: list as never }] })).codes
    expect(await codes([samples[0] ?? {}, samples[0] ?? {}])).toEqual(['BAD_INPUT'])
    expect(await codes(times(21, (index) => ({ name: `s${index}`, data: {} })))).toEqual(['BATCH_TOO_LARGE'])
    expect(await codes([{ name: 'big', data: { text: 'x'.repeat(70_000) } }])).toEqual(['TOO_LARGE'])
  })
})
