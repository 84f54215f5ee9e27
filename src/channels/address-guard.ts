/** Keeps providers away from addresses that only this machine or its network should reach. */
import { lookup as resolve } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { ProviderError } from './provider.ts'

/** Decides which hosts a vendor's connection may reach. */
export interface AddressGuard {
  /**
   * Refuses a host that is itself a forbidden IP address. `lookup` is not asked about those, so call this before each connect.
   * @throws ProviderError refused
   */
  checkHost(host: string): void
  /** Resolves a name for `net`, `tls`, `http` or an agent, and gives back only the addresses that may be reached. */
  readonly lookup: LookupFunction
}

/** Makes the guard. `allowPrivateHosts`: let everything through. */
export function createAddressGuard({ allowPrivateHosts }: { allowPrivateHosts: boolean }): AddressGuard {
  return {
    checkHost(host) {
      if (allowPrivateHosts) return
      const literal = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
      if (isIP(literal) !== 0 && isPrivateAddress(literal)) throw pointsInside(host)
    },
    lookup(host, options, callback) {
      // Judged on what the name resolves to for this very connection: a check made earlier could be answered differently now.
      resolve(host, { ...options, all: true }, (error, found) => {
        if (error !== null) return callback(error, [])
        const usable = allowPrivateHosts ? found : found.filter(({ address }) => !isPrivateAddress(address))
        const [first] = usable
        if (first === undefined) return callback(pointsInside(host), [])
        if (options.all === true) return callback(null, usable)
        callback(null, first.address, first.family)
      })
    },
  }
}

const pointsInside = (host: string): ProviderError =>
  new ProviderError('refused', 'PROVIDER_REFUSED', `The host ${JSON.stringify(host)} points at a private address.`)

/** The guard's refusal inside an error of `fetch` or `net`, which wrap what a lookup throws; null where there is none. */
export function guardRefusal(error: unknown): ProviderError | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at instanceof ProviderError) return at
  }
  return null
}

const GLOBAL_V6 = ipaddr.IPv6.parseCIDR('2000::/3')
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

/**
 * Whether an IP address is anything but a public unicast one: private, loopback, link-local, shared (CGNAT), unique local, multicast,
 * reserved, or a tunnel (6to4, Teredo). A mapped or NAT64 address is judged by the IPv4 address in it. What doesn't parse is private.
 */
export function isPrivateAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return true
  const parsed = ipaddr.parse(address)
  if (parsed instanceof ipaddr.IPv4) return parsed.range() !== 'unicast'
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().range() !== 'unicast'
  if (parsed.match(NAT64)) return ipaddr.fromByteArray(parsed.toByteArray().slice(12)).range() !== 'unicast'
  return parsed.range() !== 'unicast' || !parsed.match(GLOBAL_V6)
}
