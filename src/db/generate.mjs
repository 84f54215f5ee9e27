/** Generates what is not committed: the Prisma client, Pothos's types, typed GraphQL documents, and the pages. Run by npm at install. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const require = createRequire(import.meta.url)

/** Runs a script of a package with the Node that this project pins. */
function run(script, args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    env: {
      ...process.env,
      PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}`,
      // `generate` downloads the schema engine though it never runs it; any existing file here spares the download.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
    },
  })
  if (status === 0) return
  process.stderr.write(stdout + stderr)
  process.exit(status ?? 1)
}

run(require.resolve('prisma/build/index.js'), ['generate', '--no-hints'])

// Documents are typed for the tests, the benchmarks and the demo; an install without development packages has none of them.
let codegen = null
try {
  codegen = dirname(require.resolve('@graphql-codegen/cli/package.json'))
} catch {
  // Installed without development packages.
}
if (codegen !== null)
  run(join(codegen, require(join(codegen, 'package.json')).bin['graphql-codegen']), ['--config', 'codegen.ts'])

run(join(root, 'web/build.mjs'), [])
