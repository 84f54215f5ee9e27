/** `triggerCampaign`. */
import { recipientTypes } from '../words.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { type DispatchPayloadRef, transactionIdText } from './dispatch-payload.ts'
import { valuesOf } from './enums.ts'

/** Defines `triggerCampaign`. */
export function defineTrigger(builder: Builder, DispatchPayload: DispatchPayloadRef) {
  const RecipientType = builder.enumType('RecipientType', {
    description: 'How a recipient is identified.',
    values: valuesOf(recipientTypes, {
      USER_ID: 'A contact, by its externalId: `userId`.',
      PHONE_NUMBER: 'A phone number: `phoneNumber`, on SMS, ALIMTALK and FRIENDTALK. No contact is looked up.',
      EMAIL: 'An e-mail address: `email`, on EMAIL. No contact is looked up.',
    }),
  })
  const RecipientInput = builder.inputType('RecipientInput', {
    description: 'A recipient of a campaign.',
    fields: (t) => ({
      type: t.field({ type: RecipientType, defaultValue: 'USER_ID', description: 'How it is identified.' }),
      userId: t.id({ description: 'externalId of the contact, for type USER_ID.' }),
      phoneNumber: t.string({ description: 'Phone number, for type PHONE_NUMBER.' }),
      email: t.string({ description: 'E-mail address, for type EMAIL.' }),
      eventParams: t.field({
        type: 'JSONObject',
        description: '`data` of the template for this recipient, with any type.',
      }),
    }),
  })
  builder.mutationFields((t) => ({
    triggerCampaign: t.field({
      type: DispatchPayload,
      description:
        'Sends a campaign of dispatch API to recipients. A malformed recipient is an error for the whole call, with its index: BAD_INPUT, ' +
        'DATA_INVALID, or CHANNEL_UNSUPPORTED for a type that the channel does not support. One who lacks a property that a strict template uses is ' +
        'skipped. Other errors: NOT_FOUND, CAMPAIGN_NOT_API, CAMPAIGN_INACTIVE, ' +
        'TEMPLATE_INACTIVE, TEMPLATE_EMPTY, CHANNEL_NOT_CONFIGURED, TRANSACTION_EXISTS, BATCH_TOO_LARGE, TOO_LARGE.',
      args: {
        campaign: t.arg.id({ required: true, description: 'Key of the campaign.' }),
        recipients: t.arg({ type: [RecipientInput], required: true, description: 'The recipients, 1-1,000.' }),
        transactionId: t.arg.id({ description: transactionIdText }),
      },
      resolve: (_root, { campaign, recipients, transactionId: named }, context) =>
        context.carillon.triggerCampaign(projectOf(context), campaign, recipients, named),
    }),
  }))
  return { RecipientInput }
}

/** The types of triggered campaigns that others use. */
export type TriggerTypes = ReturnType<typeof defineTrigger>
