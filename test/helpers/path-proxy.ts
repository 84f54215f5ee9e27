/** A reverse proxy that serves a server below a path of its own, with its sockets; it removes the path, or passes it on. */
import { createServer, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'

/** A proxy that listens, and sends to `target` once it is set. */
export interface PathProxy {
  /** with the path */
  readonly url: string
  readonly origin: string
  target: string
  close(): Promise<void>
}

/** Starts one at a free port. Anything outside `path` is answered 404, as by another program of the host. */
export async function startPathProxy(path: string, removes: boolean): Promise<PathProxy> {
  const inner = (url: string): string | null => {
    if (url !== path && !url.startsWith(`${path}/`) && !url.startsWith(`${path}?`)) return null
    const rest = url.slice(path.length)
    return removes ? (rest.startsWith('/') ? rest : `/${rest}`) : url
  }
  const server = createServer((incoming, outgoing) => {
    const url = inner(incoming.url ?? '/')
    if (url === null) return void outgoing.writeHead(404).end('another program')
    const { hostname, port } = new URL(proxy.target)
    const headers = { ...incoming.headers, 'x-forwarded-for': '203.0.113.7:40001' }
    const sent = request({ hostname, port, path: url, method: incoming.method, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.rawHeaders)
      response.pipe(outgoing)
    })
    sent.on('error', () => outgoing.destroy())
    outgoing.on('close', () => sent.destroy())
    incoming.pipe(sent)
  })
  server.on('upgrade', (incoming, socket, head) => {
    const url = inner(incoming.url ?? '/')
    if (url === null) return void socket.destroy()
    const { hostname, port } = new URL(proxy.target)
    const sent = connect(Number(port), hostname, () => {
      const lines = incoming.rawHeaders.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('')
      sent.write(`GET ${url} HTTP/1.1\r\n${lines}\r\n`)
      sent.write(head)
      sent.pipe(socket)
      socket.pipe(sent)
    })
    for (const one of [sent, socket]) {
      one.on('error', () => {})
      one.on('close', () => {
        sent.destroy()
        socket.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const proxy: PathProxy = {
    url: origin + path,
    origin,
    target: '',
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return proxy
}
