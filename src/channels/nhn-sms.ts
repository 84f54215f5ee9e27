/** The provider `nhn-sms`: text messages through NHN Cloud SMS, v3.0. */
import { z } from 'zod'
import { HOME_COUNTRY, type Phone } from '../values/phone.ts'
import { readExtra } from './extra.ts'
import { createHttpClient, excerpt } from './http.ts'
import {
  appKey,
  type FailedDelivery,
  meaningsOf,
  readAnswer,
  readReport,
  recipientResult,
  refusalOf,
  secretKey,
  webhookSignature,
} from './nhn.ts'
import { countries, countriesInfo, createPhoneReader, dialPlan, homeNumbers } from './phone.ts'
import { type Provider, type ProviderDeps, ProviderError, type ProviderKind, type RenderedSms } from './provider.ts'
import { apiUrl } from './settings.ts'
import { checkCharacters } from './text-limit.ts'

const settings = z.strictObject({
  appKey,
  secretKey,
  from: z
    .string()
    .regex(/^\d[\d-]{2,19}$/, 'must be a number, as it is registered with NHN')
    .meta({
      title: 'From',
      description: 'The sender number, as it is registered with NHN. NHN Cloud console, SMS, Sender number.',
      examples: ['15446859'],
    }),
  webhookSignature,
  countries: countries.prefault([HOME_COUNTRY]).meta(countriesInfo),
  baseUrl: apiUrl('https://sms.api.nhncloudservice.com'),
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

/** By NHN's table of result codes. For limits of the account and countries it may not send to, another provider is tried. */
const meanings = meaningsOf({
  account: [-1004, -1007, -1008, -2024, -2044, -2045, -2046, -2047, -2051, -2052, -2053, -2312, -2313, -6000, -6004],
  later: [-2021],
  address: [-2001, -2018, -2019],
  optedOut: [-6001],
  tooLong: [-2015, -2048],
})

/** What NHN takes of a text; phones show less of it. */
const MAX_LENGTH = 4_000

/** Settings of an `nhn-sms` provider, defaults filled in. */
export type NhnSmsSettings = z.output<typeof settings>

/** The kind `nhn-sms`. */
export const nhnSms = {
  kind: 'nhn-sms',
  title: 'NHN Cloud SMS',
  channels: ['SMS'],
  smsEncoding: 'EUC-KR',
  settings,
  dials: homeNumbers,
  carries: (_channel, { body, saysBody, hasExtra }) => !hasExtra && saysBody && body <= MAX_LENGTH,
  extra: () => extra,
  create: createNhnSms,
} satisfies ProviderKind<NhnSmsSettings>

/** @returns a provider of the kind `nhn-sms` */
export function createNhnSms(given: NhnSmsSettings, deps: ProviderDeps): Provider {
  const limits = { concurrency: 50, foldsRepeats: false }
  const http = createHttpClient({ ...deps, ...limits })
  const phones = createPhoneReader(dialPlan(homeNumbers, given.countries))
  const headers = { 'x-secret-key': given.secretKey, 'content-type': 'application/json;charset=UTF-8' }
  return {
    kind: 'nhn-sms',
    limits,
    hostOf: () => null,
    async send(message, signal) {
      if (message.channel !== 'SMS') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `NHN SMS can't carry ${message.channel}.`, { about: 'message' })
      }
      const { path, body } = requestOf(message, phones.read(message.address), given.from)
      const url = `${given.baseUrl}/sms/v3.0/appKeys/${given.appKey}${path}`
      const answer = await http.send({ host: 'provider', method: 'POST', url, headers, body: JSON.stringify(body) }, signal)
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

function requestOf(message: RenderedSms, to: Phone, from: string): { path: string; body: object } {
  const { purpose = 'NORMAL', templateParameter, attachFileIdList, ...more } = readExtra(extra, message.extra)
  const isLong = message.type !== 'SMS'
  if (!isLong && attachFileIdList !== undefined) {
    throw new ProviderError('refused', 'BAD_INPUT', 'extra.attachFileIdList: only an MMS has pictures', { about: 'message' })
  }
  if (isLong && purpose === 'AUTH')
    throw new ProviderError('refused', 'BAD_INPUT', 'extra.purpose: AUTH is for the type SMS alone', { about: 'message' })
  const recipient = {
    // The number as its own country dials it; NHN sends nothing but SMS abroad.
    ...(to.country === 'KR' ? { recipientNo: `0${to.national}` } : { internationalRecipientNo: to.digits }),
    ...(templateParameter === undefined ? {} : { templateParameter }),
    // Comes back in reports, and can be searched for in NHN's console.
    recipientGroupingKey: message.messageId,
  }
  const body = {
    ...(isLong ? { title: message.title ?? titleOf(message.body) } : {}),
    body: checkCharacters('NHN', message.body, MAX_LENGTH),
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

/** The carriers' codes for a number that does not exist, or is malformed. */
function deliveryOf(resultCode: string): FailedDelivery {
  const isGone = resultCode === '3001' || resultCode === '4005'
  const isWrong = isGone || resultCode === '1002' || resultCode === '3003' || resultCode === '4003'
  return { code: isWrong ? 'ADDRESS_INVALID' : 'PROVIDER_REFUSED', addressDead: isGone }
}
