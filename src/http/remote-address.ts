/** Whose address a request comes from, when proxies stand before this server. */
import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'

/** The address of the client: the last one that a trusted proxy vouches for. */
export type RemoteAddress = (request: IncomingMessage) => string

/** `::ffff:127.0.0.1` is 127.0.0.1. */
const parse = (text: string): ipaddr.IPv4 | ipaddr.IPv6 | null => (ipaddr.isValid(text) ? ipaddr.process(text) : null)

/** @param trusted CIDR ranges of the proxies whose `X-Forwarded-For` is believed */
export function createRemoteAddress(trusted: readonly string[]): RemoteAddress {
  const ranges = trusted.map((range) => ipaddr.parseCIDR(range))
  const isTrusted = (address: ipaddr.IPv4 | ipaddr.IPv6): boolean =>
    ranges.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits))

  return (request) => {
    let address = parse(request.socket.remoteAddress ?? '')
    if (address === null) return 'unknown'
    if (ranges.length === 0) return address.toString()
    const header = request.headers['x-forwarded-for']
    const hops = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',')
    // From the nearest hop outwards: what an untrusted one has written before its own address may be invented.
    while (hops.length > 0 && isTrusted(address)) {
      const next = parse((hops.pop() ?? '').trim())
      if (next === null) break
      address = next
    }
    return address.toString()
  }
}
