/** The vendors that report what became of messages, as they do it. */
import { createHash, createHmac } from 'node:crypto'

/** What a report says. `DEAD`: not delivered, and the number is gone for good. */
export type Said = 'SENT' | 'FAILED' | 'DEAD' | 'DELIVERED'

/** A report, ready to be posted. */
export interface Report {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** One vendor that reports. */
export interface Reporter {
  /** of a case in vendors.ts */
  readonly name: string
  /** what it can say; others are null */
  report(url: string, providerMessageId: string, said: Said): Report | null
  /** the same report, signed by somebody else */
  forge(report: Report, url: string): Report
  /** the vendor's id of the n-th message that it takes */
  idOf(n: number): string
  readonly failure: { readonly code: string; readonly says: RegExp }
}

const signTwilio = (url: string, form: URLSearchParams, token: string): string =>
  createHmac('sha1', token)
    .update(url + [...form].sort().flat().join(''))
    .digest('base64')

const twilio: Reporter = {
  name: 'twilio',
  report(url, MessageSid, said) {
    const words = { SENT: ['sent'], FAILED: ['undelivered', '30007'], DEAD: ['undelivered', '30005'], DELIVERED: ['delivered'] }
    const [MessageStatus = '', ErrorCode] = words[said]
    const form = new URLSearchParams({
      AccountSid: 'AC1',
      MessageSid,
      MessageStatus,
      ...(ErrorCode === undefined ? {} : { ErrorCode }),
    })
    return {
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signTwilio(url, form, 'token-1') },
      body: form.toString(),
    }
  },
  forge: ({ headers, body }, url) => ({
    headers: { ...headers, 'x-twilio-signature': signTwilio(url, new URLSearchParams(body), 'token-2') },
    body,
  }),
  idOf: (n) => `SM${n.toString(16).padStart(32, '0')}`,
  failure: { code: 'PROVIDER_REFUSED', says: /undelivered with 30007/ },
}

const nhn = (
  name: string,
  idOf: Reporter['idOf'],
  codes: { readonly FAILED: string; readonly DEAD: string | null },
): Reporter => ({
  name,
  report(_url, requestId, said) {
    const resultCode = said === 'DELIVERED' ? '1000' : said === 'SENT' ? null : codes[said]
    if (resultCode === null) return null
    const messageStatus = said === 'DELIVERED' ? 'COMPLETED' : 'FAILED'
    const hooks = [{ requestId, recipientSeq: 1, messageStatus, resultCode }]
    return {
      headers: { 'content-type': 'application/json', 'x-toast-webhook-signature': 'hook-1' },
      body: JSON.stringify({ hooksId: 'h1', event: 'MESSAGE_RESULT_UPDATE', hooks }),
    }
  },
  forge: ({ headers, body }) => ({ headers: { ...headers, 'x-toast-webhook-signature': 'hook-2' }, body }),
  idOf,
  failure: { code: 'PROVIDER_REFUSED', says: new RegExp(codes.FAILED) },
})

const digest = (secret: string): string => createHash('sha1').update(secret).digest('hex')
const solapi: Reporter = {
  name: 'solapi SMS',
  report(_url, messageId, said) {
    const statusCode = { SENT: '3000', FAILED: '3108', DEAD: null, DELIVERED: '4000' }[said]
    if (statusCode === null) return null
    return {
      headers: { 'content-type': 'application/json', 'x-solapi-secret': digest('hook-1') },
      body: JSON.stringify([{ messageId, statusCode, statusMessage: 'Not at this hour', groupId: 'G1' }]),
    }
  },
  forge: ({ headers, body }) => ({ headers: { ...headers, 'x-solapi-secret': digest('hook-2') }, body }),
  idOf: (n) => `M4V-${n}`,
  failure: { code: 'PROVIDER_REFUSED', says: /3108: Not at this hour/ },
}

/** All of them. */
export const reporters: readonly Reporter[] = [
  twilio,
  nhn('nhn-sms', (n) => `sms-${n}`, { FAILED: '3012', DEAD: '3001' }),
  nhn('nhn-kakao ALIMTALK', (n) => `kakao-${n}`, { FAILED: '3022', DEAD: null }),
  solapi,
]
