/** The pages as they are served. */
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { welcome } from '../../src/cli/welcome.ts'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { inBrowser, openPage, startBrowser } from '../helpers/browser.ts'
import { optionalSuite } from '../helpers/optional.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app?.stop())

it.each([
  ['/', 'text/html'],
  ['/inbox', 'text/html'],
])('serves %s under a policy that lets nothing in from elsewhere and no script inline', async (path, type) => {
  const response = await fetch(app.url + path)
  expect([response.status, response.headers.get('content-type')]).toEqual([200, expect.stringContaining(type)])
  const policy = response.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
  expect(policy).toContain(`connect-src 'self' ${app.url.replace('http', 'ws')} ${app.url.replace('http', 'wss')};`)
  expect(policy).toContain("frame-ancestors 'none'")
  // The e-mails that the console shows in its frames are under its policy, and bring their styles along: styles, and on that page alone.
  expect(path === '/' ? policy.replace("style-src 'self' 'unsafe-inline'", '') : policy).not.toMatch(/unsafe|\*/)
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  expect(response.headers.get('referrer-policy')).toBe('no-referrer')
  expect(await response.text()).not.toMatch(/https?:\/\/|<script>|style="|\son[a-z]+=/)
})

it.each(['/inbox.js', '/inbox-client.js'])('serves %s to every site, kept by its tag', async (path) => {
  const first = await fetch(app.url + path, { headers: { origin: 'https://shop.example' } })
  expect(first.status).toBe(200)
  expect(first.headers.get('content-type')).toContain('text/javascript')
  expect(first.headers.get('access-control-allow-origin')).toBe('*')
  expect(first.headers.get('cross-origin-resource-policy')).toBe('cross-origin')
  const again = await fetch(app.url + path, { headers: { 'if-none-match': first.headers.get('etag') ?? '' } })
  expect([again.status, again.headers.get('access-control-allow-origin')]).toEqual([304, '*'])
})

it.each([
  [undefined, undefined],
  ['identity', undefined],
  ['gzip;q=0, br; q=0.0', undefined],
  ['gzip', 'gzip'],
  ['br;q=0, gzip;q=0.5', 'gzip'],
  ['*', 'gzip'],
  ['gzip, deflate, br, zstd', 'br'],
])('compresses for who takes %s as %s', async (accepted, encoding) => {
  const { request } = await import('node:http')
  const [headers, body] = await new Promise<[NodeJS.Dict<string | string[]>, Buffer]>((resolve, reject) => {
    const chunks: Buffer[] = []
    request(`${app.url}/inbox.js`, { headers: accepted === undefined ? {} : { 'accept-encoding': accepted } }, (response) => {
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve([response.headers, Buffer.concat(chunks)]))
    })
      .on('error', reject)
      .end()
  })
  expect([headers['content-encoding'], headers['content-length']]).toEqual([encoding, String(body.length)])
  expect(body.includes('carillon-inbox')).toBe(encoding === undefined)
})

it('answers HEAD without a body, and refuses to be written to', async () => {
  const head = await fetch(`${app.url}/inbox.js`, { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
  const post = await fetch(`${app.url}/inbox`, { method: 'POST', body: 'x' })
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
})

it('does not write what a client calls this server into the policy unless it is the name of a host', async () => {
  const { connect } = await import('node:net')
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1')
  socket.write('GET /inbox HTTP/1.1\r\nHost: evil.example; script-src *\r\nConnection: close\r\n\r\n')
  let text = ''
  for await (const chunk of socket.setEncoding('latin1')) text += chunk
  expect(text).not.toContain('evil.example')
})

it('the first start prints the console and the inbox with the key in the fragment, which no server sees', () => {
  const firstStart = { apiKey: 'ck_1', accessKey: 'ak_1', secretKey: 'sk_1', contact: 'demo-user', contactToken: 't' }
  const lines = welcome({ url: app.url, firstStart }, { role: 'all', explore: true, operatorKey: null }).split('\n')
  for (const path of ['/', '/inbox', '/graphql']) expect(lines).toContain(`${app.url}${path}#authorization=Bearer%20ck_1`)
})

async function compressed(path: string): Promise<Buffer> {
  const { request } = await import('node:http')
  return new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = []
    request(app.url + path, { headers: { 'accept-encoding': 'gzip' } }, (response) => {
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)))
    })
      .on('error', reject)
      .end()
  })
}

it('the element weighs at most 40 KB compressed, with everything in it', async () => {
  const body = await compressed('/inbox.js')
  expect(gunzipSync(body).toString()).toContain('carillon-inbox')
  expect(body.length).toBeLessThanOrEqual(40 * 1024)
})

it('the console weighs at most 120 KB compressed, without its editor, charts and import, which are files of their own', async () => {
  const page = await compressed('/console.js')
  expect(page.length).toBeLessThanOrEqual(120 * 1024)
  const parts = [
    ['/console-editor.js', 220, 'cm-lineNumbers'],
    ['/console-chart.js', 25, 'u-cursor-pt'],
    ['/console-csv.js', 10, 'UndetectableDelimiter'],
  ] as const
  for (const [path, kilobytes, sign] of parts) {
    const part = await compressed(path)
    expect(part.length, path).toBeLessThanOrEqual(kilobytes * 1024)
    expect([gunzipSync(page).includes(sign), gunzipSync(part).includes(sign)], path).toEqual([false, true])
  }
})

optionalSuite(inBrowser('the pages in a browser'), () => {
  it.each(['/', '/inbox'])('%s loads with no error, nothing refused and no request to anybody else', async (path) => {
    const browser = await startBrowser()
    try {
      const { page, faults } = await openPage(browser, app.url + path)
      await page.waitForSelector('main')
      expect(faults).toEqual([])
    } finally {
      await browser.close()
    }
  })
})
