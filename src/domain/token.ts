/** Tokens: signed, short-lived credentials that are not stored. They are issued and verified without the database. */
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { CarillonError } from '../errors.ts'
import { createLru } from '../lru.ts'
import type { Clock } from './clock.ts'
import type { Keys } from './secrets.ts'

/** The verified content of a token. `generation`: left out for 0 */
export type TokenClaims =
  | { readonly kind: 'access'; readonly projectId: string; readonly generation?: number; readonly expiresAt: Date }
  | {
      readonly kind: 'contact'
      readonly projectId: string
      readonly contactId: string
      readonly externalId: string
      readonly generation?: number
      readonly expiresAt: Date
    }

/** A token that was just issued. */
export interface IssuedToken {
  readonly token: string
  readonly expiresAt: Date
}

/** Issues and verifies tokens. `generation`: what is compared with later revocations, see `Standing`; a time would be ambiguous. */
export interface Tokens {
  issueAccess(projectId: string, ttlSeconds: number, generation?: number): Promise<IssuedToken>
  issueContact(
    projectId: string,
    contactId: string,
    externalId: string,
    ttlSeconds: number,
    generation?: number,
  ): Promise<IssuedToken>
  /** Verifies a token. @throws UNAUTHENTICATED for anything but a token that was issued here and has not expired */
  read(token: string): Promise<TokenClaims>
}

/** Clocks of two servers may differ by this much, seconds. */
const LEEWAY_SECONDS = 30
const FOREIGN = 'The token was not issued by this server, or with a secret that has been replaced since.'
/** Tokens whose signature was verified already: a page sends the same one with each request. */
const VERIFIED_MAX = 10_000

/** Creates tokens that are signed with the first of `keys`; those signed with another are valid too. */
export function createTokens(keys: Keys, clock: Clock): Tokens {
  const verified = createLru<TokenClaims>({ max: VERIFIED_MAX })
  const issue = async (claims: Record<string, string>, generation: number, ttlSeconds: number): Promise<IssuedToken> => {
    const now = Math.floor(clock.now().getTime() / 1000)
    const token = await new SignJWT(generation === 0 ? claims : { ...claims, gen: generation })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuedAt(now)
      .setExpirationTime(now + ttlSeconds)
      .sign(keys[0])
    return { token, expiresAt: new Date((now + ttlSeconds) * 1000) }
  }

  async function verify(token: string): Promise<JWTPayload> {
    const options = {
      algorithms: ['HS256'],
      currentDate: clock.now(),
      clockTolerance: LEEWAY_SECONDS,
      requiredClaims: ['exp', 'use', 'pid'],
    }
    for (const key of keys.slice(0, -1)) {
      try {
        return (await jwtVerify(token, key, options)).payload
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error
      }
    }
    return (await jwtVerify(token, keys.at(-1) ?? keys[0], options)).payload
  }

  return {
    issueAccess: (projectId, ttlSeconds, generation = 0) => issue({ use: 'access', pid: projectId }, generation, ttlSeconds),
    issueContact: (projectId, contactId, externalId, ttlSeconds, generation = 0) =>
      issue({ use: 'contact', pid: projectId, cid: contactId, sub: externalId }, generation, ttlSeconds),
    async read(token) {
      const known = verified.get(token)
      // One that has expired in the meantime is verified again, and refused like any other.
      if (known !== undefined && known.expiresAt.getTime() + LEEWAY_SECONDS * 1000 > clock.now().getTime()) return known
      const claims = await claimsOf(token)
      verified.set(token, claims)
      return claims
    },
  }

  async function claimsOf(token: string): Promise<TokenClaims> {
    try {
      const payload = await verify(token)
      const expiresAt = new Date((payload.exp ?? 0) * 1000)
      const { use, pid, cid, sub, gen } = payload
      const generation = typeof gen === 'number' ? { generation: gen } : {}
      if (use === 'access' && typeof pid === 'string') return { kind: 'access', projectId: pid, ...generation, expiresAt }
      if (use === 'contact' && typeof pid === 'string' && typeof cid === 'string' && typeof sub === 'string') {
        return { kind: 'contact', projectId: pid, contactId: cid, externalId: sub, ...generation, expiresAt }
      }
    } catch (cause) {
      if (!(cause instanceof errors.JOSEError)) throw cause
      const message = cause instanceof errors.JWTExpired ? 'The token has expired. Get a new one.' : FOREIGN
      throw new CarillonError('UNAUTHENTICATED', { message, cause })
    }
    throw new CarillonError('UNAUTHENTICATED', { message: FOREIGN })
  }
}
