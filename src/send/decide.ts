/**
 * Decides, channel by channel, whether a message is sent (in which locale, to which address, not before which time) or not, and why. Pure,
 * and used when a message is accepted, when it is sent, and for previews. What only rendering shows is decided after it, in `unsendable.ts` and by
 * the worker.
 */
import { isWanted } from '../domain/preference.ts'
import { suppressionKeys } from '../domain/suppression.ts'
import { type Problem, problem } from '../errors.ts'
import type { TemplateContents } from '../render/contents.ts'
import { pickLocale } from '../values/locale.ts'
import { readAddress } from '../values/mailbox.ts'
import { canBeDialled, phoneKeys } from '../values/phone.ts'
import {
  type Channel,
  type ChannelCondition,
  type ContactInfo,
  type CredentialInfo,
  channelTraits,
  needsCredentials,
  type ProjectInfo,
  phoneChannels,
  type Route,
  type SuppressionReason,
  type TemplateInfo,
} from '../words.ts'
import type { BareAddresses } from './intent.ts'
import { type ConditionFacts, delayed, type NotBefore, ruleOf, unmetRule } from './rule.ts'
import { type Target, targetsOf } from './target.ts'

/** What a decision depends on. */
export interface Question {
  readonly project: ProjectInfo
  /** null: there is no template, and so no language */
  readonly contents: TemplateContents | null
  /** null: it goes to `bare` */
  readonly contact: ContactInfo | null
  /** read where there is no contact; null: it goes nowhere */
  readonly bare: BareAddresses | null
  /** how the contact is reached through providers that need more than a field of the contact */
  readonly credentials: readonly CredentialInfo[]
  /** only these of the template's channels; null: all of them */
  readonly requested: readonly Channel[] | null
  /** the project's active providers by channel, the preferred one first */
  readonly routes: Routes
  readonly template: Pick<TemplateInfo, 'id' | 'critical' | 'rules'> | null
  /** addresses of the project that nothing is sent to, by `suppressedKeys` */
  readonly suppressed: ReadonlyMap<string, SuppressionReason>
  /** when the notification is due; left out or null: now */
  readonly when?: NotBefore
  /** read when the message is due; left out: it is not due yet, so its condition is not evaluated */
  readonly facts?: ConditionFacts | undefined
}

/** The active providers of a project by channel, the preferred one first. */
export type Routes = ReadonlyMap<Channel, readonly Route[]>

/** What was decided for one channel. */
export interface ChannelDecision {
  readonly channel: Channel
  /** null: it is not sent, for `reason`, or there is no template */
  readonly locale: string | null
  /** the address of the first target */
  readonly address: string | null
  /** key of the provider of the first target */
  readonly provider: string | null
  /** why it is not sent; null: it is */
  readonly reason: Problem | null
  /** it is not sent before this time; null: at once */
  readonly notBefore: NotBefore
  /** what must hold when it is due */
  readonly onlyIf: ChannelCondition
  /** its template is slow, so a worker renders it in the sandbox; left out: it is not, or that is not known yet */
  readonly isSlow?: boolean
  /** the preferred target first; empty where there is a reason, and in-app */
  readonly targets: readonly Target[]
}
type Reach = Omit<ChannelDecision, 'notBefore' | 'onlyIf' | 'isSlow'>

const NO_CONTACT =
  'Without a contact there is neither a feed nor a device, only the e-mail address or phone number that was given.'

/** The keys under which an address may be suppressed. */
const suppressedKeys = (channel: Channel, address: string, contact: ContactInfo | null): string[] =>
  suppressionKeys(channel, address, contact?.country ?? null).map((key) => `${channel} ${key}`)

/**
 * Why nothing is sent to an address; null: something is. A critical message is sent to an address that merely unsubscribed; nothing is sent to
 * one that is dead or complained. `reason`: of its suppression; undefined: it is not suppressed
 */
export const barredFor = (isCritical: boolean, reason: SuppressionReason | undefined): SuppressionReason | null =>
  reason === undefined || (isCritical && reason === 'UNSUBSCRIBED') ? null : reason

/** The addresses of a contact that may be suppressed: its e-mail, and its number on each channel that uses it. */
export const addressesOf = (
  contact: Pick<ContactInfo, 'email' | 'phone' | 'country'>,
): { channel: Channel; address: string }[] => {
  const { email, phone, country } = contact
  const found: { channel: Channel; address: string }[] = []
  if (email !== null) for (const address of suppressionKeys('EMAIL', email)) found.push({ channel: 'EMAIL', address })
  if (phone === null) return found
  const numbers = phoneKeys(phone, country)
  for (const channel of phoneChannels) for (const address of numbers) found.push({ channel, address })
  return found
}

