/** Classifies SOLAPI's refusals. */
import type { ErrorCode } from '../errors.ts'
import type { Concern } from './provider.ts'

/** What a refusal means. */
export interface Meaning {
  readonly code: ErrorCode
  readonly about: Concern
}

const ofMessage = (code: ErrorCode): Meaning => ({ code, about: 'message' })
const ofAddress = (code: ErrorCode): Meaning => ({ code, about: 'address' })
const ofAccount: Meaning = { code: 'PROVIDER_REFUSED', about: 'provider' }

/** SOLAPI's status codes of messages that failed. */
const meanings: Readonly<Record<string, Meaning>> = {
  '1030': ofAccount, // no balance
  '1031': ofMessage('TOO_LARGE'),
  '1061': ofAddress('OPTED_OUT'),
  '1062': ofAccount, // the sender's number is not registered
  '3104': ofAddress('ADDRESS_INVALID'), // no KakaoTalk with this number
  '3107': ofAddress('OPTED_OUT'),
}

/** The meaning of a message's status code. An unknown code is about the message. */
export const meaningOf = (statusCode: string): Meaning => meanings[statusCode] ?? ofMessage('PROVIDER_REFUSED')

/** Whether a request was refused because of the account, not because of its message. */
export const isAccountError = (status: number, errorCode: string): boolean =>
  (status !== 400 && status !== 413) ||
  /^(InvalidAPIKey|SignatureDoesNotMatch|RequestTimeTooSkewed|NotEnoughBalance)$/.test(errorCode)
