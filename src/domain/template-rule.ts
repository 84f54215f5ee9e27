/** What a template says about time: checks of its rules, its delay and its digest. Each throws BAD_INPUT that names the field. */
import { CarillonError } from '../errors.ts'
import { checkText } from './check.ts'
import type { Channel, ChannelCondition, ChannelRule, DigestRule } from './words.ts'

/** A rule as a caller gives it. */
export interface RuleInput {
  readonly channel: Channel
  readonly delaySeconds?: number | null | undefined
  readonly onlyIf?: ChannelCondition | null | undefined
}

/** A digest as a caller gives it. */
export interface DigestInput {
  readonly windowSeconds: number
  readonly key?: string | null | undefined
}

/** Limits in seconds: of a delay, and of a window. */
export const timeLimits = { delay: 366 * 24 * 3600, window: 30 * 24 * 3600 } as const

const bad = (field: string, message: string): CarillonError =>
  new CarillonError('BAD_INPUT', { field, message: `${field}: ${message}` })

/** A delay in seconds. */
export function checkDelay(field: string, seconds: number): number {
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > timeLimits.delay) throw bad(field, 'must be from 0 to a year.')
  return seconds
}

/** Rules of channels: one each, and none that waits for itself. */
export function checkRules(rules: readonly RuleInput[]): ChannelRule[] {
  return rules.map(({ channel, delaySeconds, onlyIf }, index) => {
    const field = `rules[${index}]`
    if (rules.findIndex((other) => other.channel === channel) !== index) throw bad(field, `${channel} has a rule already.`)
    const condition = onlyIf ?? 'ALWAYS'
    if (channel === 'IN_APP' && (condition === 'UNSEEN' || condition === 'UNREAD')) {
      throw bad(`${field}.onlyIf`, `the in-app message itself can not depend on being ${condition}.`)
    }
    return { channel, delaySeconds: checkDelay(`${field}.delaySeconds`, delaySeconds ?? 0), onlyIf: condition }
  })
}

/** A digest. */
export function checkDigest({ windowSeconds, key }: DigestInput): DigestRule {
  if (!Number.isInteger(windowSeconds) || windowSeconds < 1 || windowSeconds > timeLimits.window) {
    throw bad('digest.windowSeconds', 'must be from 1 to 2,592,000 (30 days).')
  }
  const path = key ?? null
  if (path !== null && (path.length > 255 || path.split('.').some((part) => part === ''))) {
    throw bad('digest.key', 'must be a dotted path of at most 255 characters, such as "post.id".')
  }
  return { windowSeconds, key: path === null ? null : checkText('digest.key', path, 255) }
}
