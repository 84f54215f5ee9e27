/** `/auth`: people sign in to the console at the identity provider, and sign out. */
import { CarillonError } from '../errors.ts'
import { createSignedCookie } from './cookie.ts'
import { type IdentityProvider, type IssuedIdentity, IssuerUnavailable, type SignInAttempt, SignInRefused } from './oidc.ts'
import { basePathOf } from './request-path.ts'
import { jsonReply, type PublicRoute, type Reply, type RouteRequest } from './route.ts'
import { createSessions, type Sessions } from './session.ts'
import { smallPage } from './small-page.ts'
import { createTokenBuckets } from './token-buckets.ts'

/** What the routes need. */
export interface SignInDeps {
  readonly publicUrl: string
  /** The first one signs cookies, all verify. */
  readonly cookieKeys: readonly Uint8Array[]
  /** how the page calls the identity provider */
  readonly issuerName: string
  readonly provider: IdentityProvider
  readonly now: () => Date
  /** @throws CarillonError UNAUTHENTICATED when the state was used before */
  signIn(identity: IssuedIdentity, state: string): Promise<{ readonly token: string; readonly expiresAt: Date }>
  signOut(token: string): Promise<void>
  /** null: the session has ended */
  signedIn(token: string): Promise<object | null>
}

/** Where the identity provider sends the browser back to. */
export const callbackPath = '/auth/callback'

/** What the cookie of a sign-in holds. */
interface Pending extends SignInAttempt {
  readonly returnTo: string
  readonly untilMs: number
}

/** How long a person may take at the identity provider, seconds. */
const SIGN_IN_SECONDS = 600
/** Sign-ins of one address: each may make this server ask the identity provider. */
const ATTEMPTS = { perSecond: 1, burst: 60 } as const
const RETURN_TO_MAX = 1_000

/**
 * Where to go after the sign-in: a path of this server below its public URL, with its query and fragment. Anything else, addresses of other
 * sites above all, is the start page.
 */
export function ownPath(given: string | null, publicUrl: string): string {
  const base = new URL(publicUrl)
  if (given === null || given.length > RETURN_TO_MAX || !given.startsWith('/') || /[\\\p{Cc}]/u.test(given)) return '/'
  if (!URL.canParse(given, base)) return '/'
  const { origin, pathname, search, hash } = new URL(given, base)
  return origin === base.origin && !pathname.startsWith('//') && !pathname.startsWith('/auth/')
    ? `${pathname}${search}${hash}`
    : '/'
}

const encode = (pending: Pending): string => Buffer.from(JSON.stringify(pending)).toString('base64url')
// The signature has been verified: it is what `encode` wrote.
const decode = (value: string): Pending => JSON.parse(Buffer.from(value, 'base64url').toString('utf8')) as Pending

/** Creates the routes, and what reads the sessions of other requests. */
export function createSignIn(deps: SignInDeps): { readonly routes: readonly PublicRoute[]; readonly sessions: Sessions } {
  const { publicUrl, provider, now } = deps
  const { origin, protocol } = new URL(publicUrl)
  const common = { path: `${basePathOf(publicUrl)}/`, isSecure: protocol === 'https:', keys: deps.cookieKeys }
  // Lax: the browser comes back by a link of another site.
  const pendingCookie = createSignedCookie({ name: 'carillon-sign-in', sameSite: 'Lax', ...common })
  const sessionCookie = createSignedCookie({ name: 'carillon-session', sameSite: 'Strict', ...common })
  const sessions = createSessions(sessionCookie, origin)
  const attempts = createTokenBuckets(ATTEMPTS.perSecond, ATTEMPTS.burst)

  const count = ({ remoteAddress }: RouteRequest<null>): void => {
    const seconds = attempts.take(remoteAddress)
    if (seconds > 0) throw new CarillonError('RATE_LIMITED', { retryAfterSeconds: seconds })
  }
  const failure = (status: number, title: string, text: string): Reply => {
    const reply = smallPage({ status, title, text, links: [['Back to the console', `${publicUrl}/`]] })
    return { ...reply, headers: { ...reply.headers, 'set-cookie': pendingCookie.clear() } }
  }
  const unavailable = (): Reply =>
    failure(502, 'Signing in is not possible right now', 'The sign-in service can not be reached. Try again in a moment.')
  const redirect = (to: string, cookies: readonly string[]): Reply => ({
    status: 303,
    headers: { location: to, 'set-cookie': [...cookies], 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
  })

  const begin: PublicRoute = {
    method: 'GET',
    path: '/auth/sign-in',
    auth: 'none',
    async handle(request) {
      count(request)
      try {
        const { url, attempt } = await provider.begin()
        const returnTo = ownPath(request.query.get('returnTo'), publicUrl)
        const untilMs = now().getTime() + SIGN_IN_SECONDS * 1_000
        return redirect(url.href, [pendingCookie.set(encode({ ...attempt, returnTo, untilMs }), SIGN_IN_SECONDS)])
      } catch (error) {
        if (error instanceof IssuerUnavailable) return unavailable()
        throw error
      }
    },
  }

  const finish: PublicRoute = {
    method: 'GET',
    path: callbackPath,
    auth: 'none',
    async handle(request) {
      count(request)
      const value = pendingCookie.read(request.headers)
      const pending = value === null ? null : decode(value)
      if (pending === null || pending.untilMs <= now().getTime() || request.query.get('state') !== pending.state) {
        return failure(
          400,
          'This sign-in is not valid',
          'It took too long, was begun in another browser, or was used already. Sign in again.',
        )
      }
      try {
        const identity = await provider.finish(request.query, pending)
        const { token, expiresAt } = await deps.signIn(identity, pending.state)
        // A session of before ends: whatever was planted in this browser is not what continues.
        const before = sessionCookie.read(request.headers)
        if (before !== null) await deps.signOut(before)
        const seconds = Math.floor((expiresAt.getTime() - now().getTime()) / 1_000)
        return redirect(`${publicUrl}${pending.returnTo}`, [sessionCookie.set(token, seconds), pendingCookie.clear()])
      } catch (error) {
        if (error instanceof IssuerUnavailable) return unavailable()
        if (error instanceof SignInRefused || (error instanceof CarillonError && error.code === 'UNAUTHENTICATED')) {
          return failure(403, 'You are not signed in', 'The sign-in was refused or is not valid. Sign in again.')
        }
        throw error
      }
    },
  }

  const end: PublicRoute = {
    method: 'POST',
    path: '/auth/sign-out',
    auth: 'none',
    maxBodyBytes: 1_024,
    async handle({ headers: given }) {
      // A form of another site can't send JSON.
      if (!/^application\/json\s*(;|$)/i.test(given['content-type'] ?? '')) throw new CarillonError('UNSUPPORTED_MEDIA_TYPE')
      if (!sessions.isOwnPage(given)) throw new CarillonError('FORBIDDEN', { message: 'Sign out on a page of this server.' })
      const token = sessionCookie.read(given)
      if (token !== null) await deps.signOut(token)
      return { status: 204, headers: { 'set-cookie': sessionCookie.clear(), 'cache-control': 'no-store' } }
    },
  }

  const who: PublicRoute = {
    method: 'GET',
    path: '/auth/session',
    auth: 'none',
    async handle({ headers: given }) {
      const token = sessions.isOwnPage(given) ? sessionCookie.read(given) : null
      const person = token === null ? null : await deps.signedIn(token)
      const reply = jsonReply(200, { issuer: deps.issuerName, person })
      return { ...reply, headers: { ...reply.headers, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } }
    },
  }

  return { routes: [begin, finish, end, who], sessions }
}
