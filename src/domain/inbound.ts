/** Whether mail for a project's inbound domain comes to this server: asked of the DNS, and not believed while there is any doubt. */
import { Resolver } from 'node:dns/promises'
import { domainToASCII } from 'node:url'
import { LRUCache } from 'lru-cache'

/** What the look-up works with. */
export interface InboundDeps {
  /** the host that takes in mail here; null: none does */
  readonly inboundHost: string | null
  /** name servers to ask, as `address:port`; null: the system's */
  readonly dnsServers: readonly string[] | null
}

/** A look-up that takes longer is no answer, ms. */
const LOOKUP_MS = 3_000
/** An answer is remembered this long, ms: a page that polls asks the DNS a few times a minute, and a mended record shows soon. */
const REMEMBER_MS = 10_000

/** Names are compared as the DNS does: without case, without the dot at the end, in ASCII. */
const plain = (host: string): string => domainToASCII(host.replace(/\.$/, '')).toLowerCase()

/** Makes the look-up. */
export function createInbound({ inboundHost, dnsServers }: InboundDeps) {
  const ours = inboundHost === null ? '' : plain(inboundHost)
  // Promises are kept, not answers: of many who ask at once one goes to the DNS.
  const known = new LRUCache<string, Promise<boolean>>({ max: 10_000, ttl: REMEMBER_MS })

  async function ask(domain: string): Promise<boolean> {
    const resolver = new Resolver({ timeout: LOOKUP_MS, tries: 1 })
    if (dnsServers !== null) resolver.setServers(dnsServers)
    // The resolver's own limit is for one server; a list of dead ones must not add up.
    const timer = setTimeout(() => resolver.cancel(), LOOKUP_MS)
    try {
      const records = await resolver.resolveMx(domain)
      return records.some(({ exchange }) => plain(exchange) === ours)
    } catch {
      // No such domain, no such record, no server, no time: whatever it is, it is not a yes.
      return false
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    /** Whether an MX record of `domain` names our host. Never throws. */
    async isConfigured(domain: string | null): Promise<boolean> {
      if (domain === null || ours === '') return false
      const answer = known.get(domain) ?? ask(domain)
      known.set(domain, answer, { noUpdateTTL: true })
      return answer
    },
  }
}
