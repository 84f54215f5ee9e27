/** The npm package `carillon-inbox`, packed and installed as its users have it. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './guide.ts'

const execute = promisify(execFile)

/** A folder in which the package is installed, beside packages that the root has. */
export interface InstalledInbox {
  readonly folder: string
  /** size of the tarball, bytes */
  readonly packedBytes: number
  /** paths in the tarball */
  readonly files: readonly string[]
  readonly manifest: Readonly<Record<string, unknown>>
  /** Removes the folder. */
  remove(): Promise<void>
}

/** Packs it and installs the tarball, without a registry: `beside` are links to what the root has installed. */
export async function installInbox(beside: readonly string[] = []): Promise<InstalledInbox> {
  const folder = await mkdtemp(join(tmpdir(), 'carillon-inbox-'))
  // In a copy, because several may pack at a time.
  const source = join(folder, 'source')
  const parts = ['LICENSE', 'tsconfig.json', 'web/browser.mjs', 'web/generated', 'web/inbox']
  const isBuilt = /\/(dist|node_modules)$/
  for (const part of parts) {
    await cp(join(root, part), join(source, part), { recursive: true, filter: (path) => !isBuilt.test(path) })
  }
  await writeFile(join(source, 'package.json'), '{ "type": "module" }')
  await symlink(join(root, 'node_modules'), join(source, 'node_modules'))
  const packed = await execute('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: join(source, 'web/inbox') })
  const tarball = join(folder, packed.stdout.trim().split('\n').at(-1) ?? '')
  const home = join(folder, 'node_modules/carillon-inbox')
  await mkdir(home, { recursive: true })
  await execute('tar', ['-xzf', tarball, '--strip-components=1', '-C', home])
  const listed = await execute('tar', ['-tzf', tarball])
  // What it depends on is always there.
  for (const name of ['lit', ...beside]) {
    const link = join(folder, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(join(root, 'node_modules', name), link)
  }
  return {
    folder,
    packedBytes: (await stat(tarball)).size,
    files: listed.stdout.trim().split('\n'),
    manifest: JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as Record<string, unknown>,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
