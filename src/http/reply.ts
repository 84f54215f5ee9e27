/** Sends replies and errors. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { type Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type CarillonError, catalogue } from '../errors.ts'
import { codeOf, type PresentError } from '../graphql/errors.ts'
import { jsonReply, type Reply } from './route.ts'

/** Sends a reply. Node leaves the body out of an answer to HEAD. */
export function sendReply(response: ServerResponse, { status, headers, body }: Reply): void {
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  response.writeHead(status, { ...headers, ...length })
  response.end(body)
}

/**
 * Sends what a generator yields, as fast as the client reads it. A failure in between cuts the connection, so that the client sees that the
 * answer is not whole; a client that leaves, or reads nothing for `stallMs`, ends the generator.
 */
export async function sendStream(
  { method, socket }: IncomingMessage,
  response: ServerResponse,
  { status, headers }: Reply,
  stream: AsyncGenerator<string>,
  stallMs: number,
): Promise<void> {
  response.writeHead(status, headers)
  if (method === 'HEAD') return void response.end()
  const end = (): void => void socket.destroy()
  socket.setTimeout(stallMs, end)
  try {
    // Of a chunk, none is read before the one ahead of it is gone.
    await pipeline(Readable.from(stream, { objectMode: false, highWaterMark: 64 * 1024 }), response)
  } catch (error) {
    if (!isGone(error)) throw error
  } finally {
    socket.off('timeout', end).setTimeout(0)
  }
}

/** The client has closed the connection: there is nobody to tell. */
const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'].includes(String(error.code))

/**
 * Sends an error in the form of a GraphQL response, with the status of its code.
 * @param pageOf makes the page that somebody with a browser gets instead
 */
export function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  present: PresentError,
  error: unknown,
  pageOf?: (status: number, message: string) => Reply,
): void {
  const presented = present(error)
  if (response.headersSent || response.destroyed) return void response.destroy()
  const seconds = presented.extensions['retryAfterSeconds']
  if (typeof seconds === 'number') response.setHeader('retry-after', seconds)
  const { status } = catalogue[codeOf(presented)]
  const isForPerson = pageOf !== undefined && isNavigation(request)
  if (pageOf !== undefined) response.appendHeader('vary', 'accept')
  answer(request, response, isForPerson ? pageOf(status, presented.message) : jsonReply(status, { errors: [presented] }))
}

/** Whether a browser asks for a page to show. */
export const isNavigation = ({ method, headers }: IncomingMessage): boolean =>
  (method === 'GET' || method === 'HEAD') && headers.accept?.includes('text/html') === true

/** Sends a reply to a request whose body may not have been read. */
export function answer(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  if (request.complete || request.method === 'GET' || request.method === 'HEAD') sendReply(response, reply)
  else sendWhileReceiving(request, response, reply)
}

/** How much of an unwanted body is read and discarded, and for how long, so that the client gets to read the answer. */
const DISCARD = { bytes: 256 * 1024, ms: 1_000 } as const

/**
 * Sends a reply while the client is still sending its body. Closing the connection at once would make the kernel reset it, and the
 * client would lose the answer; so some more of the body is read and discarded first.
 */
function sendWhileReceiving(request: IncomingMessage, response: ServerResponse, { status, headers, body = '' }: Reply): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' })
  response.write(body)
  let bytes = 0
  const close = (): void => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(close, DISCARD.ms)
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    // Not closed yet: a client that also reads finds the answer meanwhile.
    if (bytes > DISCARD.bytes) request.pause()
  })
  request.once('end', close).once('close', close)
  request.resume()
}

/**
 * Answers on a connection that has no response object, and closes it.
 * @param status if it is not that of the error's code
 */
export function refuse(socket: Duplex, { code, message, details }: CarillonError, status: number = catalogue[code].status): void {
  const { retryAfterSeconds, max } = details
  const body = JSON.stringify({ errors: [{ message, extensions: { code, max, retryAfterSeconds } }] })
  const retryAfter = retryAfterSeconds === undefined ? '' : `Retry-After: ${retryAfterSeconds}\r\n`
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n${retryAfter}Connection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => setTimeout(() => socket.destroy(), DISCARD.ms).unref(),
  )
  // Closing it with unread bytes would make the kernel reset it, and the client would lose the answer.
  socket.on('error', () => socket.destroy()).resume()
}
