/**
 * Calls that come again with the same `idempotency-key`, as @novu/api sends one with each and repeats it: what was begun once is answered again, and
 * not begun again. The key is the transactionId where the call names none, so that another call with it is recognized; the ids of the notifications
 * are made of the key and of the body, so that the same call is.
 */
import { hash } from 'node:crypto'
import { z } from 'zod'
import { CarillonError, type ErrorCode } from '../errors.ts'
import type { Parsed } from './route.ts'

const KEY = 'idempotency-key'
const key = z
  .string()
  .regex(/^[\x20-\x7e]{1,255}$/)
  .optional()
  .meta({
    description: 'Such as a UUID. A call with one that comes again, with the same body, is answered as before and does nothing.',
  })
/** The headers of a call that may be repeated. */
export const repeatHeaders = z.object({ [KEY]: key })

/** One event of a call with a key. */
export interface Repeatable {
  /** where the event names none */
  readonly transactionId: string
  /** the id of its notification to the recipient at a position */
  idOf(index: number): string
  /** The error of a key that another call used. */
  reused(): ReusedKey
}

/** The key of a call was used for another one. */
export class ReusedKey extends CarillonError {}

/** Errors of a key that another call used. */
export const reuseCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['TRANSACTION_EXISTS', 'ID_MISMATCH'])

/**
 * The events of a call by their positions; null: the call has no key.
 * @throws BAD_REQUEST for a key that is too long, or holds other than printable ASCII characters
 */
export function repeatable({ headers, text }: Pick<Parsed<unknown, unknown>, 'headers' | 'text'>) {
  // Several headers of this name come as one text.
  const given = headers[KEY]
  if (typeof given !== 'string' || given === '') return null
  const { success, data: name = '' } = key.safeParse(given)
  if (!success) {
    const message = 'idempotency-key: must have at most 255 printable ASCII characters.'
    throw new CarillonError('BAD_REQUEST', { message })
  }
  const digest = (...parts: readonly (string | number)[]): string => hash('sha256', JSON.stringify(parts), 'base64url')
  const body = digest(text)
  const reused = () => {
    const message = `Request with key "${name}" is being reused for a different body`
    return new ReusedKey('BAD_INPUT', { message })
  }
  return {
    /** the only event of the call */
    whole: { transactionId: name, idOf: (index) => `novu-${digest(name, body, index)}`, reused } satisfies Repeatable,
    /** One of several events. */
    at: (position: number): Repeatable => ({
      transactionId: name.length <= 250 ? `${name}-${position}` : `novu-${digest(name, position)}`,
      idOf: (index) => `novu-${digest(name, body, position, index)}`,
      reused,
    }),
  }
}
