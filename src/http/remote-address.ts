/** The client's address of a request, also behind proxies. */
import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'
import type { Log } from '../log.ts'
import { type Address, readAddress, readHops } from './forwarded.ts'

/** Finds the address of the client: the last one that a trusted proxy reports. */
export type RemoteAddress = (request: IncomingMessage) => string

const createTrust = (trusted: readonly string[]): ((address: Address) => boolean) => {
  const ranges = trusted.map((range) => ipaddr.parseCIDR(range))
  return (address) => ranges.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits))
}

/**
 * The network that counts as one client: an IPv4 address, or the first 64 bits of an IPv6 address, of which a single customer has as many
 * as he likes.
 */
export function networkOf(remoteAddress: string): string {
  const address = readAddress(remoteAddress)
  if (address === null || address.kind() === 'ipv4') return address?.toString() ?? remoteAddress
  return `${address.toByteArray().slice(0, 8).join('.')}/64`
}

/**
 * Finds the client of a connection before it has sent anything; null: a trusted proxy, which many clients are behind.
 * @param trusted CIDR ranges of the proxies whose `X-Forwarded-For` is trusted
 */
export function createPeer(trusted: readonly string[]): (remoteAddress: string | undefined) => string | null {
  const isTrusted = createTrust(trusted)
  return (remoteAddress = 'unknown') => {
    const address = readAddress(remoteAddress)
    return address !== null && isTrusted(address) ? null : networkOf(remoteAddress)
  }
}

/**
 * Creates the finder. Where a proxy names a client that is no address, the proxy's own address counts; that is logged once, because all clients
 * of that proxy share its limits then.
 * @param trusted CIDR ranges of the proxies whose `X-Forwarded-For` or `Forwarded` is trusted
 */
export function createRemoteAddress(trusted: readonly string[], log: Pick<Log, 'warn'>): RemoteAddress {
  const isTrusted = createTrust(trusted)
  /** the clients that are connected themselves: each is the same for all requests of its connection */
  const direct = new WeakMap<object, string>()
  let isLogged = false

  return ({ socket, headers }) => {
    const known = direct.get(socket)
    if (known !== undefined) return known
    let address = readAddress(socket.remoteAddress ?? '')
    if (address === null) return 'unknown'
    if (!isTrusted(address)) {
      const client = address.toString()
      direct.set(socket, client)
      return client
    }
    const { header, hops } = readHops(headers)
    // From the nearest hop outwards: whatever is to the left of an untrusted address may be forged.
    while (isTrusted(address)) {
      const next = hops.pop()
      if (next === undefined) break
      if (next === null) {
        if (!isLogged) {
          log.warn('A trusted proxy names a client that is no address: its clients share the limits of the proxy', {
            header,
            proxy: address.toString(),
          })
        }
        isLogged = true
        break
      }
      address = next
    }
    return address.toString()
  }
}
