/** Addresses of webhooks, as callers give them: what they may be, before any connection is made. */
import { ProviderError } from './provider.ts'

const MAX_LENGTH = 2_000

/** Whether a text is an http or https address that names no user. */
export const isWebAddress = (address: string): boolean => parse(address) !== null

function parse(address: string): URL | null {
  // The parser drops line breaks and tabs, and trims: what was checked would not be what was written.
  if (address.length > MAX_LENGTH || /[^\x21-\x7e\u00a1-\uffff]/.test(address)) return null
  const url = URL.parse(address)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return null
  if (url.username + url.password !== '') return null
  url.hash = ''
  return url
}

/**
 * Reads the address of a webhook: https, on port 443 or 80. Where private hosts are allowed, also http, and any port.
 * Where its host may point is decided when connecting.
 * @throws ProviderError refused, ADDRESS_INVALID, which does not repeat the address: it may be all that is needed to post there
 */
export function readWebAddress(address: string, { allowPrivateHosts }: { readonly allowPrivateHosts: boolean }): URL {
  const url = parse(address)
  if (url === null) throw invalid('The address is not an http or https address without a user.')
  if (allowPrivateHosts) return url
  if (url.protocol !== 'https:') throw invalid('The address is not an https address.')
  if (url.port !== '' && url.port !== '80') throw invalid('The address has a port other than 80 or 443.')
  return url
}

/** Where a request goes: to the address, or by a relay that takes the place of its origin. */
export const aimedAt = (url: URL, relay: string | undefined): string =>
  relay === undefined ? url.href : `${relay}${url.pathname}${url.search}`

const invalid = (message: string): ProviderError => new ProviderError('refused', 'ADDRESS_INVALID', message)
