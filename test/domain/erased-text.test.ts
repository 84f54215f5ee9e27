import { describe, expect, it } from 'vitest'
import { createEraser, eraseObject, patternsOf } from '../../src/domain/erased-text.ts'

const eraserOf = (names: { addresses?: string[]; names?: string[]; ids?: string[] }) =>
  createEraser({ addresses: [], names: [], ids: [], ...names }) ?? ((text: string) => text)

describe('a name', () => {
  const erase = eraserOf({ names: ['Anna', 'Jo', "O'Neil", '철수', 'José Ángel'] })
  it.each([
    ['Anna likes this', '… likes this'],
    ['ANNA, anna and Anna’s', '…, … and …’s'],
    ['Annas Beitrag', '… Beitrag'],
    ['Joanna and Banana', 'Joanna and Banana'],
    ['Jo: hi, Jogging', '…: hi, Jogging'],
    ["O&#39;Neil, O&amp;#39;Neil, O%27Neil and O'Neil", '…, …, … and …'],
    ['철수님이 좋아합니다', '…님이 좋아합니다'],
    ['José, jose\u0301 and Jos%C3%A9', '…, … and …'],
    ['https://shop.example/u/Anna?x=1', 'https://shop.example/u/…?x=1'],
    ['', ''],
  ])('is found as a word, inflected and encoded: %s', (text, expected) => {
    expect(erase(text)).toBe(expected)
  })
})

describe('an address', () => {
  const erase = eraserOf({ addresses: ['Jo.Doe+x@Exämple.example', '+82 10-1234-5678'], names: ['Jo'] })
  it.each([
    ['to jo.doe+x@exämple.example!', 'to …!'],
    ['to JO.DOE+X@xn--exmple-cua.example!', 'to …!'],
    ['?e=jo.doe%2Bx%40xn--exmple-cua.example&y', '?e=…&y'],
    ['?e=jo.doe%2Bx@xn--exmple-cua.example&y', '?e=…&y'],
    ['call +821012345678 or 821012345678 or +82 10-1234-5678', 'call … or … or …'],
    ['number 9821012345678', 'number 9821012345678'],
    ['bo.jo.doe+y@example.com', 'bo.….doe+y@example.com'],
  ])('is found in every spelling: %s', (text, expected) => {
    expect(erase(text)).toBe(expected)
  })
})

it('an id is found as a word, and digits alone only if there are many', () => {
  const erase = eraserOf({ ids: ['u42', '100', '1234567'] })
  expect(erase('u42, u421 and xu42: 100 items of 1234567')).toBe('…, u421 and xu42: 100 items of …')
})

it('JSON stays JSON, with names of properties and values erased', () => {
  const erase = eraserOf({ names: ['Jo "X" Doe'] })
  const data = { 'Jo "X" Doe': [{ by: 'Jo "X" Doe', at: 7, no: null }], json: JSON.stringify({ by: 'Jo "X" Doe' }) }
  expect(eraseObject(data, erase)).toEqual({ '…': [{ by: '…', at: 7, no: null }], json: '{"by":"…"}' })
})

it('a person without a name or an address has nothing to be erased', () => {
  expect(createEraser({ addresses: ['', ' '], names: ['', 'A'], ids: ['1'] })).toBe(null)
})

it('patterns escape what LIKE reads as a wildcard, and leave out what is too short', () => {
  expect(patternsOf(['a_b%c@example.com', '12'])).toContain('%a\\_b\\%c@example.com%')
  expect(patternsOf(['12', 'a@b'])).toEqual([])
})
