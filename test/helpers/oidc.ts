/** Identity providers on 127.0.0.1: oidc-provider, a real one with two accounts, and one by hand that answers as a test says. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import Provider, { type Configuration, errors } from 'oidc-provider'

/** What a client needs to know. */
export const client = { id: 'carillon', secret: 'a-secret-of-the-client: 100 %' } as const

/** An account: its claims by its name. */
export type Accounts = Readonly<Record<string, { readonly sub: string; readonly [claim: string]: unknown }>>

/** A running identity provider. */
export interface TestIssuer {
  readonly url: string
  close(): Promise<void>
}

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
const closing = (server: Server) => (): Promise<void> => {
  server.closeAllConnections()
  return new Promise((resolve) => void server.close(() => resolve()))
}

/** A port that was free a moment ago: the address that people come back to has to be known before the server starts. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const url = await listen(server)
  await closing(server)()
  return Number(new URL(url).port)
}

const read = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** Starts oidc-provider: its page has a button for each account, and one to cancel. Consent is given. */
export async function startIssuer(redirectUri: string, accounts: Accounts): Promise<TestIssuer> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const server = createServer((request, response) => void handle(request, response))
  const url = await listen(server)
  const configuration: Configuration = {
    clients: [{ client_id: client.id, client_secret: client.secret, redirect_uris: [redirectUri] }],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256' }] },
    cookies: { keys: ['of a test'] },
    claims: { openid: ['sub', 'roles'], email: ['email', 'email_verified'], profile: ['name'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
    findAccount: (_context, name) => {
      const account = accounts[name]
      return account === undefined ? undefined : { accountId: name, claims: async () => ({ ...account }) }
    },
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({
        ...(oidc.client === undefined ? {} : { clientId: oidc.client.clientId }),
        ...(oidc.session?.accountId === undefined ? {} : { accountId: oidc.session.accountId }),
      })
      grant.addOIDCScope('openid email profile')
      await grant.save()
      return grant
    },
  }
  const provider = new Provider(url, configuration)
  const callback = provider.callback()

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url?.startsWith('/interaction/') !== true) return void callback(request, response)
    try {
      if (request.method === 'GET') {
        const buttons = Object.keys(accounts).map((name) => `<button name="account" value="${name}">${name}</button>`)
        response.writeHead(200, { 'content-type': 'text/html' })
        return void response.end(`<form method="post"><h1>Who are you?</h1>${buttons.join('')}<button>Cancel</button></form>`)
      }
      const account = new URLSearchParams(await read(request)).get('account')
      const result = account === null ? { error: 'access_denied' } : { login: { accountId: account } }
      await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
    } catch (error) {
      response.writeHead(error instanceof errors.OIDCProviderError ? 400 : 500)
      response.end(String(error))
    }
  }
  return { url, close: closing(server) }
}

/** What the issuer by hand puts into its ID token in place of what is right. */
export interface Forgery {
  readonly claims?: Readonly<Record<string, unknown>>
  /** signs with a key that is not among the published ones */
  readonly isForeignKey?: boolean
  readonly isUnsigned?: boolean
  /** what the token endpoint answers instead */
  readonly status?: number
  readonly hasNoIdToken?: boolean
}

