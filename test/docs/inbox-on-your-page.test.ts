/** docs/inbox-on-your-page.md: its backends run, and its page works in a browser under its own policy. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createPortServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { inBrowser, openPage, startBrowser } from '../helpers/browser.ts'
import { createTestClient } from '../helpers/client.ts'
import { findProgram, post, readGuide } from '../helpers/guide.ts'
import { Feed, Send, UpsertTemplates } from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { until } from '../helpers/until.ts'

const blocks = readGuide('docs/inbox-on-your-page.md')
const of = (language: string): string[] => blocks.filter((block) => block.language === language).map(({ text }) => text)
const [nodeBackend = '', bell = ''] = of('js')
const [pythonBackend = ''] = of('python')
const [phpBackend = ''] = of('php')

let app: TestApp
let project: TestProject
let dir: string
const running: ChildProcess[] = []
beforeAll(async () => {
  app = await startTestApp()
  project = await app.project()
  await project.api.do(UpsertTemplates, { templates: [{ key: 'note', inApp: [{ title: 'A note', body: '{{ text }}' }] }] })
  dir = await mkdtemp(join(tmpdir(), 'carillon-guide-'))
})
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL')
  await app?.stop()
  await rm(dir, { recursive: true, force: true })
})

async function freePort(): Promise<number> {
  const server = createPortServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a backend of the guide. @returns where it answers */
async function startBackend(file: string, text: string, command: (path: string, port: number) => string[]): Promise<string> {
  const path = join(dir, file)
  await writeFile(path, text)
  const port = await freePort()
  const [program = '', ...args] = command(path, port)
  running.push(
    spawn(program, args, {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '',
        CARILLON_URL: app.url,
        CARILLON_KEY: project.apiKey,
        PORT: String(port),
      },
      stdio: 'ignore',
    }),
  )
  const url = `http://127.0.0.1:${port}/`
  await until('the backend answers', () => fetch(url).then((response) => response.ok), 20_000)
  return url
}

async function expectToken(url: string): Promise<void> {
  const response = await fetch(url)
  expect([response.headers.get('content-type'), response.headers.get('cache-control')]).toEqual([
    expect.stringContaining('application/json'),
    'no-store',
  ])
  const { token, expiresAt } = (await response.json()) as { token: string; expiresAt: string }
  expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(3_500_000)
  const { data } = await post(app.url, `Bearer ${token}`, '{ viewer { contact { externalId } } }')
  expect(data).toEqual({ viewer: { contact: { externalId: 'user-1' } } })
}

const startNode = (): Promise<string> => startBackend('backend.mjs', nodeBackend, (path) => [process.execPath, path])

it('the backend in Node gives a token of its user', async () => {
  await expectToken(await startNode())
})

it('the backends in Python and PHP give a token of their user', async () => {
  const python = findProgram('python3')
  const php = findProgram('php')
  if (python === null) process.stderr.write('Not tried: the Python of docs/inbox-on-your-page.md. To run it, install python3.\n')
  else await expectToken(await startBackend('backend.py', pythonBackend, (path) => [python, path]))
  if (php === null) process.stderr.write('Not tried: the PHP of docs/inbox-on-your-page.md. To run it, install php.\n')
  else await expectToken(await startBackend('backend.php', phpBackend, (path, port) => [php, '-S', `127.0.0.1:${port}`, path]))
})

optionalSuite(inBrowser('the page of docs/inbox-on-your-page.md in a browser'), () => {
  it('shows what comes, live, under the policy of the guide, to the origin that the project allows and to no other', async () => {
    const here = (text: string): string =>
      text.replaceAll('https://notify.example.com', app.url).replaceAll('wss://notify.example.com', app.url.replace('http', 'ws'))
    const backend = await startNode()
    const [name = '', policy = ''] = here(of('http')[0] ?? '').split(/: (.*)/s)
    const site = createServer(async (request, response) => {
      if (request.url === '/carillon-token') return void response.end(await (await fetch(backend)).text())
      if (request.url === '/bell.js') return void response.writeHead(200, { 'content-type': 'text/javascript' }).end(bell)
      response.writeHead(200, { 'content-type': 'text/html', [name]: policy }).end(`<!doctype html>${here(of('html')[0] ?? '')}`)
    }).listen(0, '127.0.0.1')
    await once(site, 'listening')
    const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
    const allow = (of('graphql')[0] ?? '').replace('https://shop.example.com', origin)
    expect((await post(app.url, `Bearer ${project.apiKey}`, allow)).data).toEqual({ updateProject: { allowedOrigins: [origin] } })

    const { token } = (await (await fetch(backend)).json()) as { token: string }
    const foreign = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, origin: 'https://evil.example.com' },
      body: JSON.stringify({ query: '{ viewer { isOperator } }' }),
    })
    expect(await foreign.json()).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] })

    const browser = await startBrowser()
    try {
      const { page, faults } = await openPage(browser, origin)
      const unread = (): Promise<number> => page.evaluate("document.querySelector('carillon-inbox').unreadCount")
      // Not waitForFunction, which makes a script of a string: the policy forbids that.
      await until('the inbox is there', () =>
        page.evaluate<boolean>("document.querySelector('carillon-inbox').client?.state.phase === 'ready'"),
      )
      await project.api.do(Send, {
        messages: [{ template: 'note', contact: { externalId: 'user-1' }, data: { text: 'It works.' } }],
      })
      await until('the bell counts', async () => (await unread()) === 1)
      await page.locator('carillon-inbox').getByRole('button').first().click()
      await page.getByText('It works.').first().waitFor()
      // Only the server of the element is another origin than the page's.
      expect(faults.filter((fault) => !fault.includes(app.url) && !fault.includes(app.url.replace('http', 'ws')))).toEqual([])
      expect((await createTestClient(app.url, `Bearer ${token}`).do(Feed, {})).feed.totalCount).toBe(1)
    } finally {
      await browser.close()
      site.closeAllConnections()
      site.close()
    }
  })
})
