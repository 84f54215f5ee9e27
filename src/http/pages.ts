/** The pages and what they are made of: the console, the demo of the inbox, and the scripts that any site may load. */
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { CarillonError } from '../errors.ts'
import { createAsset } from './asset.ts'
import type { Route } from './server.ts'

const types = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
} as const

/**
 * No script inline, nothing from elsewhere, and no string becomes a script. Lit makes its templates under the policy `lit-html`; the page
 * and the element may each have a Lit of their own. The console shows e-mails in frames that may do nothing, which are under its policy as
 * well: their styles stand in the e-mail, and their HTML is a text that it is given leave for.
 * @param sockets this server as the browser names it: older browsers don't count its WebSockets as 'self'
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

/** Of a Host header, only what is a host: it is written into a policy. */
const socketsOf = ({ headers: { host = '' } }: IncomingMessage): string =>
  /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.test(host) ? `ws://${host} wss://${host}` : ''

const same: OutgoingHttpHeaders = { 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'same-origin' }
const page: OutgoingHttpHeaders = {
  ...same,
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
}
/** Any site may load it. It is asked for again after five minutes, in the background. */
const shared: OutgoingHttpHeaders = {
  'x-content-type-options': 'nosniff',
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
  'cache-control': 'public, max-age=300, stale-while-revalidate=86400',
}

const served: readonly { readonly path: string; readonly file: string; readonly headers: OutgoingHttpHeaders }[] = [
  { path: '/', file: 'console.html', headers: page },
  { path: '/console.js', file: 'console.js', headers: same },
  { path: '/console.css', file: 'console.css', headers: same },
  { path: '/inbox', file: 'inbox.html', headers: page },
  { path: '/inbox-page.js', file: 'inbox-page.js', headers: same },
  { path: '/inbox-page.css', file: 'inbox-page.css', headers: same },
  { path: '/inbox.js', file: 'inbox.js', headers: shared },
  { path: '/inbox-client.js', file: 'inbox-client.js', headers: shared },
]

/** Makes the doors to the files in `dir`, where the build has put them. */
export function createPages(dir: string = join(import.meta.dirname, '../../web/dist')): Route[] {
  return served.map(({ path, file, headers }) => {
    const load = (): Promise<Buffer> =>
      readFile(join(dir, file)).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code !== 'ENOENT') throw cause
        throw new CarillonError('NOT_FOUND', { message: 'The pages are not built: npm run web.', cause })
      })
    const extension = file.slice(file.lastIndexOf('.') + 1) as keyof typeof types
    const send = createAsset(load, types[extension], headers)
    return {
      path,
      handle(request, response) {
        if (request.method !== 'GET' && request.method !== 'HEAD') {
          response.setHeader('allow', 'GET, HEAD')
          throw new CarillonError('METHOD_NOT_ALLOWED')
        }
        return send(request, response, headers === page ? { 'content-security-policy': policy(file, socketsOf(request)) } : {})
      },
    }
  })
}
