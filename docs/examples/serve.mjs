/**
 * Serves an example that is built: the page, rendered here, its files, and `/carillon-token`. Run it in the example's folder:
 *
 *     CARILLON_URL=http://127.0.0.1:4000 CARILLON_KEY=ck_… node ../serve.mjs
 */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { pathToFileURL } from 'node:url'

const { CARILLON_URL = 'http://127.0.0.1:4000', CARILLON_KEY, PORT = '3000' } = process.env
const dist = join(process.cwd(), 'dist')
const types = { '.js': 'text/javascript', '.css': 'text/css' }
const { render } = await import(pathToFileURL(join(dist, 'server/server.js')).href)
const html = await readFile(join(dist, 'index.html'), 'utf8')

async function token() {
  const response = await fetch(`${CARILLON_URL}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${CARILLON_KEY}` },
    body: JSON.stringify({ query: 'mutation { createContactToken(contact: "user-1") { token } }' }),
  })
  return (await response.json()).data.createContactToken.token
}

async function answer(path) {
  if (path === '/')
    return [
      'text/html',
      html.replace('<!--server-->', CARILLON_URL).replace('<!--app-->', await render({ server: CARILLON_URL })),
    ]
  if (path === '/carillon-token') return ['text/plain', await token()]
  return [types[extname(path)] ?? 'application/octet-stream', await readFile(join(dist, normalize(path)))]
}

const server = createServer(async (request, response) => {
  try {
    const [type, body] = await answer(new URL(request.url, 'http://here').pathname)
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(body)
  } catch {
    response.writeHead(404).end()
  }
})
server.listen(Number(PORT), '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`))
