/** Delivery reports of vendors that do not sign them, and send a shared secret instead. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { CarillonError } from '../errors.ts'

/**
 * Compares a callback's secret with the expected one, in constant time.
 * @throws CarillonError UNAUTHENTICATED, also if none is expected: then anyone could have sent it
 */
export function checkShared(given: string | undefined, expected: string | undefined): void {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  const isRight = timingSafeEqual(digest(given ?? ''), digest(expected ?? ''))
  if (isRight && expected !== undefined && expected !== '') return
  throw new CarillonError('UNAUTHENTICATED', { message: 'The callback does not carry the secret of this provider.' })
}
