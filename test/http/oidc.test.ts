/** People who sign in: the flow with a real identity provider, their sessions, and what a foreign page or a forger can do. */
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { ownPath } from '../../src/http/sign-in.ts'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { createJar, type Forgery, freePort, goThroughIssuer, locationOf, startForger } from '../helpers/oidc.ts'
import { askWith, oidcEnv, type PeopleApp, type Person, startPeopleApp } from '../helpers/people.ts'
import { newShop } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const WHO =
  '{ viewer { project { key } scopes maskPersonalData person { id email name role projects { key role maskPersonalData } } } }'
const clock = createTestClock()
let people: PeopleApp
let app: TestApp
let shop: TestProject
let other: TestProject
const claims: { roles: Record<string, unknown> } = { roles: {} }

beforeAll(async () => {
  people = await startPeopleApp(
    {
      ann: { sub: 'ann', email: 'Ann@Example.com', email_verified: true, name: 'Ann Admin' },
      bob: { sub: 'bob', email: 'bob@example.com', email_verified: true },
      // Says of itself what it is not: the identity is the subject, and an address counts when it is verified.
      eve: { sub: 'eve', email: 'ann@example.com', email_verified: false },
      claimed: {
        sub: 'claimed',
        email: 'claimed@example.com',
        email_verified: true,
        get roles() {
          return claims.roles
        },
      },
    },
    { clock },
  )
  app = people.app
  shop = await newShop(app, null)
  other = await newShop(app, null)
})
afterAll(() => people?.stop())

const grant = (project: TestProject, args: string) => project.api.raw(`mutation { grantRole(${args}) { id } }`)
const peopleOf = async (project: TestProject) => {
  const answer = await askWith(
    app.url,
    '{ people { totalCount nodes { id email name hasSignedIn role maskPersonalData sources grantedBy } } }',
    { authorization: `Bearer ${project.apiKey}` },
  )
  const data = answer.data as {
    people: { nodes: { id: string; email: string; hasSignedIn: boolean; role: string; sources: string[] }[] }
  }
  return data.people.nodes
}
const idOf = async (project: TestProject, email: string): Promise<string> =>
  (await peopleOf(project)).find((one) => one.email === email)?.id ?? ''