/** Decides one channel of a notification. The first obstacle is the reason; the rule's condition comes last, and only when it is due. */
export function decideChannel(channel: Channel, question: Omit<Question, 'requested'>): ChannelDecision {
  const reach = reachChannel(channel, question)
  const unmet = reach.reason !== null || question.facts === undefined ? null : unmetRule(channel, question.facts)
  const { delayMs, onlyIf } = ruleOf(question.template, channel)
  const { locale, address, provider, targets } = reach
  const reason = reach.reason ?? unmet
  return { channel, locale, address, provider, reason, notBefore: delayed(question.when ?? null, delayMs), onlyIf, targets }
}

const NO_TARGETS: readonly Target[] = []
/** A channel without a target. `reason` null: it needs none */
const unreached = (channel: Channel, locale: string | null, address: string | null, reason: Problem | null): Reach => ({
  channel,
  locale,
  address,
  provider: null,
  reason,
  targets: NO_TARGETS,
})

function reachChannel(channel: Channel, question: Omit<Question, 'requested'>): Reach {
  const { project, contents, contact, template, suppressed } = question
  let locale: string | null = null
  if (contents !== null) {
    if (!contents.channels.includes(channel)) {
      return unreached(channel, null, null, problem('TEMPLATE_EMPTY', 'The template has no content for this channel.'))
    }
    locale = pickLocale(contents.locales(channel), contact?.locale ?? null, project.locale)
    if (locale === null) return unreached(channel, null, null, problem('TEMPLATE_EMPTY'))
  }
  const isCritical = template?.critical === true
  if (contact !== null && template !== null && !isCritical && !isWanted(contact.preferences, template.id, channel)) {
    return unreached(channel, locale, null, problem('OPTED_OUT'))
  }
  const { address: goesTo } = channelTraits[channel]
  if (contact === null && goesTo !== 'email' && goesTo !== 'phone')
    return unreached(channel, locale, null, problem('ADDRESS_MISSING', NO_CONTACT))
  if (channel === 'IN_APP') return unreached(channel, locale, null, null)
  const { targets, address, undialled, isConfigured } = targetsOf(channel, question)
  if (address === null && (isConfigured || !needsCredentials(channel)))
    return unreached(channel, locale, null, problem('ADDRESS_MISSING'))
  if (channel === 'EMAIL' && address !== null && readAddress(address) === null) {
    return unreached(channel, locale, null, problem('ADDRESS_INVALID'))
  }
  if (goesTo === 'phone' && address !== null && !canBeDialled(address)) {
    return unreached(channel, locale, null, problem('ADDRESS_INVALID'))
  }
  if (undialled !== null && targets.length === 0)
    return unreached(channel, locale, address, problem('ADDRESS_INVALID', undialled))
  const barred = (one: string): SuppressionReason | null => {
    if (suppressed.size === 0) return null
    const reasons = suppressedKeys(channel, one, contact).flatMap((key) => suppressed.get(key) ?? [])
    return barredFor(isCritical, reasons.find((reason) => reason !== 'UNSUBSCRIBED') ?? reasons[0])
  }
  const first = address === null ? null : barred(address)
  const open =
    suppressed.size === 0 ? targets : targets.filter((target) => target.address === '' || barred(target.address) === null)
  if (first !== null && open.length === 0) {
    return unreached(channel, locale, address, problem('SUPPRESSED', `The address is suppressed: ${first}.`))
  }
  const [target] = open
  if (!isConfigured || target === undefined) return unreached(channel, locale, address, problem('CHANNEL_NOT_CONFIGURED'))
  const shown = target.address === '' ? null : target.address
  return { channel, locale, address: shown, provider: target.provider, reason: null, targets: open }
}

/** Decides every requested channel, or every one that the template has. */
export function decide(question: Question): ChannelDecision[] {
  const wanted = question.requested ?? question.contents?.channels ?? []
  const [first, ...others] = wanted
  // Most have one: a send to many asks for each contact.
  if (first !== undefined && others.length === 0) return [decideChannel(first, question)]
  return [...new Set(wanted)].map((channel) => decideChannel(channel, question))
}
