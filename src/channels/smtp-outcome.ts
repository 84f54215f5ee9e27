/** Sorts what a mail server, or the loss of it, meant for a message. */
import { ProviderError } from './provider.ts'
import { SmtpFailure, StoppedError } from './smtp-line.ts'

const cut = (text: string): string => text.slice(0, 1_000)

/** Steps at which a server speaks of us, or of itself, and not of the message. */
const BEFORE_MESSAGE = new Set(['CONN', 'EHLO', 'HELO', 'STARTTLS', 'RSET'])

/**
 * The outcome of a failed attempt.
 * - answer 4xx at any step, or 5xx before there was a message (greeting, EHLO, STARTTLS): retryable
 * - answer 5xx to log-in, sender, recipient, DATA or the message: refused
 * - no answer: unknown when the message had been handed over as a whole, else retryable
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
    const said = cut(`The mail server answered ${response}`)
    const isRecipient = about.command === 'RCPT TO'
    if (status < 500 || BEFORE_MESSAGE.has(about.command)) {
      // A receiver that asks for patience (greylisting, a full mailbox) says nothing of the server.
      return new ProviderError('retryable', 'PROVIDER_UNREACHABLE', said, { ...more, aboutProvider: !isRecipient })
    }
    const addressDead = isRecipient && meansNoMailbox(response)
    const aboutProvider = about.command.startsWith('AUTH') || about.command === 'MAIL FROM' || status === 530 || status === 535
    return new ProviderError('refused', 'PROVIDER_REFUSED', said, { ...more, addressDead, aboutProvider })
  }
  if (failure.handedOver) {
    return new ProviderError('unknown', 'OUTCOME_UNKNOWN', cut(`After the message was handed over: ${failure.message}`), {
      cause: error,
    })
  }
  // The log-in failed before anything was asked: no method in common. Another attempt would fare the same.
  if (about.code === 'EAUTH') {
    return new ProviderError('refused', 'PROVIDER_REFUSED', cut(failure.message), { aboutProvider: true, cause: error })
  }
  // The server announced a limit that the message is over.
  if (about.code === 'EMESSAGE') return new ProviderError('refused', 'PROVIDER_REFUSED', cut(failure.message), { cause: error })
  const late = about.code === 'ETIMEDOUT' || failure.cause instanceof StoppedError
  return new ProviderError('retryable', late ? 'PROVIDER_TIMEOUT' : 'PROVIDER_UNREACHABLE', cut(failure.message), {
    cause: error,
  })
}

/**
 * Whether a refused recipient can never be reached. Only on the server's clear word: an enhanced code that says so (RFC 3463), or, from a
 * server without enhanced codes, words that say so. A bare 550 is not enough: it is also how servers refuse spam, relaying, or us, and the
 * price of a mistake is that a person gets no more mail.
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

/** What nodemailer's error says, read without trusting its shape. */
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
