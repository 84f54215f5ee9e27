/** What a failure says of its provider, of the host and of the targets that are left. */
import { expect, it } from 'vitest'
import { type Concern, type FailureOutcome, ProviderError } from '../../src/channels/provider.ts'
import { hostVerdict, mayTryNext, providerVerdict } from '../../src/jobs/judge.ts'

const error = (outcome: FailureOutcome, about: Concern): ProviderError =>
  new ProviderError(outcome, 'PROVIDER_REFUSED', 'no', { about, retryAfterMs: 5_000 })

const table: readonly [FailureOutcome, Concern, string, string, boolean, boolean][] = [
  ['retryable', 'provider', 'failed', 'neither', true, true],
  ['refused', 'provider', 'failed', 'neither', true, true],
  ['unknown', 'provider', 'failed', 'neither', false, false],
  ['retryable', 'host', 'neither', 'failed', false, true],
  ['refused', 'host', 'neither', 'failed', true, true],
  ['unknown', 'host', 'neither', 'failed', false, false],
  ['retryable', 'address', 'neither', 'neither', false, false],
  ['refused', 'address', 'neither', 'neither', false, false],
  ['refused', 'message', 'neither', 'neither', false, false],
]
it.each(table)('%s, about the %s: provider %s, host %s', (outcome, about, ofProvider, ofHost, nextAtSame, nextElsewhere) => {
  const failure = error(outcome, about)
  expect(providerVerdict(failure)).toBe(ofProvider)
  expect(hostVerdict(failure)).toEqual({ verdict: ofHost, retryAfterMs: ofHost === 'failed' ? 5_000 : null })
  expect([mayTryNext(failure, true), mayTryNext(failure, false)]).toEqual([nextAtSame, nextElsewhere])
})
