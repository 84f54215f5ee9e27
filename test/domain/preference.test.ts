/** Preferences: what wins, and what a new one replaces. */
import { describe, expect, it } from 'vitest'
import { isWanted, withPreference } from '../../src/domain/preference.ts'
import { type Channel, channels, type PreferenceSet } from '../../src/words.ts'

describe('a template is wanted on a channel', () => {
  type Choice = boolean | undefined
  const choices: readonly Choice[] = [undefined, true, false]
  /** Channel, template as a whole, and the pair: all that can be set. */
  const cases = choices.flatMap((channel) =>
    choices.flatMap((all) =>
      choices.map((pair) => ({ channel, all, pair, expected: pair ?? (channel !== false && all !== false) })),
    ),
  )
  it.each(cases)('channel $channel, template $all, pair $pair: $expected', ({ channel, all, pair, expected }) => {
    const preferences: PreferenceSet = {
      ...(channel === undefined ? {} : { channels: { EMAIL: channel } }),
      templates: { t1: { ...(all === undefined ? {} : { all }), ...(pair === undefined ? {} : { EMAIL: pair }) } },
    }
    expect(isWanted(preferences, 't1', 'EMAIL')).toBe(expected)
  })
  it.each(channels)('on %s, where nothing was ever set', (channel) => {
    expect(isWanted({}, 't1', channel)).toBe(true)
  })
  it('whatever was set for other templates and other channels', () => {
    const preferences: PreferenceSet = { channels: { SMS: false }, templates: { t2: { all: false }, t1: { SMS: false } } }
    expect(isWanted(preferences, 't1', 'EMAIL')).toBe(true)
  })
})

describe('a new preference', () => {
  const before: PreferenceSet = { channels: { SMS: false }, templates: { t1: { all: false, EMAIL: true }, t2: { SMS: false } } }
  it.each<[string, string | null, Channel | null, boolean, PreferenceSet]>([
    [
      'of a channel leaves the templates',
      null,
      'SMS',
      true,
      { channels: { SMS: true }, templates: { t1: { all: false, EMAIL: true }, t2: { SMS: false } } },
    ],
    [
      'of another channel is added',
      null,
      'EMAIL',
      false,
      { channels: { SMS: false, EMAIL: false }, templates: { t1: { all: false, EMAIL: true }, t2: { SMS: false } } },
    ],
    [
      'of a template replaces all that was set for its channels',
      't1',
      null,
      true,
      { channels: { SMS: false }, templates: { t1: { all: true }, t2: { SMS: false } } },
    ],
    [
      'of a pair leaves the rest of its template',
      't1',
      'SMS',
      true,
      { channels: { SMS: false }, templates: { t1: { all: false, EMAIL: true, SMS: true }, t2: { SMS: false } } },
    ],
    [
      'of a template that has none is added',
      't3',
      'PUSH',
      false,
      { channels: { SMS: false }, templates: { t1: { all: false, EMAIL: true }, t2: { SMS: false }, t3: { PUSH: false } } },
    ],
    ['of neither changes nothing', null, null, false, before],
  ])('%s', (_title, template, channel, enabled, expected) => {
    const frozen = structuredClone(before)
    expect(withPreference(before, template, channel, enabled)).toEqual(expected)
    expect(before).toEqual(frozen)
  })
  it('is the first one of a contact', () => {
    expect(withPreference({}, 't1', 'EMAIL', false)).toEqual({ templates: { t1: { EMAIL: false } } })
    expect(withPreference({}, null, 'EMAIL', false)).toEqual({ channels: { EMAIL: false } })
  })
})
