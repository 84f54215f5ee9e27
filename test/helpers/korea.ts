/** Texts and KakaoTalk messages, and what the Korean vendors answer to them by their documents. */
import type { RenderedAlimtalk, RenderedFriendtalk, RenderedSms } from '../../src/channels/provider.ts'

const base = {
  messageId: '0199c1de-0000-7000-8000-000000000004',
  address: '010-1234-5678',
  createdAt: new Date('2026-01-02T03:04:05Z'),
}

/** A text that any provider takes, with what a test wants otherwise. */
export const sms = (changes: Partial<RenderedSms> = {}): RenderedSms => ({
  ...base,
  channel: 'SMS',
  type: 'SMS',
  title: null,
  body: '안녕하세요',
  ...changes,
})

/** An Alimtalk of a registered template. */
export const alimtalk = (changes: Partial<RenderedAlimtalk> = {}): RenderedAlimtalk => ({
  ...base,
  channel: 'ALIMTALK',
  templateCode: 'order-1',
  body: null,
  parameters: { 이름: '안나', count: 3 },
  ...changes,
})

/** A Friendtalk. */
export const friendtalk = (changes: Partial<RenderedFriendtalk> = {}): RenderedFriendtalk => ({
  ...base,
  channel: 'FRIENDTALK',
  body: '안녕하세요',
  isAd: true,
  ...changes,
})

const header = (resultCode: number, resultMessage: string) => ({ isSuccessful: resultCode === 0, resultCode, resultMessage })

/** NHN's refusal of a whole request: with 200. */
export const nhnRefused = (resultCode: number, resultMessage = 'No.') => ({ header: header(resultCode, resultMessage) })

/** NHN SMS took a text; or, with a code, not that of its one recipient. */
export const smsTaken = (resultCode = 0) => ({
  header: header(0, 'SUCCESS'),
  body: {
    data: {
      requestId: '20180810100630ReZQ6KZzAH0',
      statusCode: '2',
      sendResultList: [
        { recipientNo: '01012345678', resultCode, resultMessage: resultCode === 0 ? 'SUCCESS' : 'No.', recipientSeq: 1 },
      ],
    },
  },
})

/** NHN KakaoTalk took a message; or, with a code, not that of its one recipient. */
export const kakaoTaken = (resultCode = 0) => ({
  header: resultCode === 0 ? header(0, 'SUCCESS') : header(-1031, 'All of receivers are failed to send.'),
  message: {
    requestId: '20180810100630KaZQ6KZzAH0',
    senderGroupingKey: null,
    sendResults: [
      { recipientSeq: 1, recipientNo: '01012345678', resultCode, resultMessage: resultCode === 0 ? 'SUCCESS' : 'No.' },
    ],
  },
})

const entry = { to: '01012345678', from: '0212345678', type: 'SMS', country: '82', messageId: 'M4V20180307110044DTYYJBBYLPQZIB1' }
const group = (failed: number) => ({
  groupId: 'G4V20180307105937H3PTASXMNJG2JID',
  status: 'SENDING',
  count: { total: 1, registeredSuccess: 1 - failed, registeredFailed: failed },
})

/** SOLAPI took a message. */
export const solapiTaken = () => ({
  failedMessageList: [],
  groupInfo: group(0),
  messageList: [{ ...entry, statusCode: '2000', statusMessage: '정상 접수' }],
})

/** SOLAPI refused the one message of a request: with 200. */
export const solapiRefused = (statusCode: string) => ({
  failedMessageList: [{ ...entry, statusCode, statusMessage: 'No.', accountId: '12925149' }],
  groupInfo: group(1),
})
