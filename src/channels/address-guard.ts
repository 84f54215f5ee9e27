/** Refuses connections of providers to addresses that only this machine or its network should reach. */
import { type LookupAddress, type LookupAllOptions, lookup as resolveBySystem } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { HostNames } from './host-names.ts'
import { ProviderError } from './provider.ts'

/** Decides which hosts a vendor's connection may reach. */
export interface AddressGuard {
  /**
   * Refuses a host that is itself a forbidden IP address, for which `lookup` is not called, or a name of a cloud's inside. Call it before
   * each connect.
   * @throws ProviderError refused
   */
  checkHost(host: string): void
  /** Resolves a name for `net`, `tls`, `http` or an agent, and gives back only the addresses that may be reached. */
  readonly lookup: LookupFunction
}

type Found = (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void

/** `allowPrivateHosts`: nothing is refused. `names`: what resolves names; left out: the system, for hosts that the operator names */
export function createAddressGuard({
  allowPrivateHosts,
  names,
}: {
  readonly allowPrivateHosts: boolean
  readonly names?: HostNames | undefined
}): AddressGuard {
  function resolve(host: string, options: LookupAllOptions, found: Found): void {
    if (names === undefined) return void resolveBySystem(host, options, found)
    const family = Number(String(options.family ?? 0).replace('IPv', ''))
    names.find(host).then(
      (all) => {
        const usable = all.filter((one) => family === 0 || one.family === family)
        const none = Object.assign(new Error(`${host} has no address of this family`), { code: 'ENOTFOUND' })
        found(usable.length === 0 ? none : null, usable)
      },
      (error: NodeJS.ErrnoException) => found(error, []),
    )
  }
  return {
    checkHost(host) {
      if (allowPrivateHosts) return
      const literal = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
      if (isIP(literal) === 0 ? isPrivateName(literal) : isPrivateAddress(literal)) throw pointsInside(host)
    },
    lookup(host, options, callback) {
      if (!allowPrivateHosts && isPrivateName(host)) {
        process.nextTick(() => callback(pointsInside(host), []))
        return
      }
      // Checked on the addresses of this very connection: an earlier look-up may have had another answer (DNS rebinding).
      resolve(host, { ...options, all: true }, (error, found) => {
        if (error !== null) return callback(error, [])
        const usable = allowPrivateHosts ? found : found.filter(({ address }) => !isPrivateAddress(address))
        const [first] = usable
        if (first === undefined) return callback(pointsInside(host), [])
        if (options.all === true) return callback(null, [...usable])
        callback(null, first.address, first.family)
      })
    },
  }
}

/** Said wherever a private address is refused. */
const HOW_TO_ALLOW = 'The operator of this server can allow that with CARILLON_ALLOW_PRIVATE_HOSTS=on.'

const pointsInside = (host: string): ProviderError =>
  new ProviderError(
    'refused',
    'PROVIDER_REFUSED',
    `The host ${JSON.stringify(host)} points at a private address. ${HOW_TO_ALLOW}`,
    {
      about: 'provider',
    },
  )

/** The guard's refusal inside an error of `fetch` or `net`, which wrap what a lookup throws; null where there is none. */
export function guardRefusal(error: unknown): ProviderError | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at instanceof ProviderError) return at
  }
  return null
}

/** Names under which clouds and container platforms have their metadata, whatever they resolve to. */
const metadataNames = new Set([
  'metadata',
  'metadata.goog',
  'metadata.azure.com',
  'metadata.oraclecloud.com',
  'metadata.tencentyun.com',
  'instance-data',
  'rancher-metadata',
])

/** Whether a host name can only mean this machine or its network. */
export function isPrivateName(host: string): boolean {
  const name = host.toLowerCase().replace(/\.+$/, '')
  return metadataNames.has(name) || /(^|\.)(localhost|localdomain|local|internal|intranet|home\.arpa)$/.test(name)
}

/** Whether a host can only mean this very machine: nobody is on the way to it. */
export const isLoopbackHost = (host: string): boolean =>
  /(^|\.)localhost\.?$/i.test(host) || (isIP(host) !== 0 && ipaddr.process(host).range() === 'loopback')

const GLOBAL_V6 = ipaddr.IPv6.parseCIDR('2000::/3')
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')
/** An IPv4 address in an IPv6 one, for tunnels within a network (ISATAP): its last 64 bits begin with these. */
const ISATAP = new Set(['0:5efe', '200:5efe'])
/** Azure's platform services: a public address that only reaches inside. */
const AZURE_PLATFORM = '168.63.129.16'

const isPrivateV4 = (address: ipaddr.IPv4): boolean => address.range() !== 'unicast' || address.toString() === AZURE_PLATFORM

/**
 * Whether an IP address is anything but a public unicast one: private, loopback, link-local, shared (CGNAT), unique local, multicast,
 * reserved, a cloud's platform, or a tunnel (6to4, Teredo, ISATAP). A mapped or NAT64 address is judged by the IPv4 address in it. What doesn't parse is private.
 */
export function isPrivateAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return true
  const parsed = ipaddr.parse(address)
  if (parsed instanceof ipaddr.IPv4) return isPrivateV4(parsed)
  if (parsed.isIPv4MappedAddress()) return isPrivateV4(parsed.toIPv4Address())
  if (parsed.match(NAT64)) return isPrivateV4(new ipaddr.IPv4(parsed.toByteArray().slice(12)))
  if (
    ISATAP.has(
      parsed.parts
        .slice(4, 6)
        .map((part) => part.toString(16))
        .join(':'),
    )
  )
    return true
  return parsed.range() !== 'unicast' || !parsed.match(GLOBAL_V6)
}
