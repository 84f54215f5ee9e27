/** Classifies a mail server's error, or the loss of its connection: what it means for the message. */
import { ProviderError } from './provider.ts'
import { SmtpFailure, StoppedError } from './smtp-connection.ts'

const cut = (text: string): string => text.slice(0, 1_000)

const NO_STARTTLS =
  'The mail server does not offer STARTTLS, so nothing was sent. Set secure: true for a port with implicit TLS (465), or requireTls: false to ' +
  'send without TLS.'

const UNTRUSTED =
  'The certificate of the mail server is not accepted, so nothing was sent. Correct the host name or the certificate; only for a test server: ' +
  'tlsVerify: false.'

/** What TLS says of a certificate: OpenSSL's reasons, and that it is for another name. */
const OF_CERTIFICATE = /certificate|self-signed|altnames/i

/** Commands whose refusal is about the server or the connection, not about the message. */
const BEFORE_MESSAGE = new Set(['CONN', 'EHLO', 'HELO', 'STARTTLS', 'RSET'])

/**
 * The outcome of a failed attempt.
 * - answer 4xx at any step, or 5xx before there was a message (greeting, EHLO, STARTTLS): retryable
 * - answer 5xx to log-in, sender, recipient, DATA or the message: refused
 * - no answer: the server's, unknown if the whole message had been sent, else retryable
 *
 * `recipient`: the main one, whose answer counts when all recipients were refused.
 */
export function outcomeOf(error: unknown, recipient: string): ProviderError {
  if (error instanceof ProviderError) return error
  const failure = error instanceof SmtpFailure ? error : new SmtpFailure('The attempt failed.', false, error)
  // A guard's refusal arrives as the error of the socket.
  if (failure.cause instanceof ProviderError) return failure.cause
  const about = aboutRecipient(read(failure.cause), recipient)
  const { response, status } = about
  if (response !== null && status !== null && status >= 400 && status < 600) {
    const more = { response: cut(response), cause: error }
    const summary = cut(
      about.command === 'STARTTLS' ? `${NO_STARTTLS} It answered ${response}` : `The mail server answered ${response}`,
    )
    const isRecipient = about.command === 'RCPT TO'
    if (status < 500 || BEFORE_MESSAGE.has(about.command)) {
      // A temporary refusal of the recipient is not a failure of the server: the mailbox is full, or its domain takes nothing now.
      // 421 is of the server, whatever it answers: it closes the connection (RFC 5321, 3.8).
      if (isRecipient && status !== 421) {
        const about = isOfMailbox(response) ? 'address' : 'host'
        return new ProviderError('retryable', 'HOST_UNREACHABLE', summary, { ...more, about })
      }
      return new ProviderError('retryable', 'PROVIDER_UNREACHABLE', summary, { ...more, about: 'provider' })
    }
    const addressDead = isRecipient && meansNoMailbox(response)
    const isOurs = about.command.startsWith('AUTH') || about.command === 'MAIL FROM' || status === 530 || status === 535
    const concern = isOurs ? 'provider' : isRecipient ? 'address' : 'message'
    return new ProviderError('refused', 'PROVIDER_REFUSED', summary, { ...more, addressDead, about: concern })
  }
  if (failure.isFullySent) {
    return new ProviderError('unknown', 'OUTCOME_UNKNOWN', cut(`After the message was sent: ${failure.message}`), {
      about: 'provider',
      cause: error,
    })
  }
  // No AUTH method in common: another attempt would fail in the same way.
  if (about.code === 'EAUTH') {
    return new ProviderError('refused', 'PROVIDER_REFUSED', cut(failure.message), { about: 'provider', cause: error })
  }
  // The server announced a limit that the message is over.
  if (about.code === 'EMESSAGE') {
    return new ProviderError('refused', 'PROVIDER_REFUSED', cut(failure.message), { about: 'message', cause: error })
  }
  if (about.code === 'ETLS' && about.command === 'STARTTLS') {
    return new ProviderError('retryable', 'PROVIDER_UNREACHABLE', cut(`${NO_STARTTLS} (${failure.message})`), {
      about: 'provider',
      cause: error,
    })
  }
  if (OF_CERTIFICATE.test(failure.message)) {
    return new ProviderError('retryable', 'PROVIDER_UNREACHABLE', cut(`${UNTRUSTED} (${failure.message})`), {
      about: 'provider',
      cause: error,
    })
  }
  const late = about.code === 'ETIMEDOUT' || failure.cause instanceof StoppedError
  return new ProviderError('retryable', late ? 'PROVIDER_TIMEOUT' : 'PROVIDER_UNREACHABLE', cut(failure.message), {
    about: 'provider',
    cause: error,
  })
}

/** Whether a temporary refusal is of one mailbox (RFC 3463: 4.2.x), not of everybody at its domain. */
const isOfMailbox = (response: string): boolean => /^4\d\d[ -]4\.2\.\d/.test(response)

/**
 * Whether a refused recipient can never be reached. True only for an enhanced code that means it (RFC 3463) or, from a server
 * without enhanced codes, for a text that means it. A bare 550 is not enough: servers also send it for spam, for relaying and for
 * blocked senders, and after a mistake the person would get no more mail.
 */
export function meansNoMailbox(response: string): boolean {
  const [, status, enhanced] = /^(\d{3})[ -](?:(\d\.\d{1,3}\.\d{1,3})\b)?/.exec(response) ?? []
  if (status === undefined || !status.startsWith('5')) return false
  if (enhanced !== undefined) return ['5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10'].includes(enhanced)
  return (
    /^55[0134]/.test(status) &&
    /(?:no such|unknown|non-?existent|invalid) (?:user|mailbox|recipient|address|local part)|(?:user|mailbox|recipient|address)[^.]{0,80} (?:unknown|not found|does(?:n't| not) exist|doesn't have an? )/i.test(
      response,
    )
  )
}

interface Facts {
  readonly code: string
  readonly command: string
  readonly response: string | null
  readonly status: number | null
  readonly rejected: readonly unknown[]
}

/** The fields of nodemailer's error, read without trusting its shape. */
function read(error: unknown): Facts {
  const fields: Readonly<Record<string, unknown>> = error instanceof Error ? { ...error } : {}
  const text = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '')
  const response = text('response')
  const status = /^\d{3}/.exec(response)
  return {
    code: text('originalCode') === 'ETIMEDOUT' ? 'ETIMEDOUT' : text('code'),
    command: text('command'),
    response: response === '' ? null : response,
    status: status === null ? null : Number(status[0]),
    rejected: Array.isArray(fields['rejectedErrors']) ? fields['rejectedErrors'] : [],
  }
}

function aboutRecipient(facts: Facts, recipient: string): Facts {
  const own = facts.rejected.find((error) => error instanceof Error && 'recipient' in error && error.recipient === recipient)
  return own === undefined ? facts : read(own)
}
