/** The folder of the embedded store and of generated secrets: nobody but its owner may list it or read its files. */
import { chmod, lstat, mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** What this server writes there, besides PostgreSQL's own folder. */
const FILES = ['secret', 'demo.json', 'postgres.password', 'postgres.log', 'postgres.log.old', 'lock', 'owner.pid']
/** Those that only this server makes: where they are, the folder is its own. */
const OWN = ['secret', 'demo.json', 'postgres.password']

/** Takes permissions away from a file or folder; never gives any. Does nothing where it is not there, or belongs to somebody else. */
async function restrict(path: string, mode: number): Promise<boolean> {
  try {
    const found = await lstat(path)
    if (found.isSymbolicLink()) return true
    if ((found.mode & 0o777 & ~mode) !== 0) await chmod(path, found.mode & mode)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'EPERM', 'EACCES'].includes(String(error.code))) return false
    throw error
  }
}

/**
 * Creates the folder with the mode 0711, and takes what is more from one that an earlier version created, and from its files (0600). Execute
 * permission is left to others, because PostgreSQL's user has to reach the data if we are root.
 */
export async function prepareFolder(dir: string): Promise<void> {
  const home = resolve(dir)
  const isNew = (await mkdir(home, { recursive: true })) !== undefined
  const there = new Set<string>()
  for (const name of FILES) if (await restrict(join(home, name), 0o600)) there.add(name)
  // A folder that the user had before, for other things too, keeps its mode.
  if (isNew || OWN.some((name) => there.has(name))) await restrict(home, 0o711)
}
