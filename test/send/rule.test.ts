/** Rules of channels, and when a message is due. */
import { describe, expect, it } from 'vitest'
import {
  type ConditionFacts,
  delayed,
  dueOf,
  isDeferred,
  laterByMs,
  type NotBefore,
  ruleOf,
  unmetRule,
  whenOf,
} from '../../src/send/rule.ts'
import { type ChannelCondition, channelConditions } from '../../src/words.ts'

const at = new Date('2030-01-01T00:00:00.000Z')

describe('the rule of a channel', () => {
  const rules = [
    { channel: 'EMAIL' as const, delaySeconds: 600, onlyIf: 'UNREAD' as const },
    { channel: 'SMS' as const, delaySeconds: 0, onlyIf: 'OFFLINE' as const },
  ]
  it('is its own, in milliseconds', () => {
    expect(ruleOf({ rules }, 'EMAIL')).toEqual({ delayMs: 600_000, onlyIf: 'UNREAD' })
    expect(ruleOf({ rules }, 'SMS')).toEqual({ delayMs: 0, onlyIf: 'OFFLINE' })
  })
  it.each([
    ['has none', { rules }],
    ['is of a template without rules', { rules: [] }],
    ['has no template', null],
  ])('neither delays nor depends where the channel %s', (_title, template) => {
    expect(ruleOf(template, 'PUSH')).toEqual({ delayMs: 0, onlyIf: 'ALWAYS' })
  })
})

describe('a condition', () => {
  const states = [false, true].flatMap((isSeen) =>
    [false, true].flatMap((isRead) => [false, true].map((isOnline) => ({ isSeen, isRead, isOnline }))),
  )
  const holds: Record<ChannelCondition, (facts: Omit<ConditionFacts, 'onlyIf'>) => boolean> = {
    ALWAYS: () => true,
    UNSEEN: ({ isSeen }) => !isSeen,
    UNREAD: ({ isRead }) => !isRead,
    OFFLINE: ({ isOnline }) => !isOnline,
  }
  it.each(channelConditions.flatMap((onlyIf) => states.map((state) => ({ onlyIf, ...state, expected: holds[onlyIf](state) }))))(
    '$onlyIf with seen $isSeen, read $isRead, online $isOnline: $expected',
    ({ expected, ...facts }) => {
      expect(unmetRule('EMAIL', facts) === null).toBe(expected)
    },
  )
  it.each<[ChannelCondition, string]>([
    ['UNSEEN', 'the in-app message was seen'],
    ['UNREAD', 'the in-app message was read'],
    ['OFFLINE', 'the contact is online'],
  ])('%s that does not hold says why', (onlyIf, why) => {
    expect(unmetRule('SMS', { onlyIf, isSeen: true, isRead: true, isOnline: true })).toEqual({
      code: 'SUPPRESSED',
      message: `The rule "SMS only if ${onlyIf}" does not hold: ${why}.`,
      field: null,
      retryable: false,
    })
  })
})

describe('a notification is due', () => {
  it.each<[string, NotBefore, number | null, NotBefore]>([
    ['now, where nobody says otherwise', null, null, null],
    ['when its caller says', { at }, null, { at }],
    ['when its caller says, whatever the template says', { at }, 60, { at }],
    ['after the delay that its caller says, whatever the template says', { inMs: 5_000 }, 60, { inMs: 5_000 }],
    ['now, where the caller says so, whatever the template says', { inMs: 0 }, 60, null],
    ["after the template's delay, where the caller does not say", null, 60, { inMs: 60_000 }],
    ['now, where the template waits no time', null, 0, null],
  ])('%s', (_title, said, delaySeconds, expected) => {
    expect(whenOf(said, { delaySeconds })).toEqual(expected)
  })
  it('now without a template', () => {
    expect(whenOf(null, null)).toBeNull()
  })
})

describe('a message', () => {
  const plain = { notBefore: null, onlyIf: 'ALWAYS' as const }
  it.each<[string, boolean, { notBefore: NotBefore; onlyIf: ChannelCondition; isSlow?: boolean }]>([
    ['that is due now', false, plain],
    ['that is not sent before a time', true, { ...plain, notBefore: { at } }],
    ['that waits', true, { ...plain, notBefore: { inMs: 1 } }],
    ['that has a condition', true, { ...plain, onlyIf: 'OFFLINE' }],
    ['whose template is slow', true, { ...plain, isSlow: true }],
    ['whose template is not slow', false, { ...plain, isSlow: false }],
  ])("%s: left to a worker's rendering: %s", (_title, expected, decision) => {
    expect(isDeferred(decision)).toBe(expected)
  })

  it.each<[string, NotBefore, NotBefore, number]>([
    ['at once, and the other too', null, null, 0],
    ['after a delay, the other at once', { inMs: 5_000 }, null, 5_000],
    ['after a longer delay', { inMs: 5_000 }, { inMs: 2_000 }, 3_000],
    ['earlier', { inMs: 2_000 }, { inMs: 5_000 }, 0],
    ['at a later time', { at: new Date(at.getTime() + 1_000) }, { at }, 1_000],
    ['at an earlier time', { at }, { at: new Date(at.getTime() + 1_000) }, 0],
  ])('%s, is later by that much', (_title, one, other, expected) => {
    expect(laterByMs(one, other)).toBe(expected)
  })
})

describe('a worker takes a message', () => {
  it.each<[string, NotBefore, number, number, { dueAt: string } | { dueInMs: number }]>([
    ['at once, where nothing waits', null, 0, 0, { dueInMs: 0 }],
    ['at once, whatever the offset of a test', null, 0, 5_000, { dueInMs: 0 }],
    ["after its channel's delay", null, 1_000, 0, { dueInMs: 1_000 }],
    ["after its channel's delay and the offset", null, 1_000, 5_000, { dueInMs: 6_000 }],
    ['after both delays', { inMs: 2_000 }, 1_000, 0, { dueInMs: 3_000 }],
    ['after both delays and the offset', { inMs: 2_000 }, 1_000, -500, { dueInMs: 2_500 }],
    ['at its moment', { at }, 0, 0, { dueAt: '2030-01-01T00:00:00.000Z' }],
    ["at its moment and its channel's delay, whatever the offset", { at }, 90_000, 5_000, { dueAt: '2030-01-01T00:01:30.000Z' }],
  ])('%s', (_title, when, delayMs, offsetMs, expected) => {
    expect(dueOf(delayed(when, delayMs), offsetMs)).toEqual(expected)
  })
})
