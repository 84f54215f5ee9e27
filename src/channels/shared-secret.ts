/** Callbacks whose vendor does not sign them, and sends a secret along instead. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { CarillonError } from '../errors.ts'

/**
 * Holds what a callback brought against what it has to bring, in a time that says nothing about either.
 * @throws CarillonError UNAUTHENTICATED, also when nothing is expected: without a secret anyone could have sent it
 */
export function checkShared(given: string | undefined, expected: string | undefined): void {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  const isRight = timingSafeEqual(digest(given ?? ''), digest(expected ?? ''))
  if (isRight && expected !== undefined && expected !== '') return
  throw new CarillonError('UNAUTHENTICATED', { message: 'The callback does not carry the secret of this provider.' })
}
