/** `sendMessages`. */

import { unsentChannels } from '../carillon.ts'
import type { ChannelProblem, SendOutcome } from '../send/outcome.ts'
import { byContactField, type Channel } from '../words.ts'
import { byOf, projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { contactInputDescription } from './contact-fields.ts'
import type { Enums } from './enums.ts'
import type { Problems } from './problem.ts'

/** A result, with the channels on which nothing is sent, as far as known. */
interface Result {
  readonly projectId: string
  readonly outcome: SendOutcome
  readonly channels: readonly ChannelProblem[]
}

/** Defines `sendMessages`, and the inputs that it shares with other mutations. */
export function defineSending(builder: Builder, enums: Pick<Enums, 'Channel' | 'Wait'>, { Problem }: Problems) {
  const ContactInput = builder.inputType('ContactInput', {
    description:
      'A contact. An unknown one is created. Fields and properties are set only if they have no value yet. Without `externalId`, the recipient ' +
      'of a message may be `email`, `phone` or both: then it goes there alone, and no contact is created or looked up.',
    fields: (t) => ({
      externalId: t.id({
        description:
          'Id in your own system: 1-255 characters. Required, except for a recipient by address alone, which has no field but `email`, `phone` and ' +
          '`country`: there is no feed, no device and no preference then, and templates see no contact.',
      }),
      ...byContactField((field) => t.string({ description: contactInputDescription(field) })),
      profile: t.field({ type: 'JSONObject', description: 'Your own properties; those that are missing are added.' }),
    }),
  })
  const InAppOverrides = builder.inputType('InAppOverrides', {
    description: 'Replaces in-app content of the template. Strings are Liquid.',
    fields: (t) => ({
      title: t.string({ description: 'The title.' }),
      body: t.string({ description: 'The text.' }),
      iconUrl: t.string({ description: 'URL of an icon.' }),
      url: t.string({ description: 'URL that a click opens.' }),
      feed: t.id({ description: 'The feed that it appears in.' }),
    }),
  })
  const EmailOverrides = builder.inputType('EmailOverrides', {
    description: 'Replaces e-mail content of the template. Strings are Liquid.',
    fields: (t) => ({
      subject: t.string({ description: 'The subject.' }),
      from: t.string({ description: 'The sender, `a@b.c` or `Name <a@b.c>`.' }),
      replyTo: t.string({ description: 'Reply-To addresses, separated by commas; each may have a name.' }),
      cc: t.string({
        description: 'Cc addresses, separated by commas; each may have a name. One that is suppressed is left out.',
      }),
      bcc: t.string({
        description: 'Bcc addresses, separated by commas; each may have a name. One that is suppressed is left out.',
      }),
    }),
  })
  const SmsOverrides = builder.inputType('SmsOverrides', {
    description: 'Replaces text message content of the template. Strings are Liquid.',
    fields: (t) => ({ title: t.string({ description: 'The title.' }), body: t.string({ description: 'The text.' }) }),
  })
  const PushOverrides = builder.inputType('PushOverrides', {
    description: 'Replaces push content of the template. Strings are Liquid.',
    fields: (t) => ({
      title: t.string({ description: 'The title.' }),
      body: t.string({ description: 'The text.' }),
      imageUrl: t.string({ description: 'URL of a picture.' }),
      url: t.string({ description: 'URL that a tap opens.' }),
      data: t.field({
        type: 'JSONObject',
        description: 'Added to the custom data of the template; a value with the same key is replaced.',
      }),
    }),
  })
  const OverridesInput = builder.inputType('OverridesInput', {
    description: 'Replaces content of the template, for this message only.',
    fields: (t) => ({
      inApp: t.field({ type: InAppOverrides, description: 'In-app content.' }),
      email: t.field({ type: EmailOverrides, description: 'E-mail content.' }),
      sms: t.field({ type: SmsOverrides, description: 'Text message content.' }),
      push: t.field({ type: PushOverrides, description: 'Push content.' }),
      providers: t.field({
        type: 'JSONObject',
        description:
          'Fields that are added to the request of a provider, by its key, as the vendor names them. An unknown provider, and a field that its kind ' +
          'does not support, is BAD_INPUT with the field.',
      }),
    }),
  })
  const MessageInput = builder.inputType('MessageInput', {
    description: 'A message: one template for one contact, or for the members of a topic.',
    fields: (t) => ({
      id: t.id({
        description:
          'Your own id, which makes the call idempotent: 1-255 printable ASCII characters. An id is accepted only once, without expiry: after that it is ID_EXISTS, or ID_MISMATCH if the content differs.',
      }),
      template: t.id({ required: true, description: 'Key of the template.' }),
      contact: t.field({
        type: ContactInput,
        description: 'The recipient, by `externalId`, or by `email` or `phone` alone; or `topic`.',
      }),
      topic: t.id({
        description:
          'Key of a topic: each member gets a notification, in one transaction. They are created in the background, see `progress`. `id` is then ' +
          'that of the whole call to the topic, and the result has no notification.',
      }),
      data: t.field({
        type: 'JSONObject',
        description: 'Variables of the template; also returned with the in-app message. At most 524,288 characters of JSON.',
      }),
      actor: t.field({
        type: ContactInput,
        description: 'The contact who caused it, such as the author of a comment; an unknown one is created.',
      }),
      incrementId: t.id({
        description:
          'While the contact has an unread in-app message of this template and incrementId, this message is folded into it: its count goes up, and nothing is sent on other channels.',
      }),
      transactionId: t.id({
        description:
          'Id of the transaction; one that an earlier call used is refused with TRANSACTION_EXISTS. Default: a generated one, shared by the messages of the call.',
      }),
      sendAt: t.field({
        type: 'DateTime',
        description: 'When to send it: at most a year ahead; up to 5 minutes in the past means now.',
      }),
      delaySeconds: t.int({ description: 'Delay in seconds; instead of `sendAt`.' }),
      channels: t.field({ type: [enums.Channel], description: 'Only these channels of the template.' }),
      overrides: t.field({ type: OverridesInput, description: 'Replaces content of the template, for this message only.' }),
    }),
  })

  const ChannelError = builder.objectRef<ChannelProblem>('ChannelError').implement({
    description: 'Why a message is not sent on a channel, or has not been sent so far.',
    fields: (t) => ({
      channel: t.expose('channel', { type: enums.Channel, description: 'The channel.' }),
      error: t.field({ type: Problem, description: 'Why.', resolve: ({ error }) => error }),
    }),
  })
  const errorOn =
    (channel: Channel) =>
    ({ channels }: Result) =>
      channels.find((one) => one.channel === channel)?.error ?? null
  const SendResult = builder.objectRef<Result>('SendResult').implement({
    description: 'Result of one message of a call.',
    fields: (t) => ({
      id: t.id({
        nullable: true,
        description: 'Your own id, or the generated one.',
        resolve: ({ outcome }) => outcome.key ?? (outcome.ok ? outcome.id : null),
      }),
      ok: t.boolean({
        description:
          'Whether it was accepted. false: nothing of it was stored. A provider that refuses it later does not change that.',
        resolve: ({ outcome }) => outcome.ok,
      }),
      error: t.field({
        type: Problem,
        nullable: true,
        description: 'Why it was not accepted.',
        resolve: ({ outcome }) => (outcome.ok ? null : outcome.error),
      }),
      emailError: t.field({
        type: Problem,
        nullable: true,
        description: 'Why the e-mail is not sent, as far as known.',
        resolve: errorOn('EMAIL'),
      }),
      smsError: t.field({
        type: Problem,
        nullable: true,
        description: 'Why the text message is not sent, as far as known.',
        resolve: errorOn('SMS'),
      }),
      channelErrors: t.field({
        type: [ChannelError],
        description: 'Channels on which it is not sent, as far as known; with `wait: SENT`, including failed attempts.',
        resolve: ({ channels }) => [...channels],
      }),
      warnings: t.field({
        type: [Problem],
        description:
          'What is sent nevertheless, though it may not be meant so. MISSING_DATA: the template uses a variable, named in `field`, that has no ' +
          'value for this message and no `default`; what is only tested does not count. At most 20; none for a topic. A strict template refuses instead.',
        resolve: ({ outcome }) => (outcome.ok ? outcome.warnings.slice(0, WARNINGS_MAX) : []),
      }),
      transactionId: t.id({ nullable: true, description: 'The transaction.', resolve: ({ outcome }) => outcome.transactionId }),
      notification: t.prismaField({
        type: 'Notification',
        nullable: true,
        description: 'The notification; with ID_EXISTS, the original one; null for a topic.',
        resolve: (query, { projectId, outcome }, _args, { carillon }) =>
          outcome.notificationId === null ? null : carillon.notifications.find(projectId, outcome.notificationId, query),
      }),
    }),
  })
  const SendMessagesPayload = builder.objectRef<{ results: readonly Result[] }>('SendMessagesPayload').implement({
    description: 'Results of the messages, in the order of the call.',
    fields: (t) => ({
      results: t.field({ type: [SendResult], description: 'One for each message.', resolve: ({ results }) => [...results] }),
    }),
  })

  builder.mutationFields((t) => ({
    sendMessages: t.field({
      type: SendMessagesPayload,
      description:
        'Sends messages to contacts. The accepted ones are stored in one database transaction before the response: none of them is lost. An ' +
        'invalid message does not affect the others. Errors: BAD_INPUT, BATCH_TOO_LARGE, OVERLOADED.',
      args: {
        messages: t.arg({ type: [MessageInput], required: true, description: 'The messages, 1-100.' }),
        wait: t.arg({ type: enums.Wait, defaultValue: 'ACCEPTED', description: 'What to wait for before the response.' }),
      },
      resolve: async (_root, { messages, wait }, context) => {
        const project = projectOf(context)
        const outcomes = await context.carillon.send(project, messages, byOf(context))
        const sent =
          wait === 'SENT'
            ? await context.carillon.outcomes(
                project.id,
                outcomes.flatMap((one) => (one.ok ? one.outbound : [])),
              )
            : []
        return {
          results: outcomes.map((outcome) => ({ projectId: project.id, outcome, channels: unsentChannels(outcome, sent) })),
        }
      },
    }),
  }))
  return { MessageInput, ContactInput, OverridesInput }
}

const WARNINGS_MAX = 20

/** The inputs that `sendMessages` shares. */
export type Sending = ReturnType<typeof defineSending>
