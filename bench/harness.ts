/**
 * The harness: measures two things in turns in one run, A B A B …, drops the first pair, and reports the median of the pairs' ratios.
 * The difference between consecutive runs of A is the noise: a smaller difference between A and B is not significant.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** The result of one leg: one run of A or B. */
export interface Measured {
  /** a rate per second, or a time in milliseconds: see `lowerIsBetter` */
  readonly value: number
  /** other measured values for the table, by name */
  readonly extra?: Readonly<Record<string, number>>
  /** CPU seconds of processes that ran for this leg only */
  readonly cpu?: Readonly<Record<string, number>>
}

/** Reads the CPU seconds used so far, by process. */
export type CpuMeter = () => Readonly<Record<string, number>>

/** A comparison of two things, A and B. */
export interface Comparison {
  readonly name: string
  /** what A and B are, in a few words */
  readonly a: string
  readonly b: string
  readonly unit: string
  /** the values are times: a smaller ratio is better */
  readonly lowerIsBetter?: boolean
  /** the ratio A / B that a release needs */
  readonly floor: number
  /** the ratio A / B that would make it best in class */
  readonly goal: number
  /** runs before each leg, so that a leg does not pay for writes that the previous one left pending */
  prepare(): Promise<unknown>
  /** read before and after each leg, because the load generator and the databases share the cores with what is measured */
  readonly cpu: CpuMeter
  runA(): Promise<Measured>
  runB(): Promise<Measured>
}

/** The result of a comparison: a row of the table. */
export interface Row {
  readonly name: string
  readonly a: string
  readonly b: string
  readonly unit: string
  readonly medianA: number
  readonly medianB: number
  readonly ratio: number
  readonly spread: readonly [number, number]
  /** the median difference between consecutive runs of A, as a fraction of A */
  readonly noise: number
  readonly floor: number
  readonly goal: number
  readonly verdict: 'goal' | 'floor' | 'below floor'
  readonly extra: Readonly<Record<string, number>>
  /** CPU seconds of a leg, by process */
  readonly cpuA: Readonly<Record<string, number>>
  readonly cpuB: Readonly<Record<string, number>>
}

/** The median; of an even number of values, the mean of the two in the middle. */
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** The quantile of `values` at `share`, from 0 to 1; NaN when there are none. */
export const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN

/** Runs `pairs` pairs, and summarises them; the first pair does not count. */
export async function compare(comparison: Comparison, pairs: number, print: (line: string) => void): Promise<Row> {
  const { name, a, b, unit, lowerIsBetter = false, floor, goal } = comparison
  const leg = async (run: () => Promise<Measured>): Promise<Measured> => {
    await comparison.prepare()
    const before = comparison.cpu()
    const measured = await run()
    const used = Object.entries(comparison.cpu()).map(([key, seconds]) => [key, seconds - (before[key] ?? 0)])
    return { ...measured, cpu: { ...Object.fromEntries(used), ...measured.cpu } }
  }
  const kept: { a: Measured; b: Measured }[] = []
  for (let pair = 0; pair < pairs; pair++) {
    const measured = { a: await leg(comparison.runA), b: await leg(comparison.runB) }
    print(`  ${name} pair ${pair + 1}/${pairs}: ${round(measured.a.value)} against ${round(measured.b.value)} ${unit}`)
    if (pair > 0) kept.push(measured)
  }
  const ratios = kept.map((pair) => pair.a.value / pair.b.value)
  const values = kept.map((pair) => pair.a.value)
  const ratio = median(ratios)
  const reaches = (bound: number): boolean => (lowerIsBetter ? ratio <= bound : ratio >= bound)
  const medians = (pick: (pair: { a: Measured; b: Measured }) => Readonly<Record<string, number>> | undefined) =>
    Object.fromEntries(
      Object.keys((kept[0] && pick(kept[0])) ?? {}).map((key) => [
        key,
        median(kept.map((pair) => pick(pair)?.[key] ?? Number.NaN)),
      ]),
    )
  return {
    name,
    a,
    b,
    unit,
    floor,
    goal,
    ratio,
    medianA: median(values),
    medianB: median(kept.map((pair) => pair.b.value)),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    noise: median(values.slice(1).map((value, index) => Math.abs(value / (values[index] ?? value) - 1))) || 0,
    verdict: reaches(goal) ? 'goal' : reaches(floor) ? 'floor' : 'below floor',
    extra: medians((pair) => pair.a.extra),
    cpuA: medians((pair) => pair.a.cpu),
    cpuB: medians((pair) => pair.b.cpu),
  }
}

