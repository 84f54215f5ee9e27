/** A contact as it comes with a call. */
import { describe, expect, it } from 'vitest'
import { type ContactInput, checkContact, isContactField } from '../../src/domain/profile.ts'
import { type ContactField, contactFields, profileOf } from '../../src/words.ts'
import { contact } from '../helpers/facts.ts'
import { refusalOf } from '../helpers/refusal.ts'

const valid: Record<ContactField, string> = {
  email: 'anna@example.com',
  phone: '+1 415 555-0100',
  locale: 'en-GB',
  timezone: 'Europe/London',
  firstName: 'Anna',
  lastName: 'A',
  photoUrl: 'https://example.com/a.png',
  country: 'GB',
}
const wrong: Record<ContactField, string> = {
  email: 'anna',
  phone: 'call me',
  locale: 'e',
  timezone: 'Mars/Base',
  firstName: 'x'.repeat(256),
  lastName: 'x'.repeat(256),
  photoUrl: 'javascript:alert(1)',
  country: 'GBR',
}
const isAddress = (field: ContactField): boolean => field === 'email' || field === 'phone'

describe('a contact', () => {
  it('needs its id alone', () => {
    expect(checkContact('contact', { externalId: 'anna' })).toEqual({ externalId: 'anna', fields: {}, properties: {} })
  })
  it.each(contactFields)('may have a field %s', (field) => {
    expect(checkContact('contact', { externalId: 'a', [field]: valid[field] }).fields).toEqual({ [field]: valid[field] })
  })
  it.each(contactFields)('has no field %s where it is null', (field) => {
    expect(checkContact('contact', { externalId: 'a', [field]: null }).fields).toEqual({})
  })
  it.each(contactFields)('is refused with a field %s that is wrong, naming it', (field) => {
    const code = isAddress(field) ? 'ADDRESS_INVALID' : 'BAD_INPUT'
    expect(refusalOf(() => checkContact('actor', { externalId: 'a', [field]: wrong[field] }))).toEqual([code, `actor.${field}`])
  })
  it.each(contactFields)('is refused with a field %s that is wrong in its profile, naming it', (field) => {
    const input = { externalId: 'a', profile: { [field]: wrong[field] } }
    expect(refusalOf(() => checkContact('contact', input))?.[1]).toBe(`contact.profile.${field}`)
  })
  it.each<[string, ContactInput, string, string]>([
    ['no id', { externalId: '' }, 'BAD_INPUT', 'contact.externalId'],
    ['an id of 256 characters', { externalId: 'x'.repeat(256) }, 'BAD_INPUT', 'contact.externalId'],
    ['a profile of more than 64 KB', { externalId: 'a', profile: { t: 'x'.repeat(65_536) } }, 'TOO_LARGE', 'contact.profile'],
    ['a profile that JSON can not carry', { externalId: 'a', profile: { n: 2 ** 53 } }, 'BAD_INPUT', 'contact.profile'],
  ])('is refused with %s', (_title, input, code, field) => {
    expect(refusalOf(() => checkContact('contact', input))).toEqual([code, field])
  })
  it('may have a profile of 64 KB', () => {
    const profile = { t: 'x'.repeat(65_536 - '{"t":""}'.length) }
    expect(checkContact('contact', { externalId: 'a', profile }).properties).toEqual(profile)
  })
})

describe('its profile', () => {
  const check = (profile: ContactInput['profile'], more: Partial<ContactInput> = {}) =>
    checkContact('contact', { externalId: 'a', ...more, profile })
  it.each<[string, Parameters<typeof check>, Partial<ReturnType<typeof check>>]>([
    ['keeps what is no field as a property', [{ plan: 'pro' }], { fields: {}, properties: { plan: 'pro' } }],
    ['gives a field under its own name', [{ email: valid.email }], { fields: { email: valid.email }, properties: {} }],
    [
      'does not replace a field that came as one',
      [{ firstName: 'Other' }, { firstName: 'Anna' }],
      { fields: { firstName: 'Anna' } },
    ],
    ['has no field that is null', [{ firstName: null, phone: null }], { fields: {}, properties: {} }],
    [
      'gives a number that its own country reads',
      [{ phone: '0151 23456789', country: 'de' }],
      { fields: { phone: '0151 23456789', country: 'DE' } },
    ],
    [
      'takes the names that other systems give to the addresses',
      [{ $email: valid.email }],
      { fields: { email: valid.email }, properties: {} },
    ],
    ['does not change the ids', [{ id: 'x', externalId: 'y' }], { externalId: 'a', properties: {} }],
    ['keeps null', [{ plan: null }], { properties: { plan: null } }],
    ['may be null', [null], { fields: {}, properties: {} }],
  ])('%s', (_title, args, expected) => {
    expect(check(...args)).toMatchObject(expected)
  })
  it.each(contactFields.flatMap((field) => [821012345678, true, {}, ['x']].map((value) => [field, value] as const)))(
    'is refused with a field %s that is no text: %j',
    (field, value) => {
      const input = { externalId: 'a', profile: { [field]: value } }
      expect(refusalOf(() => checkContact('actor', input))).toEqual(['BAD_INPUT', `actor.profile.${field}`])
      // As well where the field has its value already, which the profile does not replace.
      const both = { ...input, [field]: valid[field] }
      expect(refusalOf(() => checkContact('actor', both))).toEqual(['BAD_INPUT', `actor.profile.${field}`])
    },
  )
  it('keeps capitals apart: Email is no field', () => {
    expect(check({ Email: 'x' }).properties).toEqual({ Email: 'x' })
    expect([isContactField('email'), isContactField('Email'), isContactField('constructor')]).toEqual([true, false, false])
  })
})

describe('the profile that templates and segments see', () => {
  it('has the ids and every field that is set, which win over properties of the same name', () => {
    const properties = { plan: 'pro', email: 'property', id: 'property', externalId: 'property' }
    expect(profileOf({ ...contact, properties })).toEqual({
      plan: 'pro',
      id: 'anna',
      externalId: 'anna',
      email: 'anna@example.com',
      phone: '+14155550100',
    })
  })
})
