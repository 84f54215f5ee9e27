/** Validates the timing of a template: its rules, its delay and its digest. Each check throws BAD_INPUT that names the field. */
import { CarillonError } from '../errors.ts'
import type { Channel, ChannelCondition, ChannelRule, DigestRule } from '../words.ts'
import { checkText } from './check.ts'

/** The input of a rule. */
export interface RuleInput {
  readonly channel: Channel
  readonly delaySeconds?: number | null | undefined
  readonly onlyIf?: ChannelCondition | null | undefined
}

/** The input of a digest. */
export interface DigestInput {
  readonly windowSeconds: number
  readonly key?: string | null | undefined
}

/** The longest delay and the longest window, in seconds. */
export const timeLimits = { delay: 366 * 24 * 3600, window: 30 * 24 * 3600 } as const

const bad = (field: string, message: string): CarillonError =>
  new CarillonError('BAD_INPUT', { field, message: `${field}: ${message}` })

/** Validates a delay in seconds. */
export function checkDelay(field: string, seconds: number): number {
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > timeLimits.delay) throw bad(field, 'must be from 0 to a year.')
  return seconds
}

/** Validates rules: at most one per channel, and none that depends on its own message. */
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

/** Validates a digest. */
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
