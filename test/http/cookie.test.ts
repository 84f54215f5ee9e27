import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { createSignedCookie } from '../../src/http/cookie.ts'

const key = new Uint8Array(randomBytes(32))
const cookie = (keys: readonly Uint8Array[], name = 'carillon-session', isSecure = true, path = '/') =>
  createSignedCookie({ name, sameSite: 'Strict', path, isSecure, keys })
const pair = (header: string): { readonly cookie: string } => ({ cookie: header.split(';')[0] ?? '' })

it('is bound to this host and to TLS where the server has TLS', () => {
  const [secure, plain] = [cookie([key]), cookie([key], 'carillon-session', false)]
  expect(secure.set('value', 60)).toMatch(
    /^__Host-carillon-session=value\.[\w-]{43}; Path=\/; Max-Age=60; HttpOnly; SameSite=Strict; Secure$/,
  )
  expect(plain.set('value', 60)).toMatch(/^carillon-session=value\.[\w-]{43}; Path=\/; Max-Age=60; HttpOnly; SameSite=Strict$/)
  expect(secure.clear()).toContain('Max-Age=0')
  // One without the prefix could be set by a subdomain, or over plain HTTP.
  expect(secure.read(pair(plain.set('value', 60)))).toBeNull()
})

it('is read with any of the keys, and with no other; a cookie of another kind is none', () => {
  const other = new Uint8Array(randomBytes(32))
  const header = pair(cookie([key]).set('value', 60))
  expect(cookie([other, key]).read(header)).toBe('value')
  expect(cookie([other]).read(header)).toBeNull()
  const renamed = { cookie: header.cookie.replace('carillon-session', 'carillon-sign-in') }
  expect(cookie([key], 'carillon-sign-in').read(renamed)).toBeNull()
})

it('is found among others, also after one that was planted', () => {
  const { cookie: own } = pair(cookie([key]).set('value', 60))
  for (const text of [`a=b; ${own}`, `${own};c`, `__Host-carillon-session=x.y; ${own}`, `=; ;${own}`]) {
    expect([text, cookie([key]).read({ cookie: text })]).toEqual([text, 'value'])
  }
  for (const text of ['', 'x', `${own}x`, own.replace('value', 'other'), own.replace('=', '= x')]) {
    expect([text, cookie([key]).read({ cookie: text })]).toEqual([text, null])
  }
  expect(cookie([key]).read({})).toBeNull()
  expect(cookie([key]).isIn({ cookie: '__Host-carillon-session=x' })).toBe(true)
})

it('goes to the path of the server alone, where it is below one, and then without the prefix that takes no path', () => {
  const secure = cookie([key], 'carillon-session', true, '/notify/')
  expect(secure.set('value', 60)).toMatch(/^__Secure-carillon-session=value\.[\w-]{43}; Path=\/notify\/; .*; Secure$/)
  expect(secure.clear()).toContain('Path=/notify/; Max-Age=0')
  expect(secure.read(pair(secure.set('value', 60)))).toBe('value')
  expect(cookie([key], 'carillon-session', false, '/notify/').set('value', 60)).toMatch(/^carillon-session=.*; Path=\/notify\/;/)
})
