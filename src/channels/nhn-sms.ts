/** The provider `nhn-sms`: text messages through NHN Cloud SMS, v3.0. */
import { z } from 'zod'
import { baseUrl, readExtra } from './extra.ts'
import { createHttpClient, excerpt } from './http.ts'
import { appKey, type FailedDelivery, meaningsOf, readAnswer, readReport, recipientResult, refusalOf, secret } from './nhn.ts'
import { countries, createPhoneReader, type PhoneNumber } from './phone.ts'
import { type Provider, type ProviderDeps, ProviderError, type ProviderKind, type RenderedSms } from './provider.ts'

const settings = z.strictObject({
  appKey,
  secretKey: secret,
  /** the number that texts come from, registered with NHN */
  from: z.string().regex(/^\d[\d-]{2,19}$/, 'must be a number, as it is registered with NHN'),
  /** what is entered as signature beside the webhook in NHN's console; without it, delivery reports are refused */
  webhookSignature: secret.optional(),
  countries: countries.default(['KR']),
  baseUrl: baseUrl.default('https://sms.api.nhncloudservice.com'),
})

/** What `overrides.providers` may add to a message. */
const extra = z.strictObject({
  /** AD: the text has to begin with (광고) or (Ad), and to end with a free number to opt out; AUTH: it has to say what it confirms */
  purpose: z.enum(['NORMAL', 'AD', 'AUTH']).optional(),
  templateId: z.string().min(1).max(50).optional(),
  templateParameter: z.record(z.string().max(100), z.string().max(4_000)).optional(),
  /** pictures that were uploaded to NHN: they make an LMS an MMS */
  attachFileIdList: z.array(z.int().min(0)).min(1).max(3).optional(),
  senderGroupingKey: z.string().min(1).max(100).optional(),
  userId: z.string().max(100).optional(),
  statsId: z.string().max(10).optional(),
  originCode: z.string().max(10).optional(),
})

const taken = z.object({
  body: z.object({
    data: z.object({
      requestId: z.string().nullish(),
      sendResultList: z.array(recipientResult).nullish(),
    }),
  }),
})

/** By NHN's table of result codes. Limits of an account, and countries it may not send to, are another provider's chance. */
const meanings = meaningsOf({
  account: [-1004, -1007, -1008, -2024, -2044, -2045, -2046, -2047, -2051, -2052, -2053, -2312, -2313, -6000, -6004],
  later: [-2021],
  address: [-2001, -2018, -2019],
  optedOut: [-6001],
  tooLong: [-2015, -2048],
})

/** Settings of an `nhn-sms` provider, defaults filled in. */
export type NhnSmsSettings = z.output<typeof settings>

/** The kind `nhn-sms`. */
export const nhnSms = {
  kind: 'nhn-sms',
  channels: ['SMS'],
  settings,
  secrets: ['secretKey', 'webhookSignature'],
  extra: () => extra,
  create: createNhnSms,
} satisfies ProviderKind<NhnSmsSettings>

/** Makes the provider. */
export function createNhnSms(given: NhnSmsSettings, deps: ProviderDeps): Provider {
  const limits = { concurrency: 50, foldsRepeats: false }
  const http = createHttpClient({ ...deps, ...limits })
  const phones = createPhoneReader({ allowed: given.countries, home: '82' })
  const headers = { 'x-secret-key': given.secretKey, 'content-type': 'application/json;charset=UTF-8' }
  return {
    kind: 'nhn-sms',
    limits,
    async send(message, signal) {
      if (message.channel !== 'SMS') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `NHN SMS can't carry ${message.channel}.`)
      }
      const { path, body } = requestOf(message, phones.read(message.address), given.from)
      const url = `${given.baseUrl}/sms/v3.0/appKeys/${given.appKey}${path}`
      const answer = await http.send({ method: 'POST', url, headers, body: JSON.stringify(body) }, signal)
      const { header, rest } = readAnswer(answer)
      const parsed = taken.safeParse(rest)
      const data = parsed.success ? parsed.data.body.data : null
      const failed = data?.sendResultList?.find(({ resultCode }) => resultCode !== 0)
      if (failed !== undefined) throw refusalOf(failed, meanings, answer.text)
      if (!header.isSuccessful) throw refusalOf(header, meanings, answer.text)
      return { providerMessageId: data?.requestId ?? null, response: excerpt(answer.text) }
    },
    verify: (request) => readReport(request, given.webhookSignature, deliveryOf),
    close: () => http.close(),
  }
}

function requestOf(message: RenderedSms, to: PhoneNumber, from: string): { path: string; body: object } {
  const { purpose = 'NORMAL', templateParameter, attachFileIdList, ...more } = readExtra(extra, message.extra)
  const isLong = message.type !== 'SMS'
  if (!isLong && attachFileIdList !== undefined) {
    throw new ProviderError('refused', 'BAD_INPUT', 'extra.attachFileIdList: only an MMS has pictures')
  }
  if (isLong && purpose === 'AUTH')
    throw new ProviderError('refused', 'BAD_INPUT', 'extra.purpose: AUTH is for the type SMS alone')
  const recipient = {
    // The number as its own country dials it; NHN sends nothing but SMS abroad.
    ...(to.country === 'KR' ? { recipientNo: `0${to.national}` } : { internationalRecipientNo: to.digits }),
    ...(templateParameter === undefined ? {} : { templateParameter }),
    // Comes back in reports, and can be searched for in NHN's console.
    recipientGroupingKey: message.messageId,
  }
  const body = {
    ...(isLong ? { title: message.title ?? titleOf(message.body) } : {}),
    body: message.body,
    sendNo: from.replaceAll('-', ''),
    ...(attachFileIdList === undefined ? {} : { attachFileIdList }),
    recipientList: [recipient],
    ...more,
  }
  const kind = isLong ? 'mms' : 'sms'
  const paths = { NORMAL: `/sender/${kind}`, AD: `/sender/ad-${kind}`, AUTH: '/sender/auth/sms' }
  return { path: paths[purpose], body }
}

/** NHN wants a title with every LMS and MMS: the beginning of the text, in no more than the 40 bytes that phones show. */
const titleOf = (body: string): string => [...(body.trim().split('\n')[0] ?? '')].slice(0, 20).join('').trim()

/** What the carriers' codes say: no such number, or one that is written wrong. */
function deliveryOf(resultCode: string): FailedDelivery {
  const isGone = resultCode === '3001' || resultCode === '4005'
  const isWrong = isGone || resultCode === '1002' || resultCode === '3003' || resultCode === '4003'
  return { code: isWrong ? 'ADDRESS_INVALID' : 'PROVIDER_REFUSED', addressDead: isGone }
}
