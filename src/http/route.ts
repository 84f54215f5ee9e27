/** Routes: a method, a path and the caller that it needs. All that the HTTP server serves, apart from `/graphql`, is a table of them. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import type { Caller } from '../domain/caller.ts'

/** Methods that a route can have. A GET route answers HEAD as well. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** A request that matched a route and, if the route requires it, was authenticated. */
export interface RouteRequest<C> {
  /** values of the path's parameters, percent-decoded; `params['*']` is what `*` matched */
  readonly params: Readonly<Record<string, string | undefined>>
  readonly query: URLSearchParams
  /** path and query string as the client sent them, below the public URL */
  readonly url: string
  /** the address of `/` as a page at this address links to it, with a slash at the end */
  readonly root: string
  /** names in lower case */
  readonly headers: IncomingHttpHeaders
  /** empty for GET and HEAD */
  readonly body: Buffer
  readonly remoteAddress: string
  readonly caller: C
}

/** The answer to a request. */
export interface Reply {
  readonly status: number
  readonly headers?: OutgoingHttpHeaders
  /** none: the answer has no body, and no `content-length` */
  readonly body?: string | Buffer
  /** In place of `body`: what is sent piece by piece, as fast as the client reads it. It is ended when the client leaves. */
  readonly stream?: AsyncGenerator<string>
}

/** The caller that each kind of `auth` requires, as `handle` receives it. */
interface Callers {
  /** credentials are ignored */
  readonly none: null
  /** an API key or access token of a project, or a person's session; counted against its rate limit and the limit of requests in flight */
  readonly project: Extract<Caller, { kind: 'project' }>
}

/** A request whose body has not been read. */
export type RouteHead = Omit<RouteRequest<null>, 'body' | 'caller'>

interface RouteOf<A extends keyof Callers> {
  readonly method: Method
  /** such as `/callbacks/:providerId`; `*` at the end matches any rest */
  readonly path: string
  readonly auth: A
  /** largest body, bytes; left out: `CARILLON_MAX_BODY_BYTES` */
  readonly maxBodyBytes?: number
  /** Pages of any origin may load it, whatever headers their clients add. */
  readonly isShared?: true
  /** @throws CarillonError, which is answered with its status and code; any other error is masked and logged */
  handle(request: RouteRequest<Callers[A]>): Reply | Promise<Reply>
}

/** A route that needs the credential of a project. */
export interface ProjectRoute extends RouteOf<'project'> {
  /** The cookie of a session is one, too. */
  readonly takesSession?: true
}

/** A route that needs no credential. */
export type PublicRoute = RouteOf<'none'>

/** The answer to a request whose body is not needed, or what answers it once its body is there. */
export type Admitted = Reply | ((body: Buffer) => Reply | Promise<Reply>)

/** A route without a credential that decides by the head of a request whether its body is read at all. */
export interface AdmittingRoute extends Omit<PublicRoute, 'handle'> {
  /** @throws CarillonError, which is answered without reading the body */
  admit(head: RouteHead): Admitted | Promise<Admitted>
}

/** One row of the table. */
export type Route = PublicRoute | ProjectRoute | AdmittingRoute

/** A reply with a JSON body. */
export const jsonReply = (status: number, value: unknown): Reply => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body: JSON.stringify(value),
})
