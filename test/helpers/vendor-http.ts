/** A vendor: an HTTP server on 127.0.0.1 that keeps each request and answers as the test decides. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'

/** A request that the vendor received. */
export interface VendorRequest {
  readonly method: string
  /** with its query string */
  readonly path: string
  /** names in lower case */
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** the body's bytes */
  readonly raw: Buffer
}

/** What the vendor does with a request: answers it, writes the answer itself, or (`hang`, `reset`) neither. */
export type VendorAnswer =
  | 'hang'
  | 'reset'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }
  | ((response: ServerResponse) => void)

/** A running vendor. */
export interface Vendor {
  /** `http://127.0.0.1:port` */
  readonly url: string
  readonly requests: VendorRequest[]
  close(): Promise<void>
}

/** Starts a vendor. An answer's `body` goes out as it is when it is text, as JSON else. `index`: from 0, in the order of arrival. */
export async function startVendor(
  answer: (request: VendorRequest, index: number) => VendorAnswer | Promise<VendorAnswer>,
): Promise<Vendor> {
  const requests: VendorRequest[] = []
  const server = createServer(async (request, response) => {
    const raw = await buffer(request).catch(() => null)
    if (raw === null) return
    const { method = '', url = '', headers } = request
    const kept = { method, path: url, headers, body: raw.toString('utf8'), raw }
    const said = await answer(kept, requests.push(kept) - 1)
    if (said === 'hang') return
    if (said === 'reset') return request.socket.resetAndDestroy()
    if (typeof said === 'function') return said(response)
    const { status, headers: extra = {}, body = '' } = said
    const isText = typeof body === 'string'
    response.writeHead(status, { ...(isText ? {} : { 'content-type': 'application/json' }), ...extra })
    response.end(isText ? body : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
