/** Starts and stops the processes of the embedded PostgreSQL, and keeps none running without its owner. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { chmod, chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log.ts'
import type { Place } from './embedded-place.ts'

/** A PostgreSQL that accepts connections. */
export interface Server {
  readonly port: number
  /** resolves when the process has ended, for whatever reason */
  readonly exited: Promise<void>
  /** Fast shutdown: open transactions are rolled back. Resolves when the process has ended. */
  stop(): Promise<void>
}

// Nothing of our environment is passed on: it may hold secrets, and PG* variables for another server.
const env = { LC_ALL: 'C' }
const POLL_MS = 15
const READY_WITHIN_MS = 60_000
const ORPHAN_STOPS_WITHIN_MS = 30_000
const LOG_MAX_BYTES = 10 * 1024 * 1024

// Reads until its input ends, which happens when our process ends, and then shuts PostgreSQL down. It runs in a session of its own,
// so that a signal to our process group does not reach it.
const WATCHDOG = 'read -r _; kill -INT "$1"'

/**
 * Creates the data folder. It is made under another name and renamed when it is complete and on disk, so a crash leaves nothing that a later
 * start would take for a data folder.
 * @throws Error with the messages of initdb
 */
export async function initialise({ identity, binaries, data }: Place, user: string, password: string): Promise<void> {
  const base = dirname(data)
  const prefix = `${basename(data)}.init-`
  for (const name of await readdir(base)) {
    if (name.startsWith(prefix)) await rm(join(base, name), { recursive: true, force: true })
  }
  const staging = join(base, prefix + randomBytes(6).toString('hex'))
  const passwordFile = join(staging, 'password')
  await mkdir(staging, { mode: 0o700 })
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  if (identity.uid !== undefined && identity.gid !== undefined) {
    for (const path of [staging, passwordFile]) await chown(path, identity.uid, identity.gid)
  }
  const initdb = spawn(
    join(binaries, 'initdb'),
    [
      `--pgdata=${join(staging, 'data')}`,
      `--username=${user}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      // Texts sort the same on every machine, whatever its C library.
      ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
      '--no-instructions',
    ],
    { ...identity, cwd: staging, env, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let messages = ''
  initdb.stderr.setEncoding('utf8').on('data', (text: string) => (messages = (messages + text).slice(-4_000)))
  const [code] = await once(initdb, 'close')
  if (code !== 0) {
    await rm(staging, { recursive: true, force: true })
    throw new Error(`PostgreSQL's data folder could not be made (initdb ended with ${code}): ${messages.trim()}`)
  }
  await rename(join(staging, 'data'), data)
  await rm(staging, { recursive: true, force: true })
}

/**
 * Starts PostgreSQL on its data folder, and waits until it accepts connections. Without `port`, on a free one. A server that an earlier
 * owner left running on that folder is shut down first.
 * @throws Error with the end of PostgreSQL's own log
 */
export async function launch(
  place: Place,
  options: { log: Log; logFile: string; settings: Record<string, string>; port?: number },
): Promise<Server> {
  await stopOrphan(place.data, options.log)
  await rotate(options.logFile)
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort())
    const server = await tryLaunch(place, port, options)
    if (server !== null) return server
    // Worth another try: another program took the port meanwhile, or processes of a killed server still hold its shared memory.
    const end = tail(options.logFile)
    if (attempt >= 20 || !/could not bind|still in use|could not create any TCP/.test(end)) {
      throw new Error(`PostgreSQL did not start; its log (${options.logFile}) ends with:\n${end}`)
    }
    await sleep(250)
  }
}

