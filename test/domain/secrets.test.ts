/** What is encrypted opens where it belongs, with every secret of the list, and nowhere else. */
import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createCursors } from '../../src/domain/cursor.ts'
import { createLinks } from '../../src/domain/link.ts'
import { createSecrets, isSealed, UnsealError } from '../../src/domain/secrets.ts'
import { createTokens } from '../../src/domain/token.ts'

const [a, b, c] = ['a'.repeat(32), 'b'.repeat(32), 'c'.repeat(32)]
const old = createSecrets([a])
const both = createSecrets([b, a])
const next = createSecrets([b])
const place = { projectId: 'p', providerId: 'x', setting: 'password' }

/** As the first version encrypted: without a place, and without the name of its secret. */
function sealedV1(secret: string, text: string): string {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', new Uint8Array(hkdfSync('sha256', secret, 'carillon', 'seal', 32)), iv)
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return `sealed:v1:${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`
}

describe('an encrypted text', () => {
  it('opens in its place, and is never the same twice', () => {
    const sealed = old.seal('hunter2 ü', place)
    expect(isSealed(sealed)).toBe(true)
    expect(sealed).not.toContain('hunter2')
    expect(old.unseal(sealed, place)).toBe('hunter2 ü')
    expect(old.seal('hunter2 ü', place)).not.toBe(sealed)
  })
  it.each([
    ['project', { ...place, projectId: 'q' }],
    ['provider', { ...place, providerId: 'y' }],
    ['setting', { ...place, setting: 'user' }],
    ['setting of several texts', { ...place, setting: 'password.x' }],
    ['division of the same letters', { projectId: 'p', providerId: 'xp', setting: 'assword' }],
  ])('does not open in another %s', (_, other) => {
    expect(() => old.unseal(old.seal('hunter2', place), other)).toThrow(UnsealError)
  })
  it('opens with every secret of the list, and is made with the first', () => {
    const sealed = old.seal('x', place)
    expect(both.unseal(sealed, place)).toBe('x')
    expect([old.isCurrent(sealed), both.isCurrent(sealed)]).toEqual([true, false])
    expect(next.unseal(both.seal('x', place), place)).toBe('x')
    for (const secrets of [next, createSecrets([c])]) expect(() => secrets.unseal(sealed, place)).toThrow(UnsealError)
  })
  it('of the first version opens too, with every secret of the list', () => {
    for (const secrets of [old, both]) expect(secrets.unseal(sealedV1(a, 'x'), place)).toBe('x')
    expect(old.isCurrent(sealedV1(a, 'x'))).toBe(false)
    expect(() => next.unseal(sealedV1(a, 'x'), place)).toThrow(UnsealError)
  })
  it('names its secret without a letter of it, and the names differ', () => {
    const name = (secrets: typeof old): string => secrets.seal('x', place).split(':')[2] ?? ''
    expect(name(old)).toMatch(/^[\w-]{8}$/)
    expect(new Set([old, both, createSecrets([c])].map(name)).size).toBe(3)
  })
  const sealed = old.seal('hunter2', place)
  it.each([
    'sealed:',
    'sealed:v1:',
    'sealed:v1:AAAA',
    'sealed:v2:',
    'sealed:v2::',
    sealed.slice(0, -1),
    sealed.slice(0, sealed.lastIndexOf(':') + 1),
    `${sealed.slice(0, -2)}${sealed.endsWith('AA') ? 'BB' : 'AA'}`,
    sealed.replace('v2', 'v1'),
    sealed.replace('v2', 'v3'),
    'sealed:v3:x',
    'hunter2',
  ])('that was changed or made up does not open: %s', (text) => {
    expect(() => old.unseal(text, place)).toThrow(UnsealError)
  })
})

it('tokens, cursors and links that were signed with a former secret are valid, and are signed with the first', async () => {
  const now = Date.UTC(2030, 0, 1)
  const clock = { now: () => new Date(now), offsetMs: 0 }
  const of = (secrets: typeof old) => ({
    tokens: createTokens(secrets.tokenKeys, clock),
    cursors: createCursors(secrets.cursorKeys, clock),
    links: createLinks('', secrets.linkKeys),
  })
  const [first, during, after] = [of(old), of(both), of(next)]
  const id = '0199c1de-0000-7000-8000-000000000001'
  const target = { projectId: id, contactId: id, templateId: id }
  const signed = async ({ tokens, cursors, links }: typeof first) => ({
    token: (await tokens.issueContact('p', 'c', 'e', 60)).token,
    feed: cursors.feed('c', 7),
    row: cursors.row('list', 'p', id),
    link: links.unsubscribe(target).slice('/unsubscribe/'.length),
  })
  const isValid = async ({ tokens, cursors, links }: typeof first, given: Awaited<ReturnType<typeof signed>>) => {
    const caught = (read: () => unknown): boolean => {
      try {
        return read() !== null
      } catch {
        return false
      }
    }
    const token = await tokens.read(given.token).then(
      () => true,
      () => false,
    )
    return [
      token,
      caught(() => cursors.readFeed('c', given.feed)),
      caught(() => cursors.readRow('list', 'p', given.row)),
      caught(() => links.readUnsubscribe(given.link)),
    ]
  }
  const [all, none] = [Array(4).fill(true), Array(4).fill(false)]
  expect(await isValid(during, await signed(first))).toEqual(all)
  expect(await isValid(after, await signed(during))).toEqual(all)
  expect(await isValid(after, await signed(first))).toEqual(none)
  expect(await isValid(first, await signed(during))).toEqual(none)
})
