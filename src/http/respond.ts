/** Answers that are not GraphQL's: JSON, coded errors, and how a response leaves. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { GraphQLError } from 'graphql'
import { CarillonError, catalogue } from '../errors.ts'
import { codeOf, type PresentError } from '../graphql/errors.ts'

/** Answers with JSON. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

/** The error as GraphQL over HTTP would tell it, for what never reached GraphQL. */
export function sendError(request: IncomingMessage, response: ServerResponse, present: PresentError, error: unknown): void {
  const shown = present(error)
  if (response.headersSent || response.destroyed) return void response.destroy()
  if (error instanceof CarillonError && error.details.retryAfterSeconds !== undefined) {
    response.setHeader('retry-after', error.details.retryAfterSeconds)
  }
  const status = catalogue[codeOf(shown)].status
  if (request.complete || request.method === 'GET') sendJson(response, status, { errors: [shown] })
  else sendAndLinger(request, response, status, shown)
}

/** How much of an unwanted body is thrown away, and for how long, so that the client can read why. */
const LINGER = { bytes: 1024 * 1024, ms: 1_000 } as const

/**
 * Answers while the client is still sending. Closing at once would make the kernel reset the connection,
 * and the client would lose the answer with it; so a little more is read and thrown away first.
 */
function sendAndLinger(request: IncomingMessage, response: ServerResponse, status: number, error: GraphQLError): void {
  const text = JSON.stringify({ errors: [error] })
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    connection: 'close',
  })
  response.write(text)
  let bytes = 0
  const close = (): void => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(close, LINGER.ms)
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > LINGER.bytes) close()
  })
  request.once('end', close).once('close', close)
  request.resume()
}
