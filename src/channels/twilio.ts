/** The provider `twilio`: text messages by Twilio's Programmable Messaging, and its delivery reports. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { CarillonError } from '../errors.ts'
import type { DialPlan } from '../words.ts'
import { readExtra } from './extra.ts'
import { createHttpClient, excerpt, jsonOf } from './http.ts'
import { countries, countriesInfo, createPhoneReader, dialPlan } from './phone.ts'
import {
  type CallbackEvent,
  type CallbackRequest,
  type Provider,
  type ProviderDeps,
  ProviderError,
  type ProviderKind,
  type RenderedSms,
} from './provider.ts'
import { apiUrl } from './settings.ts'
import { meaningOf, outcomeOf } from './twilio-outcome.ts'

/** Longer texts are refused by Twilio. */
const MAX_LENGTH = 1_600

const sid = (prefix: string) => z.string().regex(new RegExp(`^${prefix}[0-9a-fA-F]{32}$`), `must be ${prefix} and 32 hex digits`)

const settings = z
  .strictObject({
    accountSid: sid('AC').meta({
      title: 'Account SID',
      description: 'AC and 32 hexadecimal digits. Twilio Console, Account Info.',
    }),
    authToken: z
      .string()
      .regex(/^[\x21-\x7e]{1,200}$/, 'must be printable, without spaces')
      .meta({
        title: 'Auth token',
        description: 'Twilio Console, Account Info. Also verifies the signature of delivery reports.',
        writeOnly: true,
      }),
    from: z
      .string()
      .regex(
        /^(\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11})$/,
        'must be a number with +, a short code or a name',
      )
      .optional()
      .meta({
        title: 'From',
        description:
          'A number of your account with + and country code, a short code, or an alphanumeric sender ID of up to 11 characters. ' +
          'Twilio Console, Phone Numbers. Either this or a messaging service is required.',
        examples: ['+14155550100'],
      }),
    messagingServiceSid: sid('MG').optional().meta({
      title: 'Messaging service SID',
      description: 'MG and 32 hexadecimal digits: the messaging service chooses the sender. Twilio Console, Messaging, Services.',
    }),
    countries: countries
      .optional()
      .meta({ ...countriesInfo, description: `${countriesInfo.description} All countries if empty.` }),
    baseUrl: apiUrl('https://api.twilio.com'),
  })
  .refine(({ from, messagingServiceSid }) => (from === undefined) !== (messagingServiceSid === undefined), {
    error: 'is needed, or messagingServiceSid, and not both',
    path: ['from'],
  })
  .meta({ oneOf: [{ required: ['from'] }, { required: ['messagingServiceSid'] }] })

/** What `overrides.providers` may set for one message. */
const extra = z.strictObject({
  /** seconds that Twilio may keep it for */
  ValidityPeriod: z.int().min(1).max(36_000).optional(),
  SmartEncoded: z.boolean().optional(),
  /** a content template of Twilio's, which takes the place of the body */
  ContentSid: sid('HX').optional(),
  ContentVariables: z.record(z.string().max(100), z.string().max(1_600)).optional(),
})

/** Settings of a `twilio` provider, defaults filled in. */
export type TwilioSettings = z.output<typeof settings>

const allNumbers: DialPlan = { home: null, countries: null }

/** The kind `twilio`. */
export const twilio = {
  kind: 'twilio',
  title: 'Twilio',
  channels: ['SMS'],
  settings,
  dials: allNumbers,
  carries: (_channel, { title, body, hasExtra }) => !hasExtra && title + 1 + body <= MAX_LENGTH,
  extra: () => extra,
  create: (given: TwilioSettings, deps: ProviderDeps): Provider => createTwilio(given, deps),
} satisfies ProviderKind<TwilioSettings>

const taken = z.object({ sid: z.string() })

