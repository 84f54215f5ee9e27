/** `npm run bench`: all benchmarks, or those named; `--quick` for the reduced size. Prints the table, and writes it as JSON. */
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { b2 } from './b2.ts'
import { b3 } from './b3.ts'
import { b5 } from './b5.ts'
import { b8 } from './b8.ts'
import { type Row, table } from './harness.ts'
import { startStack } from './stack.ts'

const { values, positionals } = parseArgs({ options: { quick: { type: 'boolean', default: false } }, allowPositionals: true })
const quick = values.quick
const names = positionals.map((name) => name.toUpperCase())
const wanted = (name: string): boolean => names.length === 0 || names.includes(name)
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const unknown = names.filter((name) => !['B2', 'B3', 'B5', 'B8'].includes(name))
if (unknown.length > 0) {
  say(`There is no benchmark ${unknown.join(', ')}: B2, B3, B5, B8.`)
  process.exit(2)
}
// Leaving by `exit` ends the processes that were started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
const stack = await startStack()
const rows: Row[] = []
try {
  let rate = 1_000
  if (wanted('B8') || wanted('B5')) {
    const accepted = await b8(stack, quick, say)
    rate = accepted.rate
    rows.push(accepted.row)
  }
  if (wanted('B2')) rows.push(...(await b2(stack, quick, say)))
  if (wanted('B3')) rows.push(await b3(stack, quick, say))
  if (wanted('B5')) rows.push(...(await b5(stack, quick, rate, say)))
} catch (error) {
  say(`\n${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  await stack.close()
}
say(
  `\nNode ${process.version}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB${quick ? ', reduced size' : ''}\n`,
)
say(table(rows))
const folder = join(import.meta.dirname, 'results')
await mkdir(folder, { recursive: true })
await writeFile(
  join(folder, `${quick ? 'quick' : 'full'}.json`),
  `${JSON.stringify({ at: new Date().toISOString(), quick, rows }, null, 2)}\n`,
)
const below = rows.filter((row) => row.verdict === 'below floor')
if (below.length > 0) say(`\nBelow the floor: ${below.map((row) => row.name).join(', ')}`)
process.exit()
