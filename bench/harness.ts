/**
 * The harness: two things measured in turn in one run, A B A B …, the first pair dropped, the median of the pairs' ratios reported.
 * How far two runs of A alone lie apart is the noise floor: a difference below it means nothing.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** What a leg gives. */
export interface Measured {
  /** a rate a second, or a time in milliseconds: see `lowerIsBetter` */
  readonly value: number
  /** whatever else is worth a column, by name */
  readonly extra?: Readonly<Record<string, number>>
  /** CPU seconds of processes that lived for this leg only */
  readonly cpu?: Readonly<Record<string, number>>
}

/** CPU seconds used so far, by what used them. */
export type CpuMeter = () => Readonly<Record<string, number>>

/** One comparison. */
export interface Comparison {
  readonly name: string
  /** what A and B are, in a few words */
  readonly a: string
  readonly b: string
  readonly unit: string
  /** a ratio of times: the smaller, the better */
  readonly lowerIsBetter?: boolean
  /** wanted for a release, and what would make it best in class; as a ratio A / B */
  readonly floor: number
  readonly goal: number
  /** before each leg: what the leg before left to be written must not be paid for in this one */
  prepare(): Promise<unknown>
  /** read before and after each leg: the load generator and the stores share the cores with what is measured */
  readonly cpu: CpuMeter
  runA(): Promise<Measured>
  runB(): Promise<Measured>
}

/** A row of the table. */
export interface Row {
  readonly name: string
  readonly a: string
  readonly b: string
  readonly unit: string
  readonly medianA: number
  readonly medianB: number
  readonly ratio: number
  readonly spread: readonly [number, number]
  /** how far two runs of A lie apart, as a share of A */
  readonly noise: number
  readonly floor: number
  readonly goal: number
  readonly verdict: 'goal' | 'floor' | 'below floor'
  readonly extra: Readonly<Record<string, number>>
  /** CPU seconds of a leg, by process */
  readonly cpuA: Readonly<Record<string, number>>
  readonly cpuB: Readonly<Record<string, number>>
}

/** The middle one. */
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** The value below which a share of all lie. */
export const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN

/** Runs pairs, and sums them up. */
export async function compare(comparison: Comparison, pairs: number, say: (line: string) => void): Promise<Row> {
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
    say(`  ${name} pair ${pair + 1}/${pairs}: ${round(measured.a.value)} against ${round(measured.b.value)} ${unit}`)
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
    ...{ name, a, b, unit, floor, goal, ratio },
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

/** What is there; what can't be measured here (no /proc) is left out. */
const listed = (values: Readonly<Record<string, number>>): string =>
  Object.entries(values)
    .filter(([, value]) => !Number.isNaN(value))
    .map(([key, value]) => `${key} ${round(value)}`)
    .join(', ')

/** The table, as Markdown. */
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
    'beside',
    'CPU s (A)',
    'CPU s (B)',
  ]
  const cells = rows.map((row) => [
    ...[row.name, row.a, row.b, round(row.medianA), round(row.medianB), row.unit, row.ratio.toFixed(2)],
    ...[
      `${row.spread[0].toFixed(2)}-${row.spread[1].toFixed(2)}`,
      `${Math.round(row.noise * 100)} %`,
      String(row.floor),
      String(row.goal),
      row.verdict,
    ],
    ...[row.extra, row.cpuA, row.cpuB].map(listed),
  ])
  return [head, head.map(() => '---'), ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/** The numbers of /proc/PID/stat after the name; null: there is no such process, or no /proc. */
function statOf(pid: number | string): string[] | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
  } catch {
    return null
  }
}

/** Clock ticks a second, as Linux tells them to programs. */
const TICKS = 100

/** CPU seconds that a process has used so far; NaN where there is no /proc. */
export function cpuSeconds(pid: number): number {
  const fields = statOf(pid)
  return fields === null ? Number.NaN : (Number(fields[11]) + Number(fields[12])) / TICKS
}

/** Bytes of memory that a process holds now; NaN where there is no /proc. */
export function residentBytes(pid: number): number {
  // The 24th field is the resident set, in pages of 4,096 bytes on Linux.
  const fields = statOf(pid)
  return fields === null ? Number.NaN : Number(fields[21]) * 4_096
}

/** CPU seconds of the parent of a process and of all its children so far, dead ones too: of PostgreSQL, given one of its backends. */
export function familyCpuSeconds(pid: number): number {
  const parent = statOf(pid)?.[1]
  const root = parent === undefined ? null : statOf(parent)
  if (root === null) return Number.NaN
  // 11-14: its own, and of children that it has waited for.
  let ticks = root.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  for (const name of readdirSync('/proc')) {
    const fields = /^\d+$/.test(name) ? statOf(name) : null
    if (fields?.[1] === parent) ticks += Number(fields?.[11]) + Number(fields?.[12])
  }
  return ticks / TICKS
}

/** A run that lost or repeated something says nothing about speed. @throws Error */
export function exactly(what: string, expected: number, got: number): void {
  if (expected !== got) throw new Error(`Void: ${what}: expected ${expected}, got ${got}`)
}
