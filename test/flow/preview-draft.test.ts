/** `preview` of a template that is not stored: what somebody sees who is changing it. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { graphql } from '../../generated/gql.ts'
import type { TemplateInput } from '../../generated/graphql.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { GetTemplate, ListTemplates } from '../helpers/operations.ts'
import { newShop } from '../helpers/setup.ts'

const PreviewDraft = graphql(`
  query PreviewDraft($message: MessageInput!, $draft: TemplateInput) {
    preview(message: $message, draft: $draft) {
      ok error { code field message } channels { channel wouldSend reason { code } subject title body text html }
    }
  }
`)

let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  project = await newShop(app, null)
})
afterAll(() => app.stop())

const ann = { externalId: 'ann', email: 'ann@example.com', phone: '+15005550006', firstName: 'Ann' }
const preview = async (draft: TemplateInput, template = draft.key, data = {}) =>
  (await project.api.do(PreviewDraft, { message: { template, contact: ann, data }, draft })).preview

it('shows a template that is not there yet, and stores nothing of it', async () => {
  const shown = await preview({ key: 'new', email: [{ subject: 'Hi {{ firstName }}', html: '<p>{{ x }}</p>' }] }, 'new', {
    x: '<b>',
  })
  expect(shown).toMatchObject({
    ok: true,
    channels: [{ channel: 'EMAIL', wouldSend: true, subject: 'Hi Ann', html: '<p>&lt;b&gt;</p>' }],
  })
  const { templates } = await project.api.do(ListTemplates, {})
  expect(templates.nodes.map(({ key }) => key)).not.toContain('new')
})

it('shows a change as upsertTemplates would make it: what is left out stays', async () => {
  const { channels } = await preview({ key: 'order', sms: [{ body: 'Changed {{ number }}' }], email: null }, 'order', {
    number: 7,
  })
  expect(Object.fromEntries(channels.map(({ channel, body }) => [channel, body]))).toEqual({
    IN_APP: 'Hello Ann',
    SMS: 'Changed 7',
  })
  expect((await project.api.do(GetTemplate, { key: 'order' })).template).toMatchObject({ sms: [{ body: 'Order {{ number }}' }] })
})

it('says what is wrong with a draft as upsertTemplates would', async () => {
  expect(await preview({ key: 'order', sms: [{ body: '{{ broken' }] })).toMatchObject({
    ok: false,
    error: { code: 'TEMPLATE_BROKEN' },
  })
  expect(await preview({ key: 'order', active: false })).toMatchObject({ ok: false, error: { code: 'TEMPLATE_INACTIVE' } })
  expect(await preview({ key: 'other', sms: [{ body: 'x' }] }, 'order')).toMatchObject({
    ok: false,
    error: { code: 'BAD_INPUT', field: 'draft.key' },
  })
})

it('holds the data against the schema of the draft', async () => {
  const draft = { key: 'order', dataSchema: { type: 'object', required: ['number'] } }
  expect(await preview(draft)).toMatchObject({ ok: false, error: { code: 'DATA_INVALID' } })
  expect(await preview(draft, 'order', { number: 1 })).toMatchObject({ ok: true })
})
