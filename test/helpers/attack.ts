/**
 * Attacks on a server of the test, on 127.0.0.1 alone, and what others notice of them. A victim with a credential of its own asks a cheap
 * query every 100 ms, on a new connection each time, from a thread of its own, so that the attacker's work does not count as the server's.
 */
import { readFileSync } from 'node:fs'
import { type Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

/** A server in a process of its own, as `startProcess` starts it. */
export interface Target {
  readonly url: string
  readonly pid: number
}

/** What the victim met in one phase. */
export interface Figures {
  readonly calls: number
  /** what went wrong, one entry for each call that failed */
  readonly failures: readonly string[]
  readonly p50Ms: number
  readonly p99Ms: number
}

/** The result of an attack. */
export interface AttackReport {
  /** before the attack */
  readonly quiet: Figures
  /** from its first byte to its end; a call counts where it began */
  readonly during: Figures
  /** once the victim's calls were as before */
  readonly after: Figures
  /** from the end of the attack until the victim's calls were as before, and stayed so for a second; null: not within `recoverMs` */
  readonly recoveryMs: number | null
  /** how long the server's thread was ready to run during the attack and the recovery, and the machine was busy with other processes */
  readonly busyMs: number
  /** resident memory of the server's process, MB */
  readonly quietRssMb: number
  readonly maxRssMb: number
  readonly afterRssMb: number
}

export interface AttackOptions {
  readonly server: Target
  /** the victim's credential, as the header has it: `Bearer …` */
  readonly victim: string
  /** what the victim asks; it has to be answered without an error */
  readonly query?: string
  /**
   * Attacks. It has to end by itself, and to close what it opened; `signal` aborts after `attackMs`, when it has to end at once. Called again
   * if the victim has asked too few questions meanwhile.
   */
  attack(signal: AbortSignal): Promise<unknown>
  /** the longest time that the attack may take */
  readonly attackMs: number
  readonly quietMs?: number
  /** how long the victim may take to be served as before */
  readonly recoverMs?: number
  readonly afterMs?: number
}

/** What a test allows. */
export interface Bounds {
  /** in addition to the time that the server waited for a processor: the speed of machines varies, and others use them too */
  readonly p99Ms: number
  /** by how much the server's memory may grow, MB */
  readonly growthMb: number
}

const EVERY_MS = 100
/** How many calls of the victim have to be answered during an attack, so that their times say something. */
const MIN_CALLS = 5
const CALL_TIMEOUT_MS = 30_000
const CHEAP = '{ viewer { project { id } } }'

interface Call {
  readonly beganAt: number
  readonly ms: number
  readonly failure: string | null
}

/** Runs an attack, and reports what the victim and the server's memory met before, during and after it. */
export async function underAttack(options: AttackOptions): Promise<AttackReport> {
  const { server, victim, query = CHEAP, attack, attackMs } = options
  if (new URL(server.url).hostname !== '127.0.0.1') throw new Error(`Only a server on 127.0.0.1 is attacked, not ${server.url}`)
  const { quietMs = 1_500, recoverMs = 5_000, afterMs = 1_000 } = options
  const calls: Call[] = []
  const asking = new Worker(new URL(import.meta.url), { workerData: { attackVictim: { url: server.url, victim, query } } })
  asking.on('message', (call: Call) => void calls.push(call))
  const failed = new Promise<never>((_resolve, reject) => asking.once('error', reject))
  failed.catch(() => {})
  let quietRssMb = 0
  let maxRssMb = 0
  const watch = setInterval(() => {
    maxRssMb = Math.max(maxRssMb, rssMbOf(server.pid))
  }, 50)
  const stop = new AbortController()
  try {
    // The first calls warm the server up, and do not count.
    await Promise.race([failed, reached(() => calls.filter(({ failure }) => failure === null).length >= 5, 15_000)])
    const quietAt = now()
    await Promise.race([failed, sleep(quietMs)])
    quietRssMb = rssMbOf(server.pid)
    maxRssMb = quietRssMb
    const attackedAt = now()
    const busyBefore = busyMsOf(server.pid)
    const limit = setTimeout(() => stop.abort(), attackMs)
    // What takes a fast machine less time than the victim needs to ask is done again.
    const attackUntilAsked = async (): Promise<void> => {
      do await attack(stop.signal)
      while (!stop.signal.aborted && calls.filter(({ beganAt }) => beganAt >= attackedAt).length < MIN_CALLS)
    }
    await Promise.race([failed, attackUntilAsked()]).finally(() => clearTimeout(limit))
    const endedAt = now()

    const quiet = figuresOf(calls.filter(({ beganAt }) => beganAt >= quietAt && beganAt < attackedAt))
    const asBeforeMs = Math.max(4 * quiet.p99Ms, 100)
    const isBad = ({ failure, ms }: Call): boolean => failure !== null || ms > asBeforeMs
    const since = (at: number): Call[] => calls.filter(({ beganAt }) => beganAt >= at)
    const calmAt = (): number =>
      Math.max(
        endedAt,
        ...since(endedAt)
          .filter(isBad)
          .map(({ beganAt, ms }) => beganAt + ms),
      )
    const isCalm = (): boolean => since(calmAt()).length >= 10
    const busyAtEnd = busyMsOf(server.pid)
    const isRecovered = await reached(isCalm, recoverMs + 10 * EVERY_MS, () => busyMsOf(server.pid) - busyAtEnd)
    const recoveredAt = calmAt()
    const busyMs = Math.round(busyMsOf(server.pid) - busyBefore)
    await sleep(Math.max(0, recoveredAt + afterMs - now()))
    const afterRssMb = rssMbOf(server.pid)
    // Calls of the attack that are not answered yet count as well.
    asking.postMessage('stop')
    await new Promise((resolve) => asking.once('exit', resolve))
    return {
      quiet,
      during: figuresOf(calls.filter(({ beganAt }) => beganAt >= attackedAt && beganAt < endedAt)),
      after: figuresOf(since(recoveredAt)),
      recoveryMs: isRecovered ? Math.round(recoveredAt - endedAt) : null,
      busyMs,
      quietRssMb,
      maxRssMb,
      afterRssMb,
    }
  } finally {
    clearInterval(watch)
    stop.abort()
    await asking.terminate()
  }
}

/** What the attack did beyond the bounds, a line each: nothing, if others did not notice it. */
export function harmOf(report: AttackReport, { p99Ms, growthMb }: Bounds): string[] {
  const { during, after, recoveryMs, busyMs, quietRssMb, maxRssMb } = report
  const harm: string[] = []
  if (during.calls === 0) harm.push('the victim asked nothing while it was attacked')
  for (const [failure, count] of countsOf(during.failures)) harm.push(`${count} calls of the victim failed: ${failure}`)
  if (during.p99Ms > p99Ms + busyMs) harm.push(`the victim's p99 was ${during.p99Ms} ms`)
  if (recoveryMs === null) harm.push('the victim was not served as before in time')
  for (const [failure, count] of countsOf(after.failures)) harm.push(`${count} calls failed after the attack: ${failure}`)
  if (maxRssMb - quietRssMb > growthMb) harm.push(`the memory grew by ${Math.round(maxRssMb - quietRssMb)} MB`)
  return harm
}

/** One line about a report, for the output of a test. */
export const summaryOf = ({ quiet, during, after, recoveryMs, busyMs, quietRssMb, maxRssMb, afterRssMb }: AttackReport): string =>
  `p99 ${quiet.p99Ms} ms quiet, ${during.p99Ms} ms attacked (${busyMs} ms without a processor), ${after.p99Ms} ms after; ${during.failures.length} of ${during.calls} calls failed; ` +
  `recovered in ${recoveryMs ?? 'too many'} ms; ${Math.round(quietRssMb)} MB, at most ${Math.round(maxRssMb)} MB, ${Math.round(afterRssMb)} MB after`

/** Resident memory of a process, MB. */
export function rssMbOf(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024
  } catch {
    return 0
  }
}

