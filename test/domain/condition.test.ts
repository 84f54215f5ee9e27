/** The conditions of segments as they come in. */
import { describe, expect, it } from 'vitest'
import {
  type ConditionInput,
  checkCondition,
  type EventConditionInput,
  type ProfileConditionInput,
} from '../../src/domain/condition.ts'
import { type Condition, type ConditionOperator, conditionOperators, type Json } from '../../src/words.ts'
import { refusalOf } from '../helpers/refusal.ts'
import { times } from '../helpers/setup.ts'

const check = (input: ConditionInput): Condition => checkCondition('where', input)
const profile = (more: Partial<ProfileConditionInput> = {}): ConditionInput => ({
  profile: { path: 'tier', is: 'EQUALS', value: 1, ...more },
})
const event = (more: Partial<EventConditionInput> = {}): ConditionInput => ({ event: { name: 'order', ...more } })
const nested = (levels: number): ConditionInput => (levels === 1 ? profile() : { not: nested(levels - 1) })

describe('the value of an operator', () => {
  const values: readonly (readonly [name: string, value: Json | undefined])[] = [
    ['nothing', undefined],
    ['null', null],
    ['a number', 1],
    ['a text', 'a'],
    ['true', true],
    ['a list', [1, 'a']],
    ['an empty list', []],
    ['a list with null', [1, null]],
    ['an object', { a: 1 }],
  ]
  const any = ['a number', 'a text', 'true', 'a list', 'an empty list', 'a list with null', 'an object']
  const ordered = ['a number', 'a text']
  const takes: Record<ConditionOperator, readonly string[]> = {
    EQUALS: any,
    NOT_EQUALS: any,
    LESS_THAN: ordered,
    AT_MOST: ordered,
    GREATER_THAN: ordered,
    AT_LEAST: ordered,
    CONTAINS: any,
    STARTS_WITH: ['a text'],
    IN: ['a list'],
    EXISTS: ['nothing', 'null'],
    MISSING: ['nothing', 'null'],
  }
  it.each(
    conditionOperators.flatMap((is) => values.map(([name, value]) => ({ is, name, value, taken: takes[is].includes(name) }))),
  )('$is takes $name: $taken', ({ is, value, taken }) => {
    const input = { profile: { path: 'tier', is, ...(value === undefined ? {} : { value }) } }
    expect(refusalOf(() => check(input))).toEqual(taken ? null : ['BAD_INPUT', 'where.profile.value'])
  })
  it('is not kept where it is null and says nothing', () => {
    expect(check(profile({ is: 'EXISTS', value: null }))).toEqual({ profile: { path: 'tier', is: 'EXISTS' } })
  })
  it.each<[string, Partial<ProfileConditionInput>, string | null]>([
    ['1,000 values', { is: 'IN', value: times(1_000, (n) => n) }, null],
    ['1,001 values', { is: 'IN', value: times(1_001, (n) => n) }, 'BAD_INPUT'],
    ['64 KB', { value: 'x'.repeat(65_536 - '{"value":""}'.length) }, null],
    ['more than 64 KB', { value: 'x'.repeat(65_536) }, 'TOO_LARGE'],
    ['a number beyond JSON', { value: 2 ** 53 }, 'BAD_INPUT'],
    ['a NUL', { value: 'a\0' }, 'BAD_INPUT'],
    ['0', { value: 0 }, null],
    ['an empty text', { value: '' }, null],
    ['false', { value: false }, null],
  ])('of %s: %s', (_title, more, code) => {
    expect(refusalOf(() => check(profile(more)))?.[0] ?? null).toBe(code)
  })
})

