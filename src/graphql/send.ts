/** `sendMessages`. */

import type { Outcome } from '../db/outcome.ts'
import type { SendOutcome } from '../domain/accept.ts'
import type { Channel } from '../domain/words.ts'
import type { Problem } from '../errors.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { Enums } from './enums.ts'
import { type Problems, storedProblem } from './problem.ts'

interface ChannelProblem {
  readonly channel: Channel
  readonly error: Problem
}
/** A result, with what became of the channels that are known so far. */
interface Result {
  readonly projectId: string
  readonly outcome: SendOutcome
  readonly channels: readonly ChannelProblem[]
}

/** Adds it. */
export function defineSending(builder: Builder, enums: Pick<Enums, 'Channel' | 'Wait'>, { Problem }: Problems) {
  const ContactInput = builder.inputType('ContactInput', {
    description: 'A contact. One that is unknown is created; the fields fill what is missing and never replace what is there.',
    fields: (t) => ({
      externalId: t.id({ required: true, description: 'Its id in your own system: 1-255 characters.' }),
      email: t.string({ description: 'E-mail address.' }),
      phone: t.string({ description: 'Phone number, international; kept as it is given.' }),
      locale: t.string({ description: 'Language, BCP 47.' }),
      timezone: t.string({ description: 'Time zone, IANA.' }),
      firstName: t.string({ description: 'First name.' }),
      lastName: t.string({ description: 'Last name.' }),
      photoUrl: t.string({ description: 'Address of a picture, http or https.' }),
      country: t.string({ description: 'Country, ISO 3166 alpha-2.' }),
      profile: t.field({ type: 'JSONObject', description: 'Your own properties: those that are missing are added.' }),
    }),
  })
  const InAppOverrides = builder.inputType('InAppOverrides', {
    description: 'What replaces the template in the feed. Texts are Liquid.',
    fields: (t) => ({
      title: t.string({ description: 'The title.' }),
      body: t.string({ description: 'The text.' }),
      iconUrl: t.string({ description: 'Address of an icon.' }),
      url: t.string({ description: 'Where a click leads.' }),
      feed: t.id({ description: 'The feed that it goes to.' }),
    }),
  })
  const EmailOverrides = builder.inputType('EmailOverrides', {
    description: 'What replaces the template in the e-mail. Texts are Liquid.',
    fields: (t) => ({
      subject: t.string({ description: 'The subject.' }),
      from: t.string({ description: 'The sender.' }),
      replyTo: t.string({ description: 'Where answers go.' }),
      cc: t.string({ description: 'Copies, comma separated.' }),
      bcc: t.string({ description: 'Blind copies, comma separated.' }),
    }),
  })
  const SmsOverrides = builder.inputType('SmsOverrides', {
    description: 'What replaces the template in the text message. Texts are Liquid.',
    fields: (t) => ({ title: t.string({ description: 'The title.' }), body: t.string({ description: 'The text.' }) }),
  })
  const PushOverrides = builder.inputType('PushOverrides', {
    description: 'What replaces the template in push messages. Texts are Liquid.',
    fields: (t) => ({
      title: t.string({ description: 'The title.' }),
      body: t.string({ description: 'The text.' }),
      imageUrl: t.string({ description: 'Address of a picture.' }),
      url: t.string({ description: 'What a tap opens.' }),
      data: t.field({ type: 'JSONObject', description: "Added to the template's data; the same key is replaced." }),
    }),
  })
  const OverridesInput = builder.inputType('OverridesInput', {
    description: "What replaces the template's settings, for this message alone.",
    fields: (t) => ({
      inApp: t.field({ type: InAppOverrides, description: 'In the feed.' }),
      email: t.field({ type: EmailOverrides, description: 'In the e-mail.' }),
      sms: t.field({ type: SmsOverrides, description: 'In the text message.' }),
      push: t.field({ type: PushOverrides, description: 'In push messages.' }),
      providers: t.field({
        type: 'JSONObject',
        description:
          "By the provider's key: what is added to its request, as its vendor names it. A key that no provider has, and anything that its kind does " +
          'not take, is BAD_INPUT with the field.',
      }),
    }),
  })
  const MessageInput = builder.inputType('MessageInput', {
    description: 'One thing to say to one contact.',
    fields: (t) => ({
      id: t.id({
        description:
          'Your own id: 1-255 printable ASCII characters. The same id is accepted once, for ever: ID_EXISTS, or ID_MISMATCH with other content.',
      }),
      template: t.id({ required: true, description: 'Key of the template.' }),
      contact: t.field({ type: ContactInput, description: 'Whom to tell; or `topic`.' }),
      topic: t.id({
        description:
          'Key of the topic whose members to tell, one notification each, under one transaction: written in the background, see `progress`. ' +
          '`id` is then that of the send, and its result has no notification.',
      }),
      data: t.field({
        type: 'JSONObject',
        description: 'What the template sees, and what comes with the in-app message; at most 524,288 characters.',
      }),
      actor: t.field({ type: ContactInput, description: 'Who did it: an unknown one becomes a contact.' }),
      incrementId: t.id({
        description:
          'While an unread in-app message of this contact, template and incrementId exists, this one folds into it: its count goes up, and no other channel sends again.',
      }),
      transactionId: t.id({
        description: 'Names the transaction; one that an earlier call used is TRANSACTION_EXISTS. Default: one for the call.',
      }),
      sendAt: t.field({ type: 'DateTime', description: 'When: at most a year ahead; up to 5 minutes past means now.' }),
      delaySeconds: t.int({ description: 'How much later, seconds; instead of `sendAt`.' }),
      channels: t.field({ type: [enums.Channel], description: "Only these of the template's channels." }),
      overrides: t.field({ type: OverridesInput, description: "What replaces the template's settings, for this message alone." }),
    }),
  })

  const ChannelError = builder.objectRef<ChannelProblem>('ChannelError').implement({
    description: 'Why a channel will not carry the message, or did not so far.',
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
    description: 'What became of one message of a call.',
    fields: (t) => ({
      id: t.id({
        nullable: true,
        description: 'Your own id, or the one that was made for it.',
        resolve: ({ outcome }) => outcome.key ?? (outcome.ok ? outcome.id : null),
      }),
      ok: t.boolean({
        description: "Whether it was accepted. false: nothing of it was kept. A provider's refusal leaves it true.",
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
        description: 'What is wrong with the e-mail, as far as it is known.',
        resolve: errorOn('EMAIL'),
      }),
      smsError: t.field({
        type: Problem,
        nullable: true,
        description: 'What is wrong with the text message, as far as it is known.',
        resolve: errorOn('SMS'),
      }),
      channelErrors: t.field({
        type: [ChannelError],
        description: 'What is wrong on each channel, as far as it is known: all of it with `wait: SENT`.',
        resolve: ({ channels }) => [...channels],
      }),
      transactionId: t.id({ nullable: true, description: 'The transaction.', resolve: ({ outcome }) => outcome.transactionId }),
      notification: t.prismaField({
        type: 'Notification',
        nullable: true,
        description: 'The notification; with ID_EXISTS, the first one; null of a send to a topic.',
        resolve: (query, { projectId, outcome }, _args, { domain }) =>
          outcome.notificationId === null
            ? null
            : domain.prisma.notification.findUnique({
                ...query,
                where: { projectId_id: { projectId, id: outcome.notificationId } },
              }),
      }),
    }),
  })
  const SendMessagesPayload = builder.objectRef<{ results: readonly Result[] }>('SendMessagesPayload').implement({
    description: 'What became of each message, in the order asked.',
    fields: (t) => ({
      results: t.field({ type: [SendResult], description: 'One for each message.', resolve: ({ results }) => [...results] }),
    }),
  })

  builder.mutationFields((t) => ({
    sendMessages: t.field({
      type: SendMessagesPayload,
      description:
        'Tells contacts something. Each message is decided, then all that are accepted are stored in one transaction: once it has answered, ' +
        'nothing is lost. A bad message fails alone. Errors: BAD_INPUT, BATCH_TOO_LARGE, OVERLOADED.',
      args: {
        messages: t.arg({ type: [MessageInput], required: true, description: 'The messages, 1-100.' }),
        wait: t.arg({ type: enums.Wait, defaultValue: 'ACCEPTED', description: 'What the answer waits for.' }),
      },
      resolve: async (_root, { messages, wait }, context) => {
        const project = projectOf(context)
        const outcomes = await context.domain.send(project, messages)
        const sent =
          wait === 'SENT'
            ? await context.domain.outcomes(
                project.id,
                outcomes.flatMap((one) => (one.ok ? one.outbound : [])),
              )
            : []
        return { results: outcomes.map((outcome) => ({ projectId: project.id, outcome, channels: problemsOf(outcome, sent) })) }
      },
    }),
  }))
  return { MessageInput, ContactInput, OverridesInput }
}

export type Sending = ReturnType<typeof defineSending>

/** What is wrong on the channels of an accepted message: decided against, or tried without success. */
function problemsOf(outcome: SendOutcome, sent: readonly Outcome[]): ChannelProblem[] {
  if (!outcome.ok) return []
  const tried = sent.filter((one) => one.notificationId === outcome.notificationId)
  return [
    ...outcome.silent.map(({ channel, reason }) => ({ channel, error: reason })),
    ...tried.flatMap((one) => {
      const error = storedProblem(one)
      return error === null ? [] : [{ channel: one.channel, error }]
    }),
  ]
}
