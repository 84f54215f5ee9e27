/** What is checked of a message before anything is decided. */
import { describe, expect, it } from 'vitest'
import { checkMessage, checkOverrides, checkWhen, type MessageInput } from '../../src/send/send.ts'
import type { Overrides } from '../../src/words.ts'
import { refusalOf } from '../helpers/refusal.ts'

const now = new Date('2030-01-01T00:00:00.000Z')
const MINUTE_MS = 60_000
const YEAR_MS = 366 * 24 * 3_600_000
const inMs = (ms: number): Date => new Date(now.getTime() + ms)
const message: MessageInput = { template: 'order', contact: { externalId: 'anna' } }

describe('when a message is due', () => {
  it.each<[string, Pick<MessageInput, 'sendAt' | 'delaySeconds'>, ReturnType<typeof checkWhen>]>([
    ['nobody said', {}, null],
    ['nobody said: null counts as nothing', { sendAt: null, delaySeconds: null }, null],
    ['after a delay', { delaySeconds: 1 }, { inMs: 1_000 }],
    ['now, which is not the same as nobody said', { delaySeconds: 0 }, { inMs: 0 }],
    ['after a year', { delaySeconds: YEAR_MS / 1_000 }, { inMs: YEAR_MS }],
    ['at its moment', { sendAt: inMs(1) }, { at: inMs(1) }],
    ['at a moment a year ahead', { sendAt: inMs(YEAR_MS) }, { at: inMs(YEAR_MS) }],
    ['now, where its moment is now', { sendAt: now }, { inMs: 0 }],
    ['now, where its moment is 5 minutes ago', { sendAt: inMs(-5 * MINUTE_MS) }, { inMs: 0 }],
  ])('%s', (_title, input, expected) => {
    expect(checkWhen(input, now)).toEqual(expected)
  })
  it.each<[string, Pick<MessageInput, 'sendAt' | 'delaySeconds'>, string]>([
    ['more than 5 minutes ago', { sendAt: inMs(-5 * MINUTE_MS - 1) }, 'sendAt'],
    ['more than a year ahead', { sendAt: inMs(YEAR_MS + 1) }, 'sendAt'],
    ['in the year 9999', { sendAt: new Date('9999-12-31T00:00:00Z') }, 'sendAt'],
    ['in the year 0', { sendAt: new Date('0000-01-01T00:00:00Z') }, 'sendAt'],
    ['after less than nothing', { delaySeconds: -1 }, 'delaySeconds'],
    ['after more than a year', { delaySeconds: YEAR_MS / 1_000 + 1 }, 'delaySeconds'],
    ['at a moment and after a delay', { sendAt: inMs(MINUTE_MS), delaySeconds: 60 }, 'sendAt'],
    ['at a moment and after no delay', { sendAt: inMs(MINUTE_MS), delaySeconds: 0 }, 'sendAt'],
  ])('is refused: %s', (_title, input, field) => {
    expect(refusalOf(() => checkWhen(input, now))).toEqual(['BAD_INPUT', field])
  })
})

