/** Checks in the DNS whether mail for a project's inbound domain is delivered to this server. If in doubt, the answer is no. */
import { Resolver } from 'node:dns/promises'
import { domainToASCII } from 'node:url'

/** What `createInbound` needs. */
export interface InboundDeps {
  /** the name of the host that receives mail for this server; null: none does */
  readonly inboundHost: string | null
  /** the name servers, as `address:port`; null: the system's */
  readonly dnsServers: readonly string[] | null
}

/** After this time a look-up counts as failed, in ms. */
const LOOKUP_MS = 3_000
/** How long an answer is cached, in ms: a page that polls causes a few look-ups per minute, and a corrected record is noticed soon. */
const REMEMBER_MS = 10_000

/** The form in which host names are compared: lower case, ASCII, without the dot at the end. */
const plain = (host: string): string => domainToASCII(host.replace(/\.$/, '')).toLowerCase()

/** Creates the check. */
import { createLru } from '../lru.ts'
export function createInbound({ inboundHost, dnsServers }: InboundDeps) {
  const ours = inboundHost === null ? '' : plain(inboundHost)
  // Promises are cached rather than answers, so that concurrent calls share one look-up.
  const known = createLru<Promise<boolean>>({ max: 10_000, ttl: REMEMBER_MS })

  async function ask(domain: string): Promise<boolean> {
    const resolver = new Resolver({ timeout: LOOKUP_MS, tries: 1 })
    if (dnsServers !== null) resolver.setServers(dnsServers)
    // The resolver's own limit is per server; several dead servers must not add up.
    const timer = setTimeout(() => resolver.cancel(), LOOKUP_MS)
    try {
      const records = await resolver.resolveMx(domain)
      return records.some(({ exchange }) => plain(exchange) === ours)
    } catch {
      // No such domain or record, no server, or a time-out: none of these means yes.
      return false
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    /** Whether an MX record of `domain` names our host. Never throws. */
    async isConfigured(domain: string | null): Promise<boolean> {
      if (domain === null || ours === '') return false
      const before = known.get(domain)
      const answer = before ?? ask(domain)
      if (before === undefined) known.set(domain, answer)
      return answer
    },
  }
}
