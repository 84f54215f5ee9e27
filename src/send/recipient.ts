/** The recipients of `triggerCampaign`: what each channel accepts, and which fields a recipient needs. */

import { checkKey, checkObject, checkText } from '../domain/check.ts'
import { CarillonError } from '../errors.ts'
import type { Channel, JsonObject, RecipientType } from '../words.ts'

/** A recipient as a caller gives it. */
export interface RecipientInput {
  readonly type?: RecipientType | null | undefined
  readonly userId?: string | null | undefined
  readonly phoneNumber?: string | null | undefined
  readonly email?: string | null | undefined
  readonly eventParams?: JsonObject | null | undefined
}

/** The same, checked: `name` is the externalId of a contact, or the address itself. */
export interface Recipient {
  readonly type: RecipientType
  readonly name: string
  readonly data: JsonObject
}

const USER_ID: readonly RecipientType[] = ['USER_ID']
const NUMBER: readonly RecipientType[] = ['USER_ID', 'PHONE_NUMBER']

/** What recipients of a channel may be identified by. */
export const recipientTypesOf: Readonly<Record<Channel, readonly RecipientType[]>> = {
  IN_APP: USER_ID,
  EMAIL: ['USER_ID', 'EMAIL'],
  SMS: NUMBER,
  PUSH: USER_ID,
  WEB_PUSH: USER_ID,
  CHAT: USER_ID,
  ALIMTALK: NUMBER,
  FRIENDTALK: NUMBER,
  WEBHOOK: USER_ID,
}

const fieldOf = { USER_ID: 'userId', PHONE_NUMBER: 'phoneNumber', EMAIL: 'email' } as const satisfies Record<
  RecipientType,
  keyof RecipientInput
>

/**
 * Checks one recipient; `channel` null: all of the template's, all of which accept contacts.
 * @throws CHANNEL_UNSUPPORTED, BAD_INPUT naming the field
 */
export function checkRecipient(channel: Channel | null, input: RecipientInput): Recipient {
  const type = input.type ?? 'USER_ID'
  const taken = channel === null ? USER_ID : recipientTypesOf[channel]
  if (!taken.includes(type)) {
    const where = channel === null ? 'A campaign without a channel of its own' : channel
    throw new CarillonError('CHANNEL_UNSUPPORTED', {
      field: 'type',
      message: `${where} takes recipients by ${taken.join(' or ')} only, not by ${type}.`,
    })
  }
  const field = fieldOf[type]
  const name = input[field]
  if (name === null || name === undefined || name === '')
    throw new CarillonError('BAD_INPUT', { field, message: `${field} is missing: the recipient is named by ${type}.` })
  return {
    type,
    name: type === 'USER_ID' ? checkKey(field, name) : checkText(field, name, 1000),
    data: checkObject('eventParams', input.eventParams ?? {}),
  }
}
