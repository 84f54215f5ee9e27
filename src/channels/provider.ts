/** The contract between the worker and a vendor: few methods, limits as data. No vendor's codes leave the vendor's file. */
import type { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import type { EscapeValue } from '../values/marked-text.ts'
import type { Channel, DialPlan, Extent, Json, JsonObject } from '../words.ts'
import type { HostNames } from './host-names.ts'
import type { SettingsSchema } from './settings.ts'

interface RenderedBase {
  /** the message's UUID: the same on every attempt, so a receiver can recognize a repeat */
  readonly messageId: string
  readonly createdAt: Date
  /** vendor options of this message: added to this provider's request; only keys that the kind allows */
  readonly extra?: JsonObject | undefined
}

/** An e-mail, ready to send: every text is rendered, and every address is a mailbox as `formatMailbox` writes it. */
export interface RenderedEmail extends RenderedBase {
  readonly channel: 'EMAIL'
  readonly address: string
  /** null: the provider's own `from` */
  readonly from: string | null
  /** one or more, separated by commas */
  readonly replyTo: string | null
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  readonly subject: string
  readonly text: string | null
  readonly html: string | null
  /** an https link that accepts a one-click POST (RFC 8058), or null */
  readonly unsubscribeUrl: string | null
  /** when it was due: the same on every attempt */
  readonly dueAt: Date
}

/** A text message, rendered. */
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

/** A push message within the size limit of its platform. */
export interface FittedPush {
  readonly message: RenderedPush
  /** its text was cut */
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

/** The message of each channel that goes through a provider: a new channel does not compile until it is here. */
interface RenderedOf {
  EMAIL: RenderedEmail
  SMS: RenderedSms
  PUSH: RenderedPush
  WEB_PUSH: RenderedPush
  CHAT: RenderedChat
  ALIMTALK: RenderedAlimtalk
  FRIENDTALK: RenderedFriendtalk
  WEBHOOK: RenderedWebhook
}

/** A message as `send` is given it. */
export type Rendered = RenderedOf[Exclude<Channel, 'IN_APP'>]

/** The vendor accepted the message. */
export interface Receipt {
  /** the vendor's own id for it, where it gives one */
  readonly providerMessageId: string | null
  /** the vendor's answer, cut to 1,000 characters, for the operator */
  readonly response: string | null
}

/** A delivery report's HTTP request. */
export interface CallbackRequest {
  readonly method: string
  /** the public address that the vendor called, with its query string */
  readonly url: string
  /** names in lower case */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly rawBody: Uint8Array
  readonly now: Date
}

/** What a delivery report means for one message. Reports may arrive twice and out of order: a later state wins. */
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
 * The outcome of a failed attempt. `retryable`: not accepted, but may be later. `refused`: not accepted, and never will be. `unknown`: may have
 * been accepted (the connection was lost after the message was sent).
 */
export type FailureOutcome = 'retryable' | 'refused' | 'unknown'

/**
 * Whom a failure concerns, so what it says of other messages:
 * - `provider`: the vendor's own API, credentials, account or limits. It counts against the provider, and another one may accept the message
 * - `host`: the host that the address names (a push service, a contact's webhook, a receiving domain). It counts against that host alone
 * - `address`: this one address (gone, invalid, its own limit). It counts against nobody
 * - `message`: what was to be sent. It counts against nobody
 */
export type Concern = 'provider' | 'host' | 'address' | 'message'

/** Whose host a request goes to: the vendor's, which the settings name, or one that the address of a contact names. */
export type HostOwner = Extract<Concern, 'provider' | 'host'>

/** Thrown by `send`: the attempt failed. */
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
  readonly about: Concern

  constructor(
    outcome: FailureOutcome,
    code: ErrorCode,
    message: string,
    more: {
      about: Concern
      retryAfterMs?: number | null
      addressDead?: boolean
      response?: string | null
      cause?: unknown
    },
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.outcome = outcome
    this.code = code
    this.retryAfterMs = more.retryAfterMs ?? null
    this.addressDead = more.addressDead ?? false
    this.response = more.response ?? null
    this.about = more.about
  }

  get retryable(): boolean {
    return this.outcome === 'retryable'
  }
}

/** Thrown by a provider that rehearses, in place of the request that it was about to make: the message would have left. */
export class Rehearsed extends Error {
  override readonly name = 'Rehearsed'
}

/** What a provider can do. */
export interface Limits {
  /** how many `send` calls may run at once */
  readonly concurrency: number
  /** the receiver recognizes a repeated messageId, so a message of unknown outcome may be sent again */
  readonly foldsRepeats: boolean
}

/** One configured vendor of one project. `send` throws ProviderError only; anything else is a bug. */
export interface Provider {
  readonly kind: string
  readonly limits: Limits
  /**
   * The host that an address names, which receives the message in the end: a push service's, a webhook's, a domain's (`channelTraits`). What that
   * host does counts for it alone. null: the address names none, and the vendor is the only one to answer.
   */
  hostOf(address: string): string | null
  send(message: Rendered, signal: AbortSignal): Promise<Receipt>
  /**
   * Reads a delivery report. Absent where the vendor sends none.
   * @throws CarillonError UNAUTHENTICATED when its signature is not the vendor's
   */
  verify?(request: CallbackRequest): readonly CallbackEvent[]
  close(): Promise<void>
}

/** What every provider gets from the server. */
export interface ProviderDeps {
  /** vendors' hosts may be private or loopback addresses */
  readonly allowPrivateHosts: boolean
  /** the URL for the vendor's delivery reports about this provider; null: none */
  readonly callbackUrl?: string | null
  /** resolves the names of hosts that addresses name; left out: one of the provider's own */
  readonly names?: HostNames
  /** nothing leaves: `send` checks the message as it always does, and throws `Rehearsed` in place of its first request */
  readonly rehearses?: boolean
}

/** A kind of provider: its settings, and how to create one. */
export interface ProviderKind<Settings> {
  readonly kind: string
  /** the vendor's name, as it writes it */
  readonly title: string
  readonly channels: readonly Channel[]
  /** checked by configureProviders, shown to clients by `providerKinds`; unknown keys are refused */
  readonly settings: SettingsSchema<Settings>
  /** the optional settings that a channel can't do without. Absent for kinds whose channels all need the same */
  needs?(channel: Channel): readonly string[]
  /** Why a text can't be an address of a contact at this vendor; null: it can. Absent for kinds whose addresses are fields of the contact. */
  wrongAddress?(address: string, deps: Pick<ProviderDeps, 'allowPrivateHosts'>): string | null
  /** the numbers that it dials, unless the setting `countries` names others. Absent for kinds that dial none, or take every address */
  readonly dials?: DialPlan
  /** Escapes a value of a template for a service whose texts have markup. Absent for kinds whose texts have none. */
  escape?: EscapeValue
  /**
   * Whether `send` refuses no message that is at most so large, for what is in it: such a message need not be rendered to know that it can be
   * sent. Where that depends on more than its size, false.
   */
  carries(channel: Channel, extent: Extent): boolean
  /** the vendor options that a message on this channel may have, `RenderedBase.extra`; unknown keys are refused */
  extra(channel: Channel): z.ZodType<object>
  /**
   * Cuts a push to the platform's size limit, as `send` does. Absent for kinds without push.
   * @throws ProviderError refused, if it is too large even without its text
   */
  fit?(message: RenderedPush): FittedPush
  /** Cuts the text of a chat to the service's limit, as `send` does. Absent for kinds that cut none. */
  cut?(text: string): string
  /** how texts to its own country are measured, where that is not by GSM-7 and UCS-2 */
  readonly smsEncoding?: 'EUC-KR'
  create(settings: Settings, deps: ProviderDeps): Provider
}
