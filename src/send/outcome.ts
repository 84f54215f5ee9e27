/** The result of a call, message by message. */
import { type CarillonError, type ErrorCode, type Problem, problem, storedProblem } from '../errors.ts'
import type { Channel } from '../words.ts'
import type { ChannelDecision } from './decide.ts'

/** The result of one message of a call. */
export type SendOutcome = AcceptedOutcome | RefusedOutcome

/** A message that was accepted. */
export interface AcceptedOutcome {
  readonly ok: true
  /** the caller's own id */
  readonly key: string | null
  /** of the notification, or of the send to many, which has no notification of its own */
  readonly id: string
  readonly notificationId: string | null
  readonly transactionId: string
  /** on how many channels it may be sent; of a send to many it is not known */
  readonly channelCount: number
  /** channels on which it is not sent, and why */
  readonly silent: readonly SilentChannel[]
  /** what is sent nevertheless, though its author may not have meant it so */
  readonly warnings: readonly Problem[]
  /** ids of the messages that wait for a worker now */
  readonly outbound: readonly string[]
}

/** A message that was refused. */
export interface RefusedOutcome {
  readonly ok: false
  readonly key: string | null
  readonly error: Problem
  /** of the earlier notification with the same id and content */
  readonly notificationId: string | null
  readonly transactionId: string | null
}

/** A channel on which nothing is sent. */
export type SilentChannel = ChannelDecision & { readonly reason: Problem }

/** A message that is not accepted. */
export const refuse = (
  code: ErrorCode,
  message?: string,
  field: string | null = null,
  key: string | null = null,
): RefusedOutcome => ({ ok: false, key, error: problem(code, message, field), notificationId: null, transactionId: null })

/** A message that is not accepted, because of an error of the catalogue. */
export const refuseError = ({ code, message, details }: CarillonError, key: string | null = null): RefusedOutcome =>
  refuse(code, message, details.field ?? null, key)

/** A channel on which a message is not sent, or has not been sent so far, and why. */
export interface ChannelProblem {
  readonly channel: Channel
  readonly error: Problem
}

/** What is known of a message that was tried. */
interface Tried {
  readonly notificationId: string
  readonly channel: Channel
  readonly errorCode: string | null
  readonly errorMessage: string | null
}

/** Whether an accepted message is sent on no channel, whatever happens. */
export const isSilent = ({ channelCount, silent }: AcceptedOutcome): boolean =>
  silent.length > 0 && new Set(silent.map(({ channel }) => channel)).size >= channelCount

/** Channels of an accepted message on which nothing is sent: by decision, or because the attempt failed. None of one that was refused. */
export function unsentChannels(outcome: SendOutcome, sent: readonly Tried[]): ChannelProblem[] {
  if (!outcome.ok) return []
  const tried = sent.filter((one) => one.notificationId === outcome.notificationId)
  return [
    ...outcome.silent.map(({ channel, reason }) => ({ channel, error: reason })),
    ...tried.flatMap((one) => {
      const error = storedProblem(one)
      return error === null ? [] : [{ channel: one.channel, error }]
    }),
  ]
}
