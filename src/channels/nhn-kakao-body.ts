/** The requests of `nhn-kakao`: which path a message takes, and what is in it. */
import { z } from 'zod'
import type { JsonObject } from '../words.ts'
import { readExtra } from './extra.ts'
import type { RenderedAlimtalk, RenderedFriendtalk } from './provider.ts'
import { checkCharacters } from './text-limit.ts'

/** Characters of a message. */
export const MAX_LENGTH = 1_000

const short = z.string().min(1).max(100)
const link = z.string().min(1).max(1_000)

const resendParameter = z.strictObject({
  isResend: z.boolean().optional(),
  resendType: z.enum(['SMS', 'LMS']).optional(),
  resendTitle: z.string().max(120).optional(),
  resendContent: z.string().max(4_000).optional(),
  resendSendNo: short.optional(),
  resendUnsubscribeNo: short.optional(),
})
const button = z.strictObject({
  ordering: z.int().min(1).max(5).optional(),
  type: z
    .string()
    .regex(/^[A-Z][A-Z0-9]$/)
    .optional(),
  name: short.optional(),
  linkMo: link.optional(),
  linkPc: link.optional(),
  schemeIos: link.optional(),
  schemeAndroid: link.optional(),
  chatExtra: short.optional(),
  chatEvent: short.optional(),
  relayId: short.optional(),
  oneClickId: short.optional(),
  productId: short.optional(),
  target: short.optional(),
  telNumber: short.optional(),
})
const buttons = z.array(button).min(1).max(5)
const common = { senderGroupingKey: short.optional(), createUser: short.optional(), statsId: z.string().max(8).optional() }

/** What `overrides.providers` may add to an Alimtalk. */
export const alimtalkExtra = z.strictObject({
  ...common,
  messageOption: z.strictObject({ price: z.int().min(0).optional(), currencyType: z.string().length(3).optional() }).optional(),
  buttons: buttons.optional(),
  quickReplies: buttons.optional(),
  resendParameter: resendParameter.optional(),
  templateTitle: z.string().max(50).optional(),
  templateHeader: z.string().max(16).optional(),
})

/** What `overrides.providers` may add to a Friendtalk. */
export const friendtalkExtra = z.strictObject({
  ...common,
  buttons: buttons.optional(),
  imageUrl: link.optional(),
  imageLink: link.optional(),
  coupon: z
    .strictObject({
      title: short,
      description: short,
      linkMo: link.optional(),
      linkPc: link.optional(),
      schemeIos: link.optional(),
      schemeAndroid: link.optional(),
    })
    .optional(),
  resendParameter: resendParameter.optional(),
})

/** A request's path below the app key, and its body. */
export interface KakaoRequest {
  readonly path: string
  readonly body: object
}

/** The request of a message to one number. @throws ProviderError BAD_INPUT for a field of `extra` that is not taken */
export function requestOf(message: RenderedAlimtalk | RenderedFriendtalk, recipientNo: string, senderKey: string): KakaoRequest {
  // Comes back in reports, and is what an earlier attempt is found by (see nhn-kakao.ts).
  const recipient = { recipientNo, recipientGroupingKey: message.messageId }
  if (message.channel === 'FRIENDTALK') {
    const { senderGroupingKey, createUser, statsId, ...more } = readExtra(friendtalkExtra, message.extra)
    const one = present({
      ...recipient,
      content: checkCharacters('KakaoTalk', message.body, MAX_LENGTH),
      isAd: message.isAd,
      ...more,
    })
    return { path: '/messages', body: present({ senderKey, senderGroupingKey, createUser, statsId, recipientList: [one] }) }
  }
  const { senderGroupingKey, createUser, statsId, messageOption, ...more } = readExtra(alimtalkExtra, message.extra)
  const head = { senderKey, templateCode: message.templateCode, senderGroupingKey, createUser, statsId, messageOption }
  // A text that is filled in already goes as it is; NHN holds it against the template that was approved.
  if (message.body !== null) {
    const content = checkCharacters('KakaoTalk', message.body, MAX_LENGTH)
    return { path: '/raw-messages', body: present({ ...head, recipientList: [present({ ...recipient, content, ...more })] }) }
  }
  const parameters = textsOf(message.parameters)
  const filled = Object.keys(parameters).length === 0 ? {} : { templateParameter: parameters }
  return { path: '/messages', body: present({ ...head, recipientList: [present({ ...recipient, ...filled, ...more })] }) }
}

/** Templates accept nothing but texts. */
export const textsOf = (parameters: JsonObject): Record<string, string> =>
  Object.fromEntries(
    Object.entries(parameters).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  )

/** Without what is not there. */
const present = (fields: object): object => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
