/** Admission: authentication, and the limits of requests in flight and of live connections. All transports share it. */
import { hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Caller } from '../domain/caller.ts'
import type { PersonCaller } from '../domain/person.ts'
import { CarillonError } from '../errors.ts'
import { createLru } from '../lru.ts'
import type { ConnectionLimits } from './limits.ts'
import { createBoundedLookUps } from './look-ups.ts'
import { networkOf } from './remote-address.ts'
import type { SessionCredential, Sessions } from './session.ts'

/** How the server authenticates credentials. */
export interface AuthHooks {
  /**
   * Finds the caller; `{ kind: 'none' }` without a credential.
   * @throws CarillonError UNAUTHENTICATED for a wrong credential
   */
  authenticate(authorization: string | null, remoteAddress: string): Promise<Caller>
  /** Whether a credential has the form of one whose owner is looked up in the database. Left out: each is. */
  isLookedUp?(authorization: string): boolean
  /** Whether a credential may be valid, by what was known a few seconds ago: without a look-up of its own. */
  mayBeValid?(authorization: string): Promise<boolean>
  /** Those of the API keys that have been revoked. Called each second while connections with API keys are open. */
  findRevoked(keyIds: readonly string[]): Promise<ReadonlySet<string>>
  /** Whether a caller who was let in has lost that right: its token was revoked, or its project suspended. Asks nobody. */
  isEnded(caller: Caller): boolean
  /** How people who are signed in are authenticated; left out: nobody signs in, and no cookie is read. */
  readonly people?: PeopleHooks
}

/** How the server authenticates people by the cookies of their sessions. */
export interface PeopleHooks {
  readonly sessions: Sessions
  /** @throws CarillonError UNAUTHENTICATED for a session that has ended; FORBIDDEN without a role in the project */
  resume(session: SessionCredential): Promise<Caller>
  /** Those whose session has ended or whose role is another one now. Called each second while they have connections open. */
  findChanged(callers: readonly PersonCaller[]): Promise<ReadonlySet<PersonCaller>>
}

/** Authenticates callers, and limits how many are served at a time. */
export interface Admission {
  /**
   * Finds the caller that a credential belongs to; `{ kind: 'none' }` without a credential.
   * @param origin of the page that the request comes from, if any
   * @throws CarillonError UNAUTHENTICATED for a wrong credential; FORBIDDEN for a contact token used from an origin that its project does not allow
   */
  authenticate(authorization: string | null, origin: string | undefined, remoteAddress: string): Promise<Caller>
  /**
   * Finds the person whose session a request without another credential carries in a cookie; null: there is none.
   * @param socketProject what a socket's client gave as the project; left out for a request, which has it in a header
   * @throws CarillonError UNAUTHENTICATED, FORBIDDEN
   */
  resume(headers: IncomingHttpHeaders, ...socketProject: readonly [unknown?]): Promise<Caller | null>
  /**
   * Counts one operation as in flight.
   * @returns a function to call when it is done; further calls do nothing
   * @throws CarillonError OVERLOADED when too many are in flight
   */
  enter(): () => void
  /**
   * Counts one live connection of this caller.
   * @returns a function to call when it is closed, further calls do nothing; null when the contact has too many
   */
  connect(caller: Caller): (() => void) | null
  inFlight(): number
}

const REFUSALS_MAX = 10_000

/** Creates the counts of one process. */
export function createAdmission(
  auth: Pick<AuthHooks, 'authenticate' | 'people'>,
  limits: Pick<ConnectionLimits, 'operationsInFlight' | 'connectionsPerContact'>,
): Admission {
  let inFlight = 0
  const connections = new Map<string, number>()
  const once = (leave: () => void) => {
    let isIn = true
    return () => {
      if (isIn) leave()
      isIn = false
    }
  }
  return {
    async authenticate(authorization, origin, remoteAddress) {
      const caller = await auth.authenticate(authorization, remoteAddress)
      if (isOriginAllowed(caller, origin)) return caller
      throw new CarillonError('FORBIDDEN', { message: "This page's origin is not among the project's allowedOrigins." })
    },
    async resume(headers, ...socketProject) {
      const { people } = auth
      if (people === undefined) return null
      const { sessions } = people
      const session = socketProject.length === 0 ? sessions.ofRequest(headers) : sessions.ofSocket(headers, socketProject[0])
      return session === null ? null : people.resume(session)
    },
    enter() {
      if (inFlight >= limits.operationsInFlight) throw new CarillonError('OVERLOADED', { retryAfterSeconds: 1 })
      inFlight += 1
      return once(() => {
        inFlight -= 1
      })
    },
    connect(caller) {
      if (caller.kind !== 'contact') return () => {}
      const key = `${caller.project.id}:${caller.contactId}`
      const count = connections.get(key) ?? 0
      if (count >= limits.connectionsPerContact) return null
      connections.set(key, count + 1)
      return once(() => {
        const left = (connections.get(key) ?? 1) - 1
        if (left === 0) connections.delete(key)
        else connections.set(key, left)
      })
    },
    inFlight: () => inFlight,
  }
}

/**
 * Limits the look-ups of wrong credentials by address, and remembers them for a moment: guessing keys costs the database a few look-ups a
 * minute. Credentials that were right before, and those that need no look-up, are not affected.
 */
export function limitLookUps(
  auth: AuthHooks,
  limits: Pick<ConnectionLimits, 'failedLookUpsPerMinute' | 'failedLookUpMs'>,
): AuthHooks {
  const lookUps = createBoundedLookUps<Caller>(limits)
  // Why a credential was refused, for as long as it is not looked up again.
  const refusals = createLru<CarillonError>({ max: REFUSALS_MAX, ttl: limits.failedLookUpMs * 2 })
  return {
    ...auth,
    async authenticate(authorization, remoteAddress) {
      if (authorization === null || authorization.trim() === '' || auth.isLookedUp?.(authorization) === false) {
        return auth.authenticate(authorization, remoteAddress)
      }
      const name = hash('sha256', authorization, 'base64')
      const lookUp = (): Promise<Caller | null> =>
        auth.authenticate(authorization, remoteAddress).catch((error: unknown) => {
          if (!(error instanceof CarillonError) || error.code !== 'UNAUTHENTICATED') throw error
          refusals.set(name, error)
          return null
        })
      const caller = await lookUps.find(
        remoteAddress,
        name,
        lookUp,
        () => auth.mayBeValid?.(authorization) ?? Promise.resolve(false),
      )
      if (caller === null) throw refusals.get(name) ?? new CarillonError('UNAUTHENTICATED')
      return caller
    },
  }
}

/** The client that an unfinished request counts as: its address, until its caller is known. */
export function clientOf(caller: Caller, remoteAddress: string): string {
  if (caller.kind === 'none') return networkOf(remoteAddress)
  if (caller.kind === 'contact') return `contact ${caller.project.id} ${caller.contactId}`
  return caller.kind === 'project' ? `project ${caller.project.id}` : caller.kind
}

/** Only contact tokens are used from pages, so only they are bound to origins. An empty list allows every page. */
const isOriginAllowed = (caller: Caller, origin: string | undefined): boolean =>
  caller.kind !== 'contact' ||
  origin === undefined ||
  caller.project.allowedOrigins.length === 0 ||
  caller.project.allowedOrigins.includes(origin)
