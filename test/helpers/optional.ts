/** Suites that need something which not every machine has. */
import { describe, test } from 'vitest'

/** What a suite needs, whether it is there, and how to have it. */
export interface Optional {
  readonly name: string
  readonly found: boolean
  /** completes the sentence "To run it, …" */
  readonly how: string
}

/**
 * Runs a suite if what it needs was found. If not, says so in one line and how to have it; where CI is set, fails instead,
 * because nobody reads the lines of a green run.
 */
export function optionalSuite({ name, found, how }: Optional, define: () => void): void {
  if (found) {
    describe(name, define)
    return
  }
  const line = `Not tried: ${name}. To run it, ${how}.`
  if ((process.env['CI'] ?? '') !== '') {
    test(name, () => {
      throw new Error(line)
    })
    return
  }
  process.stderr.write(`${line}\n`)
  describe.skip(name, define)
}
