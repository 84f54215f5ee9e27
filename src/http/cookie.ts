/** Cookies of people who sign in: signed, so that one that was made up is refused without a look at the database. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** One kind of cookie. */
export interface SignedCookie {
  /** with the prefix that browsers enforce */
  readonly name: string
  /** The value of a `set-cookie` header. `seconds`: how long the browser keeps it */
  set(value: string, seconds: number): string
  /** The value of a `set-cookie` header that removes it. */
  clear(): string
  /** The value that a request carries; null: none, or it was not signed here. */
  read(headers: IncomingHttpHeaders): string | null
  /** Whether a request carries a cookie of this name, valid or not. */
  isIn(headers: IncomingHttpHeaders): boolean
}

/** What makes a kind of cookie. */
export interface CookieOptions {
  readonly name: string
  /** `Strict`: not sent with navigations from other sites, either */
  readonly sameSite: 'Strict' | 'Lax'
  /** what the browser sends it to, with a slash at the end: the path of the public URL. Other programs of the host do not get it */
  readonly path: string
  /**
   * Over TLS alone. The name then begins with `__Host-`, so that no subdomain can set it; browsers take that with the path `/` alone, so below
   * another one it is `__Secure-`.
   */
  readonly isSecure: boolean
  /** The first one signs, all verify. */
  readonly keys: readonly Uint8Array[]
}

const COOKIE_CHARS_MAX = 4_000

/** All values of a name: a page of another subdomain may have added one. */
function valuesOf({ cookie = '' }: IncomingHttpHeaders, name: string): string[] {
  return cookie.split(';').flatMap((part) => {
    const equals = part.indexOf('=')
    return equals !== -1 && part.slice(0, equals).trim() === name ? [part.slice(equals + 1).trim()] : []
  })
}

/** Creates a kind of cookie. Its values are texts in base64url. */
export function createSignedCookie({ name: bareName, sameSite, path, isSecure, keys }: CookieOptions): SignedCookie {
  const name = isSecure ? `__${path === '/' ? 'Host' : 'Secure'}-${bareName}` : bareName
  const sign = (key: Uint8Array, value: string): Buffer => createHmac('sha256', key).update(`${bareName}\n${value}`).digest()
  const header = (value: string, seconds: number): string =>
    `${name}=${value}; Path=${path}; Max-Age=${seconds}; HttpOnly; SameSite=${sameSite}${isSecure ? '; Secure' : ''}`
  const verified = (text: string): string | null => {
    const dot = text.lastIndexOf('.')
    if (dot <= 0 || text.length > COOKIE_CHARS_MAX) return null
    const value = text.slice(0, dot)
    const given = Buffer.from(text.slice(dot + 1), 'base64url')
    const isSigned = keys.some((key) => {
      const expected = sign(key, value)
      return given.length === expected.length && timingSafeEqual(given, expected)
    })
    return isSigned ? value : null
  }
  return {
    name,
    set(value, seconds) {
      const [first] = keys
      if (first === undefined) throw new Error('There is no key to sign cookies with.')
      return header(`${value}.${sign(first, value).toString('base64url')}`, seconds)
    },
    clear: () => header('', 0),
    read(headers) {
      for (const text of valuesOf(headers, name)) {
        const value = verified(text)
        if (value !== null) return value
      }
      return null
    },
    isIn: (headers) => valuesOf(headers, name).length > 0,
  }
}
