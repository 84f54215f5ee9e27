import { describe, expect, it } from 'vitest'
import { claimedRole, joinRoles, readClaimRoles } from '../../src/domain/role-claim.ts'

describe('a claim', () => {
  it.each<[string, unknown, Record<string, string>]>([
    ['an object', { shop: 'admin', '*': 'viewer' }, { shop: 'admin', '*': 'viewer' }],
    ['a list', ['shop:admin', '*:viewer:masked'], { shop: 'admin', '*': 'viewer:masked' }],
    ['one text', 'shop:admin', { shop: 'admin' }],
    ['one text with several', 'shop:admin, depot:sender *:viewer', { shop: 'admin', depot: 'sender', '*': 'viewer' }],
    ['the same project twice: the higher role, masked if either is', ['a:viewer:masked', 'a:editor'], { a: 'editor:masked' }],
    ['other things, which are left out', ['users', 'shop:owner', ':admin', 'a:', 7, null, { shop: 'admin' }], {}],
    ['roles of other kinds', { shop: 7, a: ['admin'], b: null, c: 'ADMIN', d: 'admin:other' }, {}],
    [
      'names of prototypes',
      JSON.parse('{"__proto__": "admin", "constructor": "viewer"}'),
      JSON.parse('{"__proto__":"admin","constructor":"viewer"}'),
    ],
    ['nothing', undefined, {}],
    ['a number', 7, {}],
  ])('is read from %s', (_name, value, expected) => expect(readClaimRoles(value)).toEqual(expected))

  it('is bounded', () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_unused, n) => [`p-${n}`, 'admin']))
    expect(Object.keys(readClaimRoles(many))).toHaveLength(1_000)
  })

  it('gives what names the project, else what is for all; null takes even that away', () => {
    expect(claimedRole({ shop: 'viewer', '*': 'admin' }, 'shop')).toEqual({ role: 'viewer', maskPersonalData: false })
    expect(claimedRole({ shop: 'viewer', '*': 'admin:masked' }, 'depot')).toEqual({ role: 'admin', maskPersonalData: true })
    expect(claimedRole({ shop: null, '*': 'admin' }, 'shop')).toBeNull()
    expect(claimedRole({}, 'toString')).toBeNull()
    expect(claimedRole({ shop: 'owner' }, 'shop')).toBeNull()
  })
})

it('joins two roles to the higher one, masked if either is', () => {
  const viewer = { role: 'viewer', maskPersonalData: true } as const
  const editor = { role: 'editor', maskPersonalData: false } as const
  for (const joined of [joinRoles(viewer, editor), joinRoles(editor, viewer)]) {
    expect(joined).toEqual({ role: 'editor', maskPersonalData: true })
  }
})
