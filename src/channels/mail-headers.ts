/** Headers that a provider's settings, or a message, add to an e-mail. */
import { z } from 'zod'

/** Headers that are set here, or by mail servers; a list's own headers among them, because they belong to the unsubscribe link. */
const taken =
  /^(?:from|sender|to|cc|bcc|reply-to|subject|date|message-id|mime-version|auto-submitted|list-unsubscribe(?:-post)?|return-path|received(?:-spf)?|delivered-to|authentication-results|arc-.*|dkim-signature|domainkey-signature|resent-.*|content-.*)$/i
const COUNT_MAX = 20

/** By name: up to 20, each a token (RFC 5322: printable, no colon) with a text of one line. */
export const mailHeaders = z
  .record(
    z.string(),
    z.string().regex(/^[^\p{Cc}\p{Surrogate}\u2028\u2029]{1,900}$/u, 'must be a text on one line, of at most 900 characters'),
  )
  .superRefine((given, context) => {
    const seen = new Set<string>()
    const refuse = (name: string, message: string): void => context.addIssue({ code: 'custom', path: [name], message })
    if (Object.keys(given).length > COUNT_MAX)
      context.addIssue({ code: 'custom', path: [], message: `must be at most ${COUNT_MAX} headers` })
    for (const name of Object.keys(given)) {
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,76}$/.test(name)) refuse(name, 'is not the name of a header')
      else if (taken.test(name)) refuse(name, 'is a header that Carillon or a mail server sets')
      else if (seen.has(name.toLowerCase())) refuse(name, 'is there twice')
      seen.add(name.toLowerCase())
    }
  })
