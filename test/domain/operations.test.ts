/** The operations on a profile. */
import { describe, expect, it } from 'vitest'
import { applyOperations, type ProfileOperations } from '../../src/domain/operations.ts'
import type { JsonObject } from '../../src/words.ts'
import { refusalOf } from '../helpers/refusal.ts'
import { times } from '../helpers/setup.ts'

const profile: JsonObject = {
  email: 'anna@example.com',
  tier: 1,
  name: 'Anna',
  none: null,
  tags: ['a'],
  address: { city: 'Seoul', zip: 1 },
}

describe('operations', () => {
  it.each<[string, ProfileOperations, JsonObject]>([
    ['that are none change nothing', {}, {}],
    ['that are null change nothing', { set: null, setMissing: null, push: null, inc: null, unset: null }, {}],
    ['set what is missing', { set: { plan: 'pro' } }, { plan: 'pro' }],
    ['set over what is there, whatever its type', { set: { tier: ['x'] } }, { tier: ['x'] }],
    ['set null', { set: { tier: null } }, { tier: null }],
    [
      'set along a path, and keep what is next to it',
      { set: { 'address.city': 'Busan' } },
      { address: { city: 'Busan', zip: 1 } },
    ],
    ['set along a path that begins nowhere', { set: { 'a.b.c': 1 } }, { a: { b: { c: 1 } } }],
    ['set an object whole', { set: { address: { city: 'Busan' } } }, { address: { city: 'Busan' } }],
    [
      'merge into an object by names, which are no paths',
      { merge: { address: { 'a..b': 1, zip: { code: 2 } } } },
      { address: { city: 'Seoul', zip: { code: 2 }, 'a..b': 1 } },
    ],
    ['merge where nothing is', { merge: { data: { email: 'x', id: 1 } } }, { data: { email: 'x', id: 1 } }],
    ['merge over what is no object', { merge: { tier: { a: 1 } } }, { tier: { a: 1 } }],
    ['fill what is missing', { setMissing: { plan: 'pro' } }, { plan: 'pro' }],
    ['do not fill what is there', { setMissing: { tier: 2 } }, {}],
    ['do not fill what is null: that was set', { setMissing: { none: 1 } }, {}],
    [
      'fill along a path',
      { setMissing: { 'address.city': 'Busan', 'address.street': 'x' } },
      { address: { city: 'Seoul', zip: 1, street: 'x' } },
    ],
    ['push to the end of a list', { push: { tags: 'b' } }, { tags: ['a', 'b'] }],
    ['push a list as one item', { push: { tags: ['b', 'c'] } }, { tags: ['a', ['b', 'c']] }],
    ['push to what is missing', { push: { seen: 1 } }, { seen: [1] }],
    ['push to what is null', { push: { none: 1 } }, { none: [1] }],
    ['add', { inc: { tier: 2 } }, { tier: 3 }],
    ['take away', { inc: { tier: -2 } }, { tier: -1 }],
    ['add to what is missing', { inc: { visits: 1 } }, { visits: 1 }],
    ['add to what is null', { inc: { none: 1 } }, { none: 1 }],
    ['add along a path', { inc: { 'address.zip': 1 } }, { address: { city: 'Seoul', zip: 2 } }],
    ['unset', { unset: ['tier'] }, { tier: undefined as never }],
    ['unset along a path', { unset: ['address.zip'] }, { address: { city: 'Seoul' } }],
    [
      'unset what is not there',
      { unset: ['nothing', 'never.there', 'address.never.there'] },
      { address: { city: 'Seoul', zip: 1 } },
    ],
    [
      'take the names that other systems give to the addresses',
      { set: { $email: 'b@example.com', $phone_number: '+1 415 555-0100' } },
      { email: 'b@example.com', phone: '+1 415 555-0100' },
    ],
    ['forget a field that is set to null', { set: { email: null } }, { email: undefined as never }],
    ['keep a field in its canonical form', { set: { locale: 'PT_br', country: 'kr' } }, { locale: 'pt-BR', country: 'KR' }],
    [
      'may have 32 levels',
      { set: { deep: JSON.parse('['.repeat(33) + ']'.repeat(33)) } },
      { deep: JSON.parse('['.repeat(33) + ']'.repeat(33)) },
    ],
    ['may have a path of 255 characters', { set: { ['x'.repeat(255)]: 1 } }, { ['x'.repeat(255)]: 1 }],
    ['may touch the largest number', { set: { n: 1 }, inc: { tier: 2 ** 53 - 2 } }, { n: 1, tier: 2 ** 53 - 1 }],
    [
      'may touch properties next to each other',
      { set: { 'address.city': 'x' }, inc: { 'address.zip': 1 } },
      { address: { city: 'x', zip: 2 } },
    ],
  ])('%s', (_title, operations, changed) => {
    const frozen = structuredClone(profile)
    const expected = Object.fromEntries(Object.entries({ ...profile, ...changed }).filter(([, value]) => value !== undefined))
    expect(applyOperations(profile, operations)).toStrictEqual(expected)
    expect(profile).toStrictEqual(frozen)
  })

  it.each<[string, ProfileOperations, string]>([
    ['pushes to a text', { push: { name: 'b' } }, 'profile.name'],
    ['pushes to an object', { push: { address: 'b' } }, 'profile.address'],
    ['adds to a text', { inc: { name: 1 } }, 'profile.name'],
    ['adds a text', { inc: { tier: '1' } }, 'profile.tier'],
    ['adds beyond the largest number', { inc: { tier: 2 ** 53 - 1 } }, 'profile.tier'],
    ['sets a number beyond the largest', { set: { tier: 2 ** 53 } }, 'profile.tier'],
    ['leads through a text', { set: { 'name.first': 'x' } }, 'profile.name.first'],
    ['leads through null', { set: { 'none.x': 1 } }, 'profile.none.x'],
    ['leads through a list', { set: { 'tags.0': 'x' } }, 'profile.tags.0'],
    ['fills through a text', { setMissing: { 'name.first': 'x' } }, 'profile.name.first'],
    ['unsets through a text', { unset: ['name.first'] }, 'profile.name.first'],
    ['has an empty path', { set: { '': 1 } }, 'profile.'],
    ['has a path with an empty part', { set: { 'a..b': 1 } }, 'profile.a..b'],
    ['has a path that ends in a dot', { set: { 'a.': 1 } }, 'profile.a.'],
    ['has a path of 256 characters', { set: { ['x'.repeat(256)]: 1 } }, `profile.${'x'.repeat(256)}`],
    ['has a NUL in its path', { set: { 'a\0': 1 } }, 'profile'],
    ['reaches for a prototype', { set: JSON.parse('{"__proto__":{"isAdmin":true}}') }, 'profile.__proto__'],
    [
      'reaches for a prototype along a path',
      { set: { 'constructor.prototype.isAdmin': true } },
      'profile.constructor.prototype.isAdmin',
    ],
    ['unsets a prototype', { unset: ['address.__proto__'] }, 'profile.address.__proto__'],
    ['changes the id', { set: { externalId: 'x' } }, 'profile.externalId'],
    ['changes a part of the id', { set: { 'id.x': 'x' } }, 'profile.id.x'],
    ['unsets the id', { unset: ['id'] }, 'profile.id'],
    ['sets a field to a number', { set: { firstName: 1 } }, 'profile.firstName'],
    ['sets a field to an object by a path', { set: { 'lastName.x': 'y' } }, 'profile.lastName'],
    ['sets a time zone that is none', { set: { timezone: 'Mars/Base' } }, 'profile.timezone'],
    ['touches one property twice', { set: { tier: 1 }, inc: { tier: 1 } }, 'profile.tier'],
    ['unsets one property twice', { unset: ['tier', 'tier'] }, 'profile.tier'],
    ['touches an object and a part of it', { set: { address: {}, 'address.city': 'x' } }, 'profile.address.city'],
    ['touches a part of an object and the object', { set: { 'address.city': 'x' }, unset: ['address'] }, 'profile.address'],
    ['names one field twice by two names', { set: { email: 'a@example.com', $email: 'b@example.com' } }, 'profile.$email'],
  ])('are refused where one %s, naming the path', (_title, operations, field) => {
    const frozen = structuredClone(profile)
    expect(refusalOf(() => applyOperations(profile, operations))).toEqual(['BAD_INPUT', field])
    expect(profile).toStrictEqual(frozen)
  })
  it('are refused where one sets an address that is none', () => {
    expect(refusalOf(() => applyOperations(profile, { set: { email: 'x' } }))).toEqual(['ADDRESS_INVALID', 'profile.email'])
  })

  const many = (count: number): JsonObject => Object.fromEntries(times(count, (index) => [`p${index}`, index]))
  it('may be 1,000, and no more', () => {
    expect(Object.keys(applyOperations({}, { set: many(1_000) }))).toHaveLength(1_000)
    expect(refusalOf(() => applyOperations({}, { set: many(1_000), unset: ['more'] }))).toEqual(['BAD_INPUT', 'profile.more'])
  })

  it('leave the prototype of every object alone', () => {
    expect(Object.hasOwn(Object.prototype, 'isAdmin')).toBe(false)
    const result = applyOperations({}, { set: { a: JSON.parse('{"__proto__":{"isAdmin":true}}') } })
    expect(JSON.stringify(result)).toBe('{"a":{"__proto__":{"isAdmin":true}}}')
    expect(Reflect.get({}, 'isAdmin')).toBeUndefined()
  })
})
