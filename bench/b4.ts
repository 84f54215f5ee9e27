/**
 * B4: live delivery. One event to many sockets, events to one contact of many, what a socket costs that nothing is sent to, and ten thousand
 * sockets held beside as many of a bare `ws` server. Timed from the signal: accepting is B8's business.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import {
  compare,
  cpuSeconds,
  exactly,
  type Measured,
  median,
  quantile,
  type Row,
  residentBytes,
  threadSeconds,
} from './harness.ts'
import type { HolderRequest } from './holder.ts'
import type { ReadersRequest } from './readers.ts'
import { graphql, newProject, type Script, type Stack, secrets } from './stack.ts'

/** Connections that a contact may have. */
const EACH = 100
/** Contacts that are made by one request. */
const CHUNK = 50
/** Frames that are sent before the last one of them is waited for. */
const BURST = 4_000
/** A subscription reads its position from the database: it is given this long, ms. */
const SETTLE_MS = 500
/** Ours has bounds of its own for how long it may take to close what the readers have closed. */
const CLOSED_WITHIN_MS = 30_000
const KB = 1_024

/** A server and its clients. */
interface Side {
  readonly holder: Script
  readonly readers: Script
  readonly tokens: readonly string[] | null
}

/** What all servers of a run share. */
interface Ground {
  readonly stack: Stack
  readonly env: Readonly<Record<string, string>>
  readonly projectId: string
  readonly contactIds: readonly string[]
  readonly tokens: readonly string[]
  parts: readonly [string, string, string]
}

const ask = (script: Script, request: HolderRequest | ReadersRequest): Promise<unknown> => script.ask(request)

/** Runs B4. */
export async function b4(stack: Stack, quick: boolean, print: (line: string) => void): Promise<Row[]> {
  const sizes = quick ? [100, 1_000] : [100, 1_000, 10_000]
  const ground = await prepare(stack, quick ? 2_000 : 10_000)
  const ours = await sideOf(ground, 'ours')
  const bare = await sideOf(ground, 'bare')
  const rows: Row[] = []
  const grows = (name: string, limit: number, of: readonly Row[]): void => {
    const [first, last] = [of[0]?.extra['server us'] ?? Number.NaN, of.at(-1)?.extra['server us'] ?? Number.NaN]
    print(`  ${name}: server CPU at the largest size x${(last / first).toFixed(2)} of that at the smallest (at most ${limit})`)
  }
  for (const size of sizes) {
    rows.push(
      await deliver(ground, ours, bare, quick, print, {
        name: `B4a one event to ${size.toLocaleString('en')}`,
        contacts: size / EACH,
        each: EACH,
        to: 'all',
        floor: 0.6,
        goal: 0.85,
      }),
    )
  }
  grows('B4a', 1.5, rows)
  const personal: Row[] = []
  for (const size of quick ? [10, 1_000] : [10, 10_000]) {
    personal.push(
      await deliver(ground, ours, bare, quick, print, {
        name: `B4b one of ${size.toLocaleString('en')}`,
        contacts: size,
        each: 1,
        to: 'one',
        floor: 0.5,
        goal: 0.8,
      }),
    )
  }
  grows('B4b', 1.3, personal)
  rows.push(...personal)
  await Promise.all([ours, bare].flatMap(({ holder, readers }) => [holder.stop(), readers.stop()]))
  rows.push(...(await idle(ground, quick, print)))
  if (!quick) rows.push(...(await hold(ground, print)))
  return rows
}

