/** Hosts that addresses name: the one reader of a URL's host and of a mailbox's domain, by which verdicts are kept apart. */
import { domainToASCII } from 'node:url'

/** The host of an http or https URL, with its port where that is not the usual one; null: it is none. */
export function hostOfUrl(text: string): string | null {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.hostname === '') return null
  const name = url.hostname.replace(/\.+$/, '')
  return name === '' ? null : url.port === '' ? name : `${name}:${url.port}`
}

/** The domain of an e-mail address, as its mail servers are looked up; null: there is none. */
export function domainOf(address: string): string | null {
  const at = address.lastIndexOf('@')
  const domain = domainToASCII(
    address
      .slice(at + 1)
      .replace(/>?\s*$/, '')
      .replace(/\.+$/, ''),
  ).toLowerCase()
  return at < 0 || domain === '' ? null : domain
}

/** Ends of names that no name server will ever have: RFC 2606, 6761, 7686 and 9476. A network of its own may have `.test`, `.local` and such. */
const impossible = new Set(['invalid', 'example', 'onion', 'alt'])

/** Whether a host's name can't exist, now or later. */
export const canNotExist = (host: string): boolean =>
  impossible.has(host.toLowerCase().replace(/:\d+$/, '').replace(/\.+$/, '').split('.').at(-1) ?? '')
