/** What the audit log shows of states and callers. */
import { describe, expect, it } from 'vitest'
import { kinds, secretSettings } from '../../src/channels/registry.ts'
import type { Project } from '../../src/db/generated/client.ts'
import { byOf, hashedKey } from '../../src/domain/audit.ts'
import { fitShown, maskSettings, SHOWN_BYTES } from '../../src/domain/audit-shown.ts'
import type { Caller } from '../../src/domain/caller.ts'
import { keyCaller } from '../helpers/caller.ts'

const project = { id: 'p' } as Project

describe('masked settings', () => {
  it.each(Object.keys(kinds))('show no secret of %s, and that it has changed', (kind) => {
    const names = secretSettings(kind)
    const of = (value: string) => Object.fromEntries(names.map((name) => [name, value]))
    const [before, after] = maskSettings([of('hush-1'), of('hush-2')], names)
    expect([before, after]).toEqual([of('set'), of('changed')])
    expect(maskSettings([of('hush-1'), of('hush-1')], names)).toEqual([of('set'), of('set')])
    expect(maskSettings([null, of('hush-1')], names)).toEqual([null, of('set')])
    expect(maskSettings([of('hush-1'), null], names)).toEqual([of('set'), null])
  })

  it.each([
    ['https://hooks.example.com/services/T0/hush', 'https://hooks.example.com/…'],
    ['https://user:hush@example.com', 'https://example.com'],
    ['https://example.com/?token=hush', 'https://example.com/…'],
    ['https://example.com:8443/hush#hush', 'https://example.com:8443/…'],
    ['HTTPS://example.com/hush', 'https://example.com/…'],
    ['smtp.example.com', 'smtp.example.com'],
    ['Shop <shop@example.com>', 'Shop <shop@example.com>'],
  ])('show of an address its host alone: %s', (address, shown) => {
    expect(maskSettings([null, { url: address }], [])[1]).toEqual({ url: shown })
  })

  it('tell when only what is masked has changed', () => {
    const hook = (path: string) => ({ url: `https://example.com/${path}`, headers: { 'x-key': path, same: 'x' } })
    expect(maskSettings([hook('hush-1'), hook('hush-2')], [])[1]).toEqual({
      url: 'https://example.com/… (changed)',
      headers: { 'x-key': 'changed', same: 'set' },
    })
  })

  it('show values that are not texts, and mask what is nested', () => {
    const settings = { port: 587, secure: false, list: ['hush'], deep: { deeper: { token: 'hush' } } }
    expect(maskSettings([null, settings], ['list'])[1]).toEqual({
      port: 587,
      secure: false,
      list: 'set',
      deep: { deeper: 'set' },
    })
  })
})

describe('long states', () => {
  const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))
  it.each([
    ['a long text', { name: 'x', text: 'é'.repeat(40_000) }],
    [
      'many texts',
      { contents: Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`EMAIL ${n}`, { text: 'y'.repeat(3_000) }])) },
    ],
    ['a long list', { name: 'x', rules: Array.from({ length: 5_000 }, (_, n) => ({ n })) }],
    ['many fields', Object.fromEntries(Array.from({ length: 4_000 }, (_, n) => [`f${n}`, n]))],
    ['a deep one', JSON.parse(`${'{"a":'.repeat(500)}"${'z'.repeat(30_000)}"${'}'.repeat(500)}`)],
  ])('fit, and say what is missing: %s', (_what, state) => {
    const shown = fitShown(state)
    expect(bytes(shown)).toBeLessThanOrEqual(SHOWN_BYTES)
    expect(shown['truncated']).toEqual({ bytes: bytes(state), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
  })
  it('stay as they are up to the limit', () => {
    const state = { text: 'x'.repeat(SHOWN_BYTES - '{"text":""}'.length) }
    expect(fitShown(state)).toBe(state)
    expect(fitShown({ text: `${state.text}x` })['truncated']).toBeDefined()
  })
})

it('keeps keys that callers made up as hashes, and ids of the server as they are', () => {
  expect(hashedKey('ann@example.com')).toMatch(/^sha256:[0-9a-f]{64}$/)
  expect(hashedKey('01a22857-2898-7000-bf80-875a9a25244d')).toBe('01a22857-2898-7000-bf80-875a9a25244d')
})

describe('who makes a change', () => {
  const person = { kind: 'person', id: 'p1', email: 'ann@example.com', name: 'Ann', role: 'editor' } as const
  it.each([
    ['the operator', { kind: 'operator' }, { kind: 'OPERATOR', id: null, name: null, email: null }],
    ['a key', { kind: 'key', id: 'k1', name: 'deploy' }, { kind: 'KEY', id: 'k1', name: 'deploy', email: null }],
    ['a token', { kind: 'token' }, { kind: 'TOKEN', id: null, name: null, email: null }],
    ['a person', person, { kind: 'PERSON', id: 'p1', name: 'Ann', email: 'ann@example.com' }],
  ] as const)('is %s', (_what, who, expected) => {
    const caller: Caller = who.kind === 'operator' ? who : { ...keyCaller('k', project), who }
    expect(byOf(caller, '192.0.2.1')).toEqual({ ...expected, remoteAddress: '192.0.2.1' })
  })
  it('is never a contact, or nobody', () => {
    const contact: Caller = { kind: 'contact', project, contactId: 'c', externalId: 'ann', expiresAt: new Date() }
    expect(() => byOf({ kind: 'none' }, '192.0.2.1')).toThrow('does not permit')
    expect(() => byOf(contact, '192.0.2.1')).toThrow('does not permit')
  })
})