/** Makes contacts with tokens. */
async function prepare(stack: Stack, contacts: number): Promise<Ground> {
  const keys = secrets()
  const env = { DATABASE_URL: await stack.database(), CARILLON_LOG: 'silent', CARILLON_ROLE: 'api', ...keys }
  const server = await stack.server(env)
  const project = await newProject(server.url, keys.CARILLON_OPERATOR_KEY)
  const tokens: string[] = []
  for (let from = 0; from < contacts; from += CHUNK) {
    const calls = Array.from({ length: CHUNK }, (_unused, at) => `c${at}: createContactToken(contact: "c${from + at}") { token }`)
    const made: Record<string, { token: string }> = await graphql(server.url, project.key, `mutation { ${calls.join(' ')} }`)
    tokens.push(...Object.values(made).map(({ token }) => token))
  }
  const pool = new pg.Pool({ connectionString: env.DATABASE_URL, max: 1 })
  pool.on('error', () => {})
  const { rows } = await pool.query<{ id: string }>(
    'SELECT id FROM contact WHERE project_id = $1 ORDER BY substr(external_id, 2)::int',
    [project.id],
  )
  await pool.end()
  await server.stop()
  const contactIds = rows.map(({ id }) => id)
  exactly('B4 contacts', contacts, contactIds.length)
  return { stack, env, projectId: project.id, contactIds, tokens, parts: ['', '', ''] }
}

async function sideOf({ stack, env, tokens }: Ground, mode: 'ours' | 'bare', pingMs = 25_000): Promise<Side> {
  const given = { ...env, MODE: mode, PING_MS: String(pingMs) }
  const holder = await stack.script('bench/holder.ts', given, ['--expose-gc'])
  return { holder, readers: await stack.script('bench/readers.ts', {}), tokens: mode === 'ours' ? tokens : null }
}

/** Opens sockets. @returns how long it took, ms */
async function open(ground: Ground, side: Side, contacts: number, each: number, from = 0): Promise<number> {
  const { projectId, contactIds, parts } = ground
  const { holder, readers, tokens } = side
  await ask(holder, { do: 'begin', projectId, contactIds: contactIds.slice(0, contacts), parts })
  const ms = Number(await ask(readers, { do: 'open', url: holder.ready, from, contacts, each, tokens }))
  await sleep(SETTLE_MS)
  return ms
}

/** Sends events. @returns seconds until the last one had arrived */
async function send({ holder, readers }: Side, to: 'all' | 'one', events: number, frames: number): Promise<number> {
  const arrived = ask(readers, { do: 'expect', frames })
  const begun = performance.now()
  await ask(holder, { do: 'publish', to, events })
  await arrived
  return (performance.now() - begun) / 1_000
}

interface Delivery {
  readonly name: string
  readonly contacts: number
  readonly each: number
  readonly to: 'all' | 'one'
  readonly floor: number
  readonly goal: number
}

/** The rate at which events reach sockets. */
async function deliver(
  ground: Ground,
  ours: Side,
  bare: Side,
  quick: boolean,
  print: (line: string) => void,
  { name, contacts, each, to, floor, goal }: Delivery,
): Promise<Row> {
  const perEvent = to === 'all' ? contacts * each : 1
  const events = Math.max(1, Math.round(BURST / perEvent))
  const bursts = Math.max(3, Math.round((quick ? 40_000 : 400_000) / (events * perEvent)))
  await open(ground, ours, contacts, each)
  const frame = String((await Promise.all([ask(ours.readers, { do: 'expect', frames: perEvent }), publishOne(ours, to)]))[0])
  ground.parts = partsOf(frame)
  await open(ground, bare, contacts, each)
  const same = String((await Promise.all([ask(bare.readers, { do: 'expect', frames: perEvent }), publishOne(bare, to)]))[0])
  exactly(`${name}: characters of a frame`, frame.length, same.length)

  async function leg(side: Side): Promise<Measured> {
    const before = threadSeconds(side.holder.pid)
    let seconds = 0
    for (let burst = 0; burst < bursts; burst++) seconds += await send(side, to, events, events * perEvent)
    const sent = bursts * events * perEvent
    return { value: sent / seconds, extra: { 'server us': ((threadSeconds(side.holder.pid) - before) / sent) * 1e6 } }
  }
  const bareUs: number[] = []
  const row = await compare(
    {
      name,
      a: 'contacts, graphql-ws documents',
      b: 'ws.send of equally long text',
      unit: 'deliveries/s',
      floor,
      goal,
      prepare: async () => {},
      cpu: () => ({
        ours: cpuSeconds(ours.holder.pid),
        bare: cpuSeconds(bare.holder.pid),
        'readers of ours': cpuSeconds(ours.readers.pid),
        'readers of bare': cpuSeconds(bare.readers.pid),
      }),
      runA: () => leg(ours),
      async runB() {
        const measured = await leg(bare)
        bareUs.push(measured.extra?.['server us'] ?? Number.NaN)
        return measured
      },
    },
    quick ? 4 : 6,
    print,
  )
  await close(ours)
  await close(bare)
  return { ...row, extra: { ...row.extra, 'bare us': median(bareUs.slice(1)) } }
}

