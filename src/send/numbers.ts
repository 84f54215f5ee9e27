/** `sendText`, `sendAlimtalk`, `sendFriendtalk`: messages to bare phone numbers, without a template and without contacts. */
import type { Database } from '../db/database.ts'
import { findRegisteredTexts } from '../db/lookup.ts'
import { atIndex, checkKey, checkList, checkObject, checkText } from '../domain/check.ts'
import { CarillonError } from '../errors.ts'
import { registeredVariables } from '../render/registered-text.ts'
import { checkPhone } from '../values/phone.ts'
import type { DirectContent, JsonObject, ProjectInfo, TextType } from '../words.ts'
import {
  checkTransactionId,
  plainIntent,
  RECIPIENTS_MAX,
  type RecipientsResult,
  type Request,
  type SendToRecipients,
  skipInvalidAddress,
} from './recipients.ts'

/** A text message to numbers. */
export interface TextInput {
  readonly type: TextType
  readonly title?: string | null | undefined
  readonly body: string
  readonly recipients: readonly { readonly phoneNumber: string }[]
}
/** A registered template to numbers. */
export interface AlimtalkInput {
  readonly templateCode: string
  readonly recipients: readonly { readonly phoneNumber: string; readonly parameters?: JsonObject | null | undefined }[]
}
/** Texts to numbers. */
export interface FriendtalkInput {
  readonly messageType?: 'TEXT' | 'IMAGE' | 'WIDE' | null | undefined
  readonly isAd?: boolean | null | undefined
  readonly recipients: readonly { readonly phoneNumber: string; readonly text: string }[]
}

export function createNumbers({ db, sendToRecipients }: { readonly db: Database; readonly sendToRecipients: SendToRecipients }) {
  function direct(content: DirectContent, phoneNumber: string, data: JsonObject, transactionId: string | null): Request {
    const address = checkText('phoneNumber', phoneNumber, 1000)
    if (address === '') throw new CarillonError('BAD_INPUT', { field: 'phoneNumber', message: 'phoneNumber is empty.' })
    return skipInvalidAddress(() => ({
      ...plainIntent,
      template: null,
      contact: null,
      data,
      transactionId,
      channels: [content.channel],
      bare: { email: null, phone: checkPhone('phoneNumber', address), content },
    }))
  }

  function checkSaid(field: string, text: string): string {
    if (text === '') throw new CarillonError('BAD_INPUT', { field, message: `${field} is empty.` })
    return checkText(field, text)
  }

  return {
    /** Sends a text message to numbers. @throws BAD_INPUT, CHANNEL_NOT_CONFIGURED, TRANSACTION_EXISTS */
    async text(project: ProjectInfo, input: TextInput, transactionId: string | null | undefined): Promise<RecipientsResult> {
      const { type, title, body, recipients } = input
      checkList('recipients', recipients, RECIPIENTS_MAX)
      const named = checkTransactionId(transactionId)
      const content = {
        type,
        title: type === 'SMS' || title === null || title === undefined ? null : checkText('title', title, 255),
        body: checkSaid('body', body),
      }
      const requests = recipients.map(({ phoneNumber }, index) =>
        atIndex(index, () => direct({ channel: 'SMS', content }, phoneNumber, {}, named)),
      )
      return sendToRecipients(project, 'SMS', requests, named, null)
    },

    /**
     * Sends a registered template to numbers. @throws BAD_INPUT, CHANNEL_NOT_CONFIGURED, TRANSACTION_EXISTS
     * Which variables it has, the vendor knows, and refuses what lacks one; where a template of the project has its text, it is known here.
     */
    async alimtalk(
      project: ProjectInfo,
      { templateCode, recipients }: AlimtalkInput,
      transactionId: string | null | undefined,
    ): Promise<RecipientsResult> {
      checkList('recipients', recipients, RECIPIENTS_MAX)
      const named = checkTransactionId(transactionId)
      const content = { templateCode: checkKey('templateCode', templateCode), body: null }
      const needed = neededBy(await findRegisteredTexts(db.pool, project.id, templateCode))
      const requests = recipients.map(({ phoneNumber, parameters }, index) =>
        atIndex(index, () =>
          direct({ channel: 'ALIMTALK', content }, phoneNumber, checkParameters(parameters ?? {}, needed), named),
        ),
      )
      return sendToRecipients(project, 'ALIMTALK', requests, named, null)
    },

    /** Sends texts to numbers. @throws NOT_IMPLEMENTED, BAD_INPUT, CHANNEL_NOT_CONFIGURED, TRANSACTION_EXISTS */
    async friendtalk(
      project: ProjectInfo,
      { messageType, isAd, recipients }: FriendtalkInput,
      transactionId: string | null | undefined,
    ): Promise<RecipientsResult> {
      if ((messageType ?? 'TEXT') !== 'TEXT') {
        const message = `Friendtalk messages of type ${messageType} are not supported yet.`
        throw new CarillonError('NOT_IMPLEMENTED', { field: 'messageType', message })
      }
      checkList('recipients', recipients, RECIPIENTS_MAX)
      const named = checkTransactionId(transactionId)
      const requests = recipients.map(({ phoneNumber, text }, index) =>
        atIndex(index, () => {
          const content = { body: checkSaid('text', text), isAd: isAd ?? false }
          return direct({ channel: 'FRIENDTALK', content }, phoneNumber, {}, named)
        }),
      )
      return sendToRecipients(project, 'FRIENDTALK', requests, named, null)
    },
  }
}

/** Variables of a registered text. Where templates differ in what they say it is, only what all of them have is sure to be in it. */
function neededBy([first, ...others]: readonly string[]): string[] {
  return first === undefined
    ? []
    : registeredVariables(first).filter((name) => others.every((text) => registeredVariables(text).includes(name)))
}

/** Values of a registered template's variables: all that it needs, and each something that can stand in a text. */
function checkParameters(parameters: JsonObject, needed: readonly string[]): JsonObject {
  checkObject('parameters', parameters)
  const missing = needed.find((name) => !Object.hasOwn(parameters, name))
  const wrong = Object.keys(parameters).find((name) => !['string', 'number', 'boolean'].includes(typeof parameters[name]))
  const name = missing ?? wrong
  if (name === undefined) return parameters
  const field = `parameters.${name}`
  const why = missing === undefined ? 'must be a text, a number or a boolean.' : 'is missing: the registered template needs it.'
  throw new CarillonError('BAD_INPUT', { field, message: `${field}: ${why}` })
}
