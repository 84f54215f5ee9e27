/** A server that people sign in to, with oidc-provider, and requests with the cookie of a session. */
import { startTestApp, type TestApp, type TestAppOptions } from './app.ts'
import { type Accounts, client, createJar, freePort, goThroughIssuer, type Jar, startIssuer, type TestIssuer } from './oidc.ts'

/** The settings for an issuer. */
export const oidcEnv = (issuer: string, port: number): Record<string, string> => ({
  PORT: String(port),
  CARILLON_PUBLIC_URL: `http://127.0.0.1:${port}`,
  CARILLON_OIDC_ISSUER: issuer,
  CARILLON_OIDC_CLIENT_ID: client.id,
  CARILLON_OIDC_CLIENT_SECRET: client.secret,
  CARILLON_OIDC_ROLES_CLAIM: 'roles',
  CARILLON_TRUSTED_PROXIES: '127.0.0.1/32',
})

/** A server with an identity provider. */
export interface PeopleApp {
  readonly app: TestApp
  readonly issuer: TestIssuer
  /** Signs an account in. */
  signIn(account: string, returnTo?: string): Promise<Person>
  stop(): Promise<void>
}

/** Somebody who is signed in. */
export interface Person {
  readonly jar: Jar
  /** name=value */
  readonly cookie: string
  /** where the browser was sent in the end */
  readonly landed: string
  /** Asks as the console does. `headers`: in place of its own; null leaves one out */
  ask(project: string | null, query: string, headers?: Record<string, string>, init?: RequestInit): Promise<PersonAnswer>
}

/** An answer, whatever it is. */
export interface PersonAnswer {
  readonly status: number
  readonly text: string
  readonly data: Record<string, unknown> | null | undefined
  readonly codes: readonly string[]
}

/** Asks with a cookie. */
export async function askWith(
  url: string,
  query: string,
  headers: Record<string, string>,
  init: RequestInit = {},
): Promise<PersonAnswer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    body: JSON.stringify({ query }),
    ...init,
    headers: { 'content-type': 'application/json', ...headers },
  })
  const text = await response.text()
  const answer = JSON.parse(text) as { data?: Record<string, unknown> | null; errors?: { extensions: { code: string } }[] }
  return {
    status: response.status,
    text,
    data: answer.data,
    codes: (answer.errors ?? []).map(({ extensions }) => extensions.code),
  }
}

/** Starts a server and its identity provider, each on a free port. */
export async function startPeopleApp(accounts: Accounts, options: TestAppOptions = {}): Promise<PeopleApp> {
  const port = await freePort()
  const issuer = await startIssuer(`http://127.0.0.1:${port}/auth/callback`, accounts)
  const app = await startTestApp({ ...options, env: { ...oidcEnv(issuer.url, port), ...options.env } })
  return {
    app,
    issuer,
    async signIn(account, returnTo = '/') {
      const jar = createJar()
      const callback = await goThroughIssuer(jar, app.url, account, returnTo)
      const response = await jar.fetch(callback)
      const landed = response.headers.get('location') ?? ''
      const cookies = jar.cookies.get(new URL(app.url).host) ?? new Map<string, string>()
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      return {
        jar,
        cookie,
        landed,
        ask: (project, query, headers = {}, init = {}) =>
          askWith(app.url, query, { cookie, ...(project === null ? {} : { 'x-carillon-project': project }), ...headers }, init),
      }
    },
    async stop() {
      await app.stop()
      await issuer.close()
    },
  }
}