const publishOne = async ({ holder }: Side, to: 'all' | 'one'): Promise<void> =>
  void (await ask(holder, { do: 'publish', to, events: 1 }))

/** What a frame of ours has around its id, its title and its number: a bare one gets the same. */
function partsOf(frame: string): readonly [string, string, string] {
  const found = /^\{"id":"[^"]+(".*?"title":")[^"]+(".*"unseenCount":)\d+(\}+)$/.exec(frame)
  if (found === null) throw new Error(`Void: B4 frame: ${frame}`)
  return [found[1] ?? '', found[2] ?? '', found[3] ?? '']
}

async function close({ holder, readers, tokens }: Side): Promise<void> {
  await ask(readers, { do: 'close' })
  // Only ours counts its sockets; a bare server needs less time.
  for (let waitedMs = 0; tokens !== null && waitedMs < CLOSED_WITHIN_MS; waitedMs += 50) {
    if (/^carillon_sockets 0$/m.test(await (await fetch(`${holder.ready}/metrics`)).text())) return
    await sleep(50)
  }
  await sleep(SETTLE_MS)
}

/** Memory after garbage is collected, bytes. */
async function collected({ holder }: Side): Promise<number> {
  await ask(holder, { do: 'collect' })
  return residentBytes(holder.pid)
}

/** What sockets cost that nothing is sent to: memory, and CPU for whole intervals of pings. */
async function idle(ground: Ground, quick: boolean, print: (line: string) => void): Promise<Row[]> {
  const pingMs = quick ? 2_000 : 25_000
  const half = quick ? 1_000 : 5_000
  /** how long the CPU is measured, ms: what a process does beside its sockets differs from one moment to the next */
  const windowMs = quick ? 3 * pingMs : pingMs

  async function leg(mode: 'ours' | 'bare'): Promise<Measured> {
    const side = await sideOf(ground, mode, pingMs)
    const cpu = async (): Promise<number> => {
      // The first pings come after half an interval to a whole one.
      await sleep(pingMs)
      const before = threadSeconds(side.holder.pid)
      await sleep(windowMs)
      return threadSeconds(side.holder.pid) - before
    }
    // The first half pays for what a process loads with its first sockets, and fills what it has in reserve.
    await open(ground, side, half, 1)
    const halfRss = await collected(side)
    const halfCpu = await cpu()
    const openMs = await open(ground, side, half, 1, half)
    const grown = residentBytes(side.holder.pid) - halfRss
    const held = (await collected(side)) - halfRss
    const more = (await cpu()) - halfCpu
    await Promise.all([side.holder.stop(), side.readers.stop()])
    return {
      value: held / half / KB,
      extra: {
        'KB before collection': grown / half / KB,
        'us/s': (more * 1e9) / windowMs / half,
        'opened/s': half / (openMs / 1_000),
      },
    }
  }
  const us: { a: number[]; b: number[] } = { a: [], b: [] }
  const kept = async (side: 'a' | 'b', mode: 'ours' | 'bare'): Promise<Measured> => {
    const measured = await leg(mode)
    us[side].push(measured.extra?.['us/s'] ?? Number.NaN)
    return measured
  }
  const common = {
    a: `${half.toLocaleString('en')} subscribed sockets more, pings each ${pingMs / 1_000} s`,
    b: 'ws, the same pings',
    lowerIsBetter: true,
    prepare: async () => {},
    cpu: () => ({}),
  }
  const memory = await compare(
    {
      ...common,
      name: 'B4b idle socket, memory',
      unit: 'KB',
      floor: 2.5,
      goal: 1.8,
      runA: () => kept('a', 'ours'),
      runB: () => kept('b', 'bare'),
    },
    quick ? 2 : 4,
    print,
  )
  let [a, b] = [0, 0]
  const cpu = await compare(
    {
      ...common,
      name: 'B4b idle socket, CPU',
      unit: 'us/s',
      floor: 2,
      goal: 1.2,
      runA: async () => ({ value: us.a[a++] ?? Number.NaN }),
      runB: async () => ({ value: us.b[b++] ?? Number.NaN }),
    },
    us.a.length,
    () => {},
  )
  return [memory, cpu]
}

