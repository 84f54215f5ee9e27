/** Apple: an HTTP/2 server without TLS on 127.0.0.1 that keeps each request and answers as the test says. */
import {
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2'
import { buffer } from 'node:stream/consumers'
import { until } from './until.ts'

/** A request as it came. */
export interface ApnsRequest {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly stream: ServerHttp2Stream
  readonly session: ServerHttp2Session
}

/** An answer; nothing: the test answers by the request's stream, or not at all. */
export type ApnsAnswer =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  | undefined

/** Starts the server. `index`: from 0, in the order of arrival. */
export async function startApns(answer: (request: ApnsRequest, index: number) => ApnsAnswer, settings: Settings = {}) {
  const requests: ApnsRequest[] = []
  const sessions = new Set<ServerHttp2Session>()
  let opened = 0
  const server = createServer({ settings })
  server.on('session', (session) => {
    opened++
    sessions.add(session)
    session.on('error', () => {})
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', async (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {})
    const session = [...sessions].find((one) => one === stream.session)
    const body = await buffer(stream).catch(() => null)
    if (body === null || session === undefined) return
    const request = { headers, body: body.toString('utf8'), stream, session }
    const said = answer(request, requests.push(request) - 1)
    if (said === undefined) return
    const text = said.body === undefined ? '' : JSON.stringify(said.body)
    stream.respond({ ':status': said.status, ...said.headers })
    stream.end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    sessions,
    /** connections there have been */
    opened: () => opened,
    async close() {
      for (const session of sessions) session.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await until('all connections have ended', () => sessions.size === 0)
    },
  }
}
