/** Addresses as they may be shown: some are all that is needed to post there. */
import { isIP } from 'node:net'
import type { Channel } from '../words.ts'

/** What is shown in place of what may authorize. */
export const HIDDEN = '\u2026'

/** An address of a channel as it may be shown. */
export const shownAddress = (channel: Channel, address: string | null): string | null =>
  address === null ? null : maskAddress(address, channel === 'CHAT')

/** Whose webhooks are authorized by their path alone. */
const hookHosts =
  /(^|\.)(hooks\.slack\.com|slack-gov\.com|discord(app)?\.com|webhook\.office\.com|outlook\.office(365)?\.com|logic\.azure\.com|api\.powerplatform\.com)$/i

/** A segment of a path that a person would not choose: 16 characters or more with a digit or upper-case letter, or any of 32 and more. */
const isToken = (segment: string): boolean => segment.length >= 32 || (segment.length >= 16 && /[\dA-Z]/.test(segment))

/**
 * An address of the web without user, query values, and those parts of its path that may authorize. Anything else is returned unchanged.
 * `isHook`: the address is that of a chat service's webhook, whose whole path is a credential.
 */
export function maskAddress(address: string, isHook = false): string {
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) return address
  const url = new URL(address)
  const user = url.username + url.password === '' ? '' : `${HIDDEN}@`
  const isWhole = isHook || hookHosts.test(url.hostname) || /\/hooks\//.test(url.pathname)
  const path =
    isWhole && url.pathname !== '/' ? `/${HIDDEN}` : url.pathname.replaceAll(/[^/]+/g, (part) => (isToken(part) ? HIDDEN : part))
  const shown = [...url.searchParams].map(([name, value]) =>
    value === '' ? (isToken(name) ? HIDDEN : name) : `${encodeURIComponent(name)}=${HIDDEN}`,
  )
  const query = url.search === '' ? '' : `?${isWhole ? HIDDEN : shown.join('&')}`
  const masked = `${url.protocol}//${user}${url.host}${path}${query}${url.hash === '' ? '' : `#${HIDDEN}`}`
  // The parser writes some addresses differently: what has nothing to hide is shown as it was given.
  return masked.includes(HIDDEN) ? masked : address
}

/** What may name a person, or authorize, in the text of a failure; `kept` looks like it and is none: codes, of a mail server or in capitals. */
const PERSONAL = new RegExp(
  [
    String.raw`(?<url>\bhttps?://[^\s"'<>]+)`,
    String.raw`[^\s"'<>@:=,;()[\]{}]+@[^\s"'<>@:=,;()[\]{}]+`,
    String.raw`(?<kept>\b[245]\d\d[ -][245]\.\d{1,3}\.\d{1,3}\b|\b[A-Z]+(?:_[A-Z]+)*\b)`,
    String.raw`(?<ip>[\da-f]*:[\da-f]*:[\da-f.:]*|\b\d{1,3}(?:\.\d{1,3}){3}\b)`,
    String.raw`\+?\d(?:[ ().-]{0,2}\d){6,}`,
    String.raw`[\w+/=~.-]{16,}`,
  ].join('|'),
  'gu',
)
/** A long word, or a host: no part of it is a token. */
const HARMLESS = /^(?:[a-z-]+|[\da-z-]{1,15})(?:\.(?:[a-z-]+|[\da-z-]{1,15}))*\.?$/

/** The text of a failure for the log: without addresses, phone numbers and tokens, at most 300 characters. Hosts stay. */
export const impersonal = (text: string): string =>
  text
    .slice(0, 2_000)
    .replace(PERSONAL, (found: string, ...more: unknown[]) => {
      const { url, kept, ip } = more.at(-1) as { readonly url?: string; readonly kept?: string; readonly ip?: string }
      if (url !== undefined) return URL.parse(url)?.origin ?? HIDDEN
      if (kept !== undefined || (ip !== undefined && isIP(ip) !== 0)) return found
      return HARMLESS.test(found) && !/^\d/.test(found) ? found : HIDDEN
    })
    .slice(0, 300)
