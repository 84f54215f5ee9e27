/** Times that a caller gives, at their bounds and beyond. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { GetContact, Send, UpsertContacts, UpsertTemplates } from '../helpers/operations.ts'

let app: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  project = await app.project()
  await project.api.do(UpsertTemplates, { templates: [{ key: 't', inApp: [{ body: 'b' }] }] })
})
afterAll(() => app.stop())

/** The report's time, and others that are beyond a bound. */
const beyond = [
  ['npgsql/efcore.pg#2599', '0001-01-01T00:00:00+09:00'],
  ['relative: the first of years', '0001-01-01T00:00:00Z'],
  ['relative: a year before it', '0000-01-01T00:00:00Z'],
  ['relative: the last second before 1970', '1969-12-31T23:59:59.999Z'],
  ['relative: before 1970 by its offset', '1970-01-01T00:00:00+00:01'],
  ['relative: after 9999 by its offset', '9999-12-31T23:59:59-14:00'],
  ['relative: an offset that no clock has', '9999-12-31T23:59:59-23:59'],
] as const

/** What can be read, and is a time within the bounds. */
const within = [
  ['the first', '1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
  ['the last', '9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ['a fraction of many digits', '2026-01-31T09:30:00.123456789123456789Z', '2026-01-31T09:30:00.123Z'],
  ['a leap second', '2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
  ['an offset of 14 hours', '2026-01-31T09:30:00+14:00', '2026-01-30T19:30:00.000Z'],
  ['small letters', '2026-01-31t09:30:00z', '2026-01-31T09:30:00.000Z'],
] as const

it.each(beyond)('%s: %s of one contact is refused alone', async (source, createdAt) => {
  const { upsertContacts } = await project.api.do(UpsertContacts, {
    contacts: [{ externalId: `bad ${source}`, createdAt }, { externalId: `good ${source}` }],
  })
  expect(upsertContacts).toEqual({
    inserted: [`good ${source}`],
    updated: [],
    failed: [
      {
        externalId: `bad ${source}`,
        error: { code: 'BAD_INPUT', field: 'contact.createdAt', message: expect.stringContaining('1970') },
      },
    ],
  })
})

it.each(within)('of one contact may be %s: %s', async (title, createdAt, expected) => {
  await project.api.do(UpsertContacts, { contacts: [{ externalId: title, createdAt }] })
  expect((await project.api.do(GetContact, { externalId: title })).contact?.createdAt).toBe(expected)
})

describe('in every other place', () => {
  const places: [name: string, field: string, query: string][] = [
    ['notifications', 'from', 'query($at: DateTime) { notifications(filter: { from: $at }) { totalCount nodes { id } } }'],
    ['notifications', 'to', 'query($at: DateTime) { notifications(filter: { to: $at }) { totalCount nodes { id } } }'],
    ['auditLog', 'from', 'query($at: DateTime) { auditLog(filter: { from: $at }) { totalCount nodes { id } } }'],
    ['auditLog', 'to', 'query($at: DateTime) { auditLog(filter: { to: $at }) { totalCount nodes { id } } }'],
    ['transactions', 'from', 'query($at: DateTime) { transactions(filter: { from: $at }) { totalCount nodes { id } } }'],
    ['transactions', 'to', 'query($at: DateTime) { transactions(filter: { to: $at }) { totalCount nodes { id } } }'],
    [
      'trackEvents',
      'occurredAt',
      'mutation($at: DateTime) { trackEvents(events: [{ name: "e", isGlobal: true, occurredAt: $at }]) { __typename } }',
    ],
    ['createApiKey', 'expiresAt', 'mutation($at: DateTime) { createApiKey(name: "k", expiresAt: $at) { __typename } }'],
    ['broadcast', 'sendAt', 'mutation($at: DateTime) { broadcast(input: { template: "t", sendAt: $at }) { status } }'],
    [
      'preview',
      'sendAt',
      'query($at: DateTime) { preview(message: { template: "t", contact: { externalId: "a" }, sendAt: $at }) { ok error { code field } } }',
    ],
    [
      'upsertCampaigns',
      'schedule.at',
      'mutation($at: DateTime) { upsertCampaigns(campaigns: [{ key: "c", name: "C", template: "t", channel: IN_APP, dispatch: SEGMENT, schedule: { at: $at } }]) { key } }',
    ],
  ]
  const ask = async (query: string, at: string) => {
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${project.apiKey}` },
      body: JSON.stringify({ query, variables: { at } }),
    })
    const body: unknown = await response.json()
    return body as {
      data?: { preview?: { ok: boolean; error: { code: string; field: string } | null } } | null
      errors?: { message: string; extensions: { code: string; field?: string } }[]
    }
  }

  it.each(places)('%s refuses a %s beyond the bounds, and never fails', async (name, field, query) => {
    for (const [source, at] of beyond) {
      const { data, errors } = await ask(query, at)
      const [found] =
        name === 'preview'
          ? [data?.preview?.error]
          : (errors ?? []).map((one) => ({ code: one.extensions.code, field: one.extensions.field }))
      expect(found, `${source}: ${JSON.stringify(errors)}`).toEqual({ code: 'BAD_INPUT', field })
    }
  })

  it.each(places)('%s reads a %s at the bounds, or says what is wrong with it', async (_name, _field, query) => {
    for (const [, at] of within) {
      const { errors } = await ask(query, at)
      for (const error of errors ?? []) expect(error.extensions.code, error.message).toBe('BAD_INPUT')
    }
  })

  it.each(places)('%s refuses what is no time as its %s', async (_name, _field, query) => {
    for (const at of [
      '+275760-09-13T00:00:00Z',
      '2026-02-30T00:00:00Z',
      '2026-01-01',
      '2026-01-01T24:00:00Z',
      '2026-01-01T00:00:00+24:00',
      'now',
      '',
    ]) {
      expect(
        (await ask(query, at)).errors?.map((one) => one.extensions.code),
        at,
      ).toEqual(['BAD_INPUT'])
    }
  })
})

it('refuses one message alone whose time is beyond the bounds', async () => {
  const messages = beyond.map(([, sendAt], n) => ({ template: 't', contact: { externalId: `m${n}` }, sendAt }))
  const { sendMessages } = await project.api.do(Send, {
    messages: [...messages, { template: 't', contact: { externalId: 'good' } }],
  })
  expect(sendMessages.results.map((one) => one.error?.code ?? 'OK')).toEqual([...beyond.map(() => 'BAD_INPUT'), 'OK'])
})
