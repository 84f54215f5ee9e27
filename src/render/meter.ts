/** Counts the work that callers' programs do in the server, so that it is bounded whatever the speed of the machine. */

/** An allowance of work, in units of about 1 µs. */
export interface Meter {
  /** Takes from the allowance. @returns false: not that much is left, and nothing more should be done here */
  spend(units: number): boolean
  /** whether the allowance is used up */
  isSpent(): boolean
  /** the units that were spent */
  spent(): number
}

/** An allowance that is one call's after another's. */
export interface SharedMeter extends Meter {
  /** from now on, what is spent is taken from this one */
  turnTo(meter: Meter): void
}

/** Creates it; nothing can be spent before `turnTo`. What is made once for many calls, which take turns, gets one of these. */
export function createSharedMeter(): SharedMeter {
  let current = createMeter(0)
  return {
    turnTo(meter) {
      current = meter
    },
    spend: (units) => current.spend(units),
    isSpent: () => current.isSpent(),
    spent: () => current.spent(),
  }
}

/** Creates an allowance. @param parent one that this is a part of: what is spent here is spent there */
export const createMeter = (units: number, parent: Meter | null = null): Meter => new Allowance(units, parent)

/** A class, because each message has one. */
class Allowance implements Meter {
  readonly #units: number
  readonly #parent: Meter | null
  #left: number

  constructor(units: number, parent: Meter | null) {
    this.#units = units
    this.#parent = parent
    this.#left = units
  }

  spend(count: number): boolean {
    this.#left -= count
    const isWithin = this.#parent === null || this.#parent.spend(count)
    return this.#left >= 0 && isWithin
  }

  isSpent(): boolean {
    return this.#left < 0
  }

  spent(): number {
    return this.#units - this.#left
  }
}
