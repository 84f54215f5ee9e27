/** Keeps a second process out of a folder. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const SQLITE_BUSY = 5

/**
 * Takes a folder for this process, for as long as it lives or until `release`.
 *
 * The lock is one the kernel keeps, by way of an SQLite file: it ends with the process however that ends, so there is no
 * stale lock and no doubt about a process id that was given to somebody else since. The id beside it is for people only.
 * @param waitMs a process that was just killed takes a moment to go
 * @throws Error that names the process which has the folder
 */
export function lockFolder(dir: string, waitMs = 500): { release(): void } {
  const owner = join(dir, 'owner.pid')
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(join(dir, 'lock'), { timeout: waitMs })
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    database?.close()
    if (!(cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY)) {
      throw new Error(`The folder ${dir} could not be locked: is it writable for this user, on a disk that knows locks?`, {
        cause,
      })
    }
    throw new Error(
      `This folder is already in use by the process ${readOwner(owner)}: ${dir}. ` +
        'Stop that process, or set CARILLON_DIR to another folder, or DATABASE_URL to a PostgreSQL that several processes share.',
      { cause },
    )
  }
  const held = database
  writeFileSync(owner, `${process.pid}\n`)
  return { release: () => held.close() }
}

function readOwner(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim() || 'unknown'
  } catch {
    // The owner has the lock and is about to write its id.
    return 'unknown'
  }
}
