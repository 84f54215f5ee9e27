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
import { type Target, targetsOf } from './target.ts'
import type {
  Channel,
  ChannelCondition,
  ContactInfo,
  CredentialInfo,
  ProjectInfo,
  Route,
  SuppressionReason,
  TemplateInfo,
} from './words.ts'

/** What a decision is made of. */
export interface Question {
  readonly project: ProjectInfo
  /** null: it is said without a template, in no language */
  readonly contents: TemplateContents | null
  /** null: it goes to `address`, whoever that is */
  readonly contact: ContactInfo | null
  readonly address: string | null
  /** how the contact is reached through providers that need more than a field of the contact */
  readonly credentials: readonly CredentialInfo[]
  /** only these of the template's channels; null: all of them */
  readonly requested: readonly Channel[] | null
  /** the project's active providers by channel, the preferred one first */
  readonly routes: Routes
  readonly template: Pick<TemplateInfo, 'id' | 'critical' | 'rules'> | null
  /** addresses of the project that nothing is sent to, by `suppressedKey` */
  readonly suppressed: ReadonlyMap<string, SuppressionReason>
  /** how it stands in the record, when the message is due; left out: it is not due yet, so its condition is not asked */
  readonly standing?: Standing | undefined
}

/** The active providers of a project by channel, the preferred one first. */
export type Routes = ReadonlyMap<Channel, readonly Route[]>

/** What was decided for one channel. */
export interface ChannelDecision {
  readonly channel: Channel
  /** null: nothing is said on it, for `reason`, or it is said without a template */
  readonly locale: string | null
  /** where it goes first */
  readonly address: string | null
  /** key of the provider that would carry it first */
  readonly provider: string | null
  /** null: it goes out */
  readonly reason: Problem | null
  /** how long it waits once its notification is due */
  readonly delayMs: number
  /** what must hold when it is due */
  readonly onlyIf: ChannelCondition
  /** its text takes too long to be rendered where others wait; left out: it does not, as far as is known */
  readonly isHeavy?: boolean
  /** ways to go out, the preferred one first; empty where there is a reason, and in-app */
  readonly targets: readonly Target[]
}
type Reach = Omit<ChannelDecision, 'delayMs' | 'onlyIf' | 'isHeavy'>

/** How a suppressed address is found. */
export const suppressedKey = (channel: Channel, address: string): string => `${channel} ${suppressionKey(channel, address)}`

/** Addresses that a decision on this contact may have to do with: its e-mail, and its number on each channel that goes to numbers. */
export const addressesOf = (contact: Pick<ContactInfo, 'email' | 'phone'>): { channel: Channel; address: string }[] => {
  const { email, phone } = contact
  const numbers = phone === null ? [] : (['SMS', 'ALIMTALK', 'FRIENDTALK'] as const)
  return [
    ...(email === null ? [] : [{ channel: 'EMAIL' as const, address: suppressionKey('EMAIL', email) }]),
    ...numbers.map((channel) => ({ channel, address: suppressionKey(channel, phone ?? '') })),
  ]
}

/** Decides one channel of a notification. The first "no" is the reason; that of its rule comes last, and only when it is due. */
export function decideChannel(channel: Channel, question: Omit<Question, 'requested'>): ChannelDecision {
  const reach = reachChannel(channel, question)
  const unmet = reach.reason !== null || question.standing === undefined ? null : unmetRule(channel, question.standing)
  return { ...reach, reason: reach.reason ?? unmet, ...ruleOf(question.template, channel) }
}

function reachChannel(channel: Channel, question: Omit<Question, 'requested'>): Reach {
  const { project, contents, contact, template, suppressed } = question
  const base = { channel, locale: null, address: null, provider: null, targets: [] }
  let locale: string | null = null
  if (contents !== null) {
    if (!contents.channels.includes(channel)) {
      return { ...base, reason: problem('TEMPLATE_EMPTY', 'The template says nothing on this channel.') }
    }
    locale = pickLocale(contents.locales(channel), contact?.locale ?? null, project.locale)
    if (locale === null) return { ...base, reason: problem('TEMPLATE_EMPTY') }
  }
  const spoken = { ...base, locale }
  const isCritical = template?.critical === true
  if (contact !== null && template !== null && !isCritical && !isWanted(contact.preferences, template.id, channel)) {
    return { ...spoken, reason: problem('OPTED_OUT') }
  }
  if (channel === 'IN_APP') return { ...spoken, reason: contact === null ? problem('ADDRESS_MISSING') : null }
  const { targets, address, isConfigured } = targetsOf(channel, question)
  if (address === null && (isConfigured || needsNoProvider(channel))) return { ...spoken, reason: problem('ADDRESS_MISSING') }
  if (channel === 'EMAIL' && address !== null && mailboxOf(address) === null) {
    return { ...spoken, reason: problem('ADDRESS_INVALID') }
  }
  const barred = (one: string): SuppressionReason | null => {
    const reason = suppressed.get(suppressedKey(channel, one))
    // What must be said is said to whoever only unsubscribed; to a dead or complaining address, nothing is.
    return reason === undefined || (isCritical && reason === 'UNSUBSCRIBED') ? null : reason
  }
  const first = address === null ? null : barred(address)
  const open = targets.filter((target) => target.address === '' || barred(target.address) === null)
  if (first !== null && open.length === 0) {
    return { ...spoken, address, reason: problem('SUPPRESSED', `The address is suppressed: ${first}.`) }
  }
  const [target] = open
  if (!isConfigured || target === undefined) return { ...spoken, address, reason: problem('CHANNEL_NOT_CONFIGURED') }
  const shown = target.address === '' ? null : target.address
  return { ...spoken, address: shown, provider: target.provider, reason: null, targets: open }
}

/** Whether a contact has or lacks an address on this channel whatever the providers are. */
const needsNoProvider = (channel: Channel): boolean =>
  channel === 'EMAIL' || channel === 'SMS' || channel === 'ALIMTALK' || channel === 'FRIENDTALK'

/** Decides every channel that is asked for, or every one that the template has. */
export function decide(question: Question): ChannelDecision[] {
  const wanted = question.requested ?? question.contents?.channels ?? []
  return [...new Set(wanted)].map((channel) => decideChannel(channel, question))
}
