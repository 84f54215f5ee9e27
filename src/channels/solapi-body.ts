/** The requests of `solapi`, for each type of message. */
import { z } from 'zod'
import type { Phone } from '../values/phone.ts'
import type { Channel, Extent } from '../words.ts'
import { readExtra } from './extra.ts'
import { MAX_LENGTH, textsOf } from './nhn-kakao-body.ts'
import { ProviderError, type RenderedAlimtalk, type RenderedFriendtalk, type RenderedSms } from './provider.ts'
import { checkCharacters, checkKoreanBytes } from './text-limit.ts'

/** Bytes of a text message in EUC-KR, by its type. */
const MAX_BYTES = { SMS: 90, LMS: 2_000, MMS: 2_000 } as const

/** Whether no text that is at most so long is refused for it: a character takes two bytes in EUC-KR at most. */
export const carries = (_channel: Channel, { type, body, saysBody, hasExtra }: Extent): boolean =>
  !hasExtra && (type === null ? body <= MAX_LENGTH : saysBody && 2 * body <= MAX_BYTES[type])

const short = z.string().min(1).max(100)
const link = z.string().min(1).max(1_000)
const button = z.strictObject({
  buttonType: z.string().regex(/^[A-Z]{2}$/),
  buttonName: short,
  linkMo: link.optional(),
  linkPc: link.optional(),
  linkAnd: link.optional(),
  linkIos: link.optional(),
})

/** What `overrides.providers` may add to a text. */
export const textExtra = z.strictObject({
  /** a picture that was uploaded to SOLAPI: only for an MMS */
  imageId: short.optional(),
})
/** What `overrides.providers` may add to a KakaoTalk message. */
export const kakaoExtra = z.strictObject({
  buttons: z.array(button).min(1).max(5).optional(),
  /** false: SOLAPI sends a text instead where KakaoTalk fails */
  disableSms: z.boolean().optional(),
})

/** What of a provider's settings goes into a message. */
export interface Sender {
  readonly from?: string | undefined
  readonly pfId?: string | undefined
  readonly friendtalk: 'BMS_FREE' | 'CTA'
}

/** One entry of `messages`. @throws ProviderError refused: BAD_INPUT for a field of `extra`, or a setting that this channel needs */
export function messageOf(message: RenderedSms | RenderedAlimtalk | RenderedFriendtalk, to: Phone, sender: Sender): object {
  const from = sender.from?.replaceAll('-', '')
  const head = {
    to: to.country === 'KR' ? `0${to.national}` : to.national,
    ...(from === undefined ? {} : { from }),
    country: to.callingCode,
    // Comes back in reports, and can be searched for in SOLAPI's console.
    customFields: { messageId: message.messageId },
  }
  if (message.channel === 'SMS') {
    const { imageId } = readExtra(textExtra, message.extra)
    if (from === undefined) throw missing('from')
    if (imageId !== undefined && message.type !== 'MMS') {
      throw new ProviderError('refused', 'BAD_INPUT', 'extra.imageId: only an MMS has a picture', { about: 'message' })
    }
    const subject = message.type === 'SMS' || message.title === null ? {} : { subject: message.title }
    const text = checkKoreanBytes('SOLAPI', message.body, MAX_BYTES[message.type])
    return { ...head, type: message.type, text, ...subject, ...(imageId === undefined ? {} : { imageId }) }
  }
  const { buttons, disableSms = true } = readExtra(kakaoExtra, message.extra)
  const { pfId } = sender
  if (pfId === undefined) throw missing('pfId')
  if (!disableSms && from === undefined) throw missing('from')
  const options = { pfId, disableSms, ...(buttons === undefined ? {} : { buttons }) }
  if (message.channel === 'ALIMTALK') {
    const variables = Object.entries(textsOf(message.parameters)).map(([key, value]): [string, string] => [`#{${key}}`, value])
    return {
      ...head,
      type: 'ATA',
      ...(message.body === null ? {} : { text: checkCharacters('KakaoTalk', message.body, MAX_LENGTH) }),
      kakaoOptions: { ...options, templateId: message.templateCode, variables: Object.fromEntries(variables) },
    }
  }
  // KakaoTalk ended Friendtalk (CTA) with 2025. Its successor, the free brand message, is an advertisement always.
  const kind = sender.friendtalk === 'CTA' ? { adFlag: message.isAd } : { bms: { targeting: 'I', chatBubbleType: 'TEXT' } }
  const text = checkCharacters('KakaoTalk', message.body, MAX_LENGTH)
  return { ...head, type: sender.friendtalk, text, kakaoOptions: { ...options, ...kind } }
}

const missing = (setting: string): ProviderError =>
  new ProviderError(
    'refused',
    'PROVIDER_REFUSED',
    `The provider has no setting ${JSON.stringify(setting)}, which this channel needs.`,
    {
      about: 'provider',
    },
  )
