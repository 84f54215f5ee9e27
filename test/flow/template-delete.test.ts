/** `deleteTemplates`: nothing more is sent with a deleted template, and what was sent stays readable. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { graphql } from '../../generated/gql.ts'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Feed, GetNotification, GetPreferences, GetTemplate, ListTemplates, Send, SetPreference } from '../helpers/operations.ts'
import { DeleteTemplates, GetFolded, UpsertTimed } from '../helpers/operations-digest.ts'
import { newShop } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const UseTemplate = graphql(`
  mutation UseTemplate($campaigns: [CampaignInput!]!) {
    upsertCampaigns(campaigns: $campaigns) { key }
  }
`)

const clock = createTestClock()
let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp({ clock })
  project = await newShop(app, null)
})
afterAll(() => app.stop())

const contact = { externalId: 'ann', email: 'ann@example.com', firstName: 'Ann' }
const send = async (message: object) => {
  const { sendMessages } = await project.api.do(Send, { messages: [{ contact, ...message } as never] })
  const [result] = sendMessages.results
  if (result === undefined) throw new Error('No result')
  return result
}
const remove = (...keys: string[]) => project.api.ask(DeleteTemplates, { keys })
const order = (key: string, more: object = {}) => ({
  key,
  inApp: [{ body: 'Hello' }],
  email: [{ subject: 'Hello', text: 'Hello' }],
  ...more,
})

it('counts what there was, and lists it no more', async () => {
  await project.api.do(UpsertTimed, { templates: [order('one'), order('two')] as never })
  expect((await remove('one', 'one', 'none', 'nul\0')).data?.deleteTemplates.deletedCount).toBe(1)
  expect((await remove('one')).data?.deleteTemplates.deletedCount).toBe(0)
  expect((await project.api.do(GetTemplate, { key: 'one' })).template).toBeNull()
  const { templates } = await project.api.do(ListTemplates, {})
  expect(templates.nodes.map((one) => one.key)).not.toContain('one')
  expect((await send({ template: 'one' })).error).toMatchObject({ code: 'TEMPLATE_NOT_FOUND' })
  expect((await project.api.ask(SetPreference, { contact: 'ann', template: 'one', enabled: false })).codes).not.toEqual([])
  expect(
    (await project.api.ask(UseTemplate, { campaigns: [{ key: 'late', name: 'L', dispatch: 'API', template: 'one' }] })).codes,
  ).toEqual(['TEMPLATE_NOT_FOUND'])
})

it('keeps what was sent readable, and skips what waits', async () => {
  await project.api.do(UpsertTimed, {
    templates: [order('gone'), order('gone-digest', { digest: { windowSeconds: 600 } })] as never,
  })
  const said = await send({ template: 'gone' })
  await until('the e-mail is out', async () => {
    const { notification } = await project.api.do(GetNotification, { id: said.notification?.id ?? '' })
    return notification?.messages.every((one) => one.status === 'SENT' || one.status === 'DELIVERED')
  })
  const waiting = await send({ template: 'gone', delaySeconds: 600 })
  const event = await send({ template: 'gone-digest' })
  expect((await remove('gone', 'gone-digest')).data?.deleteTemplates.deletedCount).toBe(2)
  const { feed } = await project.api.do(Feed, { contact: 'ann' })
  expect(feed.nodes[0]).toMatchObject({ body: 'Hello', template: 'gone' })
  clock.advance(11 * 60_000)
  await until('what waited is skipped', async () => {
    const { notification } = await project.api.do(GetFolded, { id: waiting.notification?.id ?? '' })
    return notification?.messages.every((one) => one.status === 'SKIPPED' && one.error?.code === 'TEMPLATE_EMPTY')
  })
  await until('and so is the digest', async () => {
    const { notification } = await project.api.do(GetFolded, { id: event.notification?.id ?? '' })
    if (notification?.foldedInto == null) return false
    const { notification: digest } = await project.api.do(GetFolded, { id: notification.foldedInto.id })
    return digest?.messages.length === 2 && digest.messages.every((one) => one.status === 'SKIPPED')
  })
})

it('refuses all of them when a campaign uses one, naming it', async () => {
  await project.api.do(UpsertTimed, { templates: [order('free'), order('used')] as never })
  await project.api.do(UseTemplate, { campaigns: [{ key: 'sale', name: 'Sale', dispatch: 'API', template: 'used' }] })
  const { errors } = await remove('free', 'used')
  expect(errors[0]).toMatchObject({
    message: 'The campaign "sale" uses the template "used".',
    extensions: { code: 'BAD_INPUT', index: 1, field: 'keys' },
  })
  expect((await project.api.do(GetTemplate, { key: 'free' })).template).not.toBeNull()
})

it('creates a new one with the same key: nothing of the old one is left', async () => {
  const timed = {
    delaySeconds: 60,
    rules: [{ channel: 'EMAIL', delaySeconds: 5 }],
    dataSchema: { required: ['n'] },
    critical: true,
    name: 'Old',
  }
  await project.api.do(UpsertTimed, { templates: [order('again', timed)] as never })
  await remove('again')
  const { upsertTemplates } = await project.api.do(UpsertTimed, { templates: [{ key: 'again', inApp: [{ body: 'New' }] }] })
  expect(upsertTemplates[0]).toEqual({ key: 'again', delaySeconds: null, dataSchema: null, rules: [], digest: null })
  expect((await project.api.do(GetTemplate, { key: 'again' })).template).toMatchObject({
    name: 'again',
    active: true,
    critical: false,
    channels: ['IN_APP'],
  })
  const result = await send({ template: 'again' })
  expect(result.ok).toBe(true)
  const { preferences } = await (await project.page('ann')).do(GetPreferences, {})
  expect(preferences.templates.length).toBeGreaterThan(0)
})
