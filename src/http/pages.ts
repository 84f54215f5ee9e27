/** The pages and their files: the console, the demo of the inbox, the scripts that any site may load, and what browsers and robots ask for. */
import { readFile } from 'node:fs/promises'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { CarillonError } from '../errors.ts'
import { type Asset, createAsset } from './asset.ts'
import type { PublicRoute } from './route.ts'
import { escapeHtml } from './small-page.ts'

const types = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  ico: 'image/x-icon',
  graphql: 'text/plain; charset=utf-8',
} as const

/**
 * No inline scripts, nothing from other servers, and no string becomes a script. Lit creates its templates under the Trusted Types policy
 * `lit-html`, which the page and the element may each create ('allow-duplicates'). The console shows e-mails in sandboxed frames, which
 * inherit its policy: that is why it allows inline styles, and `carillon-email` for their HTML.
 * @param sockets this server's WebSocket origins: older browsers don't count them as 'self'
 */
const policy = (file: string, sockets: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self'${showsEmail(file) ? " 'unsafe-inline'" : ''}`,
    "img-src 'self' data:",
    `connect-src 'self' ${sockets}`.trim(),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    `trusted-types lit-html${showsEmail(file) ? ' carillon-email' : ''} 'allow-duplicates'`,
  ].join('; ')
const showsEmail = (file: string): boolean => file === 'console.html'

/** Empty unless the Host header is a valid host: it is written into a policy. */
const socketsOf = ({ host = '' }: IncomingHttpHeaders): string =>
  /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.test(host) ? `ws://${host} wss://${host}` : ''

const same: OutgoingHttpHeaders = { 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'same-origin' }
const page: OutgoingHttpHeaders = {
  ...same,
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
}
const icon: OutgoingHttpHeaders = { ...same, 'cache-control': 'public, max-age=86400' }
/** Any site may load it. Browsers check for a new version after five minutes, in the background. */
const shared: OutgoingHttpHeaders = {
  'x-content-type-options': 'nosniff',
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
  'cache-control': 'public, max-age=300, stale-while-revalidate=86400',
}

const served: readonly { readonly path: string; readonly file: string; readonly headers: OutgoingHttpHeaders }[] = [
  { path: '/', file: 'console.html', headers: page },
  { path: '/console.js', file: 'console.js', headers: same },
  { path: '/console-editor.js', file: 'console-editor.js', headers: same },
  { path: '/console-chart.js', file: 'console-chart.js', headers: same },
  { path: '/console-csv.js', file: 'console-csv.js', headers: same },
  { path: '/console.css', file: 'console.css', headers: same },
  { path: '/inbox', file: 'inbox.html', headers: page },
  { path: '/inbox-page.js', file: 'inbox-page.js', headers: same },
  { path: '/inbox-page.css', file: 'inbox-page.css', headers: same },
  { path: '/inbox.js', file: 'inbox.js', headers: shared },
  { path: '/inbox-client.js', file: 'inbox-client.js', headers: shared },
  { path: '/favicon.svg', file: 'favicon.svg', headers: icon },
  { path: '/favicon.ico', file: 'favicon.ico', headers: icon },
]
const root = join(import.meta.dirname, '../..')
const schema = { path: '/schema.graphql', file: '../../schema.graphql', headers: shared } as const

/** The page of the console says who people sign in with, so that it has to ask for nothing where they do not. */
const withIssuer = (html: Buffer, issuerName: string): Buffer =>
  Buffer.from(html.toString('utf8').replace('<div id="console">', `<div id="console" data-issuer="${issuerName}">`))

/** Its links begin with `./`, which is another place from `/inbox/` than from `/inbox`. */
const below = (html: Buffer, to: string): Buffer => Buffer.from(html.toString('utf8').replaceAll('="./', `="${escapeHtml(to)}`))

/** Nothing here is for search engines: pages need a credential, and links in e-mails are for one person. */
const robots: PublicRoute = {
  method: 'GET',
  path: '/robots.txt',
  auth: 'none',
  handle: () => ({
    status: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'public, max-age=86400' },
    body: 'User-agent: *\nDisallow: /\n',
  }),
}

/**
 * Creates the routes to the files in `dir`, where the build puts them.
 * @param issuerName the host of the identity provider; null: people do not sign in
 * @param showsSchema whether the schema is served
 */
export function createPageRoutes({
  dir = join(root, 'web/dist'),
  issuerName = null,
  showsSchema = false,
}: {
  readonly dir?: string
  readonly issuerName?: string | null
  readonly showsSchema?: boolean
} = {}): PublicRoute[] {
  const files = [...served, ...(showsSchema ? [schema] : [])].map(({ path, file, headers }): PublicRoute => {
    const isPage = headers === page
    const load = async (to: string): Promise<Buffer> => {
      const content = await readFile(join(dir, file)).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code !== 'ENOENT') throw cause
        throw new CarillonError('NOT_FOUND', { message: 'The pages have not been built. Run: npm run web', cause })
      })
      const placed = isPage ? below(content, to) : content
      return file === 'console.html' && issuerName !== null ? withIssuer(placed, issuerName) : placed
    }
    const extension = file.slice(file.lastIndexOf('.') + 1) as keyof typeof types
    // By where its links lead: at most two, because a page has one path, with or without a slash at its end.
    const assets = new Map<string, Asset>()
    const assetFor = (to: string): Asset => {
      const found = assets.get(to) ?? createAsset(() => load(to), types[extension], headers)
      assets.set(to, found)
      return found
    }
    return {
      method: 'GET',
      path,
      auth: 'none',
      ...(headers === shared ? { isShared: true } : {}),
      handle: (request) =>
        isPage
          ? assetFor(request.root)(request.headers, { 'content-security-policy': policy(file, socketsOf(request.headers)) })
          : assetFor('')(request.headers),
    }
  })
  return [...files, robots]
}
