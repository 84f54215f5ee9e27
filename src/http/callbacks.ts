/** `/callbacks/:providerId`: where vendors report what became of messages. A report counts only if its signature over the raw body is right. */
import { CarillonError } from '../errors.ts'
import type { ConnectionLimits } from './limits.ts'
import { createBoundedLookUps } from './look-ups.ts'
import { networkOf } from './remote-address.ts'
import { type AdmittingRoute, jsonReply } from './route.ts'
import { createTokenBuckets } from './token-buckets.ts'

/** A delivery report as the vendor sent it. */
export interface Callback {
  readonly method: string
  /** the public address that was called, with its query string */
  readonly url: string
  /** names in lower case */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly rawBody: Uint8Array
}

/** Verifies a report to one provider, and applies it. @throws CarillonError UNAUTHENTICATED for a wrong signature */
export type Receiver = (callback: Callback) => Promise<void>

/** What the route needs. */
export interface CallbackDeps {
  readonly publicUrl: string
  /** Whether an id has the form of a provider's id. No other is looked up. */
  isId(providerId: string): boolean
  /** null: the provider does not exist, or sends no reports */
  find(providerId: string): Promise<Receiver | null>
  readonly limits: Pick<ConnectionLimits, 'failedLookUpsPerMinute' | 'failedLookUpMs'>
}

const PATH = '/callbacks/'
const MAX_BODY_BYTES = 1_048_576

/** The URL that a provider's vendor reports to. */
export const callbackUrlOf = (publicUrl: string, providerId: string): string => `${publicUrl}${PATH}${providerId}`

/** Creates the route. The provider is looked up before the body is read. */
export function createCallbackRoute({ publicUrl, isId, find, limits }: CallbackDeps): AdmittingRoute {
  const lookUps = createBoundedLookUps<Receiver>(limits)
  const forgeries = createTokenBuckets(limits.failedLookUpsPerMinute / 60, limits.failedLookUpsPerMinute)
  return {
    method: 'POST',
    path: `${PATH}:providerId`,
    auth: 'none',
    maxBodyBytes: MAX_BODY_BYTES,
    async admit({ params: { providerId = '' }, url, headers, remoteAddress }) {
      const receive = isId(providerId) ? await lookUps.find(remoteAddress, providerId, () => find(providerId)) : null
      if (receive === null) throw new CarillonError('NOT_FOUND')
      const forger = `${networkOf(remoteAddress)} ${providerId}`
      const seconds = forgeries.peek(forger)
      if (seconds > 0) throw new CarillonError('RATE_LIMITED', { retryAfterSeconds: seconds })
      const joined = Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
      )
      return async (body) => {
        await receive({ method: 'POST', url: `${publicUrl}${url}`, headers: joined, rawBody: body }).catch((error: unknown) => {
          if (error instanceof CarillonError && error.code === 'UNAUTHENTICATED') forgeries.take(forger)
          throw error
        })
        return jsonReply(200, { ok: true })
      }
    },
  }
}
