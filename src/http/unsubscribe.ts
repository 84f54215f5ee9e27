/**
 * `/unsubscribe/TOKEN`, which e-mails link to. A GET shows a page and changes nothing, because mail scanners open every link; a POST,
 * from the page's button or from a mail client (RFC 8058, one click), unsubscribes.
 */
import type { UnsubscribeTarget } from '../domain/link.ts'
import { CarillonError } from '../errors.ts'
import type { AdmittingRoute, PublicRoute, RouteHead } from './route.ts'
import { smallPage } from './small-page.ts'
import { createTokenBuckets } from './token-buckets.ts'

/** What the routes need. */
export interface UnsubscribeDeps {
  /** null: this server did not sign the token */
  read(token: string): UnsubscribeTarget | null
  unsubscribe(target: UnsubscribeTarget): Promise<void>
}

// Not `:token`: a link that was cut off or had something appended gets the page that explains it, too.
const PATH = '/unsubscribe/*'
const MAX_BODY_BYTES = 4_096
/** With the links of one contact. */
const CALLS = { perSecond: 1, burst: 20 } as const

const invalid = smallPage({
  status: 404,
  title: 'This link does not work',
  text: 'It may have been cut off. Copy the whole link from the e-mail.',
})
const confirmation = smallPage({
  status: 200,
  title: 'Unsubscribe?',
  text: 'You will get no more e-mails of this kind.',
  button: 'Unsubscribe',
})
const done = smallPage({ status: 200, title: 'You are unsubscribed', text: 'You will get no more e-mails of this kind.' })

/** Creates the routes. */
export function createUnsubscribeRoutes({ read, unsubscribe }: UnsubscribeDeps): (PublicRoute | AdmittingRoute)[] {
  // One link, called over and over, must not keep the database busy.
  const calls = createTokenBuckets(CALLS.perSecond, CALLS.burst)
  const targetOf = ({ params }: RouteHead): UnsubscribeTarget | null => read(params['*'] ?? '')
  return [
    {
      method: 'GET',
      path: PATH,
      auth: 'none',
      handle: (request) => (targetOf(request) === null ? invalid : confirmation),
    },
    {
      method: 'POST',
      path: PATH,
      auth: 'none',
      maxBodyBytes: MAX_BODY_BYTES,
      admit(head) {
        const target = targetOf(head)
        if (target === null) return invalid
        const seconds = calls.take(`${target.projectId} ${target.contactId}`)
        if (seconds > 0) throw new CarillonError('RATE_LIMITED', { retryAfterSeconds: seconds })
        return async () => {
          await unsubscribe(target)
          return done
        }
      },
    },
  ]
}
