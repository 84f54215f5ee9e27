/** The npm package `carillon-inbox`: what it holds, and that its modules run where there is no page. */
import { type ChildProcess, execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { readGuide, root } from '../helpers/guide.ts'
import { newInboxProject, sendTitles, tokenFor } from '../helpers/inbox.ts'
import { type InstalledInbox, installInbox } from '../helpers/inbox-package.ts'
import { Feed } from '../helpers/operations.ts'
import { until } from '../helpers/until.ts'

let installed: InstalledInbox
let app: TestApp
let project: TestProject
const children: ChildProcess[] = []
beforeAll(async () => {
  ;[installed, app] = await Promise.all([installInbox(['@types', 'react', 'react-dom', 'vue', 'svelte']), startTestApp()])
  project = await newInboxProject(app)
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await app?.stop()
  await installed?.remove()
})

const manifestOf = async (path: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(join(root, path), 'utf8')) as Record<string, unknown>

describe('the package', () => {
  it('is small, and holds modules, types, its README and its license, and nothing else', () => {
    expect(installed.packedBytes).toBeLessThan(500_000)
    const other = installed.files.filter(
      (path) => !/^package\/(dist\/[\w-]+\.(d\.ts|js)|package\.json|README\.md|LICENSE)$/.test(path),
    )
    expect(other).toEqual([])
    expect(installed.files).toEqual(expect.arrayContaining(['package/README.md', 'package/LICENSE', 'package/dist/client.d.ts']))
  })
  it('depends on Lit alone, and has the version of the server', async () => {
    const server = await manifestOf('package.json')
    expect(installed.manifest).toMatchObject({ version: server['version'], dependencies: { lit: expect.any(String) } })
    expect(Object.keys(installed.manifest['dependencies'] as object)).toEqual(['lit'])
    const { packages } = (await manifestOf('package-lock.json')) as { packages: Record<string, { version: string }> }
    expect(packages['web/inbox']?.version).toBe(server['version'])
  })
  it('exports files that are there, each with its types, and none that asks where the script is', async () => {
    const entries = Object.values(installed.manifest['exports'] as Record<string, string | { types: string; default: string }>)
    for (const entry of entries.flatMap((one) => (typeof one === 'string' ? [one] : [one.types, one.default]))) {
      expect(installed.files).toContain(join('package', entry))
    }
    const home = join(installed.folder, 'node_modules/carillon-inbox')
    const scripts = installed.files.filter((path) => path.endsWith('.js')).map((path) => path.replace('package/', ''))
    const texts = await Promise.all(scripts.map((path) => readFile(join(home, path), 'utf8')))
    expect(scripts.filter((_, at) => texts[at]?.includes('import.meta'))).toEqual([])
  })
  it.each([
    ["export { createInboxClient } from 'carillon-inbox'", 12_000, false],
    ["export { createInboxClient } from 'carillon-inbox/client'", 12_000, false],
    ["export * from 'carillon-inbox/react-native'", 15_000, false],
    ["import 'carillon-inbox/define'", 40_000, true],
  ])('leaves out what is not used: %s takes at most %i bytes', async (contents, most, hasElement) => {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: installed.folder },
      ...{ bundle: true, minify: true, splitting: true, write: false, format: 'esm', outdir: 'out', external: ['react'] },
    })
    const [one, ...others] = outputFiles.map(({ text }) => text)
    expect(others).toEqual([])
    expect(gzipSync(one ?? '').length).toBeLessThan(most)
    expect(one?.includes('litElement')).toBe(hasElement)
  })
  it('is no part of the server', async () => {
    const { dependencies, optionalDependencies } = await manifestOf('package.json')
    expect(Object.keys({ ...(dependencies as object), ...(optionalDependencies as object) })).not.toContain('carillon-inbox')
  })
})

/** Starts a module beside the installed package. @returns its messages */
async function start(name: string, text: string, env: Record<string, string> = {}) {
  const path = join(installed.folder, name)
  await writeFile(path, text)
  const child = fork(path, { env: { PATH: process.env['PATH'] ?? '', ...env }, execArgv: [], silent: true })
  children.push(child)
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const messages: unknown[] = []
  child.on('message', (message) => messages.push(message))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, said }))
  return { child, messages, ended }
}

