/** The identity provider, by OpenID Connect: the authorization code flow with PKCE. The library is loaded with the first sign-in. */
import type { Configuration } from 'openid-client'
import type { OidcConfig } from '../config.ts'
import type { Log } from '../log.ts'

/** What a sign-in has to remember until the browser comes back. */
export interface SignInAttempt {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** Who signed in: what the identity provider says of the person. */
export interface IssuedIdentity {
  readonly issuer: string
  readonly subject: string
  readonly email: string | null
  readonly isEmailVerified: boolean
  readonly name: string | null
  /** the value of the roles claim; undefined: there is none, or no such claim is configured */
  readonly roles: unknown
}

/** The identity provider. */
export interface IdentityProvider {
  /** Begins a sign-in. @returns where to send the browser. @throws IssuerUnavailable */
  begin(): Promise<{ readonly url: URL; readonly attempt: SignInAttempt }>
  /**
   * Redeems what the browser brought back, and checks the ID token: signature, issuer, client, nonce, times.
   * @throws IssuerUnavailable; SignInRefused when anything about it is wrong
   */
  finish(query: URLSearchParams, attempt: SignInAttempt): Promise<IssuedIdentity>
}

/** The identity provider can't be reached, or does not answer as one. */
export class IssuerUnavailable extends Error {
  override readonly name = 'IssuerUnavailable'
}

/** The sign-in is not valid, or the person did not consent. */
export class SignInRefused extends Error {
  override readonly name = 'SignInRefused'
}

const TIMEOUT_SECONDS = 10
/** Clocks of this server and of the identity provider may differ by this much. */
const SKEW_SECONDS = 60
/** Keys and addresses of the identity provider are read again after this time. */
const DISCOVERY_MS = 3_600_000
/** After a failure, this long passes before the next attempt: not every browser that waits makes one. */
const RETRY_MS = 1_000

type Library = typeof import('openid-client')
interface Discovered {
  readonly library: Library
  readonly configuration: Configuration
  readonly atMs: number
}

/** Creates it. Nothing is asked before the first sign-in. */
export function createIdentityProvider(config: OidcConfig, redirectUri: string, log: Log): IdentityProvider {
  let known: Discovered | null = null
  let pending: Promise<Discovered> | null = null
  let failed: { readonly atMs: number; readonly error: IssuerUnavailable } | null = null

  async function discover(): Promise<Discovered> {
    const library = await import('openid-client')
    const issuer = new URL(config.issuer)
    const insecure = issuer.protocol === 'http:' ? { execute: [library.allowInsecureRequests] } : {}
    const found = await library.discovery(issuer, config.clientId, undefined, undefined, {
      timeout: TIMEOUT_SECONDS,
      ...insecure,
    })
    const server = found.serverMetadata()
    // By OpenID Connect Discovery, `client_secret_basic` is what is supported if nothing is said.
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    const authentication = methods.includes('client_secret_basic') ? library.ClientSecretBasic : library.ClientSecretPost
    const metadata = { client_secret: config.clientSecret, [library.clockTolerance]: SKEW_SECONDS }
    const configuration = new library.Configuration(server, config.clientId, metadata, authentication(config.clientSecret))
    configuration.timeout = TIMEOUT_SECONDS
    if (issuer.protocol === 'http:') library.allowInsecureRequests(configuration)
    // TLS vouches for the ID token as well; its signature is checked all the same.
    library.enableNonRepudiationChecks(configuration)
    return { library, configuration, atMs: performance.now() }
  }

  /** What is known of the provider. Old knowledge serves while it can't be renewed. */
  async function provider(): Promise<Discovered> {
    const now = performance.now()
    if (known !== null && now - known.atMs < DISCOVERY_MS) return known
    if (failed !== null && now - failed.atMs < RETRY_MS) {
      if (known !== null) return known
      throw failed.error
    }
    pending ??= discover().finally(() => {
      pending = null
    })
    try {
      known = await pending
      failed = null
      return known
    } catch (cause) {
      const error = new IssuerUnavailable('The identity provider can not be reached.', { cause })
      log.warn('The identity provider can not be reached, or does not answer as one', {
        issuer: config.issuer,
        error: reasonOf(cause),
      })
      failed = { atMs: performance.now(), error }
      if (known !== null) return known
      throw error
    }
  }

  return {
    async begin() {
      const { library, configuration } = await provider()
      const attempt = { state: library.randomState(), nonce: library.randomNonce(), verifier: library.randomPKCECodeVerifier() }
      const url = library.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: config.scopes,
        response_type: 'code',
        state: attempt.state,
        nonce: attempt.nonce,
        code_challenge: await library.calculatePKCECodeChallenge(attempt.verifier),
        code_challenge_method: 'S256',
      })
      return { url, attempt }
    },

    async finish(query, { state, nonce, verifier }) {
      const { library, configuration } = await provider()
      const address = new URL(redirectUri)
      address.search = query.toString()
      try {
        const tokens = await library.authorizationCodeGrant(configuration, address, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        })
        const issued = tokens.claims()
        if (issued === undefined) throw new SignInRefused('There is no ID token.')
        let claims: Readonly<Record<string, unknown>> = issued
        const isMissing =
          claims['email'] === undefined || (config.rolesClaim !== null && claimAt(claims, config.rolesClaim) === undefined)
        // Many providers put into the ID token only who signed in. The library compares the subjects of both.
        if (isMissing && configuration.serverMetadata().userinfo_endpoint !== undefined) {
          claims = { ...(await library.fetchUserInfo(configuration, tokens.access_token, issued.sub)), ...issued }
        }
        const text = (name: string): string | null =>
          typeof claims[name] === 'string' && claims[name] !== '' ? claims[name] : null
        return {
          issuer: issued.iss,
          subject: issued.sub,
          email: text('email'),
          isEmailVerified: claims['email_verified'] === true,
          name: text('name') ?? text('preferred_username'),
          roles: config.rolesClaim === null ? undefined : claimAt(claims, config.rolesClaim),
        }
      } catch (cause) {
        log.warn('A sign-in was not completed', { issuer: config.issuer, error: reasonOf(cause) })
        if (isUnreachable(cause)) throw new IssuerUnavailable('The identity provider can not be reached.', { cause })
        throw new SignInRefused('The sign-in is not valid.', { cause })
      }
    },
  }
}

/** A claim by its name, which may have dots, or by a dotted path, such as `realm_access.roles`. */
export function claimAt(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  let value: unknown = claims
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Readonly<Record<string, unknown>>)[part]
  }
  return value
}

/** What is logged of an error: the library's own words and codes, never tokens or claims. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : ''
  const inner = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return `${error.message}${code}${inner}`
}

/** Whether there was no answer, or the provider failed by itself. */
function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error.name === 'TimeoutError' || error.message === 'fetch failed') return true
  if ('code' in error && error.code === 'OAUTH_TIMEOUT') return true
  if ('status' in error && typeof error.status === 'number' && error.status >= 500) return true
  if (error.cause instanceof Response && error.cause.status >= 500) return true
  return error.cause instanceof Error && isUnreachable(error.cause)
}
