/** `sendMessages`: checks what was asked, one message at a time, before anything is decided. */
import { createHash } from 'node:crypto'
import { CarillonError } from '../errors.ts'
import { checkId, checkKey, checkObject, checkText } from './check.ts'
import { type CheckedContact, type ContactInput, checkContact } from './profile.ts'
import { type Channel, channels, type DirectContent, type JsonObject, type Overrides } from './words.ts'

/** One message as a caller asks for it. */
export interface MessageInput {
  readonly id?: string | null | undefined
  readonly template: string
  readonly contact?: ContactInput | null | undefined
  readonly topic?: string | null | undefined
  readonly data?: JsonObject | null | undefined
  readonly actor?: ContactInput | null | undefined
  readonly incrementId?: string | null | undefined
  readonly transactionId?: string | null | undefined
  readonly sendAt?: Date | null | undefined
  readonly delaySeconds?: number | null | undefined
  readonly channels?: readonly Channel[] | null | undefined
  readonly overrides?: Overrides | null | undefined
}

/** A message that was asked for and is well formed. */
export interface Intent {
  readonly key: string | null
  /** SHA-256 of what was asked, hex: tells a repeat from a mismatch; null without a key */
  readonly contentHash: string | null
  /** its key; null: what `bare` has is said */
  readonly template: string | null
  /** null: it goes to a bare address */
  readonly contact: CheckedContact | null
  /** where it goes, on the one channel of `channels`, without looking anybody up; and what is said where there is no template */
  readonly bare?: { readonly address: string; readonly content: DirectContent | null }
  readonly actor: CheckedContact | null
  readonly data: JsonObject
  readonly overrides: Overrides | null
  readonly incrementId: string | null
  /** the caller's, or null: the call's own */
  readonly transactionId: string | null
  /** null: the caller did not say; now is `{ inMs: 0 }` */
  readonly when: { readonly at: Date } | { readonly inMs: number } | null
  readonly channels: readonly Channel[] | null
}

/** The same for many, whoever they are. */
export interface ManyIntent extends Omit<Intent, 'contact'> {
  readonly contact: null
  readonly topic: string | null
}

/** The same for every member of a topic: one notification each, under one transaction. */
export interface TopicIntent extends ManyIntent {
  readonly topic: string
}

const YEAR_MS = 366 * 24 * 3_600_000
const PAST_MS = 5 * 60_000

/** JSON whose text is the same for the same content, whatever the order of its keys. Dates are their ISO text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item) && !(item instanceof Date)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  )
}

const asText = (over: object): object =>
  Object.fromEntries(Object.entries(over).filter(([, value]) => value !== null && value !== undefined))

/** When a send is due; null: now. @throws BAD_INPUT */
export function checkWhen({ sendAt, delaySeconds }: Pick<MessageInput, 'sendAt' | 'delaySeconds'>, now: Date): Intent['when'] {
  if (sendAt !== null && sendAt !== undefined) {
    if (delaySeconds !== null && delaySeconds !== undefined) {
      throw new CarillonError('BAD_INPUT', { field: 'sendAt', message: 'sendAt and delaySeconds exclude each other.' })
    }
    const aheadMs = sendAt.getTime() - now.getTime()
    if (aheadMs < -PAST_MS)
      throw new CarillonError('BAD_INPUT', { field: 'sendAt', message: 'sendAt is more than 5 minutes in the past.' })
    if (aheadMs > YEAR_MS) throw new CarillonError('BAD_INPUT', { field: 'sendAt', message: 'sendAt is more than a year ahead.' })
    return aheadMs <= 0 ? { inMs: 0 } : { at: sendAt }
  }
  if (delaySeconds === null || delaySeconds === undefined) return null
  if (delaySeconds < 0 || delaySeconds * 1000 > YEAR_MS) {
    throw new CarillonError('BAD_INPUT', { field: 'delaySeconds', message: 'delaySeconds must be from 0 to a year.' })
  }
  return { inMs: delaySeconds * 1000 }
}

/** Checks what replaces the template's settings. @throws BAD_INPUT */
export function checkOverrides(overrides: Overrides | null): Overrides | null {
  if (overrides === null) return null
  checkObject('overrides', { ...asText(overrides) })
  if (overrides.inApp?.feed !== null && overrides.inApp?.feed !== undefined)
    checkKey('overrides.inApp.feed', overrides.inApp.feed)
  for (const [key, added] of Object.entries(overrides.providers ?? {})) {
    // What is in it, the provider's kind judges (see extra.ts).
    if (added !== null && (typeof added !== 'object' || Array.isArray(added))) {
      const field = `overrides.providers.${key}`
      throw new CarillonError('BAD_INPUT', { field, message: `${field}: must be an object.` })
    }
  }
  return overrides
}

/** Checks one message. @throws BAD_INPUT, ADDRESS_INVALID, TOO_LARGE, naming the field */
export function checkMessage(input: MessageInput, now: Date): Intent | TopicIntent {
  const contact = input.contact ?? null
  const topic = input.topic ?? null
  if (contact !== null && topic !== null) {
    throw new CarillonError('BAD_INPUT', { field: 'topic', message: 'contact and topic exclude each other.' })
  }
  if (contact === null && topic === null) {
    throw new CarillonError('BAD_INPUT', { field: 'contact', message: 'contact is missing: say whom to notify.' })
  }
  const key = input.id === null || input.id === undefined ? null : checkId('id', input.id)
  const overrides = checkOverrides(input.overrides ?? null)
  for (const channel of input.channels ?? []) {
    if (!channels.includes(channel))
      throw new CarillonError('BAD_INPUT', { field: 'channels', message: `channels: there is no ${channel}.` })
  }
  const { transactionId: _transaction, ...content } = input
  const intent = {
    key,
    contentHash: key === null ? null : createHash('sha256').update(canonical(content)).digest('hex'),
    template: checkText('template', input.template, 255),
    actor: input.actor === null || input.actor === undefined ? null : checkContact('actor', input.actor),
    data: checkObject('data', input.data ?? {}),
    overrides,
    incrementId:
      input.incrementId === null || input.incrementId === undefined ? null : checkKey('incrementId', input.incrementId),
    transactionId:
      input.transactionId === null || input.transactionId === undefined ? null : checkId('transactionId', input.transactionId),
    when: checkWhen(input, now),
    channels: input.channels ?? null,
  }
  if (topic !== null) return { ...intent, contact: null, topic: checkText('topic', topic, 255) }
  // One of the two is there.
  return { ...intent, contact: checkContact('contact', contact ?? { externalId: '' }) }
}
