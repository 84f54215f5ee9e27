/** The closed sets, as GraphQL has them. */
import {
  type Channel,
  type ChannelCondition,
  channelConditions,
  channels,
  type MessageStatus,
  messageStatuses,
} from '../domain/words.ts'
import { catalogue, type ErrorCode } from '../errors.ts'
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
  WEBHOOK: 'A signed HTTP request to an address of the caller.',
} satisfies Record<Channel, string>

const statusTexts = {
  SCHEDULED: 'Waits for its time.',
  QUEUED: 'Due: a worker takes it next, or tries it again.',
  SENDING: 'A worker has it.',
  SENT: 'The provider took it.',
  DELIVERED: 'It reached its receiver; in-app: it is in the feed.',
  FAILED: 'It will not arrive, for the reason in `error`.',
  SKIPPED: 'It was decided not to send it, for the reason in `error`.',
  CANCELED: 'It was canceled, or taken back before it was seen.',
  UNKNOWN: 'The connection was lost before the provider said what became of it, and sending it again could make two.',
} satisfies Record<MessageStatus, string>

const conditionTexts = {
  ALWAYS: 'Whatever happened.',
  UNSEEN: 'Only if the in-app message of the notification was not seen by then; also where there is none.',
  UNREAD: 'Only if the in-app message of the notification was not read by then; also where there is none.',
  OFFLINE: 'Only if the contact is not online then.',
} satisfies Record<ChannelCondition, string>

/** What a code says where it stands for more than its message does. */
const codeNotes: { readonly [C in ErrorCode]?: string } = {
  SUPPRESSED: ' Or, of a SKIPPED message: the rule of its channel did not hold when it was due; the message names the rule.',
}

/** An enum's values, described. */
export const valuesOf = <T extends string>(names: readonly T[], texts: Readonly<Record<T, string>>) =>
  Object.fromEntries(names.map((name) => [name, { value: name, description: texts[name] }])) as Record<
    T,
    { value: T; description: string }
  >

/** Makes the enums. */
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
      description: 'A kind of way to reach a contact.',
      values: valuesOf(channels, channelTexts),
    }),
    ChannelCondition: builder.enumType('ChannelCondition', {
      description: 'What must hold when the message of a channel is due; otherwise it is SKIPPED.',
      values: valuesOf(channelConditions, conditionTexts),
    }),
    MessageStatus: builder.enumType('MessageStatus', {
      description: 'Where a message stands.',
      values: valuesOf(messageStatuses, statusTexts),
    }),
    ErrorCode: builder.enumType('ErrorCode', {
      description: 'What went wrong. Stands in `extensions.code` of every error, and in `Problem.code`.',
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
      description: 'What an answer waits for.',
      values: valuesOf(['ACCEPTED', 'SENT'] as const, {
        ACCEPTED: 'Until all is stored: nothing accepted is lost.',
        SENT: 'Until each outbound message has been tried once; 10 s at most.',
      }),
    }),
    ActionType: builder.enumType('ActionType', {
      description: 'Which of the two buttons of an in-app message.',
      values: valuesOf(['PRIMARY', 'SECONDARY'] as const, { PRIMARY: 'The first.', SECONDARY: 'The second.' }),
    }),
    ActionStatus: builder.enumType('ActionStatus', {
      description: 'Whether a button was used.',
      values: valuesOf(['PENDING', 'DONE'] as const, { PENDING: 'Not yet.', DONE: 'It was.' }),
    }),
    UpsertMode: builder.enumType('UpsertMode', {
      description: 'What happens to fields that a contact already has.',
      values: valuesOf(['FILL_MISSING', 'OVERWRITE'] as const, {
        FILL_MISSING: 'They stay; only what is missing is filled.',
        OVERWRITE: 'They are replaced; null removes them.',
      }),
    }),
    ProviderState: builder.enumType('ProviderState', {
      description: 'How a provider fares.',
      values: valuesOf(['HEALTHY', 'DEGRADED', 'OPEN', 'UNUSED'] as const, {
        HEALTHY: 'Its recent sends succeeded.',
        DEGRADED: 'Some of its recent sends failed.',
        OPEN: 'Its circuit is open: it is not used until a probe succeeds.',
        UNUSED: 'It was not used recently.',
      }),
    }),
    FeedChangeKind: builder.enumType('FeedChangeKind', {
      description: 'What happened to a feed.',
      values: valuesOf(['RECEIVED', 'UPDATED', 'MARKED', 'ALL_MARKED', 'ACTED', 'RETRACTED'] as const, {
        RECEIVED: 'A new message arrived.',
        UPDATED: 'Another notification folded into an unread message: its count went up, its content is new.',
        MARKED: 'One message was marked seen, read or archived, or the opposite.',
        ALL_MARKED: 'Many messages were marked at once; `message` is null: read what you show again.',
        ACTED: 'A button of the message was used.',
        RETRACTED: 'The message was taken back before it was seen.',
      }),
    }),
  }
}

export type Enums = ReturnType<typeof defineEnums>
