/** The recipients of a campaign's trigger. */
import { describe, expect, it } from 'vitest'
import { checkRecipient, type RecipientInput, recipientTypesOf } from '../../src/send/recipient.ts'
import { type Channel, channels, type RecipientType, recipientTypes } from '../../src/words.ts'
import { refusalOf } from '../helpers/refusal.ts'

const whole = { userId: 'anna', phoneNumber: '+14155550100', email: 'anna@example.com' }
const nameOf: Record<RecipientType, string> = { USER_ID: whole.userId, PHONE_NUMBER: whole.phoneNumber, EMAIL: whole.email }

describe('a channel', () => {
  const takes: Record<Channel, readonly RecipientType[]> = {
    IN_APP: ['USER_ID'],
    EMAIL: ['USER_ID', 'EMAIL'],
    SMS: ['USER_ID', 'PHONE_NUMBER'],
    PUSH: ['USER_ID'],
    WEB_PUSH: ['USER_ID'],
    CHAT: ['USER_ID'],
    ALIMTALK: ['USER_ID', 'PHONE_NUMBER'],
    FRIENDTALK: ['USER_ID', 'PHONE_NUMBER'],
    WEBHOOK: ['USER_ID'],
  }
  it.each(channels.flatMap((channel) => recipientTypes.map((type) => ({ channel, type, taken: takes[channel].includes(type) }))))(
    '$channel takes $type: $taken',
    ({ channel, type, taken }) => {
      expect(recipientTypesOf[channel].includes(type)).toBe(taken)
      const check = () => checkRecipient(channel, { ...whole, type })
      if (taken) expect(check()).toEqual({ type, name: nameOf[type], data: {} })
      else expect(refusalOf(check)).toEqual(['CHANNEL_UNSUPPORTED', 'type'])
    },
  )
  it.each(recipientTypes)('of none, where a campaign has no channel of its own, takes contacts alone: %s', (type) => {
    expect(refusalOf(() => checkRecipient(null, { ...whole, type }))?.[0] ?? null).toBe(
      type === 'USER_ID' ? null : 'CHANNEL_UNSUPPORTED',
    )
  })
})

describe('a recipient', () => {
  it.each([undefined, null])('is named by the id of a contact where its type is %s', (type) => {
    expect(checkRecipient('SMS', { userId: 'anna', type })).toEqual({ type: 'USER_ID', name: 'anna', data: {} })
  })
  it.each<[string, RecipientInput, string]>([
    ['no id', {}, 'userId'],
    ['an id that is null', { userId: null }, 'userId'],
    ['an empty id', { userId: '' }, 'userId'],
    ['an id of 256 characters', { userId: 'x'.repeat(256) }, 'userId'],
    ['an id with a line break', { userId: 'a\nb' }, 'userId'],
    ['an id, though its type is PHONE_NUMBER', { type: 'PHONE_NUMBER', userId: 'anna' }, 'phoneNumber'],
    ['an empty number', { type: 'PHONE_NUMBER', phoneNumber: '' }, 'phoneNumber'],
    ['a number of 1,001 characters', { type: 'PHONE_NUMBER', phoneNumber: '1'.repeat(1_001) }, 'phoneNumber'],
    ['a number with a NUL', { type: 'PHONE_NUMBER', phoneNumber: '1\0' }, 'phoneNumber'],
    ['a number beyond JSON in its parameters', { userId: 'a', eventParams: { n: 2 ** 53 } }, 'eventParams'],
  ])('with %s is refused, naming the field', (_title, input, field) => {
    expect(refusalOf(() => checkRecipient('SMS', input))).toEqual(['BAD_INPUT', field])
  })
  it('with more than 512 KB of parameters is TOO_LARGE', () => {
    const eventParams = { text: 'x'.repeat(524_288) }
    expect(refusalOf(() => checkRecipient('SMS', { userId: 'a', eventParams }))).toEqual(['TOO_LARGE', 'eventParams'])
  })
  it('keeps an address as it was written, whatever it is: whether it can be reached is decided later', () => {
    expect(checkRecipient('EMAIL', { type: 'EMAIL', email: ' No Address ' }).name).toBe(' No Address ')
  })
  it('keeps its parameters', () => {
    expect(checkRecipient('SMS', { userId: 'a', eventParams: { n: 1 } }).data).toEqual({ n: 1 })
  })
})
