/** What a server takes that has nothing to do, and how long its second start takes; each compared with what it may take. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Comparison, compare, descendants, type Measured, type Row, residentBytes, threadSeconds } from './harness.ts'
import { freePort, type Stack, secrets } from './stack.ts'

const MB = 1_024 * 1_024
/** What a start leaves to be done is over by then. */
const SETTLE_MS = 5_000
const READY_MS = 20_000

/** Runs both: memory and CPU of one process with all roles, PostgreSQL apart; and the time from its start until `/ready` says so. */
export async function idle(stack: Stack, quick: boolean, print: (line: string) => void): Promise<Row[]> {
  const keys = secrets()
  const port = await freePort()
  const env = { DATABASE_URL: await stack.database(), PORT: String(port), ...keys }
  const windowMs = quick ? 5_000 : 20_000
  const cpu: number[] = []

  async function started(): Promise<{ readonly ms: number; readonly pid: number; stop(): Promise<void> }> {
    const begun = performance.now()
    const starting = stack.server(env)
    const isReady = async (): Promise<boolean> =>
      (await fetch(`http://127.0.0.1:${port}/ready`).catch(() => null))?.status === 200
    while (!(await isReady()) && performance.now() - begun < READY_MS) await sleep(10)
    const ms = performance.now() - begun
    return { ...(await starting), ms }
  }
  const sum = (pids: readonly number[], of: (pid: number) => number): number => pids.reduce((total, pid) => total + of(pid), 0)

  async function rest(): Promise<Measured> {
    const server = await started()
    await sleep(SETTLE_MS)
    const pids = descendants(server.pid)
    const before = sum(pids, threadSeconds)
    await sleep(windowMs)
    cpu.push(((sum(pids, threadSeconds) - before) / windowMs) * 100_000)
    const measured = { value: sum(pids, residentBytes) / MB, extra: { processes: pids.length } }
    await server.stop()
    return measured
  }
  const row = (of: Pick<Comparison, 'name' | 'a' | 'unit' | 'goal' | 'runA'>, limit: number, pairs: number, log = print) =>
    compare(
      {
        ...of,
        b: 'what it may take',
        lowerIsBetter: true,
        floor: 1,
        goal: Number((of.goal / limit).toFixed(2)),
        prepare: async () => {},
        cpu: () => ({}),
        runB: async () => ({ value: limit }),
      },
      pairs,
      log,
    )
  // The first start creates the tables.
  await (await started()).stop()
  const pairs = quick ? 2 : 4
  const memory = await row({ name: 'idle memory', a: 'one process, all roles', unit: 'MB', goal: 120, runA: rest }, 180, pairs)
  let next = 0
  const processor = await row(
    { name: 'idle CPU', a: 'the same', unit: '% of a core', goal: 0.3, runA: async () => ({ value: cpu[next++] ?? Number.NaN }) },
    1,
    pairs,
    () => {},
  )
  const start = async (): Promise<Measured> => {
    const server = await started()
    await server.stop()
    return { value: server.ms }
  }
  const ready = await row(
    { name: 'start', a: 'the second time, until /ready', unit: 'ms', goal: 1_000, runA: start },
    2_000,
    quick ? 3 : 6,
  )
  return [memory, processor, ready]
}