/** How long the first thread of a process has waited for a processor since it began, ms. */
function busyMsOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1] ?? 0) / 1e6
  } catch {
    return 0
  }
}

/** A connection of an attacker. */
export interface RawConnection {
  readonly socket: Socket
  /** what the server sent, at most 4,096 characters of it */
  received(): string
  isClosed(): boolean
}

/** Opens `count` connections, 200 at a time, and writes `first` on each. They stay open until they are destroyed. `from`: a loopback address. */
export async function openConnections(
  url: string,
  count: number,
  first: string | Buffer | ((index: number) => string | Buffer),
  from = '127.0.0.1',
): Promise<RawConnection[]> {
  const { hostname, port } = new URL(url)
  const opened: RawConnection[] = []
  const open = (index: number): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect({ host: hostname, port: Number(port), localAddress: from })
      let text = ''
      let isClosed = false
      socket.on('data', (chunk: Buffer) => {
        if (text.length < 4_096) text += chunk.toString('latin1')
      })
      socket.on('error', () => {})
      socket.once('close', () => {
        isClosed = true
        resolve()
      })
      socket.once('connect', () => {
        socket.write(typeof first === 'function' ? first(index) : first)
        resolve()
      })
      opened.push({ socket, received: () => text, isClosed: () => isClosed })
    })
  for (let index = 0; index < count; index += 200) {
    await Promise.all(Array.from({ length: Math.min(200, count - index) }, (_unused, offset) => open(index + offset)))
  }
  return opened
}