describe('signing in', () => {
  it('gives a role that was granted to the verified address before, and leads back to where it began', async () => {
    expect(await grant(shop, 'email: "ann@EXAMPLE.com", role: ADMIN')).toEqual([])
    expect(await peopleOf(shop)).toMatchObject([
      { email: 'ann@example.com', hasSignedIn: false, role: 'ADMIN', sources: ['GRANT'] },
    ])
    const ann = await people.signIn('ann', '/?x=1#/contacts/me')
    expect(ann.landed).toBe(`${app.url}/?x=1#/contacts/me`)
    const { data } = await ann.ask(shop.key, WHO)
    expect(data).toMatchObject({
      viewer: {
        project: { key: shop.key },
        scopes: ['SEND', 'READ', 'MANAGE', 'KEYS'],
        person: { email: 'ann@example.com', name: 'Ann Admin', role: 'ADMIN', projects: [{ key: shop.key, role: 'ADMIN' }] },
      },
    })
    expect(await peopleOf(shop)).toMatchObject([{ email: 'ann@example.com', hasSignedIn: true, role: 'ADMIN' }])
    const session = await ann.jar.fetch(`${app.url}/auth/session`)
    expect(await session.json()).toMatchObject({
      issuer: new URL(people.issuer.url).host,
      person: { email: 'ann@example.com', projects: [{ key: shop.key, role: 'admin' }] },
    })
  })

  it('gives nothing to an address that is not verified, and to nobody a project without a role', async () => {
    const eve = await people.signIn('eve')
    expect((await eve.ask(shop.key, WHO)).codes).toEqual(['FORBIDDEN'])
    const bob = await people.signIn('bob')
    const [closed, missing] = [await bob.ask(shop.key, WHO), await bob.ask('no-such-project', WHO)]
    expect(closed.text).toBe(missing.text)
    expect(closed.codes).toEqual(['FORBIDDEN'])
  })

  it('sets cookies that scripts and other sites do not get', async () => {
    const jar = createJar()
    const begun = await jar.fetch(`${app.url}/auth/sign-in`)
    const [pending = ''] = begun.headers.getSetCookie()
    expect(pending).toMatch(/^carillon-sign-in=[^;]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/)
    const address = new URL(locationOf(begun, app.url))
    expect(Object.fromEntries(address.searchParams)).toMatchObject({
      code_challenge_method: 'S256',
      response_type: 'code',
      scope: 'openid email profile',
      redirect_uri: `${app.url}/auth/callback`,
    })
    const callback = await goThroughIssuer(jar, app.url, 'ann')
    const [session = '', cleared = ''] = (await jar.fetch(callback)).headers.getSetCookie()
    expect(session).toMatch(/^carillon-session=[^;]+; Path=\/; Max-Age=43\d{3}; HttpOnly; SameSite=Strict$/)
    expect(cleared).toContain('Max-Age=0')
  })

  it('refuses a state of another browser, a missing or altered cookie, and a code that was used', async () => {
    const [mine, theirs] = [createJar(), createJar()]
    const callback = await goThroughIssuer(mine, app.url, 'ann')
    const own = await goThroughIssuer(theirs, app.url, 'bob')
    for (const [jar, url] of [
      [theirs, callback],
      [createJar(), callback],
      [mine, callback.replace(/state=[^&]+/, 'state=x')],
    ] as const) {
      const response = await jar.fetch(url)
      expect([response.status, response.headers.getSetCookie().some((one) => one.startsWith('carillon-session='))]).toEqual([
        400,
        false,
      ])
    }
    // A refused one ends the sign-in of that browser.
    expect((await theirs.fetch(own)).status).toBe(400)
    const again = createJar()
    const good = await goThroughIssuer(again, app.url, 'ann')
    const cookie = [...(again.cookies.get(new URL(app.url).host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ')
    const altered = cookie.replace(/=(.)/, (_whole, letter: string) => `=${letter === 'A' ? 'B' : 'A'}`)
    expect((await fetch(good, { redirect: 'manual', headers: { cookie: altered } })).status).toBe(400)
    expect((await fetch(good, { redirect: 'manual', headers: { cookie } })).status).toBe(303)
    // The cookie and the address were stolen and are used once more: the code is spent at the issuer.
    expect((await fetch(good, { redirect: 'manual', headers: { cookie } })).status).toBe(403)
  })

  it('says so when it is canceled, or takes too long', async () => {
    const jar = createJar()
    const canceled = await goThroughIssuer(jar, app.url, null)
    expect(canceled).toContain('error=access_denied')
    expect((await jar.fetch(canceled)).status).toBe(403)
    const slow = createJar()
    const callback = await goThroughIssuer(slow, app.url, 'ann')
    clock.advance(601_000)
    expect((await slow.fetch(callback)).status).toBe(400)
  })

  it.each([
    ['/', '/'],
    ['/#/contacts/a', '/#/contacts/a'],
    ['/?a=1#/x', '/?a=1#/x'],
    [null, '/'],
    ['//evil.example', '/'],
    ['/\\evil.example', '/'],
    ['/.//evil.example', '/'],
    ['/%2f/evil.example', '/%2f/evil.example'],
    ['https://evil.example/', '/'],
    ['javascript:alert(1)', '/'],
    ['/\t/evil.example', '/'],
    ['/\n/evil.example', '/'],
    ['/@evil.example', '/@evil.example'],
    ['/auth/sign-in', '/'],
    ['', '/'],
  ])('leads from %j to %j: never to another site', (given, expected) => {
    expect(ownPath(given, 'https://carillon.example')).toBe(expected)
  })
})

describe('roles by claim', () => {
  it('are those of the last sign-in; a project of its own wins over *, and :masked masks', async () => {
    claims.roles = { [shop.key]: 'editor', '*': 'viewer:masked', [`${other.key}x`]: 'owner' }
    const person = await people.signIn('claimed')
    expect((await person.ask(shop.key, WHO)).data).toMatchObject({
      viewer: { scopes: ['SEND', 'READ', 'MANAGE'], maskPersonalData: false, person: { role: 'EDITOR' } },
    })
    expect((await person.ask(other.key, WHO)).data).toMatchObject({
      viewer: { scopes: ['READ'], maskPersonalData: true, person: { role: 'VIEWER' } },
    })
    claims.roles = {}
    // Until the person signs in again, what the issuer said stands; then it is what it says now, in every session.
    expect((await person.ask(shop.key, WHO)).codes).toEqual([])
    await people.signIn('claimed')
    expect((await person.ask(shop.key, WHO)).codes).toEqual(['FORBIDDEN'])
  })

  it('can be revoked until the next sign-in; a grant and a claim together give the higher role, masked if either says so', async () => {
    claims.roles = { [other.key]: 'viewer' }
    const person = await people.signIn('claimed')
    expect(await grant(other, 'email: "claimed@example.com", role: SENDER, maskPersonalData: true')).toEqual([])
    expect((await person.ask(other.key, WHO)).data).toMatchObject({
      viewer: { scopes: ['SEND', 'READ'], maskPersonalData: true },
    })
    const id = await idOf(other, 'claimed@example.com')
    expect(await other.api.raw(`mutation { revokeRole(person: "${id}") { sources role } }`)).toEqual([])
    expect((await person.ask(other.key, WHO)).codes).toEqual(['FORBIDDEN'])
    expect(await other.api.raw(`mutation { revokeRole(person: "${id}") { id } }`)).toEqual(['NOT_FOUND'])
    const again = await people.signIn('claimed')
    expect((await again.ask(other.key, WHO)).data).toMatchObject({ viewer: { person: { role: 'VIEWER' } } })
  })
})

describe('grants', () => {
  it('reach no further than the credential of who grants', async () => {
    const ann = await people.signIn('ann')
    expect(await grant(other, 'email: "ann@example.com", role: EDITOR')).toEqual([])
    expect((await ann.ask(other.key, 'mutation { grantRole(email: "x@example.com", role: ADMIN) { id } }')).codes).toEqual([
      'FORBIDDEN',
    ])
    expect(await grant(other, 'email: "ann@example.com", role: ADMIN, maskPersonalData: true')).toEqual([])
    // Masked: no keys, which would show what is masked.
    const { codes } = await ann.ask(other.key, 'mutation { createApiKey(name: "x") { secret } }')
    expect(codes).toEqual(['FORBIDDEN'])
  })

  it.each([
    ['role: ADMIN', ['BAD_INPUT']],
    ['person: "nobody", role: ADMIN', ['NOT_FOUND']],
    ['person: "0199c1de-0000-7000-8000-000000000002", role: ADMIN', ['NOT_FOUND']],
    ['person: "x", email: "a@example.com", role: ADMIN', ['BAD_INPUT']],
    ['email: "not an address", role: ADMIN', ['ADDRESS_INVALID']],
  ])('are refused for %s', async (args, codes) => {
    expect(await grant(other, args)).toEqual(codes)
  })

  it('name nobody of another project by id', async () => {
    const id = await idOf(shop, 'ann@example.com')
    const third = await newShop(app, null)
    expect(id).not.toBe('')
    expect(await grant(third, `person: "${id}", role: VIEWER`)).toEqual(['NOT_FOUND'])
    expect(await third.api.raw(`mutation { revokeRole(person: "${id}") { id } }`)).toEqual(['NOT_FOUND'])
  })
})

describe('requests with the cookie', () => {
  let ann: Person
  beforeAll(async () => {
    ann = await people.signIn('ann')
  })

  it('need the header that names the project; the Authorization header wins over the cookie', async () => {
    const without = await ann.ask(null, WHO)
    expect([without.status, without.codes]).toEqual([403, ['FORBIDDEN']])
    expect((await ann.ask('', WHO)).codes).toEqual(['FORBIDDEN'])
    const key = await ann.ask(shop.key, WHO, { authorization: `Bearer ${other.apiKey}` })
    expect(key.data).toMatchObject({ viewer: { project: { key: other.key }, person: null } })
    expect((await ann.ask(shop.key, WHO, { authorization: 'Bearer ck_wrong' })).status).toBe(401)
    expect((await ann.ask(null, WHO, { authorization: `Bearer ${other.apiKey}`, origin: 'https://evil.example' })).codes).toEqual(
      [],
    )
  })

  it.each([
    ['a foreign origin', { origin: 'https://evil.example' }],
    ['no origin at all: a sandboxed frame', { origin: 'null' }],
    ['another port of this machine', { origin: 'http://127.0.0.1:1' }],
    ['a foreign site', { 'sec-fetch-site': 'cross-site' }],
    ['another page of the same site', { 'sec-fetch-site': 'same-site' }],
    ['a navigation', { 'sec-fetch-site': 'none' }],
  ])('are refused from %s', async (_name, headers: Record<string, string>) => {
    const { status, codes } = await ann.ask(shop.key, WHO, headers)
    expect([status, codes]).toEqual([403, ['FORBIDDEN']])
    const out = await fetch(`${app.url}/auth/sign-out`, {
      method: 'POST',
      headers: { cookie: ann.cookie, 'content-type': 'application/json', ...headers },
    })
    expect(out.status).toBe(403)
    expect((await ann.ask(shop.key, WHO, { origin: app.url, 'sec-fetch-site': 'same-origin' })).codes).toEqual([])
  })

  it.each(['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x'])(
    'are refused as %s',
    async (type) => {
      const body = `query=${encodeURIComponent('mutation { rotateSecretKey { secretKey } }')}`
      expect((await ann.ask(shop.key, '', { 'content-type': type }, { body })).status).toBe(415)
      const out = await fetch(`${app.url}/auth/sign-out`, {
        method: 'POST',
        headers: { cookie: ann.cookie, 'content-type': type },
        body: '',
      })
      expect(out.status).toBe(415)
    },
  )

  it('let a page of another origin set the header on no account', async () => {
    const preflight = await fetch(`${app.url}/graphql`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://evil.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-carillon-project',
      },
    })
    expect(preflight.headers.get('access-control-allow-headers')).not.toContain('x-carillon-project')
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull()
  })

  it('are refused with a cookie that was made up, altered or is of another kind', async () => {
    const [name = '', value = ''] = ann.cookie.split(/=(.*)/s)
    const jar = createJar()
    await jar.fetch(`${app.url}/auth/sign-in`)
    const pending = [...(jar.cookies.get(new URL(app.url).host)?.values() ?? [])][0] ?? ''
    const [token = '', signature = ''] = value.split('.')
    for (const wrong of [
      'x',
      'x.y',
      token,
      `${token}.`,
      `${token}.${signature.slice(1)}`,
      `x${token}.${signature}`,
      `.${signature}`,
      pending,
    ]) {
      const { status, codes } = await ann.ask(shop.key, WHO, { cookie: `${name}=${wrong}` })
      expect([wrong, status, codes]).toEqual([wrong, 401, ['UNAUTHENTICATED']])
    }
    // One that another subdomain planted does not hide the right one.
    expect((await ann.ask(shop.key, WHO, { cookie: `${name}=planted.x; ${ann.cookie}` })).codes).toEqual([])
    expect((await ann.ask(shop.key, WHO, { cookie: '', authorization: `Bearer ${value}` })).status).toBe(401)
  })

  it('end with the sign-out, and after twelve hours; another process knows both', async () => {
    const [one, two] = [await people.signIn('ann'), await people.signIn('ann')]
    const second = await app.another({ PORT: '0' })
    const asked = (person: Person) =>
      askWith(second.url, WHO, { cookie: person.cookie, 'x-carillon-project': shop.key }).then(({ codes }) => codes)
    expect([await asked(one), await asked(two)]).toEqual([[], []])
    const out = await one.jar.fetch(`${app.url}/auth/sign-out`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    })
    expect([out.status, out.headers.getSetCookie()[0]?.includes('Max-Age=0')]).toEqual([204, true])
    expect([await asked(one), await asked(two)]).toEqual([['UNAUTHENTICATED'], []])
    clock.advance(12 * 3_600_000)
    expect((await two.ask(shop.key, WHO)).status).toBe(401)
    expect(await (await two.jar.fetch(`${app.url}/auth/session`)).json()).toMatchObject({ person: null })
  })
})

