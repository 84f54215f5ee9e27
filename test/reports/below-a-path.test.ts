/** A server below a path of a host that it shares with other programs (binwiederhier/ntfy#1009): the proxy removes the path, or does not. */
import { createClient } from 'graphql-ws'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { callbackUrlOf, createCallbackRoute } from '../../src/http/callbacks.ts'
import { connectionLimits } from '../../src/http/limits.ts'
import { createRequestPath } from '../../src/http/request-path.ts'
import { createUnsubscribeRoutes } from '../../src/http/unsubscribe.ts'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { inBrowser, startBrowser, watchPage } from '../helpers/browser.ts'
import { newInboxProject } from '../helpers/inbox.ts'
import { client, createJar, goThroughIssuer, startIssuer, type TestIssuer } from '../helpers/oidc.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { type PathProxy, startPathProxy } from '../helpers/path-proxy.ts'
import { askWith } from '../helpers/people.ts'
import { startTestServer } from '../helpers/test-server.ts'

it.each([
  ['', '/', '/', './'],
  ['', '/inbox', '/inbox', './'],
  ['', '/inbox/', '/inbox', '../'],
  ['', '//inbox', '/inbox', './'],
  ['', '///', '/', './'],
  ['', '', '/', './'],
  ['', '*', '*', './'],
  ['/notify', '/notify', '/', '/notify/'],
  ['/notify', '/notify/', '/', '/notify/'],
  ['/notify', '/notify/inbox/', '/inbox', '/notify/'],
  ['/notify', '//notify//inbox', '/inbox', '/notify/'],
  ['/notify', '/inbox', '/inbox', '/notify/'],
  ['/notify', '/notifying', '/notifying', '/notify/'],
  ['/notify', '/Notify/inbox', '/Notify/inbox', '/notify/'],
  ['/a/b', '/a/b/graphql', '/graphql', '/a/b/'],
  // Somebody gave the address of the endpoint as that of the server.
  ['/graphql', '/graphql', '/graphql', '/graphql/'],
  ['/graphql', '/graphql/health', '/health', '/graphql/'],
])('with the base %j, reads %j as %j, whose root is %j', (base, url, path, root) => {
  expect(createRequestPath(base)(`${url}?x=//y/`)).toMatchObject({ path, root, search: '?x=//y/' })
})

it.each([
  ['https://carillon.example/notify', '/notify/callbacks/p?a=%2F'],
  ['https://carillon.example/notify', '/callbacks/p?a=%2F'],
  ['https://carillon.example', '/callbacks/p?a=%2F'],
])('checks the signature of a report at %s over the address that the vendor has, by %s', async (publicUrl, path) => {
  const urls: string[] = []
  const route = createCallbackRoute({
    publicUrl,
    isId: () => true,
    find: async () => async (callback) => void urls.push(callback.url),
    limits: connectionLimits,
  })
  const server = await startTestServer({ publicUrl, routes: [route] })
  expect((await fetch(server.url + path, { method: 'POST' })).status).toBe(200)
  expect(urls).toEqual([`${callbackUrlOf(publicUrl, 'p')}?a=%2F`])
  await server.stop()
})

it.each(['/notify/unsubscribe/token', '/unsubscribe/token', '/notify/unsubscribe/token/'])('unsubscribes at %s', async (path) => {
  const target = { projectId: 'p', contactId: 'c', templateId: 't' }
  const done: unknown[] = []
  const server = await startTestServer({
    publicUrl: 'https://carillon.example/notify',
    routes: createUnsubscribeRoutes({
      read: (token) => (token === 'token' ? target : null),
      about: async () => null,
      unsubscribe: async (given) => void done.push(given),
      resubscribe: async () => {},
    }) as never,
  })
  expect(await (await fetch(server.url + path)).text()).toContain('<form method="post">')
  expect((await fetch(server.url + path, { method: 'POST', body: 'List-Unsubscribe=One-Click' })).status).toBe(200)
  expect(done).toEqual([target])
  await server.stop()
})

const FULL = process.env['TEST_FULL'] === '1'

const kinds = [
  ['that removes it', true, true],
  ['that passes it on', false, true],
  ['that removes it, and the server does not know', true, false],
] as const

