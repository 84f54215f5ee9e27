/** The provider `smtp`: e-mail through a mail server. */
import { z } from 'zod'
import { createAddressGuard } from './address-guard.ts'
import { noExtra } from './extra.ts'
import { parseMailbox } from './mailbox.ts'
import { composeEmail } from './mime.ts'
import { type Provider, type ProviderDeps, ProviderError, type ProviderKind } from './provider.ts'
import type { SmtpTimes } from './smtp-line.ts'
import { outcomeOf } from './smtp-outcome.ts'
import { createSmtpPool } from './smtp-pool.ts'

const isMailbox = (value: string): boolean => {
  try {
    parseMailbox('The sender', value)
    return true
  } catch {
    // The only question here; what is wrong with it is said below.
    return false
  }
}

const settings = z
  .strictObject({
    host: z
      .string()
      .max(253)
      .regex(/^[A-Za-z0-9.:_-]+$/, 'must be a host name or an IP address'),
    port: z.number().int().min(1).max(65_535).default(587),
    /** TLS from the first byte (port 465); else STARTTLS where the server offers it */
    secure: z.boolean().default(false),
    requireTls: z.boolean().default(false),
    user: z.string().min(1).max(1_000).optional(),
    password: z.string().min(1).max(1_000).optional(),
    /** sender of a message that names none: `a@b.c` or `Name <a@b.c>` */
    from: z.string().refine(isMailbox, { error: 'must be one address: a@b.c or Name <a@b.c>' }),
    tlsVerify: z.boolean().default(true),
    maxConnections: z.number().int().min(1).max(100).default(10),
    ratePerSecond: z.number().min(0.1).max(100_000).optional(),
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), {
    error: 'user and password go together',
    path: ['password'],
  })

/** Settings of an `smtp` provider, defaults filled in. */
export type SmtpSettings = z.output<typeof settings>

const TIMES: SmtpTimes = { connectMs: 10_000, greetingMs: 10_000, silenceMs: 30_000, totalMs: 60_000, idleMs: 15_000 }

/** The kind `smtp`. */
export const smtp = {
  kind: 'smtp',
  channels: ['EMAIL'],
  settings,
  secrets: ['password'],
  extra: () => noExtra,
  create: (given: SmtpSettings, deps: ProviderDeps): Provider => createSmtp(given, deps),
} satisfies ProviderKind<SmtpSettings>

/** Makes the provider. `times`: how long things may take, for tests. */
export function createSmtp(given: SmtpSettings, deps: ProviderDeps, times: SmtpTimes = TIMES): Provider {
  const { user = null, password = null, ratePerSecond = null } = given
  const pool = createSmtpPool({ ...given, user, password }, times, createAddressGuard(deps), ratePerSecond)
  return {
    kind: 'smtp',
    limits: {
      // Twice the connections, so that one that becomes free finds its next message waiting; at a low rate no more than can go in time.
      concurrency: Math.min(2 * given.maxConnections, Math.max(1, Math.floor((ratePerSecond ?? Infinity) * 10))),
      foldsRepeats: true,
    },
    async send(message, signal) {
      if (message.channel !== 'EMAIL') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `A mail server can't carry ${message.channel}.`)
      }
      const email = composeEmail(message, given.from)
      const stop = new AbortController()
      const onAbort = () => stop.abort(signal.reason)
      const timer = setTimeout(() => stop.abort(new Error(`It took longer than ${times.totalMs} ms.`)), times.totalMs)
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
      try {
        const info = await pool.send(email, stop.signal)
        const refused =
          info.rejectedErrors?.map((error) => `${String(error.recipient)}: ${error.response ?? error.message}`) ?? []
        const response = [info.response, ...refused.map((line) => `copy not taken for ${line}`)].join('\n')
        return { providerMessageId: info.serverMessageId ?? email.headerId, response: response.slice(0, 1_000) }
      } catch (error) {
        throw outcomeOf(error, email.to[0])
      } finally {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
      }
    },
    close: () => pool.close(),
  }
}
