/** `/callbacks/:provider`: where vendors report what became of messages. Nobody is believed whose signature over the raw body is wrong. */
import { CarillonError } from '../errors.ts'
import { readBody } from './body.ts'
import { sendJson } from './respond.ts'
import type { Route } from './server.ts'

/** A delivery report as it came over the wire. */
export interface Callback {
  readonly method: string
  /** the public address that was called, with its query string */
  readonly url: string
  /** names in lower case */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly rawBody: Uint8Array
}

/** What the door asks. */
export interface CallbacksDeps {
  readonly publicUrl: string
  /**
   * Reads a report of the provider with this id, and applies it.
   * @throws CarillonError UNAUTHENTICATED for a wrong signature; NOT_FOUND for a provider that there is not, or that sends no reports
   */
  receive(providerId: string, callback: Callback): Promise<void>
}

const PATH = '/callbacks/'
const BODY_BYTES = 1_048_576

/** Where a provider's vendor reports to. */
export const callbackUrlOf = (publicUrl: string, providerId: string): string => `${publicUrl}${PATH}${providerId}`

/** Makes the door. */
export function createCallbacks({ publicUrl, receive }: CallbacksDeps): Route {
  return {
    path: PATH,
    async handle(request, response) {
      if (request.method !== 'POST') throw new CarillonError('METHOD_NOT_ALLOWED')
      const url = request.url ?? ''
      const [path = ''] = url.split('?')
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
      )
      const rawBody = await readBody(request, BODY_BYTES)
      await receive(path.slice(PATH.length), { method: 'POST', url: `${publicUrl}${url}`, headers, rawBody })
      sendJson(response, 200, { ok: true })
    },
  }
}
