/** Reads the body of a request, up to a limit. */
import type { IncomingMessage } from 'node:http'
import { CarillonError } from '../errors.ts'

/**
 * Reads the whole body.
 * @throws CarillonError TOO_LARGE as soon as the limit is passed (what follows is left unread), BAD_REQUEST when the client went away,
 *   UNSUPPORTED_MEDIA_TYPE for a compressed body
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    throw new CarillonError('UNSUPPORTED_MEDIA_TYPE', { message: 'Compressed request bodies are not accepted.' })
  }
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > maxBytes) throw tooLarge(maxBytes, announced)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const stop = (): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose)
    }
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes <= maxBytes) return void chunks.push(chunk)
      stop()
      request.pause()
      reject(tooLarge(maxBytes, bytes))
    }
    const onEnd = (): void => {
      stop()
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks))
    }
    const onClose = (): void => {
      stop()
      reject(new CarillonError('BAD_REQUEST', { message: 'The request ended before its body did.' }))
    }
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose)
  })
}

const tooLarge = (max: number, got: number): CarillonError =>
  new CarillonError('TOO_LARGE', { message: `The request body is larger than ${max} bytes.`, max, got })

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
