/**
 * Which test proves which row of the checklist (rows.json): `npm run rows`, or `node test/rows.ts REPORT` with the JSON report of a run,
 * of which only tests that passed count. A row is named in a test's title, or in a `describe` around it: `it('LY-50, LY-51: …')`.
 * Exit 1: a row has no test, or a test names a row that there is not. A row that another system's spelling alone makes (paths,
 * envelopes) needs none: it says which operation serves it.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSchema } from 'graphql'

interface Row {
  readonly id: string
  readonly says: string
  /** the operation that does what this row spells in another way */
  readonly served?: string
}
interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

const root = join(import.meta.dirname, '..')
const print = (line: string): boolean => process.stdout.write(`${line}\n`)
const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))

/** The titles of all tests, none of them run. */
function listed(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-rows-'))
  try {
    const path = join(folder, 'tests.json')
    const vitest = join(root, 'node_modules/vitest/vitest.mjs')
    const { status, stderr } = spawnSync(process.execPath, [vitest, 'list', '--no-static-parse', `--json=${path}`], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`The tests can't be listed: ${stderr}`)
    return (read(path) as { name: string }[]).map((test) => test.name)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const passed = (path: string): string[] =>
  (read(path) as Report).testResults.flatMap((file) =>
    file.assertionResults.filter((test) => test.status === 'passed').map((test) => test.fullName),
  )

const ID = /\b(N1|N2|LY|NV|X|B7)-(\d{1,3})\b/g
const RANGE = /\b(?:N1|N2|LY|NV|X|B7)-\d+\s*(?:…|\.\.|–|to )\s*\S+/
/** `B7-6` is `B7-06`. */
const idsIn = (title: string): string[] => [
  ...new Set([...title.matchAll(ID)].map(([, system = '', number = '']) => `${system}-${number.padStart(2, '0')}`)),
]

const rows = read(join(import.meta.dirname, 'rows.json')) as Row[]
const [report] = process.argv.slice(2)
const titles = report === undefined ? listed() : passed(report)
const tests = new Map<string, string[]>(rows.map((row) => [row.id, []]))
const problems: string[] = []
for (const title of titles) {
  if (RANGE.test(title)) problems.push(`names a range, which names nothing: ${title}`)
  for (const id of idsIn(title)) {
    const found = tests.get(id)
    if (found === undefined) problems.push(`names ${id}, which there is not: ${title}`)
    else found.push(title)
  }
}
const schema = buildSchema(readFileSync(join(root, 'schema.graphql'), 'utf8'))
const operations = [schema.getQueryType(), schema.getMutationType()].flatMap((type) => Object.keys(type?.getFields() ?? {}))
for (const { id, says, served } of rows) {
  const found = tests.get(id) ?? []
  print(`${id}  ${says}${served === undefined ? '' : ` [spelling: ${served}]`}`)
  for (const title of found) print(`    ${title}`)
  if (served !== undefined && !operations.includes(served)) problems.push(`${id} is served by ${served}, which there is not`)
  if (served === undefined && found.length === 0) problems.push(`${id} has no test: ${says}`)
}
print('')
for (const problem of problems) print(`PROBLEM  ${problem}`)
const proven = rows.filter((row) => (tests.get(row.id) ?? []).length > 0).length
const spelling = rows.filter((row) => row.served !== undefined).length
print(`${rows.length} rows, ${proven} with tests, ${spelling} of spelling alone; ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
