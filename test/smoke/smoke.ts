/**
 * `npm run smoke`: packs, installs into an empty folder with an empty cache, starts it there as a user would, sends a notification and
 * sees it arrive. As root it does so as the user `nobody`. Ends by itself within four minutes (seven where CI is set), and leaves nothing behind.
 *
 *     npm run smoke -- /folder    with the node and npm of that folder, instead of those on PATH
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { createClient } from 'graphql-ws'

/** Continuous integration shares its machine and its network: there the packages come from npm's cache, and it may take twice as long. */
const isShared = process.env['CI'] !== undefined
const WITHIN_MS = isShared ? 420_000 : 220_000
const STOP_WITHIN_MS = 15_000
/** The promise is a minute, on a machine that does nothing else. */
const FIRST_SEEN_WITHIN_MS = isShared ? 120_000 : 60_000
const INSTALLED_MAX_MB = 250

const root = join(import.meta.dirname, '../..')
const [folder] = process.argv.slice(2)
const PATH = [...(folder === undefined ? [] : [resolve(folder)]), process.env['PATH'] ?? ''].join(delimiter)
const work = await mkdtemp(join(tmpdir(), 'carillon-smoke-'))
const started: ChildProcess[] = []
const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** The user to run as: not root, if that user can reach the Node that is on PATH. */
function findIdentity(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const nobody = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === 'nobody')
  const identity = { uid: Number(nobody?.[2]), gid: Number(nobody?.[3]) }
  const canRun = spawnSync('node', ['--version'], { ...identity, cwd: '/', env: { PATH } }).status === 0
  if (!canRun) say('The user nobody can not reach this Node: trying it as root')
  return canRun ? identity : {}
}

const identity = findIdentity()
const home = join(work, 'home')
const place = join(work, 'app')
/** What leads to the network is this machine's. What is not: settings of the server, and what `npm run` says of this repository. */
const foreign =
  /^(CARILLON_.*|PORT|HOST|DATABASE_URL|MONGODB_URL|REDIS_URL|CI|INIT_CWD|npm_(?!config_).*|npm_config_.*(prefix|config|dir))$/i
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name))),
  ...{ PATH, HOME: home, npm_config_cache: join(work, 'cache'), npm_config_update_notifier: 'false' },
}
/** What is under way, for the message when it takes too long. */
const doing = { what: 'packing' }

/** Starts a program in the empty folder, in a process group of its own. */
function start(command: string, args: readonly string[], more: Record<string, string> = {}) {
  const child = spawn(command, args, { ...identity, cwd: place, env: { ...env, ...more }, detached: true, stdio: 'pipe' })
  started.push(child)
  doing.what = [command, ...args].join(' ')
  const said = { output: '' }
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said.output += text
    })
  const exited = once(child, 'close').then(([code]) => code as number | null)
  return { child, said, exited }
}

async function run(command: string, args: readonly string[], more: Record<string, string> = {}): Promise<string> {
  const { said, exited } = start(command, args, more)
  const code = await exited
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${said.output}`)
  return said.output
}

function expect(what: string, holds: boolean): void {
  if (!holds) throw new Error(`Not so: ${what}`)
  say(`  ok   ${what}`)
}

/** Waits until what a program prints has this in it. */
function printed({ child, said, exited }: ReturnType<typeof start>, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const [, found] = pattern.exec(said.output) ?? []
      if (found !== undefined) resolve(found)
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    void exited.then(() => reject(new Error(`It ended:\n${said.output}`)))
    look()
  })
}

async function ask(url: string, apiKey: string, query: string): Promise<string> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` }
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })
  return response.text()
}

/** Starts it, sends, sees, stops. */
async function tryServer(since: number): Promise<void> {
  const server = start('npx', ['carillon'], { PORT: '0', CARILLON_DIR: join(place, 'data') })
  const url = await printed(server, /running: (http:\/\/[\d.:]+)\/graphql/)
  const apiKey = await printed(server, /API key +(ck_\S+)/)
  const token = await printed(server, /good for 24 hours:\s+(\S+)\n/)

  const arrived = Promise.withResolvers<string>()
  const listening = Promise.withResolvers<void>()
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  })
  client.subscribe<{ messageReceived: { message: { title: string } } }>(
    { query: 'subscription { messageReceived(contact: "demo-user") { message { title } } }' },
    { next: ({ data }) => arrived.resolve(data?.messageReceived.message.title ?? ''), error: arrived.reject, complete() {} },
  )
  // Operations of one socket are answered in order: when this one is, the subscription before it has begun.
  client.subscribe({ query: '{ __typename }' }, { next() {}, error: listening.reject, complete: listening.resolve })
  await listening.promise
  const send = 'sendMessages(messages: [{ template: "welcome", contact: { externalId: "demo-user" } }], wait: SENT)'
  const sent = await ask(url, apiKey, `mutation { ${send} { results { ok } } }`)
  expect('a notification is accepted over HTTP', sent.includes('"ok":true'))
  expect('it arrives over the WebSocket', (await arrived.promise) === 'Welcome, Robin')
  const tookMs = Math.round(performance.now() - since)
  expect(`that is ${(tookMs / 1000).toFixed(1)} s after the installation began`, tookMs < FIRST_SEEN_WITHIN_MS)
  expect('it is in the feed', (await ask(url, apiKey, '{ feed(contact: "demo-user", first: 1) { totalCount } }')).includes(':1'))
  const pages = await Promise.all(['/', '/inbox', '/inbox.js', '/health'].map(async (path) => (await fetch(url + path)).status))
  expect('the pages and /health are served', pages.join() === '200,200,200,200')
  const slow = '{% assign x = \\"ab\\" | split: \\"\\" %}{% for i in (1..9) %}{{ x | join: \\"-\\" }}{% endfor %}'
  const draft = `draft: { key: "slow", name: "Slow", inApp: [{ title: "Slow", body: "${slow}" }] }`
  const preview = await ask(
    url,
    apiKey,
    `{ preview(message: { template: "slow", contact: { externalId: "demo-user" } }, ${draft}) { channels { body } } }`,
  )
  expect('a template with loops and filters is rendered', preview.includes('a-ba-b'))
  await client.dispose()

  // To the server itself, as a process manager sends it; npx ends as what it runs.
  process.kill(Number(readFileSync(join(place, 'data/owner.pid'), 'utf8')), 'SIGTERM')
  expect('SIGTERM ends it with 0', (await server.exited) === 0)
  expect('its PostgreSQL is stopped', !existsSync(join(place, 'data/postgres/postmaster.pid')))
}

