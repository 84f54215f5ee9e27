/** Endpoints 5 to 8 of Notifly's API: campaigns, text messages, Alimtalk and Friendtalk. */
import { z } from 'zod'
import { CarillonError } from '../errors.ts'
import type { RecipientsResult } from '../send/recipients.ts'
import type { RecipientType, TextType } from '../words.ts'
import type { Answer, Route } from './dialect.ts'
import { campaignErrors, messageErrors } from './notifly-errors.ts'
import { either, eitherOf, needs, projectFields, projectNamed, userFields } from './notifly-values.ts'
import { defineRoute, listOf } from './route.ts'
import { jsonObject, optionalText } from './values.ts'

const RECIPIENTS_MAX = 1_000

const types = {
  'user-id': 'USER_ID',
  'phone-number': 'PHONE_NUMBER',
  email: 'EMAIL',
} as const satisfies Record<string, RecipientType>

const campaignSend = defineRoute({
  method: 'POST',
  path: '/campaign/:projectId/:campaignId/send',
  operation: 'triggerCampaign',
  summary: 'Sends a campaign whose dispatch is API to up to 1,000 recipients.',
  params: { projectId: 'Key or id of the project, which must be that of the token.', campaignId: 'Key of the campaign.' },
  body: z.object({
    recipients: listOf(
      z
        .object({
          type: z.literal(['user-id', 'phone-number', 'email']).nullish().meta({ description: 'Left out: `user-id`.' }),
          ...userFields,
          phoneNumber: z.string().nullish(),
          email: z.string().nullish(),
          eventParams: jsonObject.nullish().meta({ description: 'Variables of the template.' }),
        })
        .transform((one, context) => ({
          type: types[one.type ?? 'user-id'],
          userId: either('user', one, context),
          phoneNumber: one.phoneNumber,
          email: one.email,
          eventParams: one.eventParams,
        })),
      RECIPIENTS_MAX,
    ),
  }),
  answers: {
    200: {
      description: 'The campaign was triggered. Recipients who can not be reached are skipped.',
      schema: z.object({ code: z.literal(200), success: z.literal(true), error: z.null() }),
    },
  },
  ...campaignErrors({ list: 'recipients', names: { data: 'eventParams' } }),
  example: {
    parameters: { projectId: 'provided_project_id', campaignId: 'some-campaign-id' },
    body: {
      recipients: [
        { userId: 'alice', eventParams: { messageTitle: 'Hello Alice!', messageBody: 'How are you?' } },
        { userId: 'bob', eventParams: { messageTitle: 'Hello Bob!', messageBody: 'How are you?' } },
      ],
    },
    answer: { code: 200, success: true, error: null },
  },
  items: ({ body }) => body.recipients.length,
  async handle({ body, param }, call) {
    const project = projectNamed(call, param('projectId'))
    await call.carillon.triggerCampaign(project, param('campaignId'), body.recipients, null)
    return { status: 200, body: { code: 200, success: true, error: null } }
  },
})

const sent = {
  200: { description: 'It was accepted.', schema: z.object({ success: z.literal(true) }) },
}

/** The answer, unless none of the numbers is one: then nothing is sent, whatever is done about it. @throws ADDRESS_INVALID */
function answerOf({ acceptedCount, duplicateCount, skipped }: RecipientsResult): Answer {
  const [first] = skipped
  const isAnySendable = acceptedCount + duplicateCount > 0 || skipped.some(({ error }) => error.code !== 'ADDRESS_INVALID')
  if (first === undefined || isAnySendable) return { status: 200, body: { success: true } }
  throw new CarillonError('ADDRESS_INVALID', { field: 'phoneNumber', index: first.index, message: first.error.message })
}

const recipientNo = z.string().meta({ description: 'Phone number.' })

const textTypes = { sms: 'SMS', lms: 'LMS', mms: 'MMS' } as const satisfies Record<string, TextType>

