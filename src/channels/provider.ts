/** The contract between the worker and a vendor: four verbs, limits as data. The vendor's codes stop in the vendor's file. */
import type { z } from 'zod'
import type { Channel, Json, JsonObject } from '../domain/words.ts'
import type { ErrorCode } from '../errors.ts'

interface RenderedBase {
  /** the message's UUID: the same on every attempt, so a receiver can fold a repeat */
  readonly messageId: string
  readonly createdAt: Date
  /** what the caller adds to the request of this provider, for this message alone; only keys that the kind allows */
  readonly extra?: JsonObject | undefined
}

/** An e-mail, ready to go: every text is rendered, every address is one validated mailbox. */
export interface RenderedEmail extends RenderedBase {
  readonly channel: 'EMAIL'
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
}

/** A text message, ready to go. */
export interface RenderedSms extends RenderedBase {
  readonly channel: 'SMS'
  readonly address: string
  readonly type: 'SMS' | 'LMS' | 'MMS'
  readonly title: string | null
  readonly body: string
}

/** A push message to one device, or to one browser. */
export interface RenderedPush extends RenderedBase {
  readonly channel: 'PUSH' | 'WEB_PUSH'
  /** the device token; WEB_PUSH: the subscription as JSON text, `{ endpoint, keys: { p256dh, auth } }` */
  readonly address: string
  readonly title: string
  readonly body: string
  readonly imageUrl: string | null
  readonly url: string | null
  readonly data: JsonObject
}

/** A push message as its platform carries it. */
export interface FittedPush {
  readonly message: RenderedPush
  /** something of its text is missing */
  readonly truncated: boolean
}

/** A message to a chat service's incoming webhook. */
export interface RenderedChat extends RenderedBase {
  readonly channel: 'CHAT'
  /** the webhook's address */
  readonly address: string
  readonly channelName: string | null
  readonly body: string
}

/** A KakaoTalk Alimtalk message: a registered template with its parameters, or with its text already filled in. */
export interface RenderedAlimtalk extends RenderedBase {
  readonly channel: 'ALIMTALK'
  readonly address: string
  readonly templateCode: string
  readonly body: string | null
  readonly parameters: JsonObject
}

/** A KakaoTalk Friendtalk message. */
export interface RenderedFriendtalk extends RenderedBase {
  readonly channel: 'FRIENDTALK'
  readonly address: string
  readonly body: string
  readonly isAd: boolean
}

/** An HTTP request to an address of the caller. */
export interface RenderedWebhook extends RenderedBase {
  readonly channel: 'WEBHOOK'
  /** the address; empty: the provider's own `url` */
  readonly address: string
  readonly body: Json
}

/** What a provider is given to send. */
export type Rendered =
  | RenderedEmail
  | RenderedSms
  | RenderedPush
  | RenderedChat
  | RenderedAlimtalk
  | RenderedFriendtalk
  | RenderedWebhook

/** The vendor took the message. */
export interface Receipt {
  /** the vendor's own id for it, where it gives one */
  readonly providerMessageId: string | null
  /** the vendor's answer, cut to 1,000 characters, for the operator */
  readonly response: string | null
}

/** A delivery report as it came over the wire. */
export interface CallbackRequest {
  readonly method: string
  /** the public address that the vendor called, with its query string */
  readonly url: string
  /** names in lower case */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly rawBody: Uint8Array
  readonly now: Date
}

/** What a delivery report says of one message. Reports may come twice and out of order: a later state wins. */
export interface CallbackEvent {
  /** as the receipt had it */
  readonly providerMessageId: string
  readonly status: 'SENT' | 'DELIVERED' | 'FAILED'
  readonly code: ErrorCode | null
  readonly message: string | null
  /** the address will never work again */
  readonly addressDead: boolean
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
  /**
   * it speaks of the provider (its credentials, its account, its limits), not of the message: another provider may take it. null, never
   * for a refusal: as its code has it, by which who can't be reached or does not answer is failing
   */
  readonly aboutProvider: boolean | null

  constructor(
    outcome: FailureOutcome,
    code: ErrorCode,
    message: string,
    more: {
      retryAfterMs?: number | null
      addressDead?: boolean
      response?: string | null
      aboutProvider?: boolean
      cause?: unknown
    } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.outcome = outcome
    this.code = code
    this.retryAfterMs = more.retryAfterMs ?? null
    this.addressDead = more.addressDead ?? false
    this.response = more.response ?? null
    this.aboutProvider = more.aboutProvider ?? (outcome === 'refused' ? false : null)
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
  /**
   * Reads a delivery report. Absent where the vendor sends none.
   * @throws CarillonError UNAUTHENTICATED when its signature is not the vendor's
   */
  verify?(request: CallbackRequest): readonly CallbackEvent[]
  close(): Promise<void>
}

/** What the server lends to every provider. */
export interface ProviderDeps {
  /** vendors' hosts may be private or loopback addresses */
  readonly allowPrivateHosts: boolean
  /** where the vendor sends its delivery reports for this provider; null: nowhere */
  readonly callbackUrl?: string | null
}

/** A kind of provider: what it can be configured with, and how to make one. */
export interface ProviderKind<Settings> {
  readonly kind: string
  readonly channels: readonly Channel[]
  /** checked by configureProviders; unknown keys are refused */
  readonly settings: z.ZodType<Settings>
  /** settings that are encrypted at rest and never shown */
  readonly secrets: readonly string[]
  /** what a message on this channel may add to its request, `RenderedBase.extra`; unknown keys are refused */
  extra(channel: Channel): z.ZodType<object>
  /**
   * Cuts a push to what the platform carries, as `send` does. Absent for kinds that carry no push.
   * @throws ProviderError refused, when it can't be cut so far
   */
  fit?(message: RenderedPush): FittedPush
  create(settings: Settings, deps: ProviderDeps): Provider
}
