/** Values that are marked in a text, and escaped when it is known how. */
import { describe, expect, it } from 'vitest'
import { escapeMarked, markValue } from '../../src/values/marked-text.ts'

const shout = (value: string): string => `[${value}]`
const same = (value: string): string => value

describe('a marked text', () => {
  it.each([
    ['no values', 'a <b> c', 'a <b> c'],
    ['a value', `a ${markValue('<b>')} c`, 'a [<b>] c'],
    ['values side by side', `${markValue('a b')}${markValue('c d')}`, '[a b][c d]'],
    ['white space in a value at its end', `a ${markValue('b \n')}`, 'a [b \n]'],
    ['white space at its end', `a ${markValue('b c')} \n`, 'a [b c]'],
    ['a value within a value, as of a capture', markValue(`x ${markValue('y z')}`), '[x y z]'],
    ['a mark that was cut off at its end', `a \ufdd0b c`, 'a [b c]'],
    ['a mark whose beginning was cut off', 'a b\ufdd1 c', 'a b c'],
    ['an empty value', `a${markValue('')}b`, 'ab'],
  ])('with %s', (_what, text, expected) => expect(escapeMarked(text, shout)).toBe(expected))

  it('never shows a mark', () => {
    for (const value of ['\ufdd0', '\ufdd1x', 'a\ufdd1<b>\ufdd0', '\ufdd0\ufdd0\ufdd1'])
      expect(escapeMarked(`x${markValue(value)}y ${value}`, same)).not.toMatch(/[\ufdd0\ufdd1]/)
  })

  it('does not mark plain words, so that what was captured can be compared', () => {
    for (const word of ['Ana', 'Зоя', '안나', '4711']) expect(markValue(word)).toBe(word)
    for (const word of ['everyone', 'Here', 'channel', 'all', 'a b', 'a_b', '@x']) expect(markValue(word)).not.toBe(word)
  })

  it('tells what a value follows', () => {
    const seen: string[] = []
    escapeMarked(`See <${markValue('https://a.example/b')}|${markValue('a b')}>`, (value, before) => {
      seen.push(before)
      return value
    })
    expect(seen).toEqual(['See <', 'See <https://a.example/b|'])
  })

  it('takes time in proportion to its length', () => {
    const started = performance.now()
    escapeMarked(markValue('a b').repeat(200_000), (value) => value)
    escapeMarked(markValue('<'.repeat(1_000_000)), (value) => value)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})
