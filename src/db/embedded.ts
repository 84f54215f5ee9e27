/** The record's server when nothing is installed: PostgreSQL from npm, its data in the user's folder. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log.ts'
import { findPlace } from './embedded-place.ts'
import { initialise, launch, type Server } from './embedded-process.ts'
import { lockFolder } from './folder-lock.ts'

const USER = 'carillon'
const RESTART_MAX_MS = 5_000

const defaults: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  // The length of a socket's path is limited; a port on the loopback address works in every folder.
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  // "Accepted" means that it survives the power cut: these two are not for tuning.
  fsync: 'on',
  synchronous_commit: 'on',
  wal_compression: 'on',
  max_wal_size: '2GB',
  // A plan that was made while a table was all but empty reads the whole of it, until the table is analysed: soon, in a store that fills
  // from nothing. Measured: with the default of a minute, foreign keys are checked five times as slowly meanwhile.
  autovacuum_naptime: '2s',
  random_page_cost: '1.1',
  log_checkpoints: 'off',
  log_timezone: 'UTC',
  timezone: 'UTC',
}

/** A running server, and the end of it. */
export interface Embedded {
  /** for `pg` and Prisma; has the password in it */
  readonly url: string
  /** Fast shutdown; resolves when the server is gone and the folder is free. Close the pools first. Calling it again changes nothing. */
  stop(): Promise<void>
}

/**
 * Starts PostgreSQL on `dir/postgres`, and makes that first if need be. A server that dies is started again on its port. When this process
 * dies, however it does, the server is shut down; when even that fails, the next start does it.
 * @param options.settings more of PostgreSQL's own settings
 * @throws Error when another process has the folder, or with the end of PostgreSQL's log
 */
export async function startEmbedded(dir: string, options: { log: Log; settings?: Record<string, string> }): Promise<Embedded> {
  const { log } = options
  const home = resolve(dir)
  // Others may pass through, as PostgreSQL's user must when we are root; they see nothing.
  if ((await mkdir(home, { recursive: true })) !== undefined) await chmod(home, 0o711)
  const locks = [lockFolder(home)]
  const release = () => locks.forEach((lock) => void lock.release())
  try {
    const place = await findPlace(home, log)
    // The data may lie outside, where a copy of `dir` leads too.
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
    const again = async (): Promise<Server | null> => {
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
    const tend = async (): Promise<void> => {
      for (;;) {
        await server.gone
        if (stopping.signal.aborted) return
        log.error('PostgreSQL ended by itself; starting it again')
        const next = await again()
        if (next === null) return
        server = next
        if (stopping.signal.aborted) await server.stop()
      }
    }
    const tended = tend()
    const stop = async (): Promise<void> => {
      stopping.abort()
      await server.stop()
      await tended
      release()
    }
    let stopped: Promise<void> | undefined
    return { url: `postgresql://${USER}:${password}@127.0.0.1:${port}/postgres`, stop: () => (stopped ??= stop()) }
  } catch (error) {
    release()
    throw error
  }
}

/** The password of the server, made once. The file is complete when it has its name. */
async function keepPassword(file: string): Promise<string> {
  if (existsSync(file)) return (await readFile(file, 'utf8')).trim()
  const password = randomBytes(24).toString('hex')
  await writeFile(`${file}.new`, `${password}\n`, { mode: 0o600, flush: true })
  await rename(`${file}.new`, file)
  return password
}
