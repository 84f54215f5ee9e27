/**
 * package.json as it is packed, without what only a clone needs; `--restore` puts the clone's back. Run by npm before and after it packs.
 * The engines differ because a clone brings its own Node, so that npm itself may run on an older one, while the package runs on the user's.
 */
import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The oldest Node whose SQLite needs no flag, and that all packages take. Tried: 22, 24 and 26. */
const engines = { node: '>=22.15' }
const forClonesAlone = ['scripts', 'workspaces', 'devDependencies', 'overrides', 'allowScripts']

const root = join(import.meta.dirname, '..')
const path = join(root, 'package.json')
const kept = join(root, 'dist/package.json')

if (process.argv.includes('--restore')) {
  if (existsSync(kept)) await rename(kept, path)
} else {
  const text = await readFile(path, 'utf8')
  const manifest = JSON.parse(text)
  for (const name of forClonesAlone) delete manifest[name]
  await writeFile(kept, text)
  await writeFile(path, `${JSON.stringify({ ...manifest, engines }, null, 2)}\n`)
}
