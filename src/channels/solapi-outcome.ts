/** Sorts what SOLAPI's refusals mean for a message. */
import type { ErrorCode } from '../errors.ts'

/** What a refusal means. */
export interface Meaning {
  readonly code: ErrorCode
  /** another provider may take the message */
  readonly aboutProvider: boolean
}

const ofMessage = (code: ErrorCode): Meaning => ({ code, aboutProvider: false })
const ofAccount: Meaning = { code: 'PROVIDER_REFUSED', aboutProvider: true }

/** SOLAPI's status codes of messages that failed. */
const meanings: Readonly<Record<string, Meaning>> = {
  '1030': ofAccount, // no balance
  '1031': ofMessage('TOO_LARGE'),
  '1061': ofMessage('OPTED_OUT'),
  '1062': ofAccount, // the sender's number is not registered
  '3104': ofMessage('ADDRESS_INVALID'), // no KakaoTalk with this number
  '3107': ofMessage('OPTED_OUT'),
}

/** The meaning of a message's status code. What has none of its own speaks of the message. */
export const meaningOf = (statusCode: string): Meaning => meanings[statusCode] ?? ofMessage('PROVIDER_REFUSED')

/** Whether a refused request speaks of the account rather than of the message in it. */
export const isAccountError = (status: number, errorCode: string): boolean =>
  (status !== 400 && status !== 413) ||
  /^(InvalidAPIKey|SignatureDoesNotMatch|RequestTimeTooSkewed|NotEnoughBalance)$/.test(errorCode)
