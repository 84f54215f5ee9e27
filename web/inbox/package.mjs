/**
 * Builds what the npm package `carillon-inbox` holds into `dist/`: modules that share their chunks, and their types. Run by npm before it
 * packs. Nothing in it depends on where the script is, as `/inbox.js` on a server does: a bundler puts it anywhere.
 */
import { spawnSync } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { build } from 'esbuild'
import { target, unindent } from '../browser.mjs'

const here = import.meta.dirname
const dist = join(here, 'dist')
const types = join(here, 'dist/types')
const { exports, dependencies, peerDependencies } = JSON.parse(await readFile(join(here, 'package.json'), 'utf8'))
const names = Object.values(exports).flatMap((entry) => (entry.default ? [/([\w-]+)\.js$/.exec(entry.default)[1]] : []))

await rm(dist, { recursive: true, force: true })
await build({
  entryPoints: names.map((name) => join(here, `${name}.ts`)),
  outdir: dist,
  chunkNames: 'chunk-[hash]',
  bundle: true,
  splitting: true,
  plugins: [unindent],
  format: 'esm',
  target,
  define: { 'import.meta.url': 'undefined' },
  external: Object.keys({ ...dependencies, ...peerDependencies }).flatMap((name) => [name, `${name}/*`]),
  legalComments: 'inline',
  charset: 'utf8',
  logLevel: 'warning',
})

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
const { status } = spawnSync(process.execPath, [tsc, '--project', join(here, 'tsconfig.json'), '--outDir', types], {
  stdio: 'inherit',
})
if (status !== 0) process.exit(1)
/** The declarations that the entries lead to, and no others: those name no package but the ones above, and nothing generated. */
const declared = new Set()
async function declare(path) {
  if (declared.has(path)) return
  declared.add(path)
  const text = await readFile(path, 'utf8')
  const to = join(dist, relative(join(types, 'inbox'), path))
  await mkdir(dirname(to), { recursive: true })
  await writeFile(to, text.replaceAll(/((?:from|import)\s*\(?\s*["']\.[^"']+)\.ts(["'])/g, '$1.js$2'))
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*["'](\.[^"']+)\.ts["']/g)]
  await Promise.all(found.map(([, from]) => declare(join(dirname(path), `${from}.d.ts`))))
}
await Promise.all(names.map((name) => declare(join(types, `inbox/${name}.d.ts`))))
await rm(types, { recursive: true, force: true })
