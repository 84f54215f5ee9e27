/** Locks a folder, so that only one process at a time uses it. */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const SQLITE_BUSY = 5

/**
 * Locks a folder for this process until `release`, or until the process ends.
 *
 * The kernel holds the lock, on an SQLite file. It ends with the process, however that ends, so a lock is never stale, and there is no doubt
 * whether a stored process id now belongs to another program. The id in owner.pid is only for the error message.
 * @param waitMs how long to wait for the lock: a process that was just killed takes a moment to end
 * @throws Error that names the process that uses the folder
 */
export function lockFolder(dir: string, waitMs = 500): { release(): void } {
  const owner = join(dir, 'owner.pid')
  let database: DatabaseSync | undefined
  try {
    createLockFile(join(dir, 'lock'))
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
  writeFileSync(owner, `${process.pid}\n`, { mode: 0o600 })
  return { release: () => held.close() }
}

/**
 * SQLite would create it for everybody to read. One that exists must not be opened here: closing it would end a lock that this process holds
 * on it.
 */
function createLockFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

function readOwner(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim() || 'unknown'
  } catch {
    // The owner has just taken the lock and has not written its id yet.
    return 'unknown'
  }
}