/** Starts an issuer by hand. It has no pages: a test takes state and nonce from the address that the browser is sent to. */
export async function startForger() {
  const keys = await generateKeyPair('RS256', { extractable: true })
  const others = await generateKeyPair('RS256', { extractable: true })
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', use: 'sig', alg: 'RS256' }
  const state = { nonce: '', forgery: {} as Forgery, discoveries: 0, isDown: false, verifiers: [] as string[] }
  const server = createServer((request, response) => void handle(request, response))
  const url = await listen(server)
  const json = (response: ServerResponse, status: number, value: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(value))
  }
  async function idToken({ claims = {}, isForeignKey = false, isUnsigned = false }: Forgery): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const payload = {
      iss: url,
      aud: client.id,
      sub: 'one',
      nonce: state.nonce,
      iat: now,
      exp: now + 300,
      email: 'one@example.com',
      ...claims,
    }
    const kept = Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined))
    if (isUnsigned) {
      const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
      return `${part({ alg: 'none' })}.${part(kept)}.`
    }
    return new SignJWT(kept)
      .setProtectedHeader({ alg: 'RS256', kid: 'one' })
      .sign(isForeignKey ? others.privateKey : keys.privateKey)
  }
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (state.isDown) return void request.socket.destroy()
    if (request.url === '/.well-known/openid-configuration') {
      state.discoveries += 1
      return json(response, 200, {
        issuer: url,
        authorization_endpoint: `${url}/authorize`,
        token_endpoint: `${url}/token`,
        jwks_uri: `${url}/jwks`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
      })
    }
    if (request.url === '/jwks') return json(response, 200, { keys: [jwk] })
    if (request.url !== '/token') return json(response, 404, {})
    state.verifiers.push(new URLSearchParams(await read(request)).get('code_verifier') ?? '')
    const { status = 200, hasNoIdToken = false } = state.forgery
    if (status !== 200) return json(response, status, { error: status < 500 ? 'invalid_grant' : 'server_error' })
    const token = hasNoIdToken ? {} : { id_token: await idToken(state.forgery) }
    json(response, 200, { access_token: 'access', token_type: 'Bearer', expires_in: 60, ...token })
  }
  return { url, state, close: closing(server) }
}

let browsers = 0

/** A browser without a window: it keeps cookies, and follows no redirect by itself. Each has an address of its own, for a server that trusts it. */
export function createJar() {
  browsers += 1
  const address = `10.0.${Math.floor(browsers / 250)}.${(browsers % 250) + 1}`
  const cookies = new Map<string, Map<string, string>>()
  return {
    /** by host */
    cookies,
    async fetch(url: string, init: RequestInit = {}): Promise<Response> {
      const { host } = new URL(url)
      const own = cookies.get(host) ?? new Map<string, string>()
      cookies.set(host, own)
      const headers = new Headers(init.headers)
      headers.set('x-forwarded-for', address)
      if (own.size > 0 && !headers.has('cookie'))
        headers.set('cookie', [...own].map(([name, value]) => `${name}=${value}`).join('; '))
      const response = await fetch(url, { ...init, headers, redirect: 'manual' })
      for (const line of response.headers.getSetCookie()) {
        const [pair = ''] = line.split(';')
        const equals = pair.indexOf('=')
        const [name, value] = [pair.slice(0, equals), pair.slice(equals + 1)]
        if (value === '' || /max-age=0/i.test(line) || /expires=Thu, 01 Jan 1970/i.test(line)) own.delete(name)
        else own.set(name, value)
      }
      return response
    },
  }
}
export type Jar = ReturnType<typeof createJar>

/** Where a response sends the browser. */
export const locationOf = (response: Response, base: string): string => new URL(response.headers.get('location') ?? '', base).href

/** Goes from the server to the issuer's page, presses the button of an account, and comes back. @returns the address of the callback, not yet visited */
export async function goThroughIssuer(jar: Jar, appUrl: string, account: string | null, returnTo = '/'): Promise<string> {
  let at = `${appUrl}/auth/sign-in?returnTo=${encodeURIComponent(returnTo)}`
  let init: RequestInit = {}
  for (let hop = 0; hop < 10; hop++) {
    const response = await jar.fetch(at, init)
    init = {}
    if (response.status === 200) {
      const body = account === null ? '' : new URLSearchParams({ account }).toString()
      init = { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } }
      continue
    }
    if (response.headers.get('location') === null) throw new Error(`${at}: ${response.status} ${await response.text()}`)
    at = locationOf(response, at)
    if (at.startsWith(`${appUrl}/auth/callback`)) return at
  }
  throw new Error('The issuer leads in a circle.')
}
