/** Addresses as they may be shown: some are all that is needed to post there. */

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