describe('sockets with the cookie', () => {
  /** Opens one and subscribes. @returns what it was closed with, once it is; `ready` once a query on it was answered */
  function open(cookie: string, origin: string | null, params: Record<string, unknown>) {
    const closed = Promise.withResolvers<number>()
    const ready = Promise.withResolvers<string>()
    class Browser extends WebSocket {
      constructor(address: string, protocols: string[]) {
        super(address, protocols, { headers: { cookie, ...(origin === null ? {} : { origin }) } })
      }
    }
    const socket = createClient({
      url: `${app.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: Browser,
      retryAttempts: 0,
      connectionParams: params,
      on: { closed: (event) => closed.resolve((event as { code: number }).code) },
    })
    const failed = (error: unknown): void => ready.resolve(`failed ${String((error as { code?: number }).code)}`)
    socket.subscribe({ query: 'subscription { notificationChanged { status } }' }, { next() {}, error: failed, complete() {} })
    socket.subscribe({ query: WHO }, { next: ({ data }) => ready.resolve(JSON.stringify(data)), error: failed, complete() {} })
    return { closed: closed.promise, ready: ready.promise, dispose: () => void socket.dispose() }
  }

  it.each([
    ['a foreign page', 'https://evil.example'],
    ['no page', null],
    ['a frame without an origin', 'null'],
  ])('are refused from %s', async (_name, origin) => {
    const ann = await people.signIn('ann')
    const socket = open(ann.cookie, origin, { project: shop.key })
    expect(await socket.ready).toBe('failed 4403')
    const named = open(ann.cookie, origin, { project: shop.key, authorization: `Bearer ${other.apiKey}` })
    expect(await named.ready).toContain(other.key)
    named.dispose()
  })

  it.each([
    ['no project', {}],
    ['a project that is no text', { project: { key: 'x' } }],
    ['a project without a role', { project: 'nothing' }],
    ['a NUL', { project: 'a\0b' }],
  ])('are refused with %s', async (_name, params) => {
    const ann = await people.signIn('ann')
    expect(await open(ann.cookie, app.url, params).ready).toBe('failed 4403')
  })

  it('are closed with 4403 when the role is revoked or changed, or the person signs out; those of others stay', async () => {
    const ends: ((person: Person) => Promise<unknown>)[] = [
      async () => shop.api.raw(`mutation { revokeRole(person: "${await idOf(shop, 'bob@example.com')}") { id } }`),
      async () => grant(shop, 'email: "bob@example.com", role: EDITOR'),
      async () => grant(shop, 'email: "bob@example.com", role: VIEWER, maskPersonalData: true'),
      ({ jar }) => jar.fetch(`${app.url}/auth/sign-out`, { method: 'POST', headers: { 'content-type': 'application/json' } }),
    ]
    const ann = await people.signIn('ann')
    const steady = open(ann.cookie, app.url, { project: shop.key })
    let isClosed = false
    void steady.closed.then(() => {
      isClosed = true
    })
    expect(await steady.ready).toContain(shop.key)
    for (const end of ends) {
      expect(await grant(shop, 'email: "bob@example.com", role: VIEWER')).toEqual([])
      const bob = await people.signIn('bob')
      const socket = open(bob.cookie, app.url, { project: shop.key })
      expect(await socket.ready).toContain('VIEWER')
      await end(bob)
      expect(await socket.closed).toBe(4403)
    }
    expect(isClosed).toBe(false)
    steady.dispose()
  })
})

describe('an issuer that does not play by the rules', () => {
  let forger: Awaited<ReturnType<typeof startForger>>
  let own: TestApp
  beforeAll(async () => {
    forger = await startForger()
    own = await startTestApp({ env: oidcEnv(forger.url, await freePort()) })
  })
  afterAll(async () => {
    await own?.stop()
    await forger?.close()
  })

  async function comeBack(forgery: Forgery, more = ''): Promise<Response> {
    const jar = createJar()
    const begun = await jar.fetch(`${own.url}/auth/sign-in`)
    const address = new URL(locationOf(begun, own.url))
    forger.state.nonce = address.searchParams.get('nonce') ?? ''
    forger.state.forgery = forgery
    return jar.fetch(`${own.url}/auth/callback?code=c&state=${address.searchParams.get('state')}${more}`)
  }
  const sessionOf = (response: Response): boolean =>
    response.headers.getSetCookie().some((one) => one.startsWith('carillon-session='))
  const now = (): number => Math.floor(Date.now() / 1000)

  it('is taken at its word when all is right, also when its clock is off by some seconds', async () => {
    for (const claims of [{}, { iat: now() + 30 }, { exp: now() - 30 }]) {
      const response = await comeBack({ claims })
      expect([response.status, sessionOf(response)]).toEqual([303, true])
    }
    expect(forger.state.verifiers.every((verifier) => verifier.length >= 43)).toBe(true)
    expect(forger.state.discoveries).toBe(1)
  })

  it.each<[string, Forgery]>([
    ['for another client', { claims: { aud: 'another' } }],
    ['for this client among others, with another authorized party', { claims: { aud: ['carillon', 'another'], azp: 'another' } }],
    ['of another issuer', { claims: { iss: 'https://evil.example' } }],
    ['with another nonce', { claims: { nonce: 'another' } }],
    ['without a nonce', { claims: { nonce: undefined } }],
    ['that has expired', { claims: { exp: now() - 3_600 } }],
    ['without a subject', { claims: { sub: undefined } }],
    ['with a subject that is no text', { claims: { sub: 7 } }],
    ['that another key signed', { isForeignKey: true }],
    ['that nobody signed', { isUnsigned: true }],
    ['that is missing', { hasNoIdToken: true }],
  ])('is refused with an ID token %s', async (_name, forgery) => {
    const response = await comeBack(forgery)
    expect([response.status, sessionOf(response)]).toEqual([403, false])
  })

  it('is refused with the answer of another issuer, and when it refuses the code', async () => {
    expect((await comeBack({}, '&iss=https%3A%2F%2Fevil.example')).status).toBe(403)
    expect((await comeBack({ status: 400 })).status).toBe(403)
  })

  it('that is down gives a page that says so, and works again by itself', async () => {
    expect((await comeBack({ status: 500 })).status).toBe(502)
    const late = await startForger()
    late.state.isDown = true
    const waiting = await startTestApp({ env: oidcEnv(late.url, await freePort()) })
    const begun = await fetch(`${waiting.url}/auth/sign-in`, { redirect: 'manual' })
    expect([begun.status, (await begun.text()).includes('Try again in a moment')]).toEqual([502, true])
    expect((await fetch(`${waiting.url}/health`)).status).toBe(200)
    late.state.isDown = false
    await until(
      'sign-in works again',
      async () => (await fetch(`${waiting.url}/auth/sign-in`, { redirect: 'manual' })).status === 303,
    )
    await waiting.stop()
    await late.close()
  })

  it('is asked by each address at a bounded rate', async () => {
    const statuses = await Promise.all(
      Array.from(
        { length: 120 },
        async () => (await fetch(`${own.url}/auth/callback?code=x&state=y`, { redirect: 'manual' })).status,
      ),
    )
    expect(statuses).toContain(429)
  })
})

describe('without an identity provider', () => {
  it('there are no routes, no cookie is read, and the page says nothing of it', async () => {
    const plain = await startTestApp()
    for (const path of ['/auth/sign-in', '/auth/callback', '/auth/session'])
      expect((await fetch(plain.url + path)).status).toBe(404)
    expect((await askWith(plain.url, '{ viewer { isOperator } }', { cookie: 'carillon-session=x.y' })).codes).toEqual([
      'UNAUTHENTICATED',
    ])
    expect(await (await fetch(`${plain.url}/`)).text()).not.toContain('data-issuer')
    expect(await (await fetch(`${app.url}/`)).text()).toContain(`data-issuer="${new URL(people.issuer.url).host}"`)
    await plain.stop()
  })
})
