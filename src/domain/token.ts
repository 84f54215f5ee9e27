/** Tokens: signed, short-lived credentials that are not stored. Issuing and checking one asks nothing of the database. */
import { errors, jwtVerify, SignJWT } from 'jose'
import { CarillonError } from '../errors.ts'
import type { Clock } from './clock.ts'

/** What a token says. */
export type TokenClaims =
  | { readonly kind: 'access'; readonly projectId: string; readonly expiresAt: Date }
  | {
      readonly kind: 'contact'
      readonly projectId: string
      readonly contactId: string
      readonly externalId: string
      readonly expiresAt: Date
    }

/** A token that was just made. */
export interface IssuedToken {
  readonly token: string
  readonly expiresAt: Date
}

/** Makes and reads tokens. */
export interface Tokens {
  issueAccess(projectId: string, ttlSeconds: number): Promise<IssuedToken>
  issueContact(projectId: string, contactId: string, externalId: string, ttlSeconds: number): Promise<IssuedToken>
  /** @throws UNAUTHENTICATED for anything but a token of ours that has not expired */
  read(token: string): Promise<TokenClaims>
}

/** Clocks of two servers may differ by this much, seconds. */
const LEEWAY_SECONDS = 30

/** Makes tokens that are signed with `key`. */
export function createTokens(key: Uint8Array, clock: Clock): Tokens {
  const issue = async (claims: Record<string, string>, ttlSeconds: number): Promise<IssuedToken> => {
    const now = Math.floor(clock.now().getTime() / 1000)
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuedAt(now)
      .setExpirationTime(now + ttlSeconds)
      .sign(key)
    return { token, expiresAt: new Date((now + ttlSeconds) * 1000) }
  }
  return {
    issueAccess: (projectId, ttlSeconds) => issue({ use: 'access', pid: projectId }, ttlSeconds),
    issueContact: (projectId, contactId, externalId, ttlSeconds) =>
      issue({ use: 'contact', pid: projectId, cid: contactId, sub: externalId }, ttlSeconds),
    async read(token) {
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: ['HS256'],
          currentDate: clock.now(),
          clockTolerance: LEEWAY_SECONDS,
          requiredClaims: ['exp', 'use', 'pid'],
        })
        const expiresAt = new Date((payload.exp ?? 0) * 1000)
        const { use, pid, cid, sub } = payload
        if (use === 'access' && typeof pid === 'string') return { kind: 'access', projectId: pid, expiresAt }
        if (use === 'contact' && typeof pid === 'string' && typeof cid === 'string' && typeof sub === 'string') {
          return { kind: 'contact', projectId: pid, contactId: cid, externalId: sub, expiresAt }
        }
      } catch (cause) {
        if (!(cause instanceof errors.JOSEError)) throw cause
        const message = cause instanceof errors.JWTExpired ? 'The token has expired.' : undefined
        throw new CarillonError('UNAUTHENTICATED', { ...(message === undefined ? {} : { message }), cause })
      }
      throw new CarillonError('UNAUTHENTICATED')
    },
  }
}
