/** What proxies write about the clients before them: `X-Forwarded-For`, and `Forwarded` of RFC 7239. */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** An address. */
export type Address = ipaddr.IPv4 | ipaddr.IPv6

/** What a proxy says of one client: its address; null: it is hidden, or can't be read. */
export type Hop = Address | null

/**
 * Reads one address as servers and proxies write it: alone, with a port, in brackets, in quotes. A zone (`%eth0`) is dropped, because it
 * means something on one machine only, and `::ffff:192.0.2.1` is 192.0.2.1.
 * @returns null: it is none
 */
export function readAddress(text: string): Hop {
  const bare = text
    .trim()
    .replace(/^"(.*)"$/, '$1')
    .trim()
  const host = /^\[([^\]]*)\](?::\w*)?$/.exec(bare)?.[1] ?? /^([\d.]+):\w*$/.exec(bare)?.[1] ?? bare
  const address = host.replace(/%.*$/, '')
  return isIP(address) === 0 ? null : ipaddr.process(address)
}

/** Splits at a separator that is not in quotes, in one pass. Empty elements count for nothing (RFC 9110, 5.6.1). */
function split(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = []
  let isQuoted = false
  let from = 0
  for (let at = 0; at <= text.length; at++) {
    const character = text[at]
    if (isQuoted && character === '\\') at++
    else if (character === '"') isQuoted = !isQuoted
    else if (at >= text.length || (character === separator && !isQuoted)) {
      parts.push(text.slice(from, at))
      from = at + 1
    }
  }
  return parts.filter((part) => part.trim() !== '')
}

/** The client that an element of `Forwarded` names; null: it names none that is an address, such as `unknown` and `_hidden`. */
function readElement(element: string): Hop {
  for (const pair of split(element, ';')) {
    const equals = pair.indexOf('=')
    if (equals === -1 || pair.slice(0, equals).trim().toLowerCase() !== 'for') continue
    return readAddress(pair.slice(equals + 1).replace(/\\(.)/g, '$1'))
  }
  return null
}

/** Several headers of one name are one list (RFC 9110, 5.3). */
const joined = (value: string | string[] | undefined): string => (Array.isArray(value) ? value.join(',') : (value ?? ''))

/**
 * The clients that proxies name, the nearest last. `Forwarded` counts where there is no `X-Forwarded-For`: that is what most proxies write,
 * and they let a `Forwarded` of the client pass.
 */
export function readHops(headers: IncomingHttpHeaders): { readonly header: string; readonly hops: Hop[] } {
  const usual = split(joined(headers['x-forwarded-for']), ',')
  if (usual.length > 0) return { header: 'X-Forwarded-For', hops: usual.map(readAddress) }
  return { header: 'Forwarded', hops: split(joined(headers.forwarded), ',').map(readElement) }
}
