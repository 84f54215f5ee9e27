/**
 * `/unsubscribe/TOKEN`, which e-mails link to. A GET shows a page and changes nothing, because mail scanners open every link; a POST,
 * from the page's button or from a mail client (RFC 8058, one click), unsubscribes, and one with `again` takes that back.
 */
import type { UnsubscribeTarget } from '../domain/link.ts'
import type { UnsubscribeAbout } from '../domain/preference.ts'
import { CarillonError } from '../errors.ts'
import type { AdmittingRoute, PublicRoute, Reply, RouteHead } from './route.ts'
import { escapeHtml, smallPage } from './small-page.ts'
import { createTokenBuckets } from './token-buckets.ts'
import { type Named, pageLanguageOf, unsubscribeTexts } from './unsubscribe-texts.ts'

/** What the routes need. */
export interface UnsubscribeDeps {
  /** null: this server did not sign the token */
  read(token: string): UnsubscribeTarget | null
  /** null: the contact, the template or the project is not there any more */
  about(target: UnsubscribeTarget): Promise<UnsubscribeAbout | null>
  unsubscribe(target: UnsubscribeTarget): Promise<void>
  resubscribe(target: UnsubscribeTarget): Promise<void>
}

// Not `:token`: a link that was cut off or had something appended gets the page that explains it, too.
const PATH = '/unsubscribe/*'
const MAX_BODY_BYTES = 4_096
/** With the links of one contact. */
const CALLS = { perSecond: 1, burst: 20 } as const
/** What the page's button to undo sends. */
const AGAIN = 'again'

/** An address as its owner knows it, and nobody else: `a…@example.com` */
function maskedEmail(address: string): string {
  const at = address.lastIndexOf('@')
  return `${[...address.slice(0, at)].slice(0, 1).join('')}…${address.slice(at)}`
}

const invalid = smallPage({
  ...{ status: 404, title: unsubscribeTexts.en.broken, text: unsubscribeTexts.en.cutOff },
})

/** The page. `state`: what has been done; `asked`: nothing yet */
function pageOf(about: UnsubscribeAbout | null, state: 'asked' | 'unsubscribed' | 'resubscribed'): Reply {
  const language = pageLanguageOf(about?.locale ?? null)
  const texts = unsubscribeTexts[language]
  const named: Named | null =
    about === null || about.email === null
      ? null
      : { sender: escapeHtml(about.sender), kind: escapeHtml(about.kind), address: escapeHtml(maskedEmail(about.email)) }
  const shown = { status: 200, language }
  if (state === 'asked') return smallPage({ ...shown, title: texts.question, text: texts.asks(named), button: texts.unsubscribe })
  if (state === 'resubscribed')
    return smallPage({ ...shown, title: texts.back, text: texts.resumed(named), button: texts.unsubscribe })
  return smallPage({ ...shown, title: texts.done, text: texts.stopped(named), button: texts.undo, sends: AGAIN })
}

/** Creates the routes. */
export function createUnsubscribeRoutes({
  read,
  about,
  unsubscribe,
  resubscribe,
}: UnsubscribeDeps): (PublicRoute | AdmittingRoute)[] {
  // One link, called over and over, must not keep the database busy.
  const calls = createTokenBuckets(CALLS.perSecond, CALLS.burst)
  const targetOf = ({ params }: RouteHead): UnsubscribeTarget | null => read(params['*'] ?? '')
  const take = ({ projectId, contactId }: UnsubscribeTarget): void => {
    const seconds = calls.take(`${projectId} ${contactId}`)
    if (seconds > 0) throw new CarillonError('RATE_LIMITED', { retryAfterSeconds: seconds })
  }
  return [
    {
      method: 'GET',
      path: PATH,
      auth: 'none',
      async handle(request) {
        const target = targetOf(request)
        if (target === null) return invalid
        take(target)
        const found = await about(target)
        return pageOf(found, found?.isSubscribed === false ? 'unsubscribed' : 'asked')
      },
    },
    {
      method: 'POST',
      path: PATH,
      auth: 'none',
      maxBodyBytes: MAX_BODY_BYTES,
      admit(head) {
        const target = targetOf(head)
        if (target === null) return invalid
        take(target)
        return async (body) => {
          const isAgain = new URLSearchParams(body.toString('utf8')).has(AGAIN)
          await (isAgain ? resubscribe(target) : unsubscribe(target))
          return pageOf(await about(target), isAgain ? 'resubscribed' : 'unsubscribed')
        }
      },
    },
  ]
}
