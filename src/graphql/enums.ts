/** Enums, and how a closed set of words.ts becomes one. */

import { catalogue, type ErrorCode } from '../errors.ts'
import {
  type Channel,
  type ChannelCondition,
  channelConditions,
  channels,
  type MessageStatus,
  messageStatuses,
  severities,
} from '../words.ts'
import type { Builder } from './builder.ts'

const channelTexts = {
  IN_APP: "The contact's feed on this server, live over a subscription.",
  EMAIL: 'E-mail.',
  SMS: 'Text message: SMS, LMS or MMS.',
  PUSH: 'Push to a mobile device.',
  WEB_PUSH: 'Push to a browser.',
  CHAT: 'A chat service.',
  ALIMTALK: 'KakaoTalk Alimtalk: a registered template.',
  FRIENDTALK: 'KakaoTalk Friendtalk: free text to a friend of the channel.',
  WEBHOOK: 'A signed HTTP request to a URL.',
} satisfies Record<Channel, string>

const statusTexts = {
  SCHEDULED: 'Waits until it is due.',
  QUEUED: 'Due: waits for a worker, for its first attempt or the next one.',
  SENDING: 'A worker is sending it.',
  SENT: 'The provider accepted it.',
  DELIVERED: 'It reached the recipient; in-app: it is in the feed.',
  FAILED: 'It could not be sent or delivered, for the reason in `error`.',
  SKIPPED: 'It is not sent, for the reason in `error`.',
  CANCELED: 'It was canceled, or retracted before it was seen.',
  UNKNOWN: 'The connection was lost before the provider answered, and sending it again could deliver it twice.',
} satisfies Record<MessageStatus, string>

const conditionTexts = {
  ALWAYS: 'No condition.',
  UNSEEN: 'Only if the in-app message of the notification has not been seen by then, or there is none.',
  UNREAD: 'Only if the in-app message of the notification has not been read by then, or there is none.',
  OFFLINE: 'Only if the contact is offline at that time.',
} satisfies Record<ChannelCondition, string>

/** Codes that mean more than their default message. */
const codeNotes: { readonly [C in ErrorCode]?: string } = {
  SUPPRESSED:
    ' For a SKIPPED message, also: the condition of its channel rule did not hold when it was due; `message` names the condition.',
}

/** The values of an enum, with their descriptions. */
export const valuesOf = <T extends string>(names: readonly T[], texts: Readonly<Record<T, string>>) =>
  Object.fromEntries(names.map((name) => [name, { value: name, description: texts[name] }])) as Record<
    T,
    { value: T; description: string }
  >

/** Defines all enums. */
export function defineEnums(builder: Builder) {
  const codes = Object.keys(catalogue) as ErrorCode[]
  const codeTexts = Object.fromEntries(
    codes.map((code) => [
      code,
      `${catalogue[code].message}${codeNotes[code] ?? ''}${catalogue[code].retryable ? ' The same call may succeed later.' : ''}`,
    ]),
  ) as Record<ErrorCode, string>
  return {
    Channel: builder.enumType('Channel', {
      description: 'A kind of channel that reaches a contact.',
      values: valuesOf(channels, channelTexts),
    }),
    ChannelCondition: builder.enumType('ChannelCondition', {
      description: 'Condition under which a message of a channel is sent once it is due; otherwise it is SKIPPED.',
      values: valuesOf(channelConditions, conditionTexts),
    }),
    MessageStatus: builder.enumType('MessageStatus', {
      description: 'State of a message.',
      values: valuesOf(messageStatuses, statusTexts),
    }),
    ErrorCode: builder.enumType('ErrorCode', {
      description: 'What went wrong: `extensions.code` of every error, and `Problem.code`.',
      values: valuesOf(codes, codeTexts),
    }),
    TextType: builder.enumType('TextType', {
      description: 'The kind of a text message.',
      values: valuesOf(['SMS', 'LMS', 'MMS'] as const, {
        SMS: 'A short text.',
        LMS: 'A long text with a title.',
        MMS: 'A text with a title, and pictures where the provider has them.',
      }),
    }),
    Wait: builder.enumType('Wait', {
      description: 'What has to be done before the response is sent.',
      values: valuesOf(['ACCEPTED', 'SENT'] as const, {
        ACCEPTED: 'All messages are stored: what was accepted is not lost.',
        SENT: 'Each outbound message has been attempted once, or 10 seconds have passed.',
      }),
    }),
    ActionType: builder.enumType('ActionType', {
      description: 'Which of the two buttons of an in-app message.',
      values: valuesOf(['PRIMARY', 'SECONDARY'] as const, { PRIMARY: 'The first button.', SECONDARY: 'The second button.' }),
    }),
    ActionStatus: builder.enumType('ActionStatus', {
      description: 'Whether a button was used.',
      values: valuesOf(['PENDING', 'DONE'] as const, { PENDING: 'It has not been used.', DONE: 'It has been used.' }),
    }),
    UpsertMode: builder.enumType('UpsertMode', {
      description: 'What happens to fields that already have a value.',
      values: valuesOf(['FILL_MISSING', 'OVERWRITE'] as const, {
        FILL_MISSING: 'They keep their value; only missing fields are set.',
        OVERWRITE: 'They are replaced; null removes their value.',
      }),
    }),
    ProviderState: builder.enumType('ProviderState', {
      description: 'How recent attempts through a provider went.',
      values: valuesOf(['HEALTHY', 'DEGRADED', 'OPEN', 'UNUSED'] as const, {
        HEALTHY: 'All recent attempts succeeded.',
        DEGRADED: 'Some recent attempts failed.',
        OPEN: 'Its circuit breaker is open: it is not used until a probe succeeds.',
        UNUSED: 'There was no recent attempt.',
      }),
    }),
    Severity: builder.enumType('Severity', {
      description: 'How important the messages of a template are to their readers.',
      values: valuesOf(severities, {
        LOW: 'May wait.',
        NORMAL: 'As most are.',
        HIGH: 'Wants attention soon.',
        CRITICAL: 'Wants attention at once.',
      }),
    }),
    FeedChangeKind: builder.enumType('FeedChangeKind', {
      description: 'What changed in a feed.',
      values: valuesOf(
        ['RECEIVED', 'UPDATED', 'MARKED', 'ALL_MARKED', 'ACTED', 'RETRACTED', 'DELETED', 'SNOOZED', 'UNSNOOZED'] as const,
        {
          RECEIVED: 'A new message arrived.',
          UPDATED: 'Another notification was folded into an unread message: its count went up and its content was replaced.',
          MARKED: 'One message was marked as seen, read or archived, or unmarked.',
          ALL_MARKED: 'Many messages were marked or deleted at once; `message` is null: query the messages that you show again.',
          ACTED: 'A button of the message changed its status.',
          RETRACTED: 'The message was retracted before it was seen.',
          DELETED: 'The message was deleted from the feed; `message` is as it was, with `deletedAt`.',
          SNOOZED: 'The message was put off until `snoozedUntil`: it is not in the feed until then.',
          UNSNOOZED:
            'The message is back in the feed: at the top and unseen, because its time has come; or where it was, because its reader wanted it back.',
        },
      ),
    }),
  }
}

/** All enums, by name. */
export type Enums = ReturnType<typeof defineEnums>
