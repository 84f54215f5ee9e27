/** `preview`: the decision before it is made. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { GetContact, ListNotifications, Preview, Send, SetPreference, UpsertTemplates } from '../helpers/operations.ts'
import { newShop } from '../helpers/setup.ts'

let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  project = await newShop(app, null)
})
afterAll(() => app.stop())

const preview = async (message: object) => (await project.api.do(Preview, { message: { template: 'order', ...message } })).preview
const ann = { externalId: 'ann', email: 'ann@example.com', phone: '+15005550006', firstName: 'Ann' }

it('decides and renders every channel as a send would, and stores nothing', async () => {
  const shown = await preview({ contact: ann, data: { number: 7 } })
  expect(shown).toMatchObject({ ok: true, error: null, locale: 'en' })
  expect(shown.channels.toSorted((a, b) => (a.channel < b.channel ? -1 : 1))).toMatchObject([
    {
      channel: 'EMAIL',
      wouldSend: true,
      reason: null,
      address: 'ann@example.com',
      provider: 'mail',
      subject: 'Order 7',
      text: 'Hello Ann',
      html: null,
    },
    { channel: 'IN_APP', wouldSend: true, address: null, provider: null, title: 'Order 7', body: 'Hello Ann' },
    {
      channel: 'SMS',
      wouldSend: true,
      provider: 'text',
      body: 'Order 7',
      sms: { encoding: 'GSM-7', characters: 7, segments: 1, bytes: 7 },
    },
  ])
  expect((await project.api.do(GetContact, { externalId: 'ann' })).contact).toBeNull()
  expect((await project.api.do(ListNotifications, {})).notifications.totalCount).toBe(0)
})

it('says why a channel would stay silent', async () => {
  await project.api.do(SetPreference, { contact: (await project.page('ben')) && 'ben', channel: 'IN_APP', enabled: false })
  const { channels } = await preview({
    contact: { externalId: 'ben', phone: '+15555555555' },
    channels: ['IN_APP', 'EMAIL', 'PUSH'],
  })
  expect(channels.map((one) => [one.channel, one.wouldSend, one.reason?.code])).toEqual([
    ['IN_APP', false, 'OPTED_OUT'],
    ['EMAIL', false, 'ADDRESS_MISSING'],
    ['PUSH', false, 'TEMPLATE_EMPTY'],
  ])
})

it('says why nothing would be accepted', async () => {
  expect(await preview({ template: 'none', contact: ann })).toMatchObject({
    ok: false,
    error: { code: 'TEMPLATE_NOT_FOUND' },
    channels: [],
  })
  expect(await preview({})).toMatchObject({ ok: false, error: { code: 'BAD_INPUT', field: 'contact' } })
  await project.api.do(Send, { messages: [{ id: 'used', template: 'note', contact: { externalId: 'x' } }] })
  expect(await preview({ id: 'used', template: 'note', contact: { externalId: 'x' } })).toMatchObject({
    ok: false,
    error: { code: 'ID_EXISTS' },
  })
})

it.each([
  ['a', 'GSM-7', 160, 1],
  ['a', 'GSM-7', 161, 2],
  ['a', 'GSM-7', 306, 2],
  ['a', 'GSM-7', 307, 3],
  ['한', 'UCS-2', 70, 1],
  ['한', 'UCS-2', 71, 2],
  ['한', 'UCS-2', 134, 2],
  ['한', 'UCS-2', 135, 3],
  ['😀', 'UCS-2', 140, 3],
])('I46: counts the segments of a text of %s in %s, %d characters: %d', async (character, encoding, characters, segments) => {
  await project.api.do(UpsertTemplates, {
    templates: [{ key: 'long', sms: [{ body: character.repeat(characters / character.length) }] }],
  })
  const { channels } = await preview({ template: 'long', contact: ann })
  expect(channels[0]?.sms).toMatchObject({ encoding, characters, segments })
})