/** `now`: ms, for tests. */
export function createTwilio(given: TwilioSettings, deps: ProviderDeps, now: () => number = Date.now): Provider {
  const limits = { concurrency: 50, foldsRepeats: false }
  const http = createHttpClient({ ...deps, ...limits })
  const phones = createPhoneReader(dialPlan(allNumbers, given.countries))
  const url = `${given.baseUrl}/2010-04-01/Accounts/${given.accountSid}/Messages.json`
  const headers = {
    authorization: `Basic ${Buffer.from(`${given.accountSid}:${given.authToken}`).toString('base64')}`,
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
  }

  function formOf(message: RenderedSms): string {
    const { ContentVariables, SmartEncoded, ValidityPeriod, ContentSid } = readExtra(extra, message.extra)
    const form = new URLSearchParams({ To: `+${phones.read(message.address).digits}` })
    const put = (name: string, value: string | number | boolean | undefined): void => {
      if (value !== undefined) form.append(name, String(value))
    }
    put('From', given.from)
    put('MessagingServiceSid', given.messagingServiceSid)
    put('Body', ContentSid === undefined ? textOf(message) : undefined)
    put('StatusCallback', deps.callbackUrl ?? undefined)
    put('ValidityPeriod', ValidityPeriod)
    put('SmartEncoded', SmartEncoded)
    put('ContentSid', ContentSid)
    put('ContentVariables', ContentVariables === undefined ? undefined : JSON.stringify(ContentVariables))
    return form.toString()
  }

  return {
    kind: 'twilio',
    limits,
    hostOf: () => null,
    async send(message, signal) {
      if (message.channel !== 'SMS') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `Twilio can't carry ${message.channel}.`, { about: 'message' })
      }
      const answer = await http.send({ host: 'provider', method: 'POST', url, headers, body: formOf(message) }, signal)
      if (answer.status < 200 || answer.status > 299) throw outcomeOf(answer, now())
      const sid = taken.safeParse(jsonOf(answer.text)).data?.sid ?? null
      const response = excerpt(answer.text)
      // Twilio answers 201 when it has created a message. Any other success without a message may come from a proxy.
      if (answer.status === 201 || sid !== null) return { providerMessageId: sid, response }
      throw new ProviderError('unknown', 'OUTCOME_UNKNOWN', `Twilio answered ${answer.status} without a message.`, {
        about: 'provider',
        response,
      })
    },
    verify: (request) => readReport(request, given.authToken),
    close: () => http.close(),
  }
}

/** Only text is sent: the title of an LMS or MMS becomes its first line. @throws ProviderError TOO_LARGE */
function textOf({ title, body }: RenderedSms): string {
  const text = title === null ? body : `${title}\n${body}`
  const got = [...text].length
  if (got <= MAX_LENGTH) return text
  throw new ProviderError('refused', 'TOO_LARGE', `The text has ${got} characters: Twilio takes ${MAX_LENGTH}.`, {
    about: 'message',
  })
}

const statuses: ReadonlyMap<string, CallbackEvent['status']> = new Map([
  ['sent', 'SENT'],
  ['delivered', 'DELIVERED'],
  ['read', 'DELIVERED'],
  ['failed', 'FAILED'],
  ['undelivered', 'FAILED'],
  ['canceled', 'FAILED'],
])

/**
 * Reads a delivery report. Its signature contains no time, so someone who has seen a report can replay it, without effect: a message
 * never returns to an earlier state.
 * @throws CarillonError UNAUTHENTICATED
 */
function readReport({ url, headers, rawBody }: CallbackRequest, authToken: string): readonly CallbackEvent[] {
  const form = new URLSearchParams(Buffer.from(rawBody).toString('utf8'))
  const given = Buffer.from(headers['x-twilio-signature'] ?? '', 'base64')
  const fields = [...new Set(form.keys())]
    .sort()
    .flatMap((key) => [...new Set(form.getAll(key))].sort().map((value) => key + value))
  const isSigned = spellingsOf(url)
    .map((spelling) =>
      createHmac('sha1', authToken)
        .update(spelling + fields.join(''))
        .digest(),
    )
    .filter((expected) => given.length === expected.length && timingSafeEqual(given, expected))
  if (isSigned.length === 0) throw new CarillonError('UNAUTHENTICATED', { message: 'The signature is not Twilio’s.' })

  const providerMessageId = form.get('MessageSid') ?? form.get('SmsSid') ?? ''
  const reported = form.get('MessageStatus') ?? form.get('SmsStatus') ?? ''
  const status = statuses.get(reported)
  if (providerMessageId === '' || status === undefined) return []
  if (status !== 'FAILED') return [{ providerMessageId, status, code: null, message: null, addressDead: false }]
  const number = form.get('ErrorCode') ?? ''
  const { code, addressDead = false } = meaningOf(/^\d{1,6}$/.test(number) ? Number(number) : null)
  const message = excerpt(`Twilio reported ${reported}${number === '' ? '' : ` with ${number}`}.`)
  return [{ providerMessageId, status, code, message, addressDead }]
}

/** The URL as it is, without a port, and with the default port: Twilio does not always sign the URL that it was given. */
function spellingsOf(url: string): readonly string[] {
  const parts = /^(https?):\/\/([^/?#:]+)(?::\d+)?(.*)$/.exec(url)
  if (parts === null) return [url]
  const [, scheme = '', host = '', rest = ''] = parts
  const port = scheme === 'http' ? 80 : 443
  return [...new Set([url, `${scheme}://${host}${rest}`, `${scheme}://${host}:${port}${rest}`])]
}