it('is imported where there is no page, and touches none', async () => {
  const { messages, ended } = await start(
    'import.mjs',
    `
    const touched = []
    // Lit itself looks whether these are there, so they are watched while the modules without it are imported.
    for (const name of ['window', 'document', 'HTMLElement', 'customElements', 'localStorage', 'BroadcastChannel', 'addEventListener', 'WebSocket'])
      Object.defineProperty(globalThis, name, { configurable: true, get: () => void touched.push(name) })
    const client = await import('carillon-inbox/client')
    for (const name of ['window', 'document', 'HTMLElement', 'customElements']) delete globalThis[name]
    const { CarillonInbox, createInboxClient, defineInbox } = await import('carillon-inbox')
    await import('carillon-inbox/define')
    defineInbox()
    process.send({
      touched,
      isOne: createInboxClient === client.createInboxClient && typeof CarillonInbox === 'function',
      page: ['window', 'document', 'HTMLElement'].filter((name) => name in globalThis),
    })
    `,
  )
  expect(await ended).toEqual({ code: 0, said: '' })
  expect(messages).toEqual([{ touched: [], isOne: true, page: [] }])
})

it('says what is missing when nobody tells where the server is', async () => {
  const { messages, ended } = await start(
    'nowhere.mjs',
    `
    import { createInboxClient, InboxError } from 'carillon-inbox/client'
    try { createInboxClient({ token: 'x' }) }
    catch (error) { process.send([error instanceof InboxError, error.code, error.message]) }
    `,
  )
  expect(await ended).toEqual({ code: 0, said: '' })
  expect(messages).toEqual([[true, 'NO_SERVER', '`server` must be the URL of the Carillon server.']])
})

/** What an application of another repository writes, beside the README's TypeScript. */
const consumer = `
import 'carillon-inbox/define'
import { CarillonInbox, createInboxClient, defineInbox, type InboxMessage } from 'carillon-inbox'
import { CarillonInbox as ForReact, useFeed } from 'carillon-inbox/react'
import { InboxProvider } from 'carillon-inbox/react-native'
import { CarillonInbox as ForVue, useInbox } from 'carillon-inbox/vue'
import { inbox, inboxStore } from 'carillon-inbox/svelte'
const element = document.querySelector('carillon-inbox')
element?.addEventListener('carillon-message', ({ detail }) => { const title: string | null = detail.message.title; return title })
if (element) element.renderRow = (message: InboxMessage) => message.title
defineInbox()
export const unread: number = createInboxClient({ server: 'https://x' }).state.counts.unread
export const bare = <carillon-inbox server="https://x" mode="inline" />
export const without = <ForReact />
export const wrong = <ForReact server="https://x" mode="sidebar" />
export { CarillonInbox, ForVue, inbox, inboxStore, InboxProvider, useFeed, useInbox }
`
/** What the README's React Native imports. */
const native = `
declare module '@react-native-async-storage/async-storage' {
  const storage: { getItem(key: string): Promise<string | null>; setItem(key: string, value: string): Promise<void>; removeItem(key: string): Promise<void> }
  export default storage
}
declare module '@react-native-community/netinfo' {
  const info: { addEventListener(listener: (state: { isConnected: boolean | null }) => void): () => void }
  export default info
}
`

