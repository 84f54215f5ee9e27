/** The embedded PostgreSQL, used when DATABASE_URL is not set: the programs come from npm, the data is in a folder of the user's. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log.ts'
import { findPlace } from './embedded-place.ts'
import { initialise, launch, type Server } from './embedded-process.ts'
import { prepareFolder } from './folder.ts'
import { lockFolder } from './folder-lock.ts'

const USER = 'carillon'
const RESTART_MAX_MS = 5_000

const defaults: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  // No Unix socket: the length of its path is limited, while a port on the loopback address works whatever the folder.
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  // Not for tuning: what was accepted has to survive a power cut.
  fsync: 'on',
  synchronous_commit: 'on',
  wal_compression: 'on',
  max_wal_size: '2GB',
  // A plan that was made while a table was nearly empty scans the whole table, and is used until the table is analysed. In a new database
  // that has to happen soon: measured with the default of one minute, foreign keys were checked five times as slowly until then.
  autovacuum_naptime: '2s',
  random_page_cost: '1.1',
  log_checkpoints: 'off',
  log_timezone: 'UTC',
  timezone: 'UTC',
}

/** A running server. */
export interface Embedded {
  /** for `pg` and Prisma; contains the password */
  readonly url: string
  /** Fast shutdown; resolves when the server has ended and the folder is unlocked. Close the pools first. May be called more than once. */
  stop(): Promise<void>
}

/**
 * Starts PostgreSQL on `dir/postgres`, which is created if it does not exist. If the server ends by itself, it is started again on the same
 * port. If this process ends, even by SIGKILL, a watchdog shuts the server down; if that fails too, the next start does.
 * @param options.settings PostgreSQL settings, added to the defaults
 * @throws Error when another process uses the folder, or with the end of PostgreSQL's log when it does not start
 */
export async function startEmbedded(dir: string, options: { log: Log; settings?: Record<string, string> }): Promise<Embedded> {
  const { log } = options
  const home = resolve(dir)
  await prepareFolder(home)
  const locks = [lockFolder(home)]
  const release = () => locks.forEach((lock) => void lock.release())
  try {
    const place = await findPlace(home, log)
    // Data outside `dir` has a lock of its own: a copy of `dir` has a link to the same data.
    if (dirname(place.data) !== home && !place.data.startsWith(join(home, '/'))) locks.push(lockFolder(dirname(place.data)))
    const password = await keepPassword(join(home, 'postgres.password'))
    const started = performance.now()
    const isNew = !existsSync(place.data)
    if (isNew) await initialise(place, USER, password)
    const launching = { log, logFile: join(home, 'postgres.log'), settings: { ...defaults, ...options.settings } }
    let server = await launch(place, launching)
    const { port } = server
    const took = Math.round(performance.now() - started)
    log.info(isNew ? 'Made and started PostgreSQL' : 'Started PostgreSQL', { data: place.data, port, tookMs: took })

    const stopping = new AbortController()
    const restart = async (): Promise<Server | null> => {
      for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, RESTART_MAX_MS)) {
        try {
          await sleep(waitMs, undefined, { signal: stopping.signal })
          return await launch(place, { ...launching, port })
        } catch (error) {
          if (stopping.signal.aborted) return null
          log.error('PostgreSQL could not be started again', { error: error instanceof Error ? error.message : String(error) })
        }
      }
    }
    const supervise = async (): Promise<void> => {
      for (;;) {
        await server.exited
        if (stopping.signal.aborted) return
        log.error('PostgreSQL ended by itself; starting it again')
        const next = await restart()
        if (next === null) return
        server = next
        if (stopping.signal.aborted) await server.stop()
      }
    }
    const supervised = supervise()
    const stop = async (): Promise<void> => {
      stopping.abort()
      await server.stop()
      await supervised
      release()
    }
    let stopped: Promise<void> | undefined
    return { url: `postgresql://${USER}:${password}@127.0.0.1:${port}/postgres`, stop: () => (stopped ??= stop()) }
  } catch (error) {
    release()
    throw error
  }
}

/** The password of the server, generated at the first start. The file is renamed when it is complete. */
async function keepPassword(file: string): Promise<string> {
  if (existsSync(file)) return (await readFile(file, 'utf8')).trim()
  const password = randomBytes(24).toString('hex')
  await writeFile(`${file}.new`, `${password}\n`, { mode: 0o600, flush: true })
  await rename(`${file}.new`, file)
  return password
}