describe('a path', () => {
  it.each(['tier', 'address.city', 'a b', '고객', 'x'.repeat(255), times(32, () => 'a').join('.'), '__proto__'])(
    'may be %s',
    (path) => {
      expect(check(profile({ path }))).toEqual({ profile: { path, is: 'EQUALS', value: 1 } })
    },
  )
  it.each(['', '.', 'a..b', '.a', 'a.', 'x'.repeat(256), times(33, () => 'a').join('.'), 'a\0'])('may not be %j', (path) => {
    expect(refusalOf(() => check(profile({ path })))).toEqual(['BAD_INPUT', 'where.profile.path'])
  })
})

describe('a condition on events', () => {
  it.each<[string, Partial<EventConditionInput>, object]>([
    ['is at least one, at any time', {}, { atLeast: 1 }],
    ['counts null as nothing', { atLeast: null, withinSeconds: null, params: null }, { atLeast: 1 }],
    ['may be 10,000', { atLeast: 10_000 }, { atLeast: 10_000 }],
    ['may be within a second', { withinSeconds: 1 }, { atLeast: 1, withinSeconds: 1 }],
    ['may ask for params', { params: { a: 1 } }, { atLeast: 1, params: { a: 1 } }],
    ['forgets params that ask for nothing', { params: {} }, { atLeast: 1 }],
  ])('%s', (_title, more, expected) => {
    expect(check(event(more))).toEqual({ event: { name: 'order', ...expected } })
  })
  const params = (count: number) => Object.fromEntries(times(count, (n) => [`p${n}`, n]))
  it.each<[string, Partial<EventConditionInput>, string, string]>([
    ['no name', { name: '' }, 'BAD_INPUT', 'name'],
    ['a name with a line break', { name: 'a\nb' }, 'BAD_INPUT', 'name'],
    ['none', { atLeast: 0 }, 'BAD_INPUT', 'atLeast'],
    ['10,001', { atLeast: 10_001 }, 'BAD_INPUT', 'atLeast'],
    ['no time', { withinSeconds: 0 }, 'BAD_INPUT', 'withinSeconds'],
    ['101 params', { params: params(101) }, 'BAD_INPUT', 'params'],
    ['more than 64 KB of params', { params: { t: 'x'.repeat(65_536) } }, 'TOO_LARGE', 'params'],
  ])('may not have %s', (_title, more, code, field) => {
    expect(refusalOf(() => check(event(more)))).toEqual([code, `where.event.${field}`])
  })
  it('may have 100 params', () => {
    expect(refusalOf(() => check(event({ params: params(100) })))).toBeNull()
  })
})

describe('conditions', () => {
  it('are kept without what was left empty', () => {
    const input: ConditionInput = {
      all: [{ any: [profile(), event()], all: null, not: undefined }, { not: profile() }],
      event: null,
    }
    const kept = { profile: { path: 'tier', is: 'EQUALS', value: 1 } }
    expect(check(input)).toEqual({ all: [{ any: [kept, { event: { name: 'order', atLeast: 1 } }] }, { not: kept }] })
  })
  it.each<[string, ConditionInput, string]>([
    ['no kind', {}, 'where'],
    ['no kind, however deep', { all: [profile(), { any: [{}] }] }, 'where.all[1].any[0]'],
    ['an empty all', { all: [] }, 'where.all'],
    ['an empty any', { not: { any: [] } }, 'where.not.any'],
    ['11 levels', nested(11), 'where'],
    ['101 conditions', { any: times(101, () => profile()) }, 'where'],
    [
      '101 conditions in several lists',
      { all: [{ any: times(51, () => profile()) }, { any: times(50, () => event()) }] },
      'where',
    ],
    ['a wrong one, named by its place', { all: [profile(), { not: profile({ path: '' }) }] }, 'where.all[1].not.profile.path'],
  ])('are refused with %s', (_title, input, field) => {
    expect(refusalOf(() => check(input))).toEqual(['BAD_INPUT', field])
  })
  it.each<[string, ConditionInput]>([
    ['10 levels', nested(10)],
    ['100 conditions', { any: times(100, () => profile()) }],
  ])('may have %s', (_title, input) => {
    expect(refusalOf(() => check(input))).toBeNull()
  })
})
