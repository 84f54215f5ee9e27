/** `sendMessages`: checks each message of a call, and accepts those that are valid. */
import { hash } from 'node:crypto'
import { checkCountry, checkId, checkKey, checkList, checkObject, checkText } from '../domain/check.ts'
import type { Clock } from '../domain/clock.ts'
import { type ContactInput, checkContact } from '../domain/profile.ts'
import { CarillonError } from '../errors.ts'
import { checkTime } from '../values/date-time.ts'
import { checkEmail } from '../values/mailbox.ts'
import { checkPhone, dialled } from '../values/phone.ts'
import { type Channel, channels, type JsonObject, type Overrides, type ProjectInfo } from '../words.ts'
import type { Accept } from './accept.ts'
import type { BareAddresses, Call, Intent, Sender, TopicIntent } from './intent.ts'
import type { SendOutcome } from './outcome.ts'

/** The input of `sendMessages` for one message. */
export interface MessageInput {
  readonly id?: string | null | undefined
  readonly template: string
  readonly contact?: ContactInput | null | undefined
  readonly topic?: string | null | undefined
  /** members of the topic that are left out: those of other topics, by key, and contacts, by externalId */
  readonly except?: { readonly topics: readonly string[]; readonly contacts: readonly string[] } | undefined
  readonly data?: JsonObject | null | undefined
  readonly actor?: ContactInput | null | undefined
  readonly incrementId?: string | null | undefined
  readonly transactionId?: string | null | undefined
  readonly sendAt?: Date | null | undefined
  readonly delaySeconds?: number | null | undefined
  readonly channels?: readonly Channel[] | null | undefined
  readonly overrides?: Overrides | null | undefined
}

/** Messages of one call. */
export const MESSAGES_MAX = 100

/**
 * `sendMessages`: each message is decided, then all are written in one transaction. Results are in the order of the input.
 * @throws CarillonError BATCH_TOO_LARGE, BAD_INPUT for an empty list; OVERLOADED
 */
export function createSend({ clock, accept }: { readonly clock: Clock; readonly accept: Accept }) {
  return (project: ProjectInfo, messages: readonly MessageInput[], by: Sender): Promise<SendOutcome[]> => {
    checkList('messages', messages, MESSAGES_MAX)
    const now = clock.now()
    const intents = messages.map((message): Call['intents'][number] => {
      try {
        return checkMessage(message, now)
      } catch (error) {
        if (error instanceof CarillonError) return error
        throw error
      }
    })
    return accept({ project, intents, by })
  }
}

const YEAR_MS = 366 * 24 * 3_600_000
const PAST_MS = 5 * 60_000

/** JSON text that is the same for the same content, regardless of the order of keys. Dates are written as ISO 8601. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item) && !(item instanceof Date)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  )
}

/** The hash of what a caller asks for with an id of its own: whether a repeated id has the same content. */
export const contentHashOf = (content: object): string => hash('sha256', canonical(content), 'hex')

const asText = (over: object): object =>
  Object.fromEntries(Object.entries(over).filter(([, value]) => value !== null && value !== undefined))

/** When a send is due; null: now. @throws BAD_INPUT */
export function checkWhen({ sendAt, delaySeconds }: Pick<MessageInput, 'sendAt' | 'delaySeconds'>, now: Date): Intent['when'] {
  if (sendAt !== null && sendAt !== undefined) {
    if (delaySeconds !== null && delaySeconds !== undefined) {
      throw new CarillonError('BAD_INPUT', { field: 'sendAt', message: 'sendAt and delaySeconds exclude each other.' })
    }
    const aheadMs = checkTime('sendAt', sendAt).getTime() - now.getTime()
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
    // Its contents are checked by the provider's kind (see extra.ts).
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
  const checked = {
    key,
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
  // Of what was checked: it may be nested too deeply to be written as JSON.
  const contentHash = (): string | null => (key === null ? null : contentHashOf(content))
  if (topic !== null) {
    const except = input.except ?? null
    return { ...checked, contact: null, topic: checkText('topic', topic, 255), except, contentHash: contentHash() }
  }
  // One of the two is there.
  const { externalId = null, ...fields } = contact ?? {}
  if (externalId === null) {
    const bare = { ...checkBare(fields), content: null }
    return { ...checked, contact: null, bare, contentHash: contentHash() }
  }
  const whole = checkContact('contact', { ...fields, externalId })
  return { ...checked, contact: whole, contentHash: contentHash() }
}

/** Checks the addresses of a message without a contact. @throws BAD_INPUT, ADDRESS_INVALID, naming the field */
function checkBare({ email = null, phone = null, country = null, ...others }: Omit<ContactInput, 'externalId'>): BareAddresses {
  const refuse = (name: string, why: string): never => {
    const field = `contact.${name}`
    throw new CarillonError('BAD_INPUT', { field, message: `${field}: ${why}` })
  }
  for (const [name, value] of Object.entries(others)) {
    if (value !== null && value !== undefined)
      refuse(name, 'belongs to a contact, which is named by contact.externalId. What the template needs may be in data.')
  }
  if (email === null && phone === null)
    refuse('externalId', 'is missing. Give it, or for a message without a contact email or phone.')
  const place = country === null ? null : checkCountry('contact.country', country)
  return {
    email: email === null ? null : checkEmail('contact.email', email),
    phone: phone === null ? null : dialled(checkPhone('contact.phone', phone, place), place),
  }
}
