/** The text of a request's body. */
import { CarillonError } from '../errors.ts'

/**
 * The body as text.
 * @throws CarillonError BAD_REQUEST when it is not UTF-8
 */
export function decodeBody(body: Buffer): string {
  try {
    // A byte order mark stays in the text, where JSON refuses it.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch (error) {
    throw new CarillonError('BAD_REQUEST', { message: 'The request body is not valid UTF-8.', cause: error })
  }
}