async function tryLaunch(
  { identity, binaries, data }: Place,
  port: number,
  { log, logFile, settings }: { log: Log; logFile: string; settings: Record<string, string> },
): Promise<Server | null> {
  const args = Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const output = openSync(logFile, 'a', 0o600)
  // In a session of its own, so that Ctrl-C reaches only us: we finish the work under way first, and then stop PostgreSQL.
  const child = spawn(join(binaries, 'postgres'), ['-D', data, ...args], {
    ...identity,
    cwd: dirname(data),
    env,
    detached: true,
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  const exited = new Promise<void>((done) => child.once('exit', () => done()))
  await once(child, 'spawn')
  child.on('error', (error) => log.warn('PostgreSQL could not be signalled', { error: error.message }))
  const watchdog = watch(child, identity)
  void exited.then(() => watchdog?.kill('SIGKILL'))
  const deadline = performance.now() + READY_WITHIN_MS
  while (!isReady(data, child.pid)) {
    if (performance.now() > deadline) child.kill('SIGQUIT')
    if (child.exitCode !== null || child.signalCode !== null) return null
    await sleep(POLL_MS)
  }
  // PostgreSQL must not keep our process alive: if that ends without calling `stop`, the watchdog shuts PostgreSQL down.
  child.unref()
  return {
    port,
    exited,
    async stop() {
      child.ref()
      child.kill('SIGINT')
      await exited
    },
  }
}

function watch(postgres: ChildProcess, identity: { uid?: number; gid?: number }): ChildProcess | null {
  // There is no /bin/sh. An orphan is stopped by the next start.
  if (process.platform === 'win32') return null
  const watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'carillon-watchdog', String(postgres.pid)], {
    ...identity,
    cwd: '/',
    env,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // PostgreSQL runs without a watchdog too. An orphan is then stopped by the next start.
  watchdog.on('error', () => {})
  watchdog.stdin.on('error', () => {})
  watchdog.unref()
  if ('unref' in watchdog.stdin && typeof watchdog.stdin.unref === 'function') watchdog.stdin.unref()
  return watchdog
}

/** The lines of postmaster.pid: process id, data folder, start, port, socket folder, address, shared memory, status. */
function readPostmaster(data: string): { pid: number; status: string; lines: string[] } | null {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    return { pid: Number(lines[0]), status: (lines[7] ?? '').trim(), lines }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

function isReady(data: string, pid: number | undefined): boolean {
  const postmaster = readPostmaster(data)
  return postmaster !== null && postmaster.pid === pid && postmaster.status === 'ready'
}

/**
 * Shuts down a server that a killed owner left running. We hold the folder's lock, so a server on this data has no owner any more.
 *
 * If the process id in postmaster.pid now belongs to an unrelated program, our own id is written there instead. PostgreSQL would refuse to
 * start because of that program, but it ignores the id of its own parent. Deleting the file would also make it start, but then it
 * would not check whether old server processes still use the shared memory.
 */
async function stopOrphan(data: string, log: Log): Promise<void> {
  const deadline = performance.now() + ORPHAN_STOPS_WITHIN_MS
  for (let isSignalled = false; ; ) {
    const postmaster = readPostmaster(data)
    if (postmaster === null || !Number.isInteger(postmaster.pid) || postmaster.pid <= 0) return
    const command = await commandOf(postmaster.pid)
    if (command === null) return
    if (!command.includes(`-D ${data} `)) {
      return writeFile(join(data, 'postmaster.pid'), [String(process.pid), ...postmaster.lines.slice(1)].join('\n'))
    }
    const late = performance.now() > deadline
    if (!isSignalled || late) {
      if (!isSignalled) log.warn('A PostgreSQL without owner is still running here; it is stopped first', { pid: postmaster.pid })
      isSignalled = true
      try {
        process.kill(postmaster.pid, late ? 'SIGQUIT' : 'SIGINT')
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
      }
    }
    await sleep(late ? 1_000 : POLL_MS)
  }
}

/** The command line of a process; null when there is no such process. */
async function commandOf(pid: number): Promise<string | null> {
  if (existsSync('/proc/self/cmdline')) {
    try {
      return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
    } catch {
      return null
    }
  }
  const ps = spawn('ps', ['-o', 'command=', '-p', String(pid)], { stdio: ['ignore', 'pipe', 'ignore'] })
  let command = ''
  ps.stdout.setEncoding('utf8').on('data', (text: string) => (command += text))
  await once(ps, 'close')
  return command.trim() === '' ? null : command
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('There is no free port on 127.0.0.1.')
  return address.port
}

async function rotate(logFile: string): Promise<void> {
  if (existsSync(logFile) && (await stat(logFile)).size > LOG_MAX_BYTES) await rename(logFile, `${logFile}.old`)
  else if (existsSync(logFile)) await chmod(logFile, 0o600)
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8).join('\n')
}
