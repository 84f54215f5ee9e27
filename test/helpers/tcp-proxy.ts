/** A TCP proxy in front of a server. While it is shut, the server is unavailable to clients that connect through it. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A proxy on a port of its own. */
export interface TcpProxy {
  /** the URL of the server, through the proxy */
  readonly url: string
  /** Accepts connections. */
  open(): Promise<void>
  /** Resets every connection, and refuses new ones until it is opened again. */
  shut(): Promise<void>
}

/** Creates a proxy in front of the server at `target`; it is shut until it is opened. Shut it at the end. */
export async function createTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far).pipe(near)
  })
  async function listen(at: number): Promise<number> {
    server.listen(at, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('No port')
    return address.port
  }
  async function shut(): Promise<void> {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.resetAndDestroy()
    await closed
  }
  const own = await listen(0)
  await shut()
  const url = new URL(target)
  url.host = `127.0.0.1:${own}`
  return {
    url: url.href,
    async open() {
      await listen(own)
    },
    shut,
  }
}
