/**
 * What this process knows of the hosts that addresses name, at each provider: push services, contacts' webhooks, receiving domains. A host that
 * fails keeps back only what goes to it, and takes little of its provider's room.
 */
import { createLru } from '../lru.ts'
import { type Breaker, createBreaker, type Verdict } from './breaker.ts'

/** The result of an attempt at a host. */
export interface HostVerdict {
  readonly verdict: Verdict
  /** it asked for a pause this long, ms; null: it did not */
  readonly retryAfterMs: number | null
}

/** An attempt that may be made at a host. */
export interface HostPass {
  /**
   * Takes a place among those that wait for slow hosts, so that the attempt needs none of the provider's any more. @returns false: they are taken
   */
  becomeSlow(): boolean
  /** Ends the attempt, once. */
  end(result: HostVerdict): void
}

/** The hosts of one provider. */
export interface Hosts {
  /**
   * Lets an attempt at a host pass. @returns for how long it does not, ms, where it fails, is paused, or has as many attempts as a failing one may have
   */
  enter(host: string): HostPass | { readonly blockedForMs: number }
}

/** An attempt that takes longer than this gives its provider's place to the next one. */
export const SLOW_MS = 500

/** Hosts that are remembered in all: the ones that were not used for longest are forgotten. */
const HOSTS_MAX = 20_000
/** Attempts at one provider that wait for slow hosts, besides those that hold a place of the provider. */
const SLOW_MAX = 200
/** Attempts at once at all failing hosts of a provider, and at one of them. */
const FAILING_MAX = 10
const FAILING_AT_ONE = 2
/** How long a message waits for its turn at a failing host, ms. */
const FAILING_WAIT_MS = 2_000
/** A host that ever worked is failing after this many failures in a row, one that never did after the first. */
const FAILURES = 3
/** The same for attempts that wait, where a host that worked has not for this long, ms. */
const STUCK = 10
const STUCK_MS = 5_000
const STUCK_NEW = 3
/** However long a host asks for, it is asked again after this: one that means well says so again. */
const PAUSE_MAX_MS = 15 * 60_000

interface Host {
  readonly breaker: Breaker
  /** by the clock of `now`; 0: it is not paused */
  pausedUntil: number
  /** failures since it last worked */
  failures: number
  /** when it last worked; null: it never did */
  okAt: number | null
  inside: number
  slow: number
}

/**
 * @returns the hosts of a provider by a key of it, all of them within one bound
 * @param now ms, of a monotonic clock
 */
export function createHosts(now: () => number = () => performance.now()): (providerKey: string) => Hosts {
  const known = createLru<Host>({ max: HOSTS_MAX })

  const isFailing = ({ failures, okAt, slow }: Host): boolean => {
    if (failures >= (okAt === null ? 1 : FAILURES)) return true
    return okAt === null ? slow >= STUCK_NEW : slow >= STUCK && now() - okAt > STUCK_MS
  }

  return (providerKey) => {
    let slow = 0
    let failing = 0
    const hostOf = (name: string): Host => {
      const key = `${providerKey} ${name}`
      const host = known.get(key) ?? {
        breaker: createBreaker(now, () => {}),
        pausedUntil: 0,
        failures: 0,
        okAt: null,
        inside: 0,
        slow: 0,
      }
      known.set(key, host)
      return host
    }

    return {
      enter(name) {
        const host = hostOf(name)
        const pausedForMs = host.pausedUntil - now()
        if (pausedForMs > 0) return { blockedForMs: pausedForMs }
        const wasFailing = isFailing(host)
        if (wasFailing && (failing >= FAILING_MAX || host.inside >= FAILING_AT_ONE)) return { blockedForMs: FAILING_WAIT_MS }
        const report = host.breaker.enter()
        if (report === null) return { blockedForMs: host.breaker.blockedForMs() }
        host.inside++
        if (wasFailing) failing++
        let isSlow = false
        return {
          becomeSlow() {
            if (slow >= SLOW_MAX) return false
            isSlow = true
            slow++
            host.slow++
            return true
          },
          end({ verdict, retryAfterMs }) {
            host.inside--
            if (wasFailing) failing--
            if (isSlow) {
              slow--
              host.slow--
            }
            if (verdict === 'ok') {
              host.failures = 0
              host.okAt = now()
            } else if (verdict === 'failed') {
              host.failures++
              if (retryAfterMs !== null)
                host.pausedUntil = Math.max(host.pausedUntil, now() + Math.min(PAUSE_MAX_MS, retryAfterMs))
            }
            report(verdict)
          },
        }
      },
    }
  }
}