const round = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2))

/** A list of values; those that can't be measured here (NaN: no /proc) are left out. */
const listed = (values: Readonly<Record<string, number>>): string =>
  Object.entries(values)
    .filter(([, value]) => !Number.isNaN(value))
    .map(([key, value]) => `${key} ${round(value)}`)
    .join(', ')

/** The rows as a Markdown table. */
export function table(rows: readonly Row[]): string {
  const head = [
    'benchmark',
    'ours (A)',
    'against (B)',
    'A',
    'B',
    'unit',
    'A / B',
    'spread',
    'noise',
    'floor',
    'goal',
    'verdict',
    'also measured',
    'CPU s (A)',
    'CPU s (B)',
  ]
  const cells = rows.map((row) => [
    row.name,
    row.a,
    row.b,
    round(row.medianA),
    round(row.medianB),
    row.unit,
    row.ratio.toFixed(2),
    `${row.spread[0].toFixed(2)}-${row.spread[1].toFixed(2)}`,
    `${Math.round(row.noise * 100)} %`,
    String(row.floor),
    String(row.goal),
    row.verdict,
    listed(row.extra),
    listed(row.cpuA),
    listed(row.cpuB),
  ])
  return [head, head.map(() => '---'), ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/** The fields of /proc/PID/stat after the name; null: there is no such process, or no /proc. */
function statOf(pid: number | string): string[] | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
  } catch {
    return null
  }
}

/** Clock ticks per second, in which Linux reports CPU times. */
const TICKS = 100

/** CPU seconds that a process has used so far; NaN where there is no /proc. */
export function cpuSeconds(pid: number): number {
  const fields = statOf(pid)
  return fields === null ? Number.NaN : (Number(fields[11]) + Number(fields[12])) / TICKS
}

/** CPU seconds that all threads of a process have used so far, to the nanosecond; NaN where there is no /proc. */
export function threadSeconds(pid: number): number {
  try {
    const nanoseconds = readdirSync(`/proc/${pid}/task`).map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
    )
    return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e9
  } catch {
    return Number.NaN
  }
}

/** A process and all that descend from it. */
export function descendants(pid: number): number[] {
  const found = [pid]
  for (const name of readdirSync('/proc')
    .filter((one) => /^\d+$/.test(one))
    .toSorted((a, b) => Number(a) - Number(b))) {
    if (found.includes(Number(statOf(name)?.[1]))) found.push(Number(name))
  }
  return found
}

/** The resident memory of a process, in bytes; NaN where there is no /proc. */
export function residentBytes(pid: number): number {
  // The 24th field is the resident set, in pages of 4,096 bytes on Linux.
  const fields = statOf(pid)
  return fields === null ? Number.NaN : Number(fields[21]) * 4_096
}

/**
 * CPU seconds that the parent of a process and all its children, running or ended, have used so far. Given a backend of PostgreSQL, that is
 * the whole server. NaN where there is no /proc.
 */
export function familyCpuSeconds(pid: number): number {
  const parent = statOf(pid)?.[1]
  const root = parent === undefined ? null : statOf(parent)
  if (root === null) return Number.NaN
  // Fields 11 to 14: its own times, and those of children that have ended.
  let ticks = root.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  for (const name of readdirSync('/proc')) {
    const fields = /^\d+$/.test(name) ? statOf(name) : null
    if (fields?.[1] === parent) ticks += Number(fields?.[11]) + Number(fields?.[12])
  }
  return ticks / TICKS
}

/** Checks a count: a run that lost or repeated something is void. @throws Error when the two differ */
export function exactly(what: string, expected: number, got: number): void {
  if (expected !== got) throw new Error(`Void: ${what}: expected ${expected}, got ${got}`)
}
