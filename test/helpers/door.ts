/** A door in front of a server: while it is shut the server is away, for whoever connects through it. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A door on a port of its own. */
export interface Door {
  /** the same URL, through the door */
  readonly url: string
  /** Lets connections through. */
  open(): Promise<void>
  /** Resets every connection and refuses new ones, until it is opened again. */
  shut(): Promise<void>
}

/** Makes a door in front of the server that `target` names, shut. Shut it at the end. */
export async function createDoor(target: string): Promise<Door> {
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
