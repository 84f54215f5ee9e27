/** WebSockets without a credential: each address has places for a few of them. */
import type { ConnectionLimits } from './limits.ts'
import { networkOf } from './remote-address.ts'

/** The places of all addresses. */
export interface Places {
  /**
   * Takes a place of an address that is free.
   * @returns a function that gives it back, further calls do nothing; null: there is none now
   */
  takeFree(remoteAddress: string): (() => void) | null
  /**
   * Takes a place of an address. If all are taken, but by sockets that have just opened and so are about to send their credentials, it
   * waits for them: many clients that are behind one address may come back at once.
   * @param signal aborts the waiting
   * @returns a function that gives it back, further calls do nothing; null: there is none
   */
  take(remoteAddress: string, signal: AbortSignal): Promise<(() => void) | null>
}

interface Address {
  /** when each place was taken, the first one first */
  readonly taken: Map<symbol, number>
  readonly waiting: Set<() => void>
  timer: NodeJS.Timeout | null
}

/** Creates the places. `now`: monotonic milliseconds. */
export function createPlaces(
  limits: Pick<ConnectionLimits, 'anonymousSocketsPerAddress' | 'waitingUpgradesPerAddress' | 'credentialExpectedMs'>,
  now: () => number = () => performance.now(),
): Places {
  const addresses = new Map<string, Address>()

  /** ms until the newest socket is no longer expected to send its credential */
  const expectedMs = ({ taken }: Address): number =>
    Math.max(0, ...taken.values()) + (taken.size === 0 ? 0 : limits.credentialExpectedMs) - now()

  /** Lets the waiting ones look again. */
  const wakeAll = (address: Address): void => {
    for (const wake of address.waiting) wake()
    address.waiting.clear()
  }

  const addressOf = (key: string): Address => addresses.get(key) ?? { taken: new Map(), waiting: new Set(), timer: null }

  /** Takes a place that is free. */
  const hold = (key: string, address: Address): (() => void) => {
    const place = Symbol('place')
    addresses.set(key, address)
    address.taken.set(place, now())
    return () => {
      if (!address.taken.delete(place)) return
      const [first] = address.waiting
      if (first !== undefined) {
        address.waiting.delete(first)
        first()
      }
      if (address.taken.size === 0 && address.waiting.size === 0) {
        if (address.timer !== null) clearTimeout(address.timer)
        addresses.delete(key)
      }
    }
  }

  return {
    takeFree(remoteAddress) {
      const key = networkOf(remoteAddress)
      const address = addressOf(key)
      return address.taken.size < limits.anonymousSocketsPerAddress ? hold(key, address) : null
    },
    async take(remoteAddress, signal) {
      const key = networkOf(remoteAddress)
      const address = addressOf(key)
      while (address.taken.size >= limits.anonymousSocketsPerAddress) {
        const ms = expectedMs(address)
        if (signal.aborted || ms <= 0 || address.waiting.size >= limits.waitingUpgradesPerAddress) return null
        const woken = Promise.withResolvers<void>()
        const leave = (): void => {
          address.waiting.delete(woken.resolve)
          woken.resolve()
        }
        address.waiting.add(woken.resolve)
        signal.addEventListener('abort', leave, { once: true })
        address.timer ??= setTimeout(() => {
          address.timer = null
          wakeAll(address)
        }, ms).unref()
        await woken.promise
        signal.removeEventListener('abort', leave)
      }
      return signal.aborted ? null : hold(key, address)
    },
  }
}
