/**
 * All attacks at once, from a process of its own with the lowest priority, as if it came from another machine:
 * `node attacker.ts URL` with `{ contact, key }` as a JSON line on standard input. It runs until that ends, and then prints what it met.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { askGraphql, askOnce, openConnections, type RawConnection } from './attack.ts'

/** Credentials of the attacker's own. */
export interface Loot {
  /** a contact's token */
  readonly contact: string
  /** an API key of a project of its own, which has the templates `evil-pattern` and `evil-loop` */
  readonly key: string
}

/** How many answers of which kind each attack got. */
export type Met = Record<string, Record<string, number>>

const head = (path: string, length: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`
const half = `${head('/graphql', 1_000)}{`
const large = Buffer.alloc(1_000_000, 32)
const aliases = (count: number, field: string): string =>
  `{ ${Array.from({ length: count }, (_unused, index) => `a${index}: ${field}`).join(' ')} }`
const introspection = `{ ${Array.from({ length: 15 }, (_unused, index) => `a${index}: __schema { ...S }`).join(' ')} }
  fragment S on __Schema { types { name description fields { name description args { name description type { name } } type { name ofType { name } } } } }`
const SEND = 'mutation ($messages: [MessageInput!]!) { sendMessages(messages: $messages) { results { ok } } }'

async function attack(url: string, { contact, key }: Loot, met: Met, signal: AbortSignal): Promise<void> {
  const note = (name: string, what: string | number): void => {
    const one = met[name] ?? {}
    one[what] = (one[what] ?? 0) + 1
    met[name] = one
  }
  const forever = async (name: string, lanes: number, pauseMs: number, work: () => Promise<string | number>): Promise<void> => {
    const lane = async (): Promise<void> => {
      while (!signal.aborted) {
        note(name, await work())
        await sleep(pauseMs)
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
  }
  /** Keeps connections half-open, and opens those again that are cut, at most once in a while. */
  const halfOpen = async (name: string, count: number, first: string | Buffer, everyMs: number): Promise<void> => {
    let held: RawConnection[] = []
    while (!signal.aborted) {
      const left = held.filter((one) => !one.isClosed())
      for (const _one of held.slice(left.length)) note(name, 'cut')
      held = [...left, ...(await openConnections(url, count - left.length, first))]
      await sleep(everyMs)
    }
    for (const { socket } of held) socket.destroy()
  }
  const messages = (template: string, data: object): object[] =>
    Array.from({ length: 100 }, (_unused, index) => ({ template, contact: { externalId: `c${index}` }, data }))
  const sockets: WebSocket[] = []
  const connect = (): Promise<string> =>
    new Promise((resolve) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
      socket.once('open', () => {
        socket.send('{"type":"connection_init"}')
        sockets.push(socket)
        resolve('open')
      })
      socket.once('error', (error) => resolve(error.message.slice(0, 40)))
      socket.once('close', () => sockets.splice(sockets.indexOf(socket), 1))
    })
  await Promise.all([
    halfOpen('half-sent requests', 1_005, half, 500),
    halfOpen('large bodies', 100, Buffer.concat([Buffer.from(head('/callbacks/nothing', large.length + 1)), large]), 2_000),
    forever('a contact asks for too much', 60, 10, async () => {
      const query = aliases(15, 'preferences { templates { template { key name } channels { channel enabled } } }')
      return (await askGraphql(url, { query }, `Bearer ${contact}`)).status
    }),
    forever('patterns', 2, 50, async () => {
      const variables = { messages: messages('evil-pattern', { name: `${'a'.repeat(30)}!` }) }
      return (await askGraphql(url, { query: SEND, variables }, `Bearer ${key}`)).status
    }),
    forever('loops', 2, 50, async () => {
      const variables = { messages: messages('evil-loop', {}) }
      return (await askGraphql(url, { query: SEND, variables }, `Bearer ${key}`)).status
    }),
    forever('introspection', 10, 20, async () => (await askGraphql(url, { query: introspection }, null)).status),
    forever('sockets', 20, 20, connect),
    forever('wrong keys', 10, 20, async () => {
      const wrong = `Bearer ck_${randomBytes(32).toString('base64url')}`
      return (await askGraphql(url, { query: '{ viewer { project { id } } }' }, wrong)).status
    }),
    forever('metrics', 10, 20, async () => (await askOnce(url, '/metrics')).status),
  ])
  for (const socket of sockets) socket.terminate()
}

/** Linux shares processors out among sessions first, where nothing else is set: a priority alone counts within this one. */
function setLowestPriority(): void {
  setPriority(constants.priority.PRIORITY_LOW)
  try {
    writeFileSync('/proc/self/autogroup', '19')
  } catch {
    // This system shares them out among processes.
  }
}

const [url] = process.argv.slice(2)
if (import.meta.main && url !== undefined) {
  if (new URL(url).hostname !== '127.0.0.1') throw new Error(`Only a server on 127.0.0.1 is attacked, not ${url}`)
  setLowestPriority()
  const lines = createInterface(process.stdin)
  const [line] = (await once(lines, 'line')) as [string]
  const stop = new AbortController()
  lines.once('close', () => stop.abort())
  const met: Met = {}
  const attacking = attack(url, JSON.parse(line) as Loot, met, stop.signal)
  process.stdout.write('attacking\n')
  await attacking
  process.stdout.write(`${JSON.stringify(met)}\n`, () => process.exit(0))
}