describe('a message', () => {
  it('needs a template and a contact, and nothing more', () => {
    expect(checkMessage(message, now)).toEqual({
      key: null,
      contentHash: null,
      template: 'order',
      contact: { externalId: 'anna', fields: {}, properties: {} },
      actor: null,
      data: {},
      overrides: null,
      incrementId: null,
      transactionId: null,
      when: null,
      channels: null,
    })
  })
  it('may name a topic in place of a contact', () => {
    expect(checkMessage({ template: 'order', topic: 'news' }, now)).toMatchObject({ contact: null, topic: 'news' })
  })
  it('may ask for no channel at all, which is not the same as all', () => {
    expect(checkMessage({ ...message, channels: [] }, now).channels).toEqual([])
  })

  const long = 'x'.repeat(255)
  it.each<[string, Partial<MessageInput>]>([
    ['an id of 255 characters', { id: long }],
    ['a transactionId of 255 characters', { transactionId: long }],
    ['an incrementId of 255 characters', { incrementId: long }],
    ['a template of 255 characters', { template: long }],
    ['a template that is called nothing: it is looked up, and not found', { template: '' }],
    ['data of 512 KB', { data: { t: 'x'.repeat(524_288 - '{"t":""}'.length) } }],
    ['data of 32 levels', { data: nested(32) }],
    ['the largest numbers that JSON carries exactly', { data: { n: [2 ** 53 - 1, -(2 ** 53) + 1, -0, 0.1] } }],
    ['data with names that objects inherit', { data: JSON.parse('{"__proto__":1,"constructor":2,"toString":3}') }],
  ])('may have %s', (_title, changed) => {
    expect(refusalOf(() => checkMessage({ ...message, ...changed }, now))).toBeNull()
  })

  it.each<[string, Partial<MessageInput>, string, string]>([
    ['neither a contact nor a topic', { contact: null }, 'BAD_INPUT', 'contact'],
    ['both a contact and a topic', { topic: 'news' }, 'BAD_INPUT', 'topic'],
    ['a topic of 256 characters', { contact: null, topic: `${long}x` }, 'BAD_INPUT', 'topic'],
    ['a contact without an id or an address', { contact: {} }, 'BAD_INPUT', 'contact.externalId'],
    ['a country alone', { contact: { country: 'DE' } }, 'BAD_INPUT', 'contact.externalId'],
    ['a bare address with a name', { contact: { email: 'a@example.com', firstName: 'A' } }, 'BAD_INPUT', 'contact.firstName'],
    ['a bare address with a profile', { contact: { email: 'a@example.com', profile: {} } }, 'BAD_INPUT', 'contact.profile'],
    ['a bare address that is none', { contact: { email: 'x' } }, 'ADDRESS_INVALID', 'contact.email'],
    ['a bare number that is none', { contact: { phone: '+1 (555)' } }, 'ADDRESS_INVALID', 'contact.phone'],
    ['a bare number of no country', { contact: { phone: '0151 23456789' } }, 'ADDRESS_INVALID', 'contact.phone'],
    ['an actor with an address alone', { actor: { email: 'a@example.com' } }, 'BAD_INPUT', 'actor.externalId'],
    [
      'an actor with a number for a name',
      { actor: { externalId: 'a', profile: { firstName: 7 } } },
      'BAD_INPUT',
      'actor.profile.firstName',
    ],
    ['a contact without an id', { contact: { externalId: '' } }, 'BAD_INPUT', 'contact.externalId'],
    ['a contact with an address that is none', { contact: { externalId: 'a', email: 'x' } }, 'ADDRESS_INVALID', 'contact.email'],
    ['an actor without an id', { actor: { externalId: '' } }, 'BAD_INPUT', 'actor.externalId'],
    ['an empty id', { id: '' }, 'BAD_INPUT', 'id'],
    ['an id of 256 characters', { id: `${long}x` }, 'BAD_INPUT', 'id'],
    ['an id with a line break', { id: 'a\n' }, 'BAD_INPUT', 'id'],
    ['an id beyond ASCII', { id: 'ä' }, 'BAD_INPUT', 'id'],
    ['an empty transactionId', { transactionId: '' }, 'BAD_INPUT', 'transactionId'],
    ['a transactionId beyond ASCII', { transactionId: '\u{1f600}' }, 'BAD_INPUT', 'transactionId'],
    ['an empty incrementId', { incrementId: '' }, 'BAD_INPUT', 'incrementId'],
    ['a template of 256 characters', { template: `${long}x` }, 'BAD_INPUT', 'template'],
    ['a template with a NUL', { template: 'a\0' }, 'BAD_INPUT', 'template'],
    ['data of more than 512 KB', { data: { t: 'x'.repeat(524_288) } }, 'TOO_LARGE', 'data'],
    ['data of 33 levels', { data: nested(33) }, 'BAD_INPUT', 'data'],
    ['a number beyond what JSON carries exactly', { data: { n: 2 ** 53 } }, 'BAD_INPUT', 'data'],
    ['a number that is none', { data: { n: Number.NaN } }, 'BAD_INPUT', 'data'],
    ['a NUL in its data', { data: { t: 'a\0b' } }, 'BAD_INPUT', 'data'],
    ['a lone surrogate in a key of its data', { data: { '\ud800': 1 } }, 'BAD_INPUT', 'data'],
    ['a moment and a delay', { sendAt: now, delaySeconds: 1 }, 'BAD_INPUT', 'sendAt'],
  ])('is refused with %s', (_title, changed, code, field) => {
    expect(refusalOf(() => checkMessage({ ...message, ...changed }, now))).toEqual([code, field])
  })
  it('is refused with an unknown channel', () => {
    // As JSON may bring it.
    const channels = JSON.parse('["EMAIL", "FAX"]')
    expect(refusalOf(() => checkMessage({ ...message, channels }, now))).toEqual(['BAD_INPUT', 'channels'])
  })
})

