/**
 * When an address is given up because of the host that it names: the name has not existed for hours, or the host has failed for days. Not at the
 * first failure, which a name server or a restart may cause. The earlier failures are read from the attempts, so a restart loses none.
 */
import { ProviderError } from '../channels/provider.ts'
import type { Claimed } from '../db/claim.ts'
import type { HostFailures, HostFailuresQuery } from '../db/host-failures.ts'
import type { Clock } from '../domain/clock.ts'
import type { Log } from '../log.ts'
import { channelTraits } from '../words.ts'

/** What `createForget` needs. */
export interface ForgetDeps {
  readonly clock: Clock
  readonly log: Log
  find(query: HostFailuresQuery): Promise<HostFailures>
}

const HOUR_MS = 3_600_000
/** A name that has not existed for this long, at so many attempts. */
const NOT_FOUND_MS = 6 * HOUR_MS
const NOT_FOUND_ATTEMPTS = 3
/** A host that has failed for this long, at so many attempts, on so many days. */
const FAILED_MS = 5 * 24 * HOUR_MS
const FAILED_ATTEMPTS = 6
const FAILED_DAYS = 3
/** Where the provider has sent nothing at all for this long, our own network may be what fails. */
const WORKING_MS = HOUR_MS
/** Earlier failures are not looked at. */
const LOOK_BACK_MS = 30 * 24 * HOUR_MS

const ofHost = new Set(['HOST_NOT_FOUND', 'HOST_UNREACHABLE', 'OUTCOME_UNKNOWN'])

/**
 * @returns a function that makes of a host's failure the one that ends the address, if it has lasted; any other error is given back as it is. Never
 * throws: if the look-up fails, the next message asks again
 */
export function createForget({ clock, log, find }: ForgetDeps) {
  return async (message: Claimed, providerId: string, host: string | null, error: ProviderError): Promise<ProviderError> => {
    const { projectId, contact, channel, rounds } = message
    // Once for each message: rounds follow one another within the hour.
    if (host === null || contact === null || rounds > 0 || error.about !== 'host') return error
    if (channelTraits[channel].host !== 'own' || !ofHost.has(error.code)) return error
    const now = clock.now().getTime()
    const since = new Date(now - LOOK_BACK_MS)
    const workingSince = new Date(now - WORKING_MS)
    try {
      const before = await find({ projectId, contactId: contact.id, channel, providerId, host, since, workingSince })
      return before.firstAt !== null && before.isWorking && hasLasted(before, error, now - before.firstAt.getTime())
        ? ended(error, before.firstAt)
        : error
    } catch (cause) {
      log.warn('Could not look up the failures of a host', { message: message.id, error: String(cause) })
      return error
    }
  }
}

/** The attempt that just failed is not among those that were found. */
function hasLasted({ notFound, failed, days }: HostFailures, { code }: ProviderError, forMs: number): boolean {
  if (code === 'HOST_NOT_FOUND' && forMs >= NOT_FOUND_MS && notFound + 1 >= NOT_FOUND_ATTEMPTS) return true
  return forMs >= FAILED_MS && failed + 1 >= FAILED_ATTEMPTS && days >= FAILED_DAYS
}

/** A message that may have arrived stays one. */
function ended(error: ProviderError, since: Date): ProviderError {
  const outcome = error.outcome === 'unknown' ? 'unknown' : 'refused'
  const text = `${error.message} It has failed since ${since.toISOString()}, so the address was dropped.`
  return new ProviderError(outcome, error.code, text.slice(0, 1_000), {
    about: 'address',
    addressDead: true,
    response: error.response,
    cause: error,
  })
}
