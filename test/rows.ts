/**
 * Which test shows which row of the checklist (rows.json): `npm run rows`, or `node test/rows.ts REPORT` with the JSON report of a run,
 * of which only tests that passed count. A row is named in a test's title, or in a `describe` around it: `it('LY-50, LY-51: …')`.
 * Exit 1: a row has no test, or a title has an id that neither the checklist nor the tables of README.md and docs/guarantees.md explain.
 * A row that only another system's spelling adds (paths, envelopes) needs no test: it says which operation serves it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSchema } from 'graphql'
import { createVitest } from 'vitest/node'

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

/** The titles of all tests as the files spell them: no file is loaded, so a title that stands for several (`%s`) comes once. */
async function listed(): Promise<string[]> {
  const vitest = await createVitest('test', { watch: false, root })
  try {
    const modules = await vitest.experimental_parseSpecifications(await vitest.globTestSpecifications())
    return modules.flatMap(({ children }) => [...children.allTests()].map((test) => test.fullName))
  } finally {
    await vitest.close()
  }
}

const passed = (path: string): string[] =>
  (read(path) as Report).testResults.flatMap((file) =>
    file.assertionResults.filter((test) => test.status === 'passed').map((test) => test.fullName),
  )

const ID = /\b(N1|N2|LY|NV|X|B7)-(\d{1,3})\b/g
const RANGE = /\b(?:N1|N2|LY|NV|X|B7)-\d+\s*(?:…|\.\.|–|to )\s*\S+/
/** Ids of guarantees, access, faults and hostile input: `F12`; but no octet of an encoded text (`%A9`). */
const OTHER_ID = /(?<!%)\b[AFGI]\d{1,2}\b/g
const explained = new Set(
  ['README.md', '../docs/guarantees.md'].flatMap((page) =>
    [...readFileSync(join(import.meta.dirname, page), 'utf8').matchAll(/^\| ([AFGI]\d{1,2}) \|/gm)].map(([, id = '']) => id),
  ),
)
/** `B7-6` is `B7-06`. */
const idsIn = (title: string): string[] => [
  ...new Set([...title.matchAll(ID)].map(([, system = '', number = '']) => `${system}-${number.padStart(2, '0')}`)),
]

const rows = read(join(import.meta.dirname, 'rows.json')) as Row[]
const [report] = process.argv.slice(2)
const titles = report === undefined ? await listed() : passed(report)
const tests = new Map<string, string[]>(rows.map((row) => [row.id, []]))
const problems: string[] = []
for (const title of titles) {
  if (RANGE.test(title)) problems.push(`names a range, which names nothing: ${title}`)
  for (const id of idsIn(title)) {
    const found = tests.get(id)
    if (found === undefined) problems.push(`names ${id}, which is not in the checklist: ${title}`)
    else found.push(title)
  }
  for (const [id] of title.matchAll(OTHER_ID)) {
    if (!explained.has(id)) problems.push(`names ${id}, which test/README.md does not explain: ${title}`)
  }
}
const schema = buildSchema(readFileSync(join(root, 'schema.graphql'), 'utf8'))
const operations = [schema.getQueryType(), schema.getMutationType()].flatMap((type) => Object.keys(type?.getFields() ?? {}))
for (const { id, says, served } of rows) {
  const found = tests.get(id) ?? []
  print(`${id}  ${says}${served === undefined ? '' : ` [spelling: ${served}]`}`)
  for (const title of found) print(`    ${title}`)
  if (served !== undefined && !operations.includes(served))
    problems.push(`${id} is served by ${served}, which the schema does not have`)
  if (served === undefined && found.length === 0) problems.push(`${id} has no test: ${says}`)
}
print('')
for (const problem of problems) print(`PROBLEM  ${problem}`)
const proven = rows.filter((row) => (tests.get(row.id) ?? []).length > 0).length
const spelling = rows.filter((row) => row.served !== undefined).length
print(`${rows.length} rows, ${proven} with tests, ${spelling} of spelling alone; ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