/** Ten thousand sockets of as many contacts beside ten thousand bare ones, both open at once: opening, memory, latency, and no growth. */
async function hold(ground: Ground, print: (line: string) => void): Promise<Row[]> {
  const sockets = ground.contactIds.length
  const [perSecond, seconds] = [500, 5]
  const [ours, bare] = [await sideOf(ground, 'ours'), await sideOf(ground, 'bare')]
  const opening: Record<'ours' | 'bare', number[]> = { ours: [], bare: [] }
  /** resident memory, MB: of each side with all sockets open, and of ours when they are closed again */
  const whenOpen: Record<'ours' | 'bare', number[]> = { ours: [], bare: [] }
  const held: number[] = []
  const memory = async (side: Side): Promise<number> => (await collected(side)) / KB / KB
  const late: Record<'ours' | 'bare', number[]> = { ours: [], bare: [] }

  async function paced(side: Side): Promise<number> {
    await ask(side.readers, { do: 'latencies' })
    const events = perSecond * seconds
    const arrived = ask(side.readers, { do: 'expect', frames: events })
    await ask(side.holder, { do: 'pace', events, perSecond })
    await arrived
    return quantile((await ask(side.readers, { do: 'latencies' })) as number[], 0.99)
  }
  const rounds = 5
  for (let round = 0; round < rounds; round++) {
    opening.ours.push(await open(ground, ours, sockets, 1))
    opening.bare.push(await open(ground, bare, sockets, 1))
    late.ours.push(await paced(ours))
    late.bare.push(await paced(bare))
    whenOpen.ours.push(await memory(ours))
    whenOpen.bare.push(await memory(bare))
    await close(ours)
    await close(bare)
    held.push(await memory(ours))
    print(
      `  B4c round ${round + 1}/${rounds}: opened in ${opening.ours.at(-1)?.toFixed(0)} against ${opening.bare.at(-1)?.toFixed(0)} ms, ` +
        `p99 ${late.ours.at(-1)?.toFixed(2)} against ${late.bare.at(-1)?.toFixed(2)} ms, ` +
        `${whenOpen.ours.at(-1)?.toFixed(0)} against ${whenOpen.bare.at(-1)?.toFixed(0)} MB, ${held.at(-1)?.toFixed(0)} MB when closed`,
    )
  }
  await Promise.all([ours, bare].flatMap(({ holder, readers }) => [holder.stop(), readers.stop()]))
  const recorded = (name: string, unit: string, floor: number, goal: number, a: readonly number[], b: readonly number[]) => {
    let [nextA, nextB] = [0, 0]
    return compare(
      {
        name,
        a: `${sockets.toLocaleString('en')} sockets of as many contacts`,
        b: 'ws beside it, as many',
        unit,
        lowerIsBetter: true,
        floor,
        goal,
        prepare: async () => {},
        cpu: () => ({}),
        runA: async () => ({ value: a[nextA++] ?? Number.NaN }),
        runB: async () => ({ value: b[nextB++] ?? Number.NaN }),
      },
      a.length,
      () => {},
    )
  }
  return [
    await recorded('B4c opening', 'ms', 10, 5, opening.ours, opening.bare),
    await recorded(`B4c p99 at ${perSecond}/s`, 'ms', 5, 2, late.ours, late.bare),
    await recorded('B4c memory', 'MB', 2.5, 1.8, whenOpen.ours, whenOpen.bare),
    {
      ...(await recorded(
        'B4c memory when closed',
        'MB',
        1.05,
        1,
        held,
        held.map(() => held[0] ?? Number.NaN),
      )),
      b: 'after the first of five rounds',
    },
  ]
}
