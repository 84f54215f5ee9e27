/** A MongoDB for the tests: the one of the environment, or a FerretDB that the tests start themselves. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { MongoClient } from 'mongodb'

/** What tests need of a MongoDB. */
export interface TestMongo {
  /** names no database: append one of your own */
  readonly url: string
  /** whether `kill` and `start` work: the server is ours */
  readonly own: boolean
  /** Ends the server with SIGKILL, as a crash would; what it stored stays. */
  kill(): Promise<void>
  /** Starts it again on the same port, and resolves when it answers. */
  start(): Promise<void>
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

/** How to get one, for the reader of the list of skipped suites. */
export const howToHaveMongo = 'set TEST_MONGODB_URL, or put a ferretdb (v1) that runs on PATH or in ~/go/bin'

/** Finds a MongoDB, or null. Call `stop` at the end. */
export async function findMongo(): Promise<TestMongo | null> {
  const given = process.env['TEST_MONGODB_URL'] ?? process.env['MONGODB_URL']
  if (given !== undefined && given !== '') {
    const notOurs = async () => {
      throw new Error('This MongoDB is not ours to stop or start')
    }
    return { url: given.replace(/\/[^/?]*(\?.*)?$/, '$1'), own: false, kill: notOurs, start: notOurs, stop: async () => {} }
  }
  const binary = await findFerret()
  return binary === null ? null : startFerret(binary)
}

async function findFerret(): Promise<string | null> {
  const goPath = process.env['GOPATH'] ?? join(homedir(), 'go')
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), join(goPath, 'bin'), join(homedir(), 'go', 'bin')]
  for (const folder of folders) {
    const binary = join(folder, 'ferretdb')
    try {
      await access(binary)
      // One that was built without its version file ends at once: asking is the only way to know.
      await promisify(execFile)(binary, ['--version'])
      return binary
    } catch {
      // the next folder may have one that runs
    }
  }
  return null
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('No port')
  return address.port
}

async function startFerret(binary: string): Promise<TestMongo> {
  const folder = await mkdtemp(join(tmpdir(), 'carillon-ferret-'))
  const port = await freePort()
  const url = `mongodb://127.0.0.1:${port}`
  let child: ChildProcess | null = null

  async function kill(): Promise<void> {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  async function start(): Promise<void> {
    const args = ['--handler=sqlite', `--sqlite-url=file:${folder}/`, `--listen-addr=127.0.0.1:${port}`, '--debug-addr=-']
    const server = spawn(binary, [...args, '--telemetry=disable', `--state-dir=${folder}`, '--log-level=ERROR'], {
      stdio: 'ignore',
    })
    child = server
    // A test file that is killed must not leave a server behind.
    process.once('exit', () => server.kill('SIGKILL'))
    const deadline = Date.now() + 15_000
    for (;;) {
      if (server.exitCode !== null) throw new Error(`ferretdb ended with code ${server.exitCode}`)
      const client = new MongoClient(url, { serverSelectionTimeoutMS: 200, connectTimeoutMS: 200 })
      try {
        await client.db('admin').command({ ping: 1 })
        return
      } catch (error) {
        if (Date.now() > deadline) throw new Error('ferretdb did not answer in time', { cause: error })
      } finally {
        await client.close()
      }
    }
  }

  async function stop(): Promise<void> {
    await kill()
    await rm(folder, { recursive: true, force: true })
  }

  try {
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return { url, own: true, kill, start, stop }
}

/** Empties a database in mid-flight, as an operator's mistake would. */
export async function dropMongoDatabase(url: string): Promise<void> {
  const client = await MongoClient.connect(url)
  try {
    await client.db().dropDatabase()
  } finally {
    await client.close()
  }
}