it.each([
  ['bundler', 'esnext'],
  ['node16', 'node16'],
])(
  'has types under moduleResolution %s, of which the README is right, and which find what is wrong',
  async (resolution, module) => {
    const folder = join(installed.folder, resolution)
    await mkdir(folder)
    const compilerOptions = {
      ...{ strict: true, noEmit: true, target: 'es2022', lib: ['es2023', 'dom', 'dom.iterable'], jsx: 'react-jsx', types: [] },
      ...{ module, moduleResolution: resolution, skipLibCheck: resolution !== 'bundler' },
    }
    const texts = readGuide('web/inbox/README.md').filter(({ language }) => /^tsx?$/.test(language))
    expect(texts.length).toBe(4)
    const files = {
      'package.json': '{ "type": "module" }',
      'tsconfig.json': JSON.stringify({ compilerOptions }),
      'consumer.tsx': consumer,
      'native.d.ts': native,
      ...Object.fromEntries(texts.map(({ text, line, language }) => [`line-${line}.${language}`, text])),
    }
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
    const said = await new Promise<string>((resolve) =>
      execFile(process.execPath, [tsc, '--pretty', 'false'], { cwd: folder }, (_error, stdout) => resolve(stdout)),
    )
    const errors = said.split('\n').filter((line) => /error TS/.test(line))
    expect(errors).toEqual([
      expect.stringMatching(/^consumer\.tsx\(14,.*'server' is missing/),
      expect.stringMatching(/^consumer\.tsx\(15,.*"sidebar"/),
    ])
  },
)

/** As in React Native: what a page has is not there, and neither is half of what Node has. What is stored is answered later. */
const headless = `
// Node loads these when they are first asked for, and wants a TextDecoder then.
void [WebSocket, new Headers()]
for (const name of ['window', 'document', 'navigator', 'localStorage', 'BroadcastChannel', 'TextDecoder', 'crypto', 'addEventListener', 'location'])
  delete globalThis[name]
delete AbortSignal.timeout
const { createInboxClient } = await import('carillon-inbox/client')
const kept = new Map(JSON.parse(process.env.KEPT))
const storage = {
  getItem: async (key) => kept.get(key) ?? null,
  async setItem(key, value) { kept.set(key, value); process.send({ kept: [...kept] }) },
  removeItem: async (key) => void kept.delete(key),
}
let report
const inbox = createInboxClient({
  server: process.env.SERVER, token: process.env.TOKEN, storage,
  watchOnline(given) { report = given; return () => process.send({ unwatched: true }) },
})
inbox.on('received', ({ title }) => process.send({ received: title }))
inbox.subscribe(({ phase, live, contact, counts, messages, pendingCount }) =>
  process.send({ state: { phase, live, contact, unread: counts.unread, titles: messages.map(({ title }) => title), pendingCount } }))
process.on('message', ({ verb }) => {
  if (verb === 'read') inbox.mark(inbox.state.messages.map(({ id }) => id), { read: true })
  else if (verb === 'offline') report(false)
  else if (verb === 'pause') inbox.pause()
  else if (verb === 'resume') inbox.resume()
  else { inbox.close(); process.disconnect() }
})
`

interface Told {
  readonly state?: { phase: string; live: string; contact: string; unread: number; titles: string[]; pendingCount: number }
  readonly received?: string
  readonly kept?: [string, string][]
  readonly unwatched?: boolean
}

it('runs headless without a page, a browser or its storage: live, complete after a cut, and from what was stored', async () => {
  // A name whose bytes are more than its letters.
  const contact = 'søren-하나'
  const token = await tokenFor(project, contact)
  await sendTitles(project, contact, ['before'])
  const open = async (server: string, kept: [string, string][] = []) => {
    const { child, messages, ended } = await start('headless.mjs', headless, {
      SERVER: server,
      TOKEN: token,
      KEPT: JSON.stringify(kept),
    })
    const all = messages as Told[]
    const state = () => all.findLast((one) => one.state !== undefined)?.state
    return { child, all, ended, state, say: (verb: string) => child.send({ verb }) }
  }
  const first = await open(app.url)
  await until('it is live', () => first.state()?.live === 'live' && first.state()?.titles.length === 1)
  expect(first.state()).toMatchObject({ phase: 'ready', contact, unread: 1 })
  await sendTitles(project, contact, ['live'])
  await until('it arrives', () => first.all.some(({ received }) => received === 'live'))

  first.say('pause')
  await until('it is cut', () => first.state()?.live === 'offline')
  await sendTitles(project, contact, ['while cut'])
  first.say('resume')
  await until('it catches up', () => first.state()?.titles.length === 3)
  expect(first.state()?.titles).toEqual(['while cut', 'live', 'before'])
  expect(first.all.flatMap(({ received }) => received ?? [])).toEqual(['live', 'while cut'])
  // The report of a device that went offline ends the socket at once; the inbox comes back by itself.
  const before = first.all.length
  first.say('offline')
  await until('it is offline, then live', () => first.all.slice(before).some(({ state }) => state?.live === 'offline'))
  await until('it is live again', () => first.state()?.live === 'live')

  first.say('read')
  await until('they are read', async () => (await project.api.do(Feed, { contact })).feed.unreadCount === 0)
  await until('it is settled', () => first.state()?.pendingCount === 0)
  const lastKept = (): string => first.all.findLast(({ kept }) => kept)?.kept?.[0]?.[1] ?? '"readAt":null'
  await until('that is stored', () => lastKept().includes('"operations":[]') && !lastKept().includes('"readAt":null'))
  const kept = first.all.findLast((one) => one.kept)?.kept ?? []
  first.say('close')
  expect(await first.ended).toEqual({ code: 0, said: '' })
  expect(first.all).toContainEqual({ unwatched: true })

  // A server that is not there: what was stored is shown, and what is done is stored for later.
  const stored = kept.map(([key, value]): [string, string] => [key.replace(app.url, 'http://127.0.0.1:9'), value])
  const second = await open('http://127.0.0.1:9', stored)
  await until('what was stored is shown', () => second.state()?.titles.length === 3)
  expect(second.state()).toMatchObject({ phase: 'ready', unread: 0 })
  second.say('read')
  await until('what was done is stored', () => second.all.findLast((one) => one.kept)?.kept?.[0]?.[1].includes('"kind":"mark"'))
  second.say('close')
  expect(await second.ended).toEqual({ code: 0, said: '' })
})
