/**
 * `/unsubscribe/:token`, which e-mails link to. A GET shows a page and changes nothing, because mail scanners open every link; a POST,
 * from the page's button or from a mail client (RFC 8058, one click), unsubscribes.
 */
import type { ServerResponse } from 'node:http'
import type { UnsubscribeTarget } from '../domain/link.ts'
import { CarillonError } from '../errors.ts'
import { readBody } from './body.ts'
import type { Route } from './server.ts'

/** What the page asks of the rules. */
export interface UnsubscribeDeps {
  /** null: the token is not one of ours */
  read(token: string): UnsubscribeTarget | null
  unsubscribe(target: UnsubscribeTarget): Promise<void>
}

const PATH = '/unsubscribe/'
const BODY_BYTES = 4_096

const page = (title: string, text: string, form = ''): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { display: grid; min-height: 100vh; place-content: center; margin: 0; padding: 1rem; box-sizing: border-box }
main { max-width: 26rem }
h1 { font-size: 1.4rem; margin: 0 0 .5rem }
button { font: inherit; padding: .6rem 1.2rem; border: 0; border-radius: .5rem; background: #3b5bdb; color: #fff; cursor: pointer }
button:focus-visible { outline: 3px solid #91a7ff; outline-offset: 2px }
</style>
<main><h1>${title}</h1><p>${text}</p>${form}</main>
`

function send(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(html),
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  })
  response.end(html)
}

/** Makes the door. */
export function createUnsubscribe({ read, unsubscribe }: UnsubscribeDeps): Route {
  return {
    path: PATH,
    async handle(request, response) {
      const [path = ''] = (request.url ?? '').split('?')
      const target = read(path.slice(PATH.length))
      if (request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'POST')
        throw new CarillonError('METHOD_NOT_ALLOWED')
      if (target === null) {
        return send(
          response,
          404,
          page('This link does not work', 'It may have been cut off: copy the whole of it out of the e-mail.'),
        )
      }
      if (request.method !== 'POST') {
        const form = '<form method="post"><button>Unsubscribe</button></form>'
        return send(response, 200, page('Unsubscribe?', 'You will get no more e-mails of this kind.', form))
      }
      await readBody(request, BODY_BYTES)
      await unsubscribe(target)
      send(response, 200, page('You are unsubscribed', 'You will get no more e-mails of this kind.'))
    },
  }
}
