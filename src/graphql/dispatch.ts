/** Sending to a list of recipients: by a campaign, and to bare numbers. */
import type { Dispatched } from '../domain/dispatch.ts'
import { recipientTypes } from '../domain/recipient.ts'
import type { Problem } from '../errors.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { type Enums, valuesOf } from './enums.ts'
import type { Problems } from './problem.ts'

/** Adds it. */
export function defineDispatch(builder: Builder, { TextType }: Pick<Enums, 'TextType'>, { Problem }: Problems) {
  const SkippedRecipient = builder.objectRef<{ index: number; error: Problem }>('SkippedRecipient').implement({
    description: 'A recipient to whom nothing goes.',
    fields: (t) => ({
      index: t.exposeInt('index', { description: 'Its place in the list of recipients, from 0.' }),
      error: t.expose('error', { type: Problem, description: 'Why.' }),
    }),
  })
  const DispatchPayload = builder.objectRef<Dispatched>('DispatchPayload').implement({
    description: 'What became of the recipients: accepted, duplicates and skipped are all of them.',
    fields: (t) => ({
      transactionId: t.exposeID('transactionId', { description: 'Shared by all notifications of the call.' }),
      acceptedCount: t.exposeInt('acceptedCount', { description: 'Recipients who are told.' }),
      duplicateCount: t.exposeInt('duplicateCount', {
        description: 'Recipients whose address is that of an earlier one of the call, and who are told once.',
      }),
      skipped: t.field({
        type: [SkippedRecipient],
        description: 'Recipients who can not be reached: unknown, without an address, opted out, suppressed.',
        resolve: ({ skipped }) => [...skipped],
      }),
    }),
  })
  const RecipientType = builder.enumType('RecipientType', {
    description: 'What a recipient is named by.',
    values: valuesOf(recipientTypes, {
      USER_ID: 'The externalId of a contact: `userId`.',
      PHONE_NUMBER: 'A number, `phoneNumber`, on SMS, ALIMTALK and FRIENDTALK. Nobody is looked up.',
      EMAIL: 'An address, `email`, on EMAIL. Nobody is looked up.',
    }),
  })
  const FriendtalkType = builder.enumType('FriendtalkType', {
    description: 'The kind of a Friendtalk message.',
    values: valuesOf(['TEXT', 'IMAGE', 'WIDE'] as const, {
      TEXT: 'A text.',
      IMAGE: 'A text with a picture; not supported yet.',
      WIDE: 'A text with a wide picture; not supported yet.',
    }),
  })
  const RecipientInput = builder.inputType('RecipientInput', {
    description: 'Whom a campaign tells.',
    fields: (t) => ({
      type: t.field({ type: RecipientType, defaultValue: 'USER_ID', description: 'What it is named by.' }),
      userId: t.id({ description: 'externalId of the contact, for type USER_ID.' }),
      phoneNumber: t.string({ description: 'The number, for type PHONE_NUMBER.' }),
      email: t.string({ description: 'The address, for type EMAIL.' }),
      eventParams: t.field({
        type: 'JSONObject',
        description: 'What the template sees as `data`, for this recipient; whatever its type.',
      }),
    }),
  })
  const PhoneInput = builder.inputType('PhoneInput', {
    description: 'A number.',
    fields: (t) => ({ phoneNumber: t.string({ required: true, description: 'The number.' }) }),
  })
  const AlimtalkRecipientInput = builder.inputType('AlimtalkRecipientInput', {
    description: 'A number, and what the registered template says to it.',
    fields: (t) => ({
      phoneNumber: t.string({ required: true, description: 'The number.' }),
      parameters: t.field({
        type: 'JSONObject',
        description:
          "Values of the registered template's variables, by their names: texts, numbers or booleans. Where a template of the project says this " +
          '`templateCode` with a `body` that has them as `#{name}`, one that is missing is BAD_INPUT. Elsewhere only the vendor knows which there ' +
          'are: it refuses the message, which is FAILED with PROVIDER_REFUSED.',
      }),
    }),
  })
  const FriendtalkRecipientInput = builder.inputType('FriendtalkRecipientInput', {
    description: 'A number, and the text to it.',
    fields: (t) => ({
      phoneNumber: t.string({ required: true, description: 'The number.' }),
      text: t.string({ required: true, description: 'The text, as it is.' }),
    }),
  })
  builder.mutationFields((t) => {
    const transactionId = t.arg.id({
      description: 'Name of the transaction, 1-255 printable ASCII characters; default: one is made. Taken once, for ever.',
    })
    return {
      triggerCampaign: t.field({
        type: DispatchPayload,
        description:
          'Sends a campaign of dispatch API to recipients. One that is malformed refuses the whole call, with its index: CHANNEL_UNSUPPORTED ' +
          'for a type that the channel does not take, BAD_INPUT. Other errors: NOT_FOUND, CAMPAIGN_NOT_API, CAMPAIGN_INACTIVE, ' +
          'TEMPLATE_INACTIVE, TEMPLATE_EMPTY, CHANNEL_NOT_CONFIGURED, TRANSACTION_EXISTS, BATCH_TOO_LARGE, TOO_LARGE.',
        args: {
          campaign: t.arg.id({ required: true, description: 'Key of the campaign.' }),
          recipients: t.arg({ type: [RecipientInput], required: true, description: 'Whom it tells, 1-1,000.' }),
          transactionId,
        },
        resolve: (_root, { campaign, recipients, transactionId: named }, context) =>
          context.domain.dispatch.trigger(projectOf(context), campaign, recipients, named),
      }),
      sendText: t.field({
        type: DispatchPayload,
        description:
          "Sends a text message to numbers, through the project's provider for SMS, whose settings have the sender. The text goes out as it " +
          'is. Errors: BAD_INPUT with the index, CHANNEL_NOT_CONFIGURED, TRANSACTION_EXISTS, BATCH_TOO_LARGE.',
        args: {
          type: t.arg({ type: TextType, required: true, description: 'Which kind of text message.' }),
          title: t.arg.string({ description: 'The title of an LMS or MMS; an SMS has none, and leaves it out.' }),
          body: t.arg.string({ required: true, description: 'The text.' }),
          recipients: t.arg({ type: [PhoneInput], required: true, description: 'The numbers, 1-1,000.' }),
          transactionId,
        },
        resolve: (_root, { transactionId: named, ...text }, context) =>
          context.domain.dispatch.text(projectOf(context), text, named),
      }),
      sendAlimtalk: t.field({
        type: DispatchPayload,
        description:
          "Sends a registered Alimtalk template to numbers, through the project's provider for ALIMTALK. Errors: BAD_INPUT with the index, " +
          'CHANNEL_NOT_CONFIGURED, TRANSACTION_EXISTS, BATCH_TOO_LARGE, TOO_LARGE.',
        args: {
          templateCode: t.arg.string({ required: true, description: 'Code of the template that is registered with KakaoTalk.' }),
          recipients: t.arg({ type: [AlimtalkRecipientInput], required: true, description: 'The numbers, 1-1,000.' }),
          transactionId,
        },
        resolve: (_root, { transactionId: named, ...alimtalk }, context) =>
          context.domain.dispatch.alimtalk(projectOf(context), alimtalk, named),
      }),
      sendFriendtalk: t.field({
        type: DispatchPayload,
        description:
          "Sends Friendtalk texts to numbers, through the project's provider for FRIENDTALK. Errors: BAD_INPUT with the index, NOT_IMPLEMENTED " +
          'for types other than TEXT, CHANNEL_NOT_CONFIGURED, TRANSACTION_EXISTS, BATCH_TOO_LARGE.',
        args: {
          messageType: t.arg({ type: FriendtalkType, defaultValue: 'TEXT', description: 'Which kind; TEXT alone so far.' }),
          isAd: t.arg.boolean({ defaultValue: false, description: 'It is an advertisement, and is marked as one.' }),
          recipients: t.arg({ type: [FriendtalkRecipientInput], required: true, description: 'The numbers, 1-1,000.' }),
          transactionId,
        },
        resolve: (_root, { transactionId: named, ...friendtalk }, context) =>
          context.domain.dispatch.friendtalk(projectOf(context), friendtalk, named),
      }),
    }
  })
}
