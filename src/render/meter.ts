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

/** Creates an allowance. @param parent one that this is a part of: what is spent here is spent there */
export function createMeter(units: number, parent: Meter | null = null): Meter {
  let left = units
  return {
    spend(count) {
      left -= count
      const isWithin = parent === null || parent.spend(count)
      return left >= 0 && isWithin
    },
    isSpent: () => left < 0,
    spent: () => units - left,
  }
}
