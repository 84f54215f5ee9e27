/** What messages of a chunk share: a text that says the same to all is rendered, sent and kept once. */
import { expect, it } from 'vitest'
import type { LockedFanout } from '../../src/db/fanout.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createIds } from '../../src/domain/ids.ts'
import { indexContents } from '../../src/render/contents.ts'
import { createRenderer } from '../../src/render/renderer.ts'
import { createChunkPlanner, isShared } from '../../src/send/chunk.ts'
import { type ContactInfo, type ContentOf, emptyContact, type JsonObject } from '../../src/words.ts'
import { times } from '../helpers/setup.ts'

const renderer = createRenderer()
const ids = createIds(systemClock)
const content = (body: string): ContentOf['IN_APP'] => ({
  ...{ title: null, body, iconUrl: null, url: null, primaryAction: null, secondaryAction: null },
})

it('NV-42: a text is shared when it renders the same for all, and a computed name may be any', () => {
  const shared = (body: string, over: object | null = null, data: JsonObject = { n: 1 }) =>
    isShared(renderer, 'en', content(body), over ?? undefined, data)
  expect(['Sale', 'Sale [today]', '{{ n }}', '{{ data.n }}', '{{ project.name }}'].map((one) => shared(one))).toEqual(
    times(5, () => true),
  )
  expect(['{{ firstName }}', '{{ contact.email }}', '{{ [n] }}', '{{ data[key] }}'].map((one) => shared(one))).toEqual(
    times(4, () => false),
  )
  expect(shared('{{ firstName }}', { body: 'Sale' })).toBe(true)
  expect(shared('Sale', { title: '{{ contact["email"] }}' })).toBe(false)
})

it('NV-42: 500 messages that say the same are of one kind, and those that do not are of one without a text', () => {
  const contacts = times(
    500,
    (n): ContactInfo => ({
      ...emptyContact,
      id: ids(),
      externalId: `c${n}`,
      firstName: `N${n}`,
      properties: {},
      preferences: {},
    }),
  )
  const fanout: LockedFanout = {
    ...{
      id: ids(),
      transactionId: 't',
      campaignId: null,
      audience: { kind: 'all' },
      data: { n: 7 },
      overrides: null,
      actor: null,
    },
    ...{ actorId: ids(), channels: null, incrementId: null, sendAt: null, cursor: null, until: ids() },
    project: { id: ids(), key: 'p', name: 'P', locale: 'en', timezone: 'UTC', resendUnknown: false },
    template: {
      ...{
        id: ids(),
        key: 't',
        version: 1,
        active: true,
        critical: false,
        strict: false,
        feed: 'default',
        rules: [],
        digest: null,
      },
      delaySeconds: null,
    },
  }
  const plan = (body: string) => {
    const contents = indexContents([{ channel: 'IN_APP', locale: 'en', content: content(body) }])
    const of = { fanout, contents, routes: new Map(), credentials: new Map(), suppressed: new Map() }
    const planner = createChunkPlanner({ renderer, ids, clock: systemClock }, of)
    for (let from = 0; from < contacts.length; from += 100) planner.add(contacts.slice(from, from + 100))
    return planner.finish()
  }
  const same = plan('Sale {{ n }}')
  expect(same.columns.kinds.map((one) => [one.status, one.body])).toEqual([['DELIVERED', 'Sale 7']])
  expect(same.columns.arriving.kinds).toHaveLength(500)
  expect(same.columns.arriving.bodies).toEqual(Array(500).fill(null))
  // Texts of their own are columns, beside one kind without a text.
  const { kinds, arriving } = plan('Hello {{ firstName }}').columns
  expect(kinds.map((one) => [one.status, one.body])).toEqual([['DELIVERED', null]])
  expect(arriving.bodies).toEqual(contacts.map((one) => `Hello ${one.firstName}`))
  // One who is erased is nobody's actor.
  expect(same.head.actorId).toBeNull()
})
