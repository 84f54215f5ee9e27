/** Random input that a failure can repeat: its seed is TEST_SEED, or new in each run and printed by the test that fails. */
import { onTestFailed } from 'vitest'

/** Draws from one seed, in order. */
export interface Random {
  /** in [0, 1) */
  (): number
  /** an integer from 0 to `below` - 1 */
  int(below: number): number
  /** one of a list that is not empty */
  of<T>(list: readonly T[]): T
}

/** Draws from a seed; called in a test, which prints the seed when it fails. */
export function seeded(): Random {
  const given = process.env['TEST_SEED']
  const seed = given === undefined || given === '' ? Math.floor(Math.random() * 2 ** 32) : Number(given)
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error(`TEST_SEED must be a whole number from 0: ${given}`)
  onTestFailed(() => {
    process.stderr.write(`The input was random: TEST_SEED=${seed} repeats it\n`)
  })
  return randomOf(seed)
}

/** Draws from a seed that stays: for values that only have to be irregular. Mulberry32: 32 bits of state, good enough for input. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (below: number): number => Math.floor(next() * below)
  return Object.assign(next, {
    int,
    of<T>(list: readonly T[]): T {
      const found = list.slice(int(list.length))
      if (found.length === 0) throw new Error('There is nothing to choose from')
      return found[0] as T
    },
  })
}
