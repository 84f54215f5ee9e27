/**
 * Builds what the npm package runs: the server as JavaScript, because Node strips no types below node_modules, and its types.
 * Everything is put into one folder two levels below the root, where every file of src/ is as well: so what is found relative to a file
 * (migrations, pages, package.json) is found from both. Run by npm before it packs.
 */
import { spawnSync } from 'node:child_process'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
const out = join(root, 'dist/server')
const types = join(root, 'dist/types')
const { dependencies, optionalDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))

await rm(join(root, 'dist'), { recursive: true, force: true })
await build({
  entryPoints: [
    { out: 'main', in: join(root, 'src/main.ts') },
    { out: 'library', in: join(root, 'src/library.ts') },
    // Started as a process of its own.
    { out: 'sandbox-process', in: join(root, 'src/render/sandbox-process.ts') },
  ],
  outdir: out,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22',
  // Installed beside it, and so one instance of each for everybody. The rest is Prisma and Pothos, whose packages would bring 70 MB along.
  external: Object.keys({ ...dependencies, ...optionalDependencies }),
  // Prisma's runtime asks for Node's own modules as CommonJS does.
  banner: {
    js: "import { createRequire as createRequire0 } from 'node:module'; const require = createRequire0(import.meta.url);",
  },
  legalComments: 'linked',
  charset: 'utf8',
  logLevel: 'warning',
})

/** The declarations that `library.ts` leads to, and no others: none of them names a package that is bundled. */
const declarations = ['library', 'config', 'log', 'words', 'cli/keys']
// What it says about other files is of no interest here: `npm run types` checks them, and their declarations are thrown away.
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
spawnSync(process.execPath, [tsc, '--project', join(root, 'build/tsconfig.json')])
for (const name of declarations) {
  const path = join(out, `${name}.d.ts`)
  const text = await readFile(join(types, `${name}.d.ts`), 'utf8')
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text.replaceAll(/(from ["']\.[^"']+)\.ts(["'])/g, '$1.js$2'))
}
await rm(types, { recursive: true, force: true })
await cp(join(root, 'node_modules/@prisma/client/LICENSE'), join(out, 'LICENSE.prisma'))
await import('../web/build.mjs')
