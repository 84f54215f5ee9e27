/**
 * The process of B4 that holds sockets and sends events to them: a Carillon server (MODE=ours), whose signals are published here, in the
 * process, as its own mutations publish them; or a bare `ws` server, which finds sockets in a Map. PING_MS: between two pings.
 */
import { type WebSocket, WebSocketServer } from 'ws'
import { startApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { silentLog } from '../src/log.ts'
import { createInProcessBus } from '../src/signals/in-process.ts'
import type { FeedMessage, Signal } from '../src/words.ts'

/** What the benchmark asks for. Events are published one after the other, each in a turn of the event loop of its own. */
export type HolderRequest =
  | {
      readonly do: 'begin'
      readonly projectId: string
      readonly contactIds: readonly string[]
      /** what a bare frame has between its id, its title, the number of the event, and its end */
      readonly parts: readonly [string, string, string]
    }
  /** `all`: each event goes to all sockets of these contacts; `one`: to those of the next contact */
  | { readonly do: 'publish'; readonly to: 'all' | 'one'; readonly events: number }
  /** At a fixed rate; every event carries the time at which it was due, see `readers.ts`. */
  | { readonly do: 'pace'; readonly events: number; readonly perSecond: number }
  | { readonly do: 'collect' }

const pingMs = Number(process.env['PING_MS'] ?? 25_000)
const at = '2030-01-01T00:00:00.000Z'
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Sends event number `n` of contact number `contact` to its sockets. `title`: what the frame carries beside it */
interface Sender {
  begin(request: Extract<HolderRequest, { do: 'begin' }>): void
  send(contacts: readonly number[], n: (contact: number) => number, title: string): void
}

/** A Carillon server. */
async function createOurs(): Promise<{ readonly url: string; readonly sender: Sender }> {
  const bus = createInProcessBus()
  const { url } = await startApp(readConfig({ ...process.env, PORT: '0' }), silentLog, { bus, limits: { pingMs } })
  let projectId = ''
  let contactIds: readonly string[] = []
  const signalOf = (contactId: string, n: number, title: string): Signal => {
    const message: FeedMessage = {
      ...{ projectId, contactId, id: contactId, notificationId: contactId, transactionId: contactId },
      templateKey: 'bench',
      status: 'DELIVERED',
      feed: 'default',
      title,
      body: 'Your order is on its way.',
      iconUrl: null,
      url: 'https://example.com/orders/1',
      actor: null,
      data: { n },
      count: 1,
      actions: [],
      arrivedSeq: n,
      listedSeq: n,
      changedSeq: n,
      seenAt: null,
      readAt: null,
      archivedAt: null,
      snoozedUntil: null,
      deletedAt: null,
      sentAt: at,
      createdAt: at,
      updatedAt: at,
    }
    return {
      topic: 'feed',
      projectId,
      contactId,
      changes: [{ seq: n, kind: 'RECEIVED', message, counts: { default: [n, n] } }],
    }
  }
  return {
    url,
    sender: {
      begin(request) {
        projectId = request.projectId
        contactIds = request.contactIds
      },
      send: (contacts, n, title) =>
        bus.publish(contacts.map((contact) => signalOf(contactIds[contact] ?? '', n(contact), title))),
    },
  }
}

/** A server of nothing but `ws`. The first message of a client is its number as a contact, and the id of its operation. */
async function createBare(): Promise<{ readonly url: string; readonly sender: Sender }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false, backlog: 4_096 })
  const sockets = new Map<number, { readonly socket: WebSocket; readonly id: string }[]>()
  const answered = new WeakSet<WebSocket>()
  let parts: readonly [string, string, string] = ['', '', '']
  server.on('connection', (socket) => {
    answered.add(socket)
    socket.on('pong', () => answered.add(socket))
    socket.once('message', (text) => {
      const { contact, id } = JSON.parse(text.toString()) as { contact: number; id: string }
      const others = sockets.get(contact) ?? []
      others.push({ socket, id })
      sockets.set(contact, others)
      socket.once('close', () => {
        const left = (sockets.get(contact) ?? []).filter((one) => one.socket !== socket)
        if (left.length === 0) sockets.delete(contact)
        else sockets.set(contact, left)
      })
      socket.send('{"type":"connection_ack"}')
    })
  })
  setInterval(() => {
    for (const socket of server.clients) {
      if (!answered.delete(socket)) socket.terminate()
      else socket.ping()
    }
  }, pingMs)
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    sender: {
      begin(request) {
        parts = request.parts
      },
      send(contacts, n, title) {
        for (const contact of contacts) {
          const rest = `${parts[0]}${title}${parts[1]}${n(contact)}${parts[2]}`
          for (const { socket, id } of sockets.get(contact) ?? []) socket.send(`{"id":"${id}${rest}`)
        }
      },
    },
  }
}

const { url, sender } = await (process.env['MODE'] === 'bare' ? createBare() : createOurs())
let contacts: number[] = []
let numbers: number[] = []
let next = 0
const numberOf = (contact: number): number => {
  numbers[contact] = (numbers[contact] ?? 0) + 1
  return numbers[contact] ?? 0
}
const TITLE = '0000000000000.000'

async function publish(to: 'all' | 'one', events: number): Promise<void> {
  for (let event = 0; event < events; event++) {
    if (to === 'all') sender.send(contacts, numberOf, TITLE)
    else sender.send([next++ % contacts.length], numberOf, TITLE)
    await turn()
  }
}

async function pace(events: number, perSecond: number): Promise<void> {
  const begun = performance.timeOrigin + performance.now()
  for (let event = 0; event < events; ) {
    const now = performance.timeOrigin + performance.now()
    const due = Math.min(events, Math.floor(((now - begun) / 1_000) * perSecond) + 1)
    for (; event < due; event++) {
      const dueAt = begun + (event / perSecond) * 1_000
      sender.send([next++ % contacts.length], numberOf, dueAt.toFixed(3))
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

process.on('message', async ({ ask, request }: { ask: number; request: HolderRequest }) => {
  if (request.do === 'begin') {
    sender.begin(request)
    contacts = request.contactIds.map((_unused, contact) => contact)
    numbers = []
    next = 0
  } else if (request.do === 'publish') await publish(request.to, request.events)
  else if (request.do === 'pace') await pace(request.events, request.perSecond)
  else for (let times = 0; times < 3; times++) await Promise.resolve(globalThis.gc?.()).then(turn)
  process.send?.({ ask })
})
process.stdout.write(`ready ${url}\n`)
