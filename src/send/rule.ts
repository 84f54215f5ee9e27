/**
 * Rules: a channel may wait, and may depend on what became of the in-app message ("e-mail ten minutes later if still unread"). Pure.
 * When a message is due is fixed when it is accepted; its condition is evaluated when it is due.
 */
import { type Problem, problem } from '../errors.ts'
import type { Channel, ChannelCondition, TemplateInfo } from '../words.ts'

/** The time that something waits for; null: it does not wait. `inMs` counts from the commit, by the database's clock. */
export type NotBefore = { readonly at: Date } | { readonly inMs: number } | null

/** What a condition is evaluated on when the message is due. */
export interface ConditionFacts {
  readonly onlyIf: ChannelCondition
  /** of the notification's in-app message, or the one that it folded into; false if there is none */
  readonly isSeen: boolean
  readonly isRead: boolean
  readonly isOnline: boolean
}

/** The rule of a channel: without one it neither waits nor depends on anything. */
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
} satisfies Record<ChannelCondition, (facts: ConditionFacts) => string | null>

/** Why a message that is due is skipped by its rule, naming the rule; null: the condition holds. */
export function unmetRule(channel: Channel, facts: ConditionFacts): Problem | null {
  const why = whyNot[facts.onlyIf](facts)
  return why === null ? null : problem('SUPPRESSED', `The rule "${channel} only if ${facts.onlyIf}" does not hold: ${why}.`)
}

/** When a notification is due: at the caller's time, after the template's delay if the caller gave none, or now (null). */
export function whenOf(requested: NotBefore, template: Pick<TemplateInfo, 'delaySeconds'> | null): NotBefore {
  const when = requested ?? (template === null || template.delaySeconds === null ? null : { inMs: template.delaySeconds * 1000 })
  return when !== null && 'inMs' in when && when.inMs === 0 ? null : when
}

/** When a channel's message is due: the notification's time plus the delay of the channel. */
export function delayed(when: NotBefore, delayMs: number): NotBefore {
  if (when === null) return delayMs === 0 ? null : { inMs: delayMs }
  return 'at' in when ? { at: new Date(when.at.getTime() + delayMs) } : { inMs: when.inMs + delayMs }
}

/** How much later one channel of a notification is due than another; 0 if it is not later. Both count from the same time. */
export function laterByMs(one: NotBefore, other: NotBefore): number {
  const msOf = (time: NotBefore): number => (time === null ? 0 : 'at' in time ? time.at.getTime() : time.inMs)
  return Math.max(0, msOf(one) - msOf(other))
}

/** Whether the message is a worker's to render: it waits, it has a condition, or its template is slow. */
export const isDeferred = ({
  notBefore,
  onlyIf,
  isSlow,
}: {
  readonly notBefore: NotBefore
  readonly onlyIf: ChannelCondition
  readonly isSlow?: boolean
}): boolean => notBefore !== null || onlyIf !== 'ALWAYS' || isSlow === true

/** A due time as a time of the clock; null: now. */
export const sendAtOf = (when: NotBefore, now: Date): Date | null =>
  when === null ? null : 'at' in when ? when.at : new Date(now.getTime() + when.inMs)

/** `notBefore` as a parameter of statements. The offset moves the database's clock, in tests only. */
export function dueOf(notBefore: NotBefore, offsetMs: number): { dueAt: string } | { dueInMs: number } {
  if (notBefore === null) return { dueInMs: 0 }
  return 'at' in notBefore ? { dueAt: notBefore.at.toISOString() } : { dueInMs: notBefore.inMs + offsetMs }
}
