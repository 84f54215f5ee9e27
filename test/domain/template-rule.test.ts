/** What a template says about time. */
import { describe, expect, it } from 'vitest'
import {
  checkDelay,
  checkDigest,
  checkRules,
  type DigestInput,
  type RuleInput,
  timeLimits,
} from '../../src/domain/template-rule.ts'
import { channelConditions, channels } from '../../src/words.ts'
import { refusalOf } from '../helpers/refusal.ts'

describe('a delay', () => {
  it.each([0, 1, timeLimits.delay])('may be %d seconds', (seconds) => {
    expect(checkDelay('delaySeconds', seconds)).toBe(seconds)
  })
  it.each([-1, timeLimits.delay + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('may not be %d seconds', (seconds) => {
    expect(refusalOf(() => checkDelay('delaySeconds', seconds))).toEqual(['BAD_INPUT', 'delaySeconds'])
  })
})

describe('rules', () => {
  it('may be none', () => {
    expect(checkRules([])).toEqual([])
  })
  it('neither wait nor depend unless they say so', () => {
    expect(checkRules([{ channel: 'EMAIL' }, { channel: 'SMS', delaySeconds: null, onlyIf: null }])).toEqual([
      { channel: 'EMAIL', delaySeconds: 0, onlyIf: 'ALWAYS' },
      { channel: 'SMS', delaySeconds: 0, onlyIf: 'ALWAYS' },
    ])
  })
  it.each(channels.flatMap((channel) => channelConditions.map((onlyIf) => ({ channel, onlyIf }))))(
    'may say $channel only if $onlyIf, unless it depends on itself',
    ({ channel, onlyIf }) => {
      const dependsOnItself = channel === 'IN_APP' && (onlyIf === 'UNSEEN' || onlyIf === 'UNREAD')
      expect(refusalOf(() => checkRules([{ channel, onlyIf }]))).toEqual(
        dependsOnItself ? ['BAD_INPUT', 'rules[0].onlyIf'] : null,
      )
    },
  )
  it.each<[string, readonly RuleInput[], string]>([
    ['name a channel twice', [{ channel: 'EMAIL' }, { channel: 'SMS' }, { channel: 'EMAIL' }], 'rules[2]'],
    ['wait less than nothing', [{ channel: 'EMAIL', delaySeconds: -1 }], 'rules[0].delaySeconds'],
    [
      'wait more than a year',
      [{ channel: 'SMS' }, { channel: 'EMAIL', delaySeconds: timeLimits.delay + 1 }],
      'rules[1].delaySeconds',
    ],
  ])('may not %s', (_title, rules, field) => {
    expect(refusalOf(() => checkRules(rules))).toEqual(['BAD_INPUT', field])
  })
})

describe('a digest', () => {
  it.each<[string, DigestInput]>([
    ['one second', { windowSeconds: 1 }],
    ['30 days', { windowSeconds: timeLimits.window }],
    ['a key', { windowSeconds: 60, key: 'post' }],
    ['a key along a path', { windowSeconds: 60, key: 'post.id' }],
    ['a key of 255 characters', { windowSeconds: 60, key: 'x'.repeat(255) }],
    ['no key', { windowSeconds: 60, key: null }],
  ])('may have %s', (_title, input) => {
    expect(checkDigest(input)).toEqual({ key: null, ...input })
  })
  it.each<[string, DigestInput, string]>([
    ['no time', { windowSeconds: 0 }, 'digest.windowSeconds'],
    ['less than no time', { windowSeconds: -1 }, 'digest.windowSeconds'],
    ['more than 30 days', { windowSeconds: timeLimits.window + 1 }, 'digest.windowSeconds'],
    ['half a second', { windowSeconds: 0.5 }, 'digest.windowSeconds'],
    ['an empty key', { windowSeconds: 60, key: '' }, 'digest.key'],
    ['a key with an empty part', { windowSeconds: 60, key: 'a..b' }, 'digest.key'],
    ['a key of 256 characters', { windowSeconds: 60, key: 'x'.repeat(256) }, 'digest.key'],
    ['a key with a NUL', { windowSeconds: 60, key: 'a\0' }, 'digest.key'],
  ])('may not have %s', (_title, input, field) => {
    expect(refusalOf(() => checkDigest(input))).toEqual(['BAD_INPUT', field])
  })
})
