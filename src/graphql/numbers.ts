/** `sendText`, `sendAlimtalk` and `sendFriendtalk`: to phone numbers, without a template of the project. */
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { type DispatchPayloadRef, transactionIdText } from './dispatch-payload.ts'
import { type Enums, valuesOf } from './enums.ts'

/** Defines the three mutations. */
export function defineNumbers(builder: Builder, { TextType }: Pick<Enums, 'TextType'>, DispatchPayload: DispatchPayloadRef) {
  const FriendtalkType = builder.enumType('FriendtalkType', {
    description: 'The kind of a Friendtalk message.',
    values: valuesOf(['TEXT', 'IMAGE', 'WIDE'] as const, {
      TEXT: 'A text.',
      IMAGE: 'A text with a picture; not supported yet.',
      WIDE: 'A text with a wide picture; not supported yet.',
    }),
  })
  const PhoneInput = builder.inputType('PhoneInput', {
    description: 'A recipient of a text message.',
    fields: (t) => ({ phoneNumber: t.string({ required: true, description: 'Phone number.' }) }),
  })
  const AlimtalkRecipientInput = builder.inputType('AlimtalkRecipientInput', {
    description: 'A recipient of an Alimtalk message, with the variables of the registered template.',
    fields: (t) => ({
      phoneNumber: t.string({ required: true, description: 'Phone number.' }),
      parameters: t.field({
        type: 'JSONObject',
        description:
          "Values of the registered template's variables by name: strings, numbers or booleans. If a template of the project has this " +
          '`templateCode` and a `body` with the variables as `#{name}`, a missing one is BAD_INPUT. Otherwise only the vendor knows the variables: ' +
          'it refuses the message, which is then FAILED with PROVIDER_REFUSED.',
      }),
    }),
  })
  const FriendtalkRecipientInput = builder.inputType('FriendtalkRecipientInput', {
    description: 'A recipient of a Friendtalk message, with its text.',
    fields: (t) => ({
      phoneNumber: t.string({ required: true, description: 'Phone number.' }),
      text: t.string({ required: true, description: 'The text; sent as it is, not as Liquid.' }),
    }),
  })
  builder.mutationFields((t) => {
    const transactionId = t.arg.id({ description: transactionIdText })
    return {
      sendText: t.field({
        type: DispatchPayload,
        description:
          "Sends a text message to phone numbers through the project's SMS provider, whose settings have the sender. The text is sent as it is, " +
          'not as Liquid. Errors: BAD_INPUT with the index, CHANNEL_NOT_CONFIGURED, TRANSACTION_EXISTS, BATCH_TOO_LARGE.',
        args: {
          type: t.arg({ type: TextType, required: true, description: 'The kind of text message.' }),
          title: t.arg.string({ description: 'The title; LMS and MMS only.' }),
          body: t.arg.string({ required: true, description: 'The text.' }),
          recipients: t.arg({ type: [PhoneInput], required: true, description: 'The recipients, 1-1,000.' }),
          transactionId,
        },
        resolve: (_root, { transactionId: named, ...text }, context) =>
          context.carillon.numbers.text(projectOf(context), text, named),
      }),
      sendAlimtalk: t.field({
        type: DispatchPayload,
        description:
          "Sends a registered Alimtalk template to phone numbers through the project's provider for ALIMTALK. Errors: BAD_INPUT with the index, " +
          'CHANNEL_NOT_CONFIGURED, TRANSACTION_EXISTS, BATCH_TOO_LARGE, TOO_LARGE.',
        args: {
          templateCode: t.arg.string({ required: true, description: 'Code of the template registered with KakaoTalk.' }),
          recipients: t.arg({ type: [AlimtalkRecipientInput], required: true, description: 'The recipients, 1-1,000.' }),
          transactionId,
        },
        resolve: (_root, { transactionId: named, ...alimtalk }, context) =>
          context.carillon.numbers.alimtalk(projectOf(context), alimtalk, named),
      }),
      sendFriendtalk: t.field({
        type: DispatchPayload,
        description:
          "Sends Friendtalk texts to phone numbers through the project's provider for FRIENDTALK. Errors: BAD_INPUT with the index, NOT_IMPLEMENTED " +
          'for types other than TEXT, CHANNEL_NOT_CONFIGURED, TRANSACTION_EXISTS, BATCH_TOO_LARGE.',
        args: {
          messageType: t.arg({
            type: FriendtalkType,
            defaultValue: 'TEXT',
            description: 'The kind of message; only TEXT is supported so far.',
          }),
          isAd: t.arg.boolean({ defaultValue: false, description: 'Whether it is an advertisement, and marked as one.' }),
          recipients: t.arg({ type: [FriendtalkRecipientInput], required: true, description: 'The recipients, 1-1,000.' }),
          transactionId,
        },
        resolve: (_root, { transactionId: named, ...friendtalk }, context) =>
          context.carillon.numbers.friendtalk(projectOf(context), friendtalk, named),
      }),
    }
  })
}
