/**
 * `npm run bench`: all benchmarks, or those named; `--quick` for the reduced size; `--seconds N`: none begins later than that, and those that are
 * left out are named. Prints the table, and writes it as JSON.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { b1 } from './b1.ts'
import { b2 } from './b2.ts'
import { b3 } from './b3.ts'
import { b4 } from './b4.ts'
import { b5 } from './b5.ts'
import { b6 } from './b6.ts'
import { b7 } from './b7.ts'
import { b8 } from './b8.ts'
import { b9 } from './b9.ts'
import { type Row, table } from './harness.ts'
import { idle } from './idle.ts'
import { type Stack, startStack } from './stack.ts'

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, seconds: { type: 'string', default: 'Infinity' } },
  allowPositionals: true,
})
const quick = values.quick
const seconds = Number(values.seconds)
const names = positionals.map((name) => name.toUpperCase())
const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** All benchmarks, in the order in which they run. */
const benchmarks: Readonly<Record<string, (stack: Stack) => Promise<Row[]>>> = {
  B8: async (stack) => [await b8(stack, quick, print)],
  B1: (stack) => b1(stack, quick, print),
  B2: (stack) => b2(stack, quick, print),
  B3: (stack) => b3(stack, quick, print),
  B4: (stack) => b4(stack, quick, print),
  B5: (stack) => b5(stack, quick, print),
  B6: (stack) => b6(stack, quick, print),
  B7: (stack) => b7(stack, quick, print),
  B9: (stack) => b9(stack, quick, print),
  IDLE: (stack) => idle(stack, quick, print),
}
const known = Object.keys(benchmarks)
const unknown = names.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  print(`There is no benchmark ${unknown.join(', ')}: ${known.toSorted().join(', ')}.`)
  process.exit(2)
}
// `exit` kills the processes that were started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
const stack = await startStack()
const rows: Row[] = []
try {
  const wanted = new Set(names.length === 0 ? known : names)
  for (const [name, benchmark] of Object.entries(benchmarks)) {
    if (!wanted.has(name)) continue
    if (performance.now() > seconds * 1_000) print(`Left out for lack of time: ${name}`)
    else rows.push(...(await benchmark(stack)))
  }
} catch (error) {
  print(`\n${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  await stack.close()
}
print(
  `\nNode ${process.version}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB${quick ? ', reduced size' : ''}\n`,
)
print(table(rows))
const folder = join(import.meta.dirname, 'results')
await mkdir(folder, { recursive: true })
await writeFile(
  join(folder, `${quick ? 'quick' : 'full'}.json`),
  `${JSON.stringify({ at: new Date().toISOString(), quick, rows }, null, 2)}\n`,
)
const below = rows.filter((row) => row.verdict === 'below floor')
if (below.length > 0) print(`\nBelow the floor: ${below.map((row) => row.name).join(', ')}`)
process.exit()
