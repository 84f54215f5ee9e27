/** A requested message that has been validated; and what the messages of one call, send to many or digest have in common. */
import type { By } from '../domain/audit.ts'
import type { CheckedContact } from '../domain/profile.ts'
import type { CarillonError, Problem } from '../errors.ts'
import type { Meter } from '../render/meter.ts'
import type { Channel, DigestItems, DirectContent, JsonObject, Overrides, ProjectInfo } from '../words.ts'

/** Where a message goes that has no contact: on e-mail, and on the channels that take phone numbers. null: nowhere. */
export interface BareAddresses {
  readonly email: string | null
  readonly phone: string | null
}

/** A requested message that is valid. */
export interface Intent {
  /** the caller's own id; null: none was given, and every call is a new notification */
  readonly key: string | null
  /** SHA-256 of the request, hex: whether a repeated key has the same content; null without a key */
  readonly contentHash: string | null
  /** the template's key; null: the content of `bare` is sent */
  readonly template: string | null
  /** null: it goes to a bare address */
  readonly contact: CheckedContact | null
  /** the addresses that it goes to without a contact; and its content where there is no template */
  readonly bare?: BareAddresses & { readonly content: DirectContent | null }
  readonly actor: CheckedContact | null
  readonly data: JsonObject
  readonly overrides: Overrides | null
  readonly incrementId: string | null
  /** the caller's, or null: the call's own */
  readonly transactionId: string | null
  /** null: the caller gave no time; now is `{ inMs: 0 }` */
  readonly when: { readonly at: Date } | { readonly inMs: number } | null
  /** only these of the template's channels; null: all of them */
  readonly channels: readonly Channel[] | null
}

/** What was found about the data and the overrides of a message (see screen.ts). */
export interface Verdict {
  /** of the schema that the data was checked with; null: there is none */
  readonly schemaId: string | null
  readonly invalid: Problem | null
  /** the error of its overrides; null: they are fine */
  readonly broken: CarillonError | null
}
/** Verdicts by message. */
export type Verdicts = Map<Intent | ManyIntent, Verdict>

/** A requested send to many contacts. */
export interface ManyIntent extends Omit<Intent, 'contact'> {
  readonly contact: null
  /** the topic's key; null: the audience is not a topic */
  readonly topic: string | null
}

/** A requested send to a topic: one notification for each member, under one transaction. */
export interface TopicIntent extends ManyIntent {
  readonly topic: string
  /** members that are left out: those of other topics of the call, by key, and contacts, by externalId; null: none are */
  readonly except: { readonly topics: readonly string[]; readonly contacts: readonly string[] } | null
}

/** One call: its messages, each with the error of its checks where it has one. */
export interface Call {
  readonly project: ProjectInfo
  readonly intents: readonly (Intent | TopicIntent | CarillonError)[]
  /** the campaign that it is for */
  readonly origin?: Origin
  /** what was found about its data and overrides */
  readonly verdicts?: Verdicts
  /** for rendering in the server */
  readonly allowance?: Meter
  /** who makes it: stored with its sends to topics alone */
  readonly by?: Sender
}

/** Who begins a send to many. */
export type Sender = Pick<By, 'kind' | 'id' | 'name' | 'email'>

/** What the rows of a campaign's run, or of a send to many, have in common. */
export interface Origin {
  /** claimed after single messages */
  readonly bulk: boolean
  readonly campaignId: string | null
}

/** What belongs to one call alone. */
export interface CallScope {
  readonly transactionId: string
  /** identifies this call: its messages may share a new transactionId, another call's may not use it */
  readonly mark: symbol
  readonly origin?: Origin
  readonly verdicts?: Verdicts
  readonly by?: Sender
  /** the digest that is being closed */
  readonly digest?: ClosingDigest
}

/** A digest that is being closed, and its items. */
export interface ClosingDigest {
  readonly id: string
  readonly items: DigestItems
}
