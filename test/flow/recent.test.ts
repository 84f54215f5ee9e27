/** What was looked up for an earlier call never decides a later one once it has changed, whichever process changed it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import type { Client } from '../helpers/client.ts'
import {
  AddSuppressions,
  ConfigureProviders,
  DeleteContacts,
  DeleteProviders,
  Feed,
  GetNotification,
  RemoveSuppression,
  Send,
  SetPreference,
  UpdateProject,
  UpsertContacts,
  UpsertTemplates,
} from '../helpers/operations.ts'
import { DeleteTemplates } from '../helpers/operations-digest.ts'
import { times } from '../helpers/setup.ts'

let app: TestApp
let other: TestApp
let project: TestProject
let contact: string
let contacts = 0
beforeAll(async () => {
  app = await startTestApp()
  other = await app.another()
})
beforeEach(async () => {
  project = await app.project()
  contact = `c${++contacts}`
  await project.api.do(ConfigureProviders, { providers: [{ key: 'mail', channel: 'EMAIL', kind: 'capture', settings: {} }] })
  await template({ inApp: [{ body: 'first' }], email: [{ subject: 'x', text: 'x' }] })
  await project.api.do(UpsertContacts, { contacts: [{ externalId: contact, email: `${contact}@example.com` }] })
  // Twice: the second one looks nothing up.
  for (const _time of ['first', 'second']) expect(await send()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'SENT' })
})
afterAll(() => app.stop())

const template = (content: object) => project.api.do(UpsertTemplates, { templates: [{ key: 't', ...content }] })

/** Sends to the contact. @returns the status of each channel, or why not; the code of a message that is not accepted */
async function send(more: object = {}): Promise<Record<string, string> | string | undefined> {
  const { sendMessages } = await project.api.do(Send, {
    messages: [{ template: 't', contact: { externalId: contact }, ...more }],
    wait: 'SENT',
  })
  const [result] = sendMessages.results
  if (result?.ok !== true) return result?.error?.code
  const { notification } = await project.api.do(GetNotification, { id: result.notification?.id ?? '' })
  return Object.fromEntries(
    notification?.messages.map((one) => [one.channel, one.error === null ? one.status : one.error.code]) ?? [],
  )
}

describe.each([
  ['this process', (): Client => project.api],
  ['another process', (): Client => other.client(`Bearer ${project.apiKey}`)],
])('what %s changes counts at once', (_which, by) => {
  it('G5: an opt-out, and an opt-in', async () => {
    await by().do(SetPreference, { contact, template: 't', channel: 'EMAIL', enabled: false })
    expect(await send()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'OPTED_OUT' })
    await by().do(SetPreference, { contact, template: 't', channel: 'EMAIL', enabled: true })
    expect(await send()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'SENT' })
  })

  it('G5: a suppression, and its end', async () => {
    const { addSuppressions } = await by().do(AddSuppressions, {
      suppressions: [{ channel: 'EMAIL', address: `${contact}@example.com` }],
    })
    expect(await send()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'SUPPRESSED' })
    await by().do(RemoveSuppression, { id: addSuppressions[0]?.id ?? '' })
    expect(await send()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'SENT' })
  })

  it('a contact’s address', async () => {
    const email = `new-${contact}@example.com`
    await by().do(AddSuppressions, { suppressions: [{ channel: 'EMAIL', address: email }] })
    expect(await send()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'SENT' })
    await by().do(UpsertContacts, { contacts: [{ externalId: contact, email, mode: 'OVERWRITE' }] })
    expect(await send()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'SUPPRESSED' })
  })

  it('a contact that is erased', async () => {
    await by().do(DeleteContacts, { contacts: [{ externalId: contact }] })
    expect(await send()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'ADDRESS_MISSING' })
    expect((await project.api.do(Feed, { contact })).feed.totalCount).toBe(1)
  })

  it('a template', async () => {
    const change = (content: object) => by().do(UpsertTemplates, { templates: [{ key: 't', ...content }] })
    await change({ inApp: [{ body: 'second' }], email: [] })
    expect(await send()).toEqual({ IN_APP: 'DELIVERED' })
    expect((await project.api.do(Feed, { contact, first: 1 })).feed.nodes[0]?.body).toBe('second')
    await change({ inApp: [{ body: 'third' }], active: false })
    expect(await send()).toBe('TEMPLATE_INACTIVE')
    await change({ inApp: [{ body: 'fourth' }], active: true })
    expect(await send()).toEqual({ IN_APP: 'DELIVERED' })
    await by().do(DeleteTemplates, { keys: ['t'] })
    expect(await send()).toBe('TEMPLATE_NOT_FOUND')
  })

  it('a provider', async () => {
    const mail = { key: 'mail', channel: 'EMAIL' as const, kind: 'capture', settings: {} }
    await by().do(ConfigureProviders, { providers: [{ ...mail, active: false }] })
    expect(await send()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'CHANNEL_NOT_CONFIGURED' })
    await by().do(ConfigureProviders, { providers: [{ ...mail, active: true }] })
    expect(await send()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'SENT' })
    await by().do(DeleteProviders, { keys: ['mail'] })
    expect(await send()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'CHANNEL_NOT_CONFIGURED' })
  })
})

it('what this process changes of a project counts at once', async () => {
  await template({
    inApp: [
      { body: 'English', locale: 'en' },
      { body: 'Deutsch', locale: 'de' },
    ],
  })
  for (const _time of ['first', 'second']) await send()
  await project.api.do(UpdateProject, { input: { locale: 'de' } })
  await send()
  expect((await project.api.do(Feed, { contact, first: 1 })).feed.nodes[0]?.body).toBe('Deutsch')
})

it('G2: an id is taken once, by whichever process, though neither looks it up', async () => {
  await other
    .client(`Bearer ${project.apiKey}`)
    .do(Send, { messages: times(2, () => ({ template: 't', contact: { externalId: contact } })) })
  const answers = await Promise.all(
    times(20, (n) =>
      (n % 2 === 0 ? project.api : other.client(`Bearer ${project.apiKey}`)).do(Send, {
        messages: [{ id: 'once', template: 't', contact: { externalId: contact } }],
      }),
    ),
  )
  const codes = answers.flatMap(({ sendMessages }) => sendMessages.results.map((one) => one.error?.code ?? 'ok'))
  expect(codes.toSorted()).toEqual([...times(19, () => 'ID_EXISTS'), 'ok'])
  expect(await send({ id: 'once', data: { other: true } })).toBe('ID_MISMATCH')
})