/** What the compiler says about a program in the folder, the package's declarations included. */
function typesOf(file: string): string {
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node']
  const typeRoots = ['--typeRoots', join(root, 'node_modules/@types')]
  const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), [...options, ...typeRoots, join(place, file)], {
    cwd: place,
    encoding: 'utf8',
  })
  return stdout
}

/** Code that starts a server, as the README has it. */
const program = `import { readConfig, startApp } from 'carillon'
const server = await startApp(readConfig({ PORT: '0', CARILLON_DIR: 'data', CARILLON_LOG: 'warn' }))
const { status } = await fetch(server.url + '/ready')
await server.stop()
console.log('ready ' + status)
`

/** Copies what npm has fetched on this machine. Without a cache, everything is fetched again. */
function seedCache(): void {
  const { stdout } = spawnSync('npm', ['config', 'get', 'cache'], { cwd: root, encoding: 'utf8' })
  const [from, to] = [join(stdout.trim(), '_cacache'), join(work, 'cache')]
  if (!existsSync(from)) return
  spawnSync('cp', ['-r', from, to])
  if (identity.uid !== undefined) spawnSync('chown', ['-R', `${identity.uid}:${identity.gid ?? identity.uid}`, to])
}

async function main(): Promise<void> {
  for (const path of [home, place, join(work, 'cache')]) {
    await mkdir(path)
    if (identity.uid !== undefined && identity.gid !== undefined) await chown(path, identity.uid, identity.gid)
  }
  if (isShared) seedCache()
  await chmod(work, 0o755)
  const packed = spawnSync('npm', ['pack', '--silent', '--pack-destination', work], { cwd: root, encoding: 'utf8' })
  if (packed.status !== 0) throw new Error(`npm pack failed:\n${packed.stdout}${packed.stderr}`)
  const tarball = join(work, packed.stdout.trim().split('\n').at(-1) ?? '')
  await chmod(tarball, 0o644)
  say(`Installing ${tarball} with Node ${(await run('node', ['--version'])).trim()}`)

  const since = performance.now()
  await run('npm', ['install', ...(isShared ? ['--prefer-offline'] : []), tarball])
  const megabytes = Number((await run('du', ['-sm', 'node_modules'])).split('\t')[0])
  expect(`it takes ${megabytes} MB`, megabytes <= INSTALLED_MAX_MB)
  const stray = ['prisma', '@prisma', 'esbuild', 'node', 'lit', 'typescript', 'carillon-inbox', 'react', 'vue', 'svelte'].filter(
    (name) => existsSync(join(place, 'node_modules', name)),
  )
  expect('nothing of the build is in it', stray.join() === '')
  await tryServer(since)

  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  expect('it tells its version', (await run('npx', ['carillon', 'version'])).trim() === version)
  await writeFile(join(place, 'program.mjs'), program)
  expect('code starts it', (await run('node', ['program.mjs'])).includes('ready 200'))
  await writeFile(join(place, 'program.mts'), `${program}const port: number = server.port\nconsole.log(port)\n`)
  const complaints = typesOf('program.mts')
  expect(`its types are good${complaints}`, complaints === '')
  const resolved = await run('node', ['-p', 'require.resolve("carillon/schema.graphql")'])
  expect('it brings schema.graphql', resolved.trim().endsWith('carillon/schema.graphql'))
}

/** Signals the process group of each; one may be gone already. */
function signalAll(children: readonly ChildProcess[], signal: NodeJS.Signals): void {
  for (const { pid } of children) {
    try {
      if (pid !== undefined) process.kill(-pid, signal)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }
}

const late = AbortSignal.timeout(WITHIN_MS)
const tooLate = new Promise<never>((_, reject) =>
  late.addEventListener('abort', () => reject(new Error(`Not done within ${WITHIN_MS / 1000} s: ${doing.what}`))),
)
let failure: unknown = null
try {
  await Promise.race([main(), tooLate])
  say('The package works')
} catch (error) {
  failure = error
  process.stderr.write(`FAILED: ${error instanceof Error ? error.message : String(error)}\n`)
} finally {
  const alive = started.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
  const gone = Promise.all(alive.map((child) => once(child, 'close')))
  // A server stops its PostgreSQL, which has a session of its own; one that is killed leaves that to the watchdog.
  signalAll(alive, 'SIGTERM')
  await Promise.race([gone, once(AbortSignal.timeout(STOP_WITHIN_MS), 'abort')])
  signalAll(alive, 'SIGKILL')
  await rm(work, { recursive: true, force: true })
}
process.exit(failure === null ? 0 : 1)
