/** Process managers know one pid. Whatever it is, a signal to it ends the server, and nothing of it stays behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { until } from '../helpers/until.ts'

const root = join(import.meta.dirname, '../..')
const main = join(root, 'src/main.ts')
const bin = join(root, 'node_modules/.bin')

vi.setConfig({ testTimeout: 60_000 })

let dir = ''
let child: ChildProcess | null = null
/** the server, and the shells that npm leaves above it */
const below = async (pid: number): Promise<number[]> => {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const children = text.split(' ').filter(Boolean).map(Number)
  return [...children, ...(await Promise.all(children.map(below))).flat()]
}
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Starts it in a folder of its own, as a process manager would: in a session of its own, with an environment of its own. */
async function start(command: string, args: readonly string[], phrase: RegExp) {
  dir = await mkdtemp(join(tmpdir(), 'carillon-end-'))
  const started = spawn(command, args, {
    cwd: root,
    env: { PATH: `${bin}:${process.env['PATH']}`, HOME: dir, PORT: '0', CARILLON_DIR: join(dir, 'store'), CARILLON_LOG: 'info' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  child = started
  let output = ''
  for (const stream of [started.stdout, started.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const exited = new Promise<number | string | null>((resolve) => started.once('exit', (code, signal) => resolve(code ?? signal)))
  await until('the server is there', () => phrase.test(output) || undefined, 30_000)
  const pid = started.pid ?? 0
  return { pid, pids: [pid, ...(await below(pid))], url: /http:\/\/[\d.:]+(?=\/graphql)/.exec(output)?.[0] ?? '', exited }
}

afterEach(async () => {
  const { pid } = child ?? {}
  if (pid !== undefined) for (const one of [pid, ...(await below(pid))]) if (isAlive(one)) process.kill(one, 'SIGKILL')
  await rm(dir, { recursive: true, force: true })
})

const listens = /Carillon is running/
const store = (): Promise<string> => readFile(join(dir, 'store/postgres/postmaster.pid'), 'utf8')

it.each([
  ['npm start', 'SIGTERM', 'npm', ['start'], 0],
  ['npm start', 'SIGINT', 'npm', ['start'], 0],
  ['npm start', 'SIGKILL', 'npm', ['start'], 'SIGKILL'],
  ['npm start with another shell', 'SIGTERM', 'npm', ['--script-shell=bash', 'start'], 0],
  ['a command of npm below a shell that stays', 'SIGTERM', 'npm', ['exec', '-c', 'node src/main.ts; exit $?'], null],
  ['a command of npm below a shell that stays', 'SIGKILL', 'npm', ['exec', '-c', 'node src/main.ts; exit $?'], 'SIGKILL'],
  ['node itself', 'SIGTERM', 'node', ['src/main.ts'], 0],
] as const)('leaves nothing of %s behind after %s', async (_title, signal, command, args, code) => {
  const { pid, pids, url, exited } = await start(command, args, listens)
  expect((await fetch(`${url}/health`)).status).toBe(200)
  const postgres = Number((await store()).split('\n')[0])
  expect([pids.length >= 2, isAlive(postgres)]).toEqual([true, true])
  process.kill(pid, signal)
  const ended = await exited
  // A shell that stays ends by the signal that it does not pass on: npm reports that, and can't wait for the server.
  if (code !== null) expect(ended).toBe(code)
  await until('all of it has ended', () => ![...pids, postgres].some(isAlive) || undefined, 20_000)
  await expect(fetch(`${url}/health`)).rejects.toThrow()
  await expect(store()).rejects.toThrow('ENOENT')
})

it('runs in the process that its first line starts', async () => {
  const [shebang = ''] = (await readFile(main, 'utf8')).split('\n', 1)
  const program = join(await mkdtemp(join(tmpdir(), 'carillon-bin-')), 'carillon.mjs')
  await writeFile(program, `${shebang}\nawait import(${JSON.stringify(main)})\n`)
  await chmod(program, 0o755)
  const { pid, exited } = await start(program, [], listens)
  expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).toMatch(/^node\0/)
  process.kill(pid, 'SIGTERM')
  expect(await exited).toBe(0)
})

it('ends by a signal while it starts, as the first process of a container as well, and leaves no store running', async () => {
  const { pid, exited } = await start('node', ['src/main.ts'], /started PostgreSQL/)
  const postgres = Number((await store()).split('\n')[0])
  process.kill(pid, 'SIGTERM')
  expect(await exited).toBe(0)
  await until('the store has ended', () => !isAlive(postgres) || undefined, 20_000)
})

it('drains after Ctrl-C, which reaches it from the terminal and from npm', async () => {
  const { pid, exited } = await start('node', ['src/main.ts'], listens)
  process.kill(pid, 'SIGINT')
  process.kill(pid, 'SIGINT')
  await new Promise((resolve) => setTimeout(resolve, 20))
  process.kill(pid, 'SIGINT')
  expect(await exited).toBe(0)
})