const textMessage = defineRoute({
  method: 'POST',
  path: '/messages/text-message',
  operation: 'sendText',
  summary: 'Sends a text message to up to 1,000 phone numbers.',
  body: z
    .object({
      ...projectFields,
      type: z.literal(['sms', 'lms', 'mms']),
      title: optionalText.meta({ description: 'Not used for sms.' }),
      body: z.string(),
      recipientList: listOf(z.object({ recipientNo }), RECIPIENTS_MAX),
    })
    .meta(needs('project'))
    .transform((text, context) => ({ ...text, project: eitherOf('project', 'Id', text, context) })),
  answers: sent,
  ...messageErrors({ list: 'recipientList', names: { recipients: 'recipientList', phoneNumber: 'recipientNo' } }),
  example: {
    body: {
      projectId: 'provided_project_id',
      type: 'sms',
      body: 'Message Body',
      recipientList: [{ recipientNo: '01012345678' }, { recipientNo: '01045671234' }],
    },
    answer: { success: true },
  },
  items: ({ body }) => body.recipientList.length,
  async handle({ body }, call) {
    const project = projectNamed(call, body.project)
    const recipients = body.recipientList.map((one) => ({ phoneNumber: one.recipientNo }))
    const input = { type: textTypes[body.type], title: body.title, body: body.body, recipients }
    return answerOf(await call.carillon.numbers.text(project, input, null))
  },
})

const alimtalk = defineRoute({
  method: 'POST',
  path: '/messages/kakao-alimtalk',
  operation: 'sendAlimtalk',
  summary: 'Sends a registered Alimtalk template to up to 1,000 phone numbers.',
  body: z
    .object({
      ...projectFields,
      templateId: z.string().meta({ description: 'Code of the registered template.' }),
      recipientList: listOf(
        z.object({
          recipientNo,
          templateParameter: jsonObject.nullish().meta({ description: "Values of the template's variables, if it has any." }),
        }),
        RECIPIENTS_MAX,
      ),
    })
    .meta(needs('project'))
    .transform((message, context) => ({ ...message, project: eitherOf('project', 'Id', message, context) })),
  answers: sent,
  ...messageErrors({
    list: 'recipientList',
    names: {
      recipients: 'recipientList',
      phoneNumber: 'recipientNo',
      templateCode: 'templateId',
      parameters: 'templateParameter',
    },
  }),
  example: {
    body: {
      projectId: 'provided_project_id',
      templateId: 'some-template-id',
      recipientList: [
        { recipientNo: '01012345678', templateParameter: { user_name: 'Notifly User' } },
        { recipientNo: '01056781234', templateParameter: { user_name: 'Notifly Customer' } },
      ],
    },
    answer: { success: true },
  },
  items: ({ body }) => body.recipientList.length,
  async handle({ body: { project: named, templateId, recipientList } }, call) {
    const recipients = recipientList.map((one) => ({ phoneNumber: one.recipientNo, parameters: one.templateParameter }))
    return answerOf(
      await call.carillon.numbers.alimtalk(projectNamed(call, named), { templateCode: templateId, recipients }, null),
    )
  },
})

const friendtalk = defineRoute({
  method: 'POST',
  path: '/messages/kakao-friendtalk',
  operation: 'sendFriendtalk',
  summary: 'Sends Friendtalk texts to up to 1,000 phone numbers.',
  body: z
    .object({
      ...projectFields,
      messageType: z.string().meta({ description: '`text`; anything else is not supported yet.' }),
      isAd: z.boolean().nullish().meta({ description: 'Whether it is an advertisement.' }),
      recipientList: listOf(z.object({ recipientNo, content: z.object({ text: z.string() }) }), RECIPIENTS_MAX),
    })
    .meta(needs('project'))
    .transform((message, context) => ({ ...message, project: eitherOf('project', 'Id', message, context) })),
  answers: sent,
  ...messageErrors({
    list: 'recipientList',
    names: { recipients: 'recipientList', phoneNumber: 'recipientNo', text: 'content.text' },
  }),
  example: {
    body: {
      projectId: 'provided_project_id',
      messageType: 'text',
      isAd: false,
      recipientList: [{ recipientNo: '01012345678', content: { text: 'test' } }],
    },
    answer: { success: true },
  },
  items: ({ body }) => body.recipientList.length,
  async handle({ body: { project: named, messageType, isAd, recipientList } }, call) {
    const project = projectNamed(call, named)
    if (messageType !== 'text') throw new CarillonError('NOT_IMPLEMENTED', { message: 'messageType: only text is supported.' })
    const recipients = recipientList.map((one) => ({ phoneNumber: one.recipientNo, text: one.content.text }))
    return answerOf(await call.carillon.numbers.friendtalk(project, { messageType: 'TEXT', isAd, recipients }, null))
  },
})

/** The routes. */
export const notiflyMessages: readonly Route[] = [campaignSend, textMessage, alimtalk, friendtalk]
