/** What pages of other origins may do: everything, but without credentials that a browser sends by itself. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PROJECT_HEADER } from './session.ts'

/** Always allowed, also where a client names no headers. */
const usual = ['authorization', 'content-type', 'accept']
const NAMES_MAX = 100
const isName = /^[!#$%&'*+.^_`|~\da-z-]{1,100}$/

/**
 * The headers that a page wants to send. Clients and tracers add their own (`apollographql-client-name`, `traceparent`, `baggage`), so
 * all are allowed, except the one that says that a request comes from a page of this server.
 */
function namesIn({ headers: { 'access-control-request-headers': wanted = '' } }: IncomingMessage): string[] {
  const names = wanted.split(',', NAMES_MAX).map((name) => name.trim().toLowerCase())
  return [...new Set([...usual, ...names.filter((name) => isName.test(name) && name !== PROJECT_HEADER)])]
}

/** Whether a browser asks if a page may send a request. */
export const isPreflight = ({ method, headers }: IncomingMessage): boolean =>
  method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined

/**
 * Allows pages of any origin to read the answer, without credentials: a browser sends no cookie along then, so a page has only the
 * credential that it was given. A token from an origin that its project does not allow is refused during authentication.
 */
export function allowOrigin({ headers: { origin } }: IncomingMessage, response: ServerResponse): void {
  response.setHeader('vary', 'origin')
  if (origin === undefined) return
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('access-control-expose-headers', 'retry-after')
}

/** Answers what a browser asks before a page's request. */
export function answerPreflight(request: IncomingMessage, response: ServerResponse): void {
  allowOrigin(request, response)
  response.setHeader('vary', 'origin, access-control-request-method, access-control-request-headers')
  response.setHeader('access-control-allow-methods', 'GET, HEAD, POST')
  response.setHeader('access-control-allow-headers', namesIn(request).join(', '))
  response.setHeader('access-control-max-age', '86400')
  response.writeHead(204).end()
}
