/** The provider `smtp`: e-mail through a mail server. */
import { z } from 'zod'
import { domainOf } from '../values/host.ts'
import { readMailbox } from '../values/mailbox.ts'
import { createAddressGuard, isLoopbackHost } from './address-guard.ts'
import { readExtra } from './extra.ts'
import { mailHeaders } from './mail-headers.ts'
import { composeEmail, MAX_HEADER_OCTETS, OCTETS_PER_UNIT } from './mime.ts'
import { type Provider, type ProviderDeps, ProviderError, type ProviderKind, Rehearsed } from './provider.ts'
import type { SmtpTimes } from './smtp-connection.ts'
import { outcomeOf } from './smtp-outcome.ts'
import { createSmtpPool } from './smtp-pool.ts'

const settings = z
  .strictObject({
    host: z
      .string()
      .max(253)
      .regex(/^[A-Za-z0-9.:_-]+$/, 'must be a host name or an IP address')
      .meta({ title: 'Host', description: 'Host name or IP address of the mail server.' }),
    port: z
      .number()
      .int()
      .min(1)
      .max(65_535)
      .default(587)
      .meta({ title: 'Port', description: '587 or 25 for STARTTLS, 465 for implicit TLS.' }),
    from: z
      .string()
      .refine((value) => readMailbox(value) !== null, { error: 'must be one address: a@b.c or Name <a@b.c>' })
      .meta({
        title: 'From',
        description: 'Sender of messages whose template names none.',
        examples: ['Shop <shop@example.com>'],
      }),
    user: z.string().min(1).max(1_000).optional().meta({
      title: 'User',
      description: 'User name to log in with. Leave it and the password empty for a server that needs no login.',
    }),
    password: z
      .string()
      .min(1)
      .max(1_000)
      .optional()
      .meta({ title: 'Password', description: 'Password of the user.', writeOnly: true }),
    secure: z.boolean().default(false).meta({
      title: 'Implicit TLS',
      description: 'Start TLS with the connection (port 465). Off: STARTTLS is used.',
    }),
    requireTls: z.boolean().optional().meta({
      title: 'Require TLS',
      description:
        'Send nothing over a connection without TLS. A mail server on this machine (localhost) may be without it, unless this is set.',
      default: true,
    }),
    allowInsecureAuth: z.boolean().default(false).meta({
      title: 'Login without TLS',
      description:
        'Log in over a connection without TLS too: everybody on the way can read the password. For a test server only.',
      'x-advanced': true,
    }),
    tlsVerify: z.boolean().default(true).meta({
      title: 'Verify the certificate',
      description:
        "Off: a certificate that does not match the host, or that nobody trusts, is accepted. Only for a test server's.",
      'x-advanced': true,
    }),
    maxConnections: z.number().int().min(1).max(100).default(10).meta({
      title: 'Connections',
      description: 'Maximum number of connections that one worker keeps to the server.',
      'x-advanced': true,
    }),
    ratePerSecond: z.number().min(0.1).max(100_000).optional().meta({
      title: 'Messages per second',
      description: 'Messages are spaced evenly to stay below this rate, per worker; fractions are allowed. No limit if empty.',
      'x-advanced': true,
    }),
    headers: mailHeaders.default({}).meta({
      title: 'Headers',
      description:
        'Further headers of every e-mail, up to 20: names and values, such as Feedback-ID. A message can replace them. Those that Carillon sets itself are refused.',
      examples: [{ 'Feedback-ID': 'orders:shop:example' }],
      'x-advanced': true,
    }),
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), {
    error: 'user and password go together',
    path: ['password'],
  })
  .meta({ dependentRequired: { user: ['password'], password: ['user'] } })

/** Settings of an `smtp` provider, defaults filled in. */
export type SmtpSettings = z.output<typeof settings>

/** Whether nothing may be sent without TLS. */
export const isTlsRequired = ({ host, requireTls }: SmtpSettings): boolean => requireTls ?? !isLoopbackHost(host)

const TIMES: SmtpTimes = { connectMs: 10_000, greetingMs: 10_000, silenceMs: 30_000, totalMs: 60_000, idleMs: 15_000 }

const extra = z.strictObject({
  headers: mailHeaders
    .optional()
    .meta({ description: 'Headers of this e-mail; they replace those of the settings with the same name.' }),
})

/** The kind `smtp`. */
export const smtp = {
  kind: 'smtp',
  title: 'SMTP',
  channels: ['EMAIL'],
  settings,
  carries: (_channel, { title }) => title * OCTETS_PER_UNIT <= MAX_HEADER_OCTETS,
  extra: () => extra,
  create: (given: SmtpSettings, deps: ProviderDeps): Provider => createSmtp(given, deps),
} satisfies ProviderKind<SmtpSettings>

/** `times`: time limits, for tests. */
export function createSmtp(given: SmtpSettings, deps: ProviderDeps, times: SmtpTimes = TIMES): Provider {
  const { user = null, password = null, ratePerSecond = null } = given
  const requireTls = isTlsRequired(given)
  const pool = createSmtpPool({ ...given, user, password, requireTls }, times, createAddressGuard(deps), ratePerSecond)
  return {
    kind: 'smtp',
    limits: {
      // Twice the connections, so that the next message is waiting when one becomes free; at a low rate, no more than are sent in time.
      concurrency: Math.min(2 * given.maxConnections, Math.max(1, Math.floor((ratePerSecond ?? Infinity) * 10))),
      foldsRepeats: true,
    },
    hostOf: domainOf,
    async send(message, signal) {
      if (message.channel !== 'EMAIL') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `A mail server can't carry ${message.channel}.`, {
          about: 'message',
        })
      }
      const email = composeEmail(message, given, readExtra(extra, message.extra).headers)
      if (deps.rehearses === true) throw new Rehearsed()
      const stop = new AbortController()
      const onAbort = () => stop.abort(signal.reason)
      const timer = setTimeout(() => stop.abort(new Error(`It took longer than ${times.totalMs} ms.`)), times.totalMs)
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
      try {
        const info = await pool.send(email, stop.signal)
        const refused =
          info.rejectedErrors?.map((error) => `${String(error.recipient)}: ${error.response ?? error.message}`) ?? []
        const response = [info.response, ...refused.map((reason) => `copy not accepted for ${reason}`)].join('\n')
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
