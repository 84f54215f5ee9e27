/** The contract between the worker and a vendor: four verbs, limits as data. The vendor's codes stop in the vendor's file. */
import type { z } from 'zod'
import type { ErrorCode } from '../errors.ts'

/** An e-mail, ready to go: every text is rendered, every address is one validated mailbox. */
export interface RenderedEmail {
  readonly channel: 'EMAIL'
  /** the message's UUID: the same on every attempt, so a receiver can fold a repeat */
  readonly messageId: string
  readonly address: string
  /** null: the provider's own `from` */
  readonly from: string | null
  readonly replyTo: string | null
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  readonly subject: string
  readonly text: string | null
  readonly html: string | null
  /** an https link that takes a one-click POST (RFC 8058), or null */
  readonly unsubscribeUrl: string | null
  readonly createdAt: Date
}

/** A text message, ready to go. */
export interface RenderedSms {
  readonly channel: 'SMS'
  readonly messageId: string
  readonly address: string
  readonly type: 'SMS' | 'LMS' | 'MMS'
  readonly title: string | null
  readonly body: string
  readonly createdAt: Date
}

/** What a provider is given to send. */
export type Rendered = RenderedEmail | RenderedSms

/** The vendor took the message. */
export interface Receipt {
  /** the vendor's own id for it, where it gives one */
  readonly providerMessageId: string | null
  /** the vendor's answer, cut to 1,000 characters, for the operator */
  readonly response: string | null
}

/**
 * What became of an attempt that failed. `retryable`: surely not taken, may be later. `refused`: surely not taken, never will be.
 * `unknown`: it may have been taken (the connection was lost after the hand-over).
 */
export type FailureOutcome = 'retryable' | 'refused' | 'unknown'

/** Thrown by `send`: the attempt failed, and how sure that is. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError'
  readonly code: ErrorCode
  readonly outcome: FailureOutcome
  /** wait at least this long before the next attempt, ms */
  readonly retryAfterMs: number | null
  /** the address will never work again (no such mailbox, device gone) */
  readonly addressDead: boolean
  /** the vendor's answer, cut to 1,000 characters */
  readonly response: string | null

  constructor(
    outcome: FailureOutcome,
    code: ErrorCode,
    message: string,
    more: { retryAfterMs?: number | null; addressDead?: boolean; response?: string | null; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.outcome = outcome
    this.code = code
    this.retryAfterMs = more.retryAfterMs ?? null
    this.addressDead = more.addressDead ?? false
    this.response = more.response ?? null
  }

  get retryable(): boolean {
    return this.outcome === 'retryable'
  }
}

/** What a provider can carry. */
export interface Limits {
  /** how many `send` calls may run at once */
  readonly concurrency: number
  /** the receiver folds two sends with one messageId, so an unknown outcome may be sent again */
  readonly foldsRepeats: boolean
}

/** One configured vendor of one project. `send` throws ProviderError only; anything else is a bug of ours. */
export interface Provider {
  readonly kind: string
  readonly limits: Limits
  send(message: Rendered, signal: AbortSignal): Promise<Receipt>
  close(): Promise<void>
}

/** What the server lends to every provider. */
export interface ProviderDeps {
  /** vendors' hosts may be private or loopback addresses */
  readonly allowPrivateHosts: boolean
}

/** A kind of provider: what it can be configured with, and how to make one. */
export interface ProviderKind<Settings> {
  readonly kind: string
  readonly channels: readonly string[]
  /** checked by configureProviders; unknown keys are refused */
  readonly settings: z.ZodType<Settings>
  /** settings that are encrypted at rest and never shown */
  readonly secrets: readonly string[]
  create(settings: Settings, deps: ProviderDeps): Provider
}
