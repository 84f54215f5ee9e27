/** What a check says of a value. */
import { CarillonError } from '../../src/errors.ts'

/** The code and the field of the error that a check throws; null: it accepts. Any other error is thrown on. */
export function refusalOf(check: () => unknown): readonly [code: string, field: string | undefined] | null {
  try {
    check()
    return null
  } catch (error) {
    if (error instanceof CarillonError) return [error.code, error.details.field]
    throw error
  }
}
