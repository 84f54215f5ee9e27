/** Tokens: what one says, how long it lasts, and what is none. */
import { createHmac } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { createTokens } from '../../src/domain/token.ts'
import { CarillonError } from '../../src/errors.ts'

const key = Buffer.alloc(32, 1)
const start = Date.UTC(2030, 0, 1)
let now = start
beforeEach(() => {
  now = start
})
const tokens = createTokens([key], { now: () => new Date(now), offsetMs: 0 })

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
/** A token of anybody's making. */
function forge(
  claims: object,
  { header = { alg: 'HS256', typ: 'JWT' }, by = key }: { header?: object; by?: Buffer } = {},
): string {
  const body = `${base64(header)}.${base64(claims)}`
  return `${body}.${createHmac('sha256', by).update(body).digest('base64url')}`
}
const codeOf = async (token: string): Promise<string | null> => {
  try {
    await tokens.read(token)
    return null
  } catch (error) {
    if (error instanceof CarillonError) return error.code
    throw error
  }
}

describe('a token', () => {
  it('of a project says which, and until when', async () => {
    const { token, expiresAt } = await tokens.issueAccess('p1', 3_600)
    expect(expiresAt).toEqual(new Date(start + 3_600_000))
    expect(await tokens.read(token)).toEqual({ kind: 'access', projectId: 'p1', expiresAt })
  })
  it('says under which generation it was issued, unless that is 0', async () => {
    const later = 1_893_456_000_000
    const { token } = await tokens.issueAccess('p1', 3_600, later)
    expect(await tokens.read(token)).toMatchObject({ generation: later })
    const { token: page } = await tokens.issueContact('p1', 'c1', 'anna', 60, later)
    expect(await tokens.read(page)).toMatchObject({ generation: later })
  })
  it('of a contact says whose, and until when', async () => {
    const { token, expiresAt } = await tokens.issueContact('p1', 'c1', 'anna / 안나', 60)
    expect(await tokens.read(token)).toEqual({
      kind: 'contact',
      projectId: 'p1',
      contactId: 'c1',
      externalId: 'anna / 안나',
      expiresAt,
    })
  })
  it.each<[string, number, string | null]>([
    ['is good at once', 0, null],
    ['is good until its end', 3_600, null],
    ['is good for 29 s after its end, for clocks that differ', 3_629, null],
    ['is none 30 s after its end', 3_630, 'UNAUTHENTICATED'],
    ['is none long after its end', 1e6, 'UNAUTHENTICATED'],
  ])('%s', async (_title, afterSeconds, code) => {
    const { token } = await tokens.issueAccess('p1', 3_600)
    now = start + afterSeconds * 1_000
    expect(await codeOf(token)).toBe(code)
  })
  it('that has expired says so', async () => {
    const { token } = await tokens.issueAccess('p1', 60)
    now += 3_600_000
    await expect(tokens.read(token)).rejects.toThrow('The token has expired.')
  })
})

describe('what is no token of ours', () => {
  const seconds = start / 1_000
  const access = { use: 'access', pid: 'p1', exp: seconds + 60 }
  const contact = { use: 'contact', pid: 'p1', cid: 'c1', sub: 'anna', exp: seconds + 60 }
  it.each([access, contact])('a token like ours is one: %j', async (claims) => {
    expect(await codeOf(forge(claims))).toBeNull()
  })
  it.each<[string, string]>([
    ['nothing', ''],
    ['a word', 'token'],
    ['two dots', '..'],
    ['10 KB', 'x'.repeat(10_000)],
    ['no signature', `${forge(access).split('.').slice(0, 2).join('.')}.`],
    ['no algorithm', `${base64({ alg: 'none' })}.${base64(access)}.`],
    ['no algorithm, and a signature', forge(access, { header: { alg: 'none' } })],
    ['another algorithm', forge(access, { header: { alg: 'HS512' } })],
    ['a public key for a secret', forge(access, { header: { alg: 'RS256' } })],
    ['a critical extension', forge(access, { header: { alg: 'HS256', crit: ['x'], x: 1 } })],
    ['another key', forge(access, { by: Buffer.alloc(32, 2) })],
    ['claims that were changed', forge(access).replace(base64(access), base64({ ...access, pid: 'p2' }))],
    ['no end', forge({ use: 'access', pid: 'p1' })],
    ['an end that is a text', forge({ ...access, exp: '9999999999' })],
    ['a beginning in 10 minutes', forge({ ...access, nbf: seconds + 600 })],
    ['no use', forge({ pid: 'p1', exp: seconds + 60 })],
    ['another use', forge({ ...access, use: 'operator' })],
    ['no project', forge({ use: 'access', exp: seconds + 60 })],
    ['a project that is no text', forge({ ...access, pid: { $ne: null } })],
    ['no contact', forge({ ...contact, cid: undefined })],
    ['a contact that is no text', forge({ ...contact, cid: ['c1'] })],
    ['no externalId', forge({ ...contact, sub: undefined })],
    ['a text for claims', forge('access' as never)],
  ])('%s is UNAUTHENTICATED', async (_title, token) => {
    expect(await codeOf(token)).toBe('UNAUTHENTICATED')
  })
})
