/** However somebody writes the address of the server: with a slash too many, as another system has it, or by hand in a browser. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { startTestApp, type TestApp } from '../helpers/app.ts'

let app: TestApp
let closed: TestApp
beforeAll(async () => {
  app = await startTestApp({ env: { CARILLON_EXPLORE: 'on' } })
  closed = await app.another({ CARILLON_EXPLORE: 'off' })
})
afterAll(async () => {
  await closed?.stop()
  await app?.stop()
})

const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

describe('the endpoint', () => {
  it.each(['/graphql', '/graphql/', '//graphql', '//graphql//', '/graphql/?x=1'])('answers at %s, body and all', async (path) => {
    const body = JSON.stringify({ query: '{ __typename }' })
    const answer = await fetch(app.url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    expect([answer.redirected, answer.status, await answer.json()]).toEqual([false, 200, { data: { __typename: 'Query' } }])
    const page = await fetch(app.url + path, { headers: { accept: browser } })
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  })

  it.each(['/graphql', '/graphql/', '//graphql'])('takes sockets at %s', async (path) => {
    const socket = new WebSocket(app.url.replace('http', 'ws') + path, 'graphql-transport-ws')
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    socket.terminate()
  })

  it.each(['/Graphql', '/graphql/x', '/graphq', '/graphql%2F'])('is not at %s', async (path) => {
    expect((await fetch(app.url + path)).status).toBe(404)
  })
})

describe('what other systems ask for', () => {
  it.each([
    ['/health', 'ok'],
    ['/health/', 'ok'],
    ['/healthz', 'ok'],
    ['/livez', 'ok'],
    ['/ready', 'ready'],
    ['/readyz', 'ready'],
    ['/readyz?verbose', 'ready'],
  ])('is at %s', async (path, status) => {
    const answer = await fetch(app.url + path)
    expect([answer.status, await answer.json()]).toEqual([200, { status }])
  })

  it.each([
    ['/favicon.ico', 'image/x-icon', Buffer.from([0, 0, 1, 0])],
    ['/favicon.svg', 'image/svg+xml', Buffer.from('<svg')],
    ['/robots.txt', 'text/plain; charset=utf-8', Buffer.from('User-agent: *\nDisallow: /\n')],
  ])('is at %s', async (path, type, start) => {
    const answer = await fetch(app.url + path)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type])
    expect(answer.headers.get('cache-control')).toMatch(/max-age=\d{3}/)
    expect(Buffer.from(await answer.arrayBuffer()).subarray(0, start.length)).toEqual(start)
  })

  it('is the schema, to be kept and asked for by any page', async () => {
    const answer = await fetch(`${app.url}/schema.graphql`)
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    expect(await answer.text()).toBe(await readFile('schema.graphql', 'utf8'))
    const etag = answer.headers.get('etag') ?? ''
    expect((await fetch(`${app.url}/schema.graphql`, { headers: { 'if-none-match': etag } })).status).toBe(304)
    expect((await fetch(`${closed.url}/schema.graphql`)).status).toBe(404)
  })

  it.each([
    '/',
    '/inbox',
    '/inbox.js',
    '/graphql?query={__typename}',
    '/schema.graphql',
    '/favicon.ico',
    '/robots.txt',
    '/healthz',
    '/metrics',
  ])('has the same head by HEAD as by GET at %s', async (path) => {
    const [get, head] = await Promise.all(['GET', 'HEAD'].map((method) => fetch(app.url + path, { method })))
    expect([head?.status, head?.headers.get('content-type')]).toEqual([get?.status, get?.headers.get('content-type')])
    expect(await head?.text()).toBe('')
  })

  it('is no mutation by HEAD, either', async () => {
    expect((await fetch(`${app.url}/graphql?query=mutation{__typename}`, { method: 'HEAD' })).status).toBe(405)
  })
})

describe('somebody with a browser', () => {
  it.each([
    ['/nope', './'],
    ['/a/b/c', '../../'],
    ['//nope/', '../'],
    ['/%3Cscript%3E', './'],
    ['/callbacks/x', '../'],
  ])('gets a page at %s that leads to the console', async (path, root) => {
    const answer = await fetch(app.url + path, { headers: { accept: browser } })
    const text = await answer.text()
    expect([answer.status >= 400, answer.headers.get('content-type')]).toEqual([true, 'text/html; charset=utf-8'])
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(answer.headers.get('vary')).toContain('accept')
    expect(text).toContain(`<a href="${root}">Console</a> · <a href="${root}graphql">GraphiQL</a>`)
    expect(text).not.toContain('<script')
    expect((await fetch(new URL(root, app.url + path.replace('//', '/')), { headers: { accept: browser } })).status).toBe(200)
  })

  it('gets a page where GraphiQL is off, without a link to it', async () => {
    const answer = await fetch(`${closed.url}/graphql`, { headers: { accept: browser } })
    const text = await answer.text()
    expect([answer.status, text.includes('>Console</a>'), text.includes('GraphiQL')]).toEqual([404, true, false])
  })

  it.each([
    ['a program', { accept: '*/*' }],
    ['a client of the API', { accept: 'application/json' }],
    ['somebody who says nothing', {}],
  ])('is not %s, who gets JSON', async (_title, headers) => {
    const answer = await fetch(`${app.url}/nope`, { headers: headers as Record<string, string> })
    expect([answer.status, await answer.json()]).toMatchObject([404, { errors: [{ extensions: { code: 'NOT_FOUND' } }] }])
  })
})
