/** `triggerCampaign`: a campaign of dispatch API, to the recipients of the call. */
import type { Database } from '../db/database.ts'
import { atIndex, checkList } from '../domain/check.ts'
import { CarillonError, type Problem } from '../errors.ts'
import { checkEmail } from '../values/mailbox.ts'
import { checkPhone } from '../values/phone.ts'
import type { ProjectInfo } from '../words.ts'
import type { ChannelDecision } from './decide.ts'
import type { Intent } from './intent.ts'
import { checkRecipient, type Recipient, type RecipientInput } from './recipient.ts'
import {
  checkTransactionId,
  plainIntent,
  RECIPIENTS_MAX,
  type Recipients,
  type RecipientsResult,
  skipInvalidAddress,
} from './recipients.ts'

/** What a call would do, with the names of its recipients. */
export interface Rehearsed {
  readonly plans: readonly { readonly name: string; readonly decisions: readonly ChannelDecision[] }[]
  /** those without decisions */
  readonly skipped: readonly { readonly name: string; readonly reason: Problem }[]
  readonly duplicateCount: number
}

/** Creates the operations on campaigns of dispatch API. */
export function createTrigger({ db, recipients: { send, plan } }: { readonly db: Database; readonly recipients: Recipients }) {
  /** Reads the campaign and checks the recipients. @throws NOT_FOUND, CAMPAIGN_NOT_API, CAMPAIGN_INACTIVE; BAD_INPUT with the index */
  async function requestsOf(project: ProjectInfo, key: string, recipients: readonly RecipientInput[], named: string | null) {
    checkList('recipients', recipients, RECIPIENTS_MAX)
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
    return { campaignId, channel, requests, names: list.map((recipient) => recipient.name) }
  }

  return {
    /**
     * Sends a campaign of dispatch API.
     * @throws NOT_FOUND, CAMPAIGN_NOT_API, CAMPAIGN_INACTIVE, and what sending to recipients throws
     */
    async send(
      project: ProjectInfo,
      key: string,
      recipients: readonly RecipientInput[],
      transactionId: string | null | undefined,
    ): Promise<RecipientsResult> {
      const named = checkTransactionId(transactionId)
      const { campaignId, channel, requests } = await requestsOf(project, key, recipients, named)
      return send(project, channel, requests, named, campaignId)
    },

    /** What `send` would do. @throws as `send` */
    async rehearse(project: ProjectInfo, key: string, recipients: readonly RecipientInput[]): Promise<Rehearsed> {
      const { channel, requests, names } = await requestsOf(project, key, recipients, null)
      const { plans, skipped, duplicateCount } = await plan(project, channel, requests, null)
      const decided = new Set(plans.map((one) => one.index))
      return {
        plans: plans
          .filter((one) => !one.isDuplicate)
          .map(({ index, message }) => ({ name: names[index] ?? '', decisions: message.decisions })),
        skipped: skipped
          .filter(({ index }) => !decided.has(index))
          .map(({ index, error }) => ({ name: names[index] ?? '', reason: error })),
        duplicateCount,
      }
    },
  }
}
