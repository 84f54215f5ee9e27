/** What a failed attempt says of its provider, of the receiving host and of the targets that are left. */
import type { ProviderError } from '../channels/provider.ts'
import type { Verdict } from './breaker.ts'
import type { HostVerdict } from './hosts.ts'

/** What an attempt means for the circuit breaker of its provider. What a host or an address does, says nothing of it. */
export function providerVerdict(error: ProviderError | null): Verdict {
  if (error === null) return 'ok'
  return error.about === 'provider' ? 'failed' : 'neither'
}

/** What an attempt means for the host that its address names. */
export function hostVerdict(error: ProviderError | null): HostVerdict {
  if (error === null) return { verdict: 'ok', retryAfterMs: null }
  return error.about === 'host'
    ? { verdict: 'failed', retryAfterMs: error.retryAfterMs }
    : { verdict: 'neither', retryAfterMs: null }
}

/**
 * Whether the next target may be tried after a failure: never when the message may have arrived. Another provider may succeed where one is failing
 * or refuses for reasons of its own, and where a host refuses it (a key that the host does not know); a host that fails is not called again.
 */
export function mayTryNext(error: ProviderError, isSameHost: boolean): boolean {
  if (error.outcome === 'unknown') return false
  if (error.about === 'host') return error.outcome === 'refused' || !isSameHost
  return error.about === 'provider'
}
