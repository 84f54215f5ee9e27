/**
 * Rules: a channel may wait, and may depend on what became of the in-app message ("e-mail ten minutes later if still unread"). Pure.
 * When a message is due is fixed when it is accepted; whether its condition holds is asked of the record when it is due.
 */
import { type Problem, problem } from '../errors.ts'
import type { Channel, ChannelCondition, TemplateInfo } from './words.ts'

/** When something is due; null: the caller did not say. */
export type When = { readonly at: Date } | { readonly inMs: number } | null

/** How it stands in the record when a message is due, and what the message waits for. */
export interface Standing {
  readonly onlyIf: ChannelCondition
  /** the in-app message that stands for the notification was seen; false as well where there is none: nobody saw it */
  readonly isSeen: boolean
  readonly isRead: boolean
  readonly isOnline: boolean
}

/** The rule of a channel: without one it neither waits nor depends. */
export function ruleOf(
  template: Pick<TemplateInfo, 'rules'> | null,
  channel: Channel,
): { readonly delayMs: number; readonly onlyIf: ChannelCondition } {
  const rule = template?.rules.find((one) => one.channel === channel)
  return rule === undefined ? { delayMs: 0, onlyIf: 'ALWAYS' } : { delayMs: rule.delaySeconds * 1000, onlyIf: rule.onlyIf }
}

const whyNot = {
  ALWAYS: () => null,
  UNSEEN: ({ isSeen }) => (isSeen ? 'the in-app message was seen' : null),
  UNREAD: ({ isRead }) => (isRead ? 'the in-app message was read' : null),
  OFFLINE: ({ isOnline }) => (isOnline ? 'the contact is online' : null),
} satisfies Record<ChannelCondition, (standing: Standing) => string | null>

/** Why a message that is due is held back by its rule, naming it; null: the condition holds. */
export function unmetRule(channel: Channel, standing: Standing): Problem | null {
  const why = whyNot[standing.onlyIf](standing)
  return why === null ? null : problem('SUPPRESSED', `The rule "${channel} only if ${standing.onlyIf}" does not hold: ${why}.`)
}

/** When a notification is due: as its caller says, as its template says where the caller does not, otherwise now (null). */
export function whenOf(said: When, template: Pick<TemplateInfo, 'delaySeconds'> | null): When {
  const when = said ?? (template === null || template.delaySeconds === null ? null : { inMs: template.delaySeconds * 1000 })
  return when !== null && 'inMs' in when && when.inMs === 0 ? null : when
}

/** Whether the message of a channel is a worker's to take: it waits, depends on what only the record tells, or takes long to render. */
export const isLater = (
  when: When,
  { delayMs, onlyIf, isHeavy }: { readonly delayMs: number; readonly onlyIf: ChannelCondition; readonly isHeavy?: boolean },
): boolean => when !== null || delayMs > 0 || onlyIf !== 'ALWAYS' || isHeavy === true

/** Whether a worker may take the message of a channel at once. */
export const isDueNow = (when: When, { delayMs }: { readonly delayMs: number }): boolean => when === null && delayMs === 0

/** When a worker may take it: its notification's time, and what its channel waits on top. The offset moves the database's clock in tests alone. */
export function dueOf(when: When, delayMs: number, offsetMs: number): { dueAt: string } | { dueInMs: number } {
  if (when === null) return { dueInMs: delayMs === 0 ? 0 : delayMs + offsetMs }
  return 'at' in when
    ? { dueAt: new Date(when.at.getTime() + delayMs).toISOString() }
    : { dueInMs: when.inMs + delayMs + offsetMs }
}
