/**
 * The decision: on which channels a notification goes out, in which language, to which address, and for each channel that stays silent,
 * why. Pure, and the only place: accepting, sending and previewing all ask here.
 */
import { type Problem, problem } from '../errors.ts'
import type { TemplateContents } from '../render/content.ts'
import { pickLocale } from '../render/locale.ts'
import { mailboxOf } from './check.ts'
import { isWanted } from './preference.ts'
import { ruleOf, type Standing, unmetRule } from './rule.ts'
import { suppressionKey } from './suppression.ts'
import {
  type Channel,
  type ChannelCondition,
  type ContactInfo,
  type ContentChannel,
  contentChannels,
  type ProjectInfo,
  type SuppressionReason,
  type TemplateInfo,
} from './words.ts'

/** What a decision is made of. */
export interface Question {
  readonly project: ProjectInfo
  readonly contents: TemplateContents
  readonly contact: ContactInfo
  /** only these of the template's channels; null: all of them */
  readonly requested: readonly Channel[] | null
  /** channels that the project has an active provider for */
  readonly configured: ReadonlySet<Channel>
  readonly template: Pick<TemplateInfo, 'id' | 'critical' | 'rules'>
  /** addresses of the project that nothing is sent to, by `suppressedKey` */
  readonly suppressed: ReadonlyMap<string, SuppressionReason>
  /** how it stands in the record, when the message is due; left out: it is not due yet, so its condition is not asked */
  readonly standing?: Standing | undefined
}

/** What was decided for one channel. */
export interface ChannelDecision {
  readonly channel: Channel
  /** null: nothing is said on it, for `reason` */
  readonly locale: string | null
  readonly address: string | null
  /** null: it goes out */
  readonly reason: Problem | null
  /** how long it waits once its notification is due */
  readonly delayMs: number
  /** what must hold when it is due */
  readonly onlyIf: ChannelCondition
}
type Reach = Omit<ChannelDecision, 'delayMs' | 'onlyIf'>

/** Where a channel's messages go: to a field of the contact, or nowhere outside this server. */
const addressOf = {
  IN_APP: () => null,
  EMAIL: (contact) => contact.email,
  SMS: (contact) => contact.phone,
} satisfies Record<ContentChannel, (contact: ContactInfo) => string | null>

const isContentChannel = (channel: Channel): channel is ContentChannel => contentChannels.some((known) => known === channel)

/** How a suppressed address is found. */
export const suppressedKey = (channel: Channel, address: string): string => `${channel} ${suppressionKey(channel, address)}`

/** Addresses that a decision on this contact may have to do with. */
export const addressesOf = (contact: Pick<ContactInfo, 'email' | 'phone'>): { channel: Channel; address: string }[] => [
  ...(contact.email === null ? [] : [{ channel: 'EMAIL' as const, address: suppressionKey('EMAIL', contact.email) }]),
  ...(contact.phone === null ? [] : [{ channel: 'SMS' as const, address: suppressionKey('SMS', contact.phone) }]),
]

/** Decides one channel of a notification. The first "no" is the reason; that of its rule comes last, and only when it is due. */
export function decideChannel(channel: Channel, question: Omit<Question, 'requested'>): ChannelDecision {
  const reach = reachChannel(channel, question)
  const unmet = reach.reason !== null || question.standing === undefined ? null : unmetRule(channel, question.standing)
  return { ...reach, reason: reach.reason ?? unmet, ...ruleOf(question.template, channel) }
}

function reachChannel(channel: Channel, question: Omit<Question, 'requested'>): Reach {
  const { project, contents, contact, configured, template, suppressed } = question
  const silent = (reason: Problem, locale: string | null = null): Reach => ({ channel, locale, address: null, reason })
  if (!isContentChannel(channel) || !contents.channels.includes(channel)) {
    return silent(problem('TEMPLATE_EMPTY', 'The template says nothing on this channel.'))
  }
  const locale = pickLocale(contents.locales(channel), contact.locale, project.locale)
  if (locale === null) return silent(problem('TEMPLATE_EMPTY'))
  if (!template.critical && !isWanted(contact.preferences, template.id, channel)) return silent(problem('OPTED_OUT'), locale)
  if (channel === 'IN_APP') return { channel, locale, address: null, reason: null }
  const address = addressOf[channel](contact)
  if (address === null) return silent(problem('ADDRESS_MISSING'), locale)
  if (channel === 'EMAIL' && mailboxOf(address) === null) return silent(problem('ADDRESS_INVALID'), locale)
  const reason = suppressed.get(suppressedKey(channel, address))
  // What must be said is said to whoever only unsubscribed; to a dead or complaining address, nothing is.
  if (reason !== undefined && !(template.critical && reason === 'UNSUBSCRIBED')) {
    return { channel, locale, address, reason: problem('SUPPRESSED', `The address is suppressed: ${reason}.`) }
  }
  if (!configured.has(channel)) return { channel, locale, address, reason: problem('CHANNEL_NOT_CONFIGURED') }
  return { channel, locale, address, reason: null }
}

/** Decides every channel that is asked for, or every one that the template has. */
export function decide(question: Question): ChannelDecision[] {
  const wanted = question.requested ?? question.contents.channels
  return [...new Set(wanted)].map((channel) => decideChannel(channel, question))
}
