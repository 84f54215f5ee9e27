/** The token that identifies us to Apple: signed once, used by all requests, renewed every 40 minutes. */
import { importPKCS8, SignJWT } from 'jose'

/** Apple accepts tokens for 60 minutes, and refuses a provider that sends a new one more often than every 20. */
const RENEW_AFTER_MS = 40 * 60_000
const RENEW_NOT_BEFORE_MS = 20 * 60_000

/** The token of one key. */
export interface ProviderToken {
  take(): Promise<string>
  /** Apple answered that the token has expired: the next `take` signs another. @returns false if it is too early for that */
  reject(token: string): boolean
}

/** `now`: ms. */
export function createProviderToken(
  given: { readonly teamId: string; readonly keyId: string; readonly privateKey: string },
  now: () => number,
): ProviderToken {
  let held: { readonly signing: Promise<string>; token: string | null; readonly signedAt: number } | null = null

  async function sign(at: number): Promise<string> {
    const key = await importPKCS8(given.privateKey, 'ES256')
    return new SignJWT()
      .setProtectedHeader({ alg: 'ES256', kid: given.keyId })
      .setIssuer(given.teamId)
      .setIssuedAt(Math.floor(at / 1000))
      .sign(key)
  }

  return {
    async take() {
      const at = now()
      if (held === null || at - held.signedAt >= RENEW_AFTER_MS) {
        held = { signing: sign(at), token: null, signedAt: at }
      }
      const mine = held
      mine.token = await mine.signing
      return mine.token
    },
    reject(token) {
      // Another request got the same answer, and has already renewed it.
      if (held?.token !== token) return true
      if (now() - held.signedAt < RENEW_NOT_BEFORE_MS) return false
      held = null
      return true
    },
  }
}