/** Cuts connections. */
export function cut(connections: readonly RawConnection[]): void {
  for (const { socket } of connections) socket.destroy()
}

/** The answer to one request. */
export interface RawAnswer {
  /** 0: there was none */
  readonly status: number
  readonly text: string
  readonly ms: number
}

/** Sends one request on a connection of its own. Never throws. */
export const askOnce = (
  url: string,
  path: string,
  options: {
    readonly method?: string
    readonly headers?: Record<string, string>
    readonly body?: string
    readonly from?: string
    readonly agent?: Agent
    readonly timeoutMs?: number
  } = {},
): Promise<RawAnswer> =>
  new Promise((resolve) => {
    const { method = 'GET', headers = {}, body = '', from = '127.0.0.1', agent = false, timeoutMs = CALL_TIMEOUT_MS } = options
    const began = now()
    const end = (status: number, text: string): void => resolve({ status, text, ms: now() - began })
    const length = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const sent = request(
      `${url}${path}`,
      { method, headers: { ...length, ...headers }, agent, localAddress: from, timeout: timeoutMs },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
        })
        response.once('end', () => end(response.statusCode ?? 0, text))
        response.once('error', (error) => end(0, error.message))
      },
    )
    sent.once('timeout', () => sent.destroy(new Error('no answer in time')))
    sent.once('error', (error) => end(0, error.message))
    sent.end(body)
  })

/** Posts one GraphQL operation. */
export const askGraphql = (
  url: string,
  operation: { readonly query: string; readonly variables?: Record<string, unknown> },
  credential: string | null,
  options: { readonly from?: string; readonly agent?: Agent; readonly headers?: Record<string, string> } = {},
): Promise<RawAnswer> =>
  askOnce(url, '/graphql', {
    ...options,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(credential === null ? {} : { authorization: credential }),
      ...options.headers,
    },
    body: JSON.stringify(operation),
  })

/** Makes `count` calls, `atOnce` at a time, until all are made or the signal aborts. @returns how many ended in which way */
export async function flood(
  count: number,
  atOnce: number,
  call: (index: number) => Promise<string | number>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string | number, number>> {
  const results: (string | number)[] = []
  let next = 0
  const run = async (): Promise<void> => {
    while (next < count && !signal.aborted) results.push(await call(next++))
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, run))
  return countsOf(results)
}

const now = (): number => performance.timeOrigin + performance.now()

function countsOf<T>(values: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

function figuresOf(calls: readonly Call[]): Figures {
  const times = calls.map(({ ms }) => ms).sort((a, b) => a - b)
  const at = (part: number): number => Math.round(times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0)
  const failures = calls.flatMap(({ failure }) => (failure === null ? [] : [failure]))
  return {
    calls: calls.length,
    failures,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  }
}

/** `busyMs`: what is not counted of the time. */
async function reached(fact: () => boolean, withinMs: number, busyMs = () => 0): Promise<boolean> {
  const deadline = now() + withinMs
  while (!fact()) {
    if (now() > deadline + busyMs()) return false
    await sleep(20)
  }
  return true
}

/** The victim: asks at its pace, whether or not the calls before have been answered. */
async function askOn({ url, victim, query }: { url: string; victim: string; query: string }): Promise<void> {
  let isStopped = false
  parentPort?.once('message', () => {
    isStopped = true
  })
  const running = new Set<Promise<void>>()
  while (!isStopped) {
    const beganAt = now()
    const one = askGraphql(url, { query }, victim).then(({ status, text, ms }) => {
      const isRight = status === 200 && text.startsWith('{"data"') && !text.includes('"errors"')
      const call: Call = { beganAt, ms, failure: isRight ? null : `${status} ${text.slice(0, 200)}` }
      parentPort?.postMessage(call)
    })
    running.add(one)
    void one.then(() => running.delete(one))
    await sleep(Math.max(0, beganAt + EVERY_MS - now()))
  }
  await Promise.all(running)
}

const given: unknown = workerData
if (!isMainThread && typeof given === 'object' && given !== null && 'attackVictim' in given) {
  await askOn(given.attackVictim as Parameters<typeof askOn>[0])
}