describe('the hash of what was asked', () => {
  const base: MessageInput = { ...message, id: 'o-1', data: { a: 1, b: { c: 2, d: [1, 2] } }, sendAt: inMs(MINUTE_MS) }
  const hashOf = (changed: object): string | null => checkMessage({ ...base, ...changed }, now).contentHash
  const hash = hashOf({})

  it('is SHA-256 where there is an id, and none where there is none', () => {
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(hashOf({ id: null })).toBeNull()
  })
  it.each<[string, Partial<MessageInput>]>([
    ['its keys come in another order', { data: { b: { d: [1, 2], c: 2 }, a: 1 } }],
    ['it belongs to another transaction', { transactionId: 'tx-2' }],
    ['its moment is another object of the same time', { sendAt: new Date(inMs(MINUTE_MS)) }],
  ])('is the same when %s', (_title, changed) => {
    expect(hashOf(changed)).toBe(hash)
  })
  it.each<[string, Partial<MessageInput>]>([
    ['a value differs', { data: { a: 2, b: { c: 2, d: [1, 2] } } }],
    ['a number becomes a text', { data: { a: '1', b: { c: 2, d: [1, 2] } } }],
    ['a list comes in another order', { data: { a: 1, b: { c: 2, d: [2, 1] } } }],
    ['the template differs', { template: 'other' }],
    ['the contact differs', { contact: { externalId: 'ben' } }],
    ['the contact brings a field', { contact: { externalId: 'anna', firstName: 'Anna' } }],
    ['the moment differs', { sendAt: inMs(2 * MINUTE_MS) }],
    ['channels are named', { channels: ['EMAIL'] }],
    ['no channels are named', { channels: [] }],
    ['there is an actor', { actor: { externalId: 'ben' } }],
    ['something is replaced', { overrides: { email: { subject: 'x' } } }],
    ['it folds', { incrementId: 'like' }],
  ])('is another when %s', (_title, changed) => {
    expect(hashOf(changed)).not.toBe(hash)
  })
})

describe('what replaces the settings of a template', () => {
  it.each<[string, Overrides | null]>([
    ['nothing', null],
    ['an empty object', {}],
    ['a feed', { inApp: { feed: 'jobs' } }],
    ['a null feed', { inApp: { feed: null } }],
    ['a field of a provider', { providers: { mail: { tag: 'x' }, text: {} } }],
    ['null for a provider', { providers: { mail: null } }],
  ])('may be %s', (_title, overrides) => {
    expect(checkOverrides(overrides)).toBe(overrides)
  })
  it.each<[string, Overrides, string, string]>([
    ['an empty feed', { inApp: { feed: '' } }, 'BAD_INPUT', 'overrides.inApp.feed'],
    ['a feed with a control character', { inApp: { feed: 'a\tb' } }, 'BAD_INPUT', 'overrides.inApp.feed'],
    ['a text for a provider', { providers: { mail: 'x' } }, 'BAD_INPUT', 'overrides.providers.mail'],
    ['a list for a provider', { providers: { mail: [] } }, 'BAD_INPUT', 'overrides.providers.mail'],
    ['a NUL in a text', { email: { subject: 'a\0' } }, 'BAD_INPUT', 'overrides'],
    ['more than 512 KB', { push: { body: 'x'.repeat(524_288) } }, 'TOO_LARGE', 'overrides'],
  ])('is refused with %s', (_title, overrides, code, field) => {
    expect(refusalOf(() => checkOverrides(overrides))).toEqual([code, field])
  })
})

/** An object with that many levels, itself the first. */
function nested(levels: number): { readonly [key: string]: unknown } & MessageInput['data'] {
  return JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`)
}