describe.each(kinds)('below a path, with a proxy %s', (_title, removes, isConfigured) => {
  let proxy: PathProxy
  let app: TestApp
  let issuer: TestIssuer
  let browser: Browser | undefined
  beforeAll(async () => {
    proxy = await startPathProxy('/apps/notify', removes)
    issuer = await startIssuer(`${proxy.url}/auth/callback`, {
      ann: { sub: 'ann', email: 'ann@example.com', email_verified: true },
    })
    const oidc = {
      CARILLON_PUBLIC_URL: `${proxy.url}/`,
      CARILLON_OIDC_ISSUER: issuer.url,
      CARILLON_OIDC_CLIENT_ID: client.id,
      CARILLON_OIDC_CLIENT_SECRET: client.secret,
    }
    app = await startTestApp({ env: { CARILLON_EXPLORE: 'on', ...(isConfigured ? oidc : {}) } })
    proxy.target = app.url
  })
  afterAll(async () => {
    await browser?.close()
    await app?.stop()
    await issuer?.close()
    await proxy?.close()
  })

  it.each(['/', '/inbox', '/inbox/', ...(isConfigured ? [''] : [])])(
    'serves the page at %j, and all that it links to',
    async (path) => {
      const address = proxy.url + path
      const page = await fetch(address)
      expect(page.status).toBe(200)
      const links = [...(await page.text()).matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link = '']) => new URL(link, address))
      expect(links.length).toBeGreaterThan(2)
      for (const link of links) expect([link.href, (await fetch(link)).status]).toEqual([link.href, 200])
    },
  )

  it.each(['/nope', '/nope/', '/a/b/c', '/inbox/x', '/unsubscribe/forged', '/unsubscribe/a/b/'])(
    'leads on from %j, where there is nothing',
    async (path) => {
      const address = proxy.url + path
      const read = (url: string | URL) => fetch(url, { headers: { accept: 'text/html' } })
      const page = await read(address)
      expect(page.status).toBe(404)
      const links = [...(await page.text()).matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link = '']) => new URL(link, address))
      for (const link of links) {
        expect(link.href.startsWith(`${proxy.url}/`), link.href).toBe(true)
        expect([link.href, (await read(link)).status]).toEqual([link.href, 200])
      }
    },
  )

  it('answers directly as well', async () => {
    for (const path of ['/', '/inbox.js', '/health']) expect((await fetch(app.url + path)).status).toBe(200)
  })

  it('answers over HTTP, as a stream and over a socket', async () => {
    const project = await newInboxProject(app)
    const authorization = `Bearer ${project.apiKey}`
    const { data } = await askWith(proxy.url, '{ viewer { project { key } } }', { authorization })
    expect(data).toMatchObject({ viewer: { project: { key: project.key } } })
    const query = encodeURIComponent('subscription { messageReceived(contact: "a") { unseenCount } }')
    const stream = await fetch(`${proxy.url}/graphql?query=${query}`, { headers: { authorization, accept: 'text/event-stream' } })
    expect(stream.headers.get('content-type')).toBe('text/event-stream')
    await stream.body?.cancel()
    const url = `${proxy.url.replace('http', 'ws')}/graphql`
    const socket = createClient({ url, webSocketImpl: WebSocket, connectionParams: { authorization } })
    const results = socket.iterate({ query: '{ __typename }' })
    expect((await results.next()).value).toEqual({ data: { __typename: 'Query' } })
    await socket.dispose()
  })

  it.runIf(isConfigured)('signs people in, with cookies for this path alone, and leads back', async () => {
    const jar = createJar()
    const callback = await goThroughIssuer(jar, proxy.url, 'ann', '/#/contacts/me')
    const response = await jar.fetch(callback)
    expect(response.headers.get('location')).toBe(`${proxy.url}/#/contacts/me`)
    for (const cookie of response.headers.getSetCookie()) expect(cookie).toContain('; Path=/apps/notify/;')
    const session = await jar.fetch(`${proxy.url}/auth/session`)
    expect(await session.json()).toMatchObject({ person: { email: 'ann@example.com' } })
    const refused = await fetch(`${proxy.url}/auth/callback?state=x`)
    expect(await refused.text()).toContain(`href="${proxy.url}/"`)
  })

  optionalSuite(inBrowser('the pages below a path in a browser'), () => {
    const open = async (url: string) => {
      browser ??= await startBrowser()
      const page = await (await browser.newContext()).newPage()
      page.setDefaultTimeout(20_000)
      const faults = watchPage(page, [proxy.origin])
      page.on('response', (response) => {
        if (response.status() >= 400) faults.push(`${response.status()}: ${response.url()}`)
      })
      await page.goto(url)
      return { page, faults, close: () => page.context().close() }
    }
    const fragment = (apiKey: string): string => `#authorization=${encodeURIComponent(`Bearer ${apiKey}`)}`

    it('the console asks and listens', async () => {
      const { apiKey } = await newInboxProject(app)
      const { page, faults, close } = await open(`${proxy.url}/${fragment(apiKey)}`)
      await page.getByRole('heading', { level: 1, name: 'Activity' }).waitFor()
      const opened = page.waitForEvent('popup')
      await page.getByRole('button', { name: 'GraphiQL' }).click()
      expect((await opened).url()).toMatch(`${proxy.url}/graphql`)
      expect(faults).toEqual([])
      await close()
    })

    it('the inboxes get what is sent', async () => {
      const { apiKey } = await newInboxProject(app)
      const { page, faults, close } = await open(`${proxy.url}/inbox${fragment(apiKey)}`)
      for (const index of [0, 1]) await page.locator('.device').nth(index).locator('.state-live').waitFor()
      expect(await page.getByRole('link', { name: 'Console' }).evaluate((link: HTMLAnchorElement) => link.href)).toBe(
        `${proxy.url}/`,
      )
      expect(faults).toEqual([])
      await close()
    })

    // It is slow to load: `TEST_FULL=1` has both with each proxy.
    const short = removes && !isConfigured ? ['/graphql/'] : []
    it.each(FULL ? ['/graphql', '/graphql/'] : short)('GraphiQL at %s runs operations', async (path) => {
      const { apiKey } = await newInboxProject(app)
      const { page, faults, close } = await open(proxy.url + path + fragment(apiKey))
      await page.getByRole('button', { name: /execute/i }).click()
      await page.getByRole('menuitem', { name: 'Look' }).click()
      await page.locator('.result-window').getByText('"notifications"').waitFor()
      expect(faults.filter((fault) => fault.startsWith('4'))).toEqual([])
      await close()
    })
  })
})
