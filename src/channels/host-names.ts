/**
 * Resolves the names of hosts that addresses of contacts name: without the threads that every `dns.lookup` and file access of the process
 * share. There are four, and a name that nobody answers for keeps one for ten seconds and more, so that a few dozen dead push services held
 * up all mail. Answers are cached, look-ups are bounded in number and time, and the file of hosts is respected.
 */
import { type LookupAddress, lookup } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import { LRUCache } from 'lru-cache'

/** Finds addresses by name. Whether they may be connected to is decided by the address guard, for each connection. */
export interface HostNames {
  /** The addresses of a host, IPv4 first, at least one. @throws Error with `code`: ENOTFOUND when the name has none, else it may have one */
  find(host: string): Promise<readonly LookupAddress[]>
}

/** What `createHostNames` needs; all but the first are for tests. */
export interface HostNamesDeps {
  /** names that only the machine's own network may know are also looked up as its other programs do, one at a time */
  readonly allowPrivateHosts: boolean
  /** the name servers, as `address:port`; null: the system's */
  readonly servers?: readonly string[] | null
  readonly hostsFile?: string
  readonly timeoutMs?: number
  readonly now?: () => number
}

const HOSTS_FILE = process.platform === 'win32' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts'
const HOSTS_FILE_MS = 5_000
/** A look-up whole. A question is asked again once, after a third of it. */
const TIMEOUT_MS = 5_000
/** How long IPv6 addresses are waited for when there are IPv4 ones. */
const SECOND_FAMILY_MS = 100
/** Look-ups at a time; others wait. */
const AT_A_TIME = 200
const NAMES_MAX = 10_000
/** How long an answer is used: as long as it says, within these bounds; and that there is none. */
const FOUND_MS = { least: 5_000, most: 60_000 } as const
const NOT_FOUND_MS = 10_000
const FAILED_MS = 2_000
/** By the system, one after the other: more than these are refused. */
const SYSTEM_WAITING_MAX = 20

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '')
const failure = (code: string, host: string): Error =>
  Object.assign(new Error(`The look-up of ${host} failed (${code})`), { code, syscall: 'query', hostname: host })

/** The name server says that there is no such name, or that it has no address of this family. */
const isAbsent = (error: unknown): boolean => ['ENOTFOUND', 'ENODATA', 'EBADNAME'].includes(codeOf(error))
/** There was no name server to ask: the system may know names by other means. */
const isUnasked = (error: unknown): boolean => ['ECONNREFUSED', 'ENOTINITIALIZED', 'ELOADIPHLPAPI'].includes(codeOf(error))

/** A name that is known by other means than name servers, if at all: the one of a machine, or one that a network makes for itself. */
const OF_NETWORK = /^[^.]+$|\.(?:local|localdomain|lan|internal|intranet)$/

/** The names of a file of hosts; none where it can't be read. */
function hostsOf(file: string): ReadonlyMap<string, LookupAddress[]> {
  const hosts = new Map<string, LookupAddress[]>()
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return hosts
  }
  for (const line of text.split('\n')) {
    const [address = '', ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/)
    const family = isIP(address)
    if (family === 0) continue
    for (const name of names) {
      const key = name.toLowerCase()
      hosts.set(key, [...(hosts.get(key) ?? []), { address, family }])
    }
  }
  return hosts
}

const byFamily = (addresses: readonly LookupAddress[]): LookupAddress[] => addresses.toSorted((a, b) => a.family - b.family)

/** Creates it: nothing is opened until a name is looked up. */
export function createHostNames(deps: HostNamesDeps): HostNames {
  const {
    allowPrivateHosts,
    servers = null,
    hostsFile = HOSTS_FILE,
    timeoutMs = TIMEOUT_MS,
    now = () => performance.now(),
  } = deps
  // Promises rather than answers, so that look-ups of one name at the same time are one.
  const known = new LRUCache<string, Promise<readonly LookupAddress[]>>({ max: NAMES_MAX, perf: { now }, ttlResolution: 0 })
  const waiting: (() => void)[] = []
  let running = 0
  let hosts: { readonly names: ReadonlyMap<string, LookupAddress[]>; readonly until: number } | null = null
  let systemWaiting = 0
  let system: Promise<unknown> = Promise.resolve()

  /** The file is read again after a few seconds: containers write it while they run. Not by a thread: all may be taken. */
  function hostsNow(): ReadonlyMap<string, LookupAddress[]> {
    if (hosts === null || hosts.until < now()) hosts = { names: hostsOf(hostsFile), until: now() + HOSTS_FILE_MS }
    return hosts.names
  }

  async function ask(name: string): Promise<{ addresses: LookupAddress[]; ttlMs: number }> {
    // One for each name: it knows the name servers of this moment, and canceling ends no other look-up.
    const resolver = new Resolver({ timeout: Math.ceil(timeoutMs / 3), tries: 2 })
    if (servers !== null) resolver.setServers(servers)
    const timers = [setTimeout(() => resolver.cancel(), timeoutMs)]
    try {
      const four = resolver.resolve4(name, { ttl: true }).then((records) => {
        timers.push(setTimeout(() => resolver.cancel(), SECOND_FAMILY_MS))
        return records
      })
      const answers = await Promise.allSettled([four, resolver.resolve6(name, { ttl: true })])
      const records = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
      if (records.length > 0) {
        const addresses = records.map(({ address }) => ({ address, family: isIP(address) }))
        return { addresses, ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1_000 }
      }
      const reasons: unknown[] = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))
      const other = reasons.find((reason) => !isAbsent(reason))
      if (other === undefined) throw failure('ENOTFOUND', name)
      throw codeOf(other) === 'ECANCELLED' ? failure('ETIMEOUT', name) : other
    } finally {
      for (const timer of timers) clearTimeout(timer)
    }
  }

  /** As every other program of the machine does, by a thread of those that all share: never more than one. */
  async function askSystem(name: string): Promise<LookupAddress[]> {
    if (systemWaiting >= SYSTEM_WAITING_MAX) throw failure('EAI_AGAIN', name)
    systemWaiting++
    const answer = system.then(() => promisify(lookup)(name, { all: true }))
    system = answer.catch(() => {})
    return answer.finally(() => {
      systemWaiting--
    })
  }

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= AT_A_TIME) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }

  async function resolve(name: string): Promise<{ addresses: LookupAddress[]; ttlMs: number }> {
    try {
      return await inTurn(() => ask(name))
    } catch (error) {
      if (!isUnasked(error) && !(allowPrivateHosts && isAbsent(error) && OF_NETWORK.test(name))) throw error
      return { addresses: await askSystem(name), ttlMs: 0 }
    }
  }

  return {
    async find(host) {
      const name = host.toLowerCase().replace(/\.+$/, '')
      const listed = hostsNow().get(name)
      if (listed !== undefined) return byFamily(listed)
      if (/(^|\.)localhost$/.test(name)) {
        return [
          { address: '127.0.0.1', family: 4 },
          { address: '::1', family: 6 },
        ]
      }
      const cached = known.get(name)
      if (cached !== undefined) return cached
      const answer = resolve(name)
      const addresses = answer.then((found) => byFamily(found.addresses))
      known.set(name, addresses)
      const keepFor = (ttl: number): unknown => known.set(name, addresses, { ttl })
      answer.then(
        ({ ttlMs }) => keepFor(Math.max(FOUND_MS.least, Math.min(FOUND_MS.most, ttlMs))),
        (error) => keepFor(codeOf(error) === 'ENOTFOUND' ? NOT_FOUND_MS : FAILED_MS),
      )
      return addresses
    },
  }
}
