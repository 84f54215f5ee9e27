/**
 * Requests of the console with the cookie of a session. A browser sends the cookie with whatever page asks it to, so a request counts only
 * if it names its project, in a header that a foreign page can't set, and comes from a page of this server.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { CarillonError } from '../errors.ts'
import type { SignedCookie } from './cookie.ts'

/** A session, and the project that it is used for. */
export interface SessionCredential {
  readonly token: string
  readonly projectKey: string
}

/** Reads the sessions of requests. */
export interface Sessions {
  /**
   * The session of a request that has no other credential; null: none.
   * @throws CarillonError FORBIDDEN for a cookie that a foreign page may have made the browser send; UNAUTHENTICATED for a wrong cookie
   */
  ofRequest(headers: IncomingHttpHeaders): SessionCredential | null
  /**
   * The same for a socket. A browser lets any page open one, with this server's cookies, and no header can be set: the page's origin has to
   * be this server's.
   * @param project as the client names it in `connection_init`
   */
  ofSocket(headers: IncomingHttpHeaders, project: unknown): SessionCredential | null
  /** Whether the request comes from a page of this server. Without `Origin` and `Sec-Fetch-Site` it comes from no page. */
  isOwnPage(headers: IncomingHttpHeaders): boolean
}

/** The header that names the project. */
export const PROJECT_HEADER = 'x-carillon-project'

const foreign = (): CarillonError =>
  new CarillonError('FORBIDDEN', { message: 'The cookie of a session is accepted from pages of this server only.' })

/** Creates the reader. `origin`: of the server's public URL */
export function createSessions(cookie: SignedCookie, origin: string): Sessions {
  const isOwnPage = (headers: IncomingHttpHeaders): boolean =>
    (headers.origin === undefined || headers.origin === origin) &&
    (headers['sec-fetch-site'] === undefined || headers['sec-fetch-site'] === 'same-origin')
  const tokenOf = (headers: IncomingHttpHeaders): string => {
    const token = cookie.read(headers)
    if (token === null) throw new CarillonError('UNAUTHENTICATED', { message: 'The session is not valid. Sign in again.' })
    return token
  }
  return {
    isOwnPage,
    ofRequest(headers) {
      if (!cookie.isIn(headers)) return null
      if (!isOwnPage(headers)) throw foreign()
      const project = headers[PROJECT_HEADER]
      if (typeof project !== 'string' || project === '') {
        const message = `Name the project in the header ${PROJECT_HEADER}: without it, the cookie of a session is not accepted.`
        throw new CarillonError('FORBIDDEN', { message })
      }
      return { token: tokenOf(headers), projectKey: project }
    },
    ofSocket(headers, project) {
      if (!cookie.isIn(headers)) return null
      if (headers.origin === undefined || !isOwnPage(headers)) throw foreign()
      if (typeof project !== 'string' || project === '') {
        throw new CarillonError('FORBIDDEN', { message: 'Name the project as `project` of connection_init.' })
      }
      return { token: tokenOf(headers), projectKey: project }
    },
  }
}
