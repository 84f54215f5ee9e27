/** `triggerCampaign`: a campaign of dispatch API, to the recipients of the call. */
import type { Database } from '../db/database.ts'
import { atIndex, checkList } from '../domain/check.ts'
import { CarillonError } from '../errors.ts'
import { checkEmail } from '../values/mailbox.ts'
import { checkPhone } from '../values/phone.ts'
import type { ProjectInfo } from '../words.ts'
import type { Intent } from './intent.ts'
import { checkRecipient, type Recipient, type RecipientInput } from './recipient.ts'
import {
  checkTransactionId,
  plainIntent,
  RECIPIENTS_MAX,
  type RecipientsResult,
  type SendToRecipients,
  skipInvalidAddress,
} from './recipients.ts'

export function createTrigger({ db, sendToRecipients }: { readonly db: Database; readonly sendToRecipients: SendToRecipients }) {
  /**
   * Sends a campaign of dispatch API.
   * @throws NOT_FOUND, CAMPAIGN_NOT_API, CAMPAIGN_INACTIVE, and what `sendToRecipients` throws
   */
  return async (
    project: ProjectInfo,
    key: string,
    recipients: readonly RecipientInput[],
    transactionId: string | null | undefined,
  ): Promise<RecipientsResult> => {
    checkList('recipients', recipients, RECIPIENTS_MAX)
    const named = checkTransactionId(transactionId)
    const campaign = key.includes('\0')
      ? null
      : await db.prisma.campaign.findUnique({
          where: { projectId_key: { projectId: project.id, key } },
          select: { id: true, active: true, dispatch: true, channel: true, template: { select: { key: true } } },
        })
    if (campaign === null) throw new CarillonError('NOT_FOUND', { field: 'campaign', message: 'There is no such campaign.' })
    if (campaign.dispatch !== 'API') throw new CarillonError('CAMPAIGN_NOT_API', { field: 'campaign' })
    if (!campaign.active) throw new CarillonError('CAMPAIGN_INACTIVE', { field: 'campaign' })
    const { id: campaignId, channel, template } = campaign
    const channels = channel === null ? null : [channel]
    const intentOf = ({ type, name, data }: Recipient): Intent => {
      const common = { ...plainIntent, template: template.key, data, transactionId: named, channels }
      if (type === 'USER_ID') return { ...common, contact: { externalId: name, fields: {}, properties: {} } }
      const email = type === 'EMAIL' ? checkEmail('email', name) : null
      const phone = type === 'PHONE_NUMBER' ? checkPhone('phoneNumber', name) : null
      return { ...common, contact: null, bare: { email, phone, content: null } }
    }
    const list = recipients.map((recipient, index) => atIndex(index, () => checkRecipient(channel, recipient)))
    const requests = list.map((recipient) => skipInvalidAddress(() => intentOf(recipient)))
    return sendToRecipients(project, channel, requests, named, campaignId)
  }
}
