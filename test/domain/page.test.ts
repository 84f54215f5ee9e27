/** Pages of lists. */
import { describe, expect, it } from 'vitest'
import { checkPage, PAGE_DEFAULT, PAGE_MAX, type PageArgs, slice } from '../../src/domain/page.ts'
import { refusalOf } from '../helpers/refusal.ts'

describe('the arguments of a page', () => {
  const forward = { limit: PAGE_DEFAULT, backward: false, after: null, before: null, skip: 0 }
  it.each<[string, PageArgs, object]>([
    ['are 20 from the beginning by default', {}, forward],
    ['count null as nothing', { first: null, last: null, after: null, before: null }, forward],
    ['may be the first one', { first: 1 }, { ...forward, limit: 1 }],
    ['may be the first 100', { first: 100 }, { ...forward, limit: 100 }],
    ['may be the last one', { last: 1 }, { ...forward, limit: 1, backward: true }],
    ['may be the last 100', { last: 100 }, { ...forward, limit: 100, backward: true }],
    ['may begin after a row', { after: 'a' }, { ...forward, after: 'a' }],
    ['may end before a row', { last: 5, before: 'b' }, { ...forward, limit: 5, backward: true, before: 'b' }],
    ['may skip 10,000 rows', { first: 5, skip: 10_000 }, { ...forward, limit: 5, skip: 10_000 }],
    ['may lie between two rows', { first: 5, after: 'a', before: 'b' }, { ...forward, limit: 5, after: 'a', before: 'b' }],
  ])('%s', (_title, args, expected) => {
    expect(checkPage(args)).toEqual(expected)
  })
  it.each<[string, PageArgs, string]>([
    ['the first 0', { first: 0 }, 'first'],
    ['the first -1', { first: -1 }, 'first'],
    ['the first 101', { first: 101 }, 'first'],
    ['the last 0', { last: 0 }, 'last'],
    ['the last 101', { last: 101 }, 'last'],
    ['the first 1e9', { first: 1e9 }, 'first'],
  ])('may not be %s', (_title, args, field) => {
    expect(refusalOf(() => checkPage(args))).toEqual(['BAD_INPUT', field])
    expect(() => checkPage(args)).toThrow(expect.objectContaining({ details: expect.objectContaining({ max: PAGE_MAX }) }))
  })
  it('may not skip more than 10,000 rows', () => {
    expect(refusalOf(() => checkPage({ first: 1, skip: 10_001 }))).toEqual(['BAD_INPUT', 'page'])
  })
  it('may not be the first and the last', () => {
    expect(refusalOf(() => checkPage({ first: 1, last: 1 }))?.[0]).toBe('BAD_INPUT')
  })
})

describe('a page of three', () => {
  const page = (args: PageArgs) => checkPage({ ...(args.last === undefined ? { first: 3 } : {}), ...args })
  it.each<[string, number[], PageArgs, { nodes: number[]; hasNextPage: boolean; hasPreviousPage: boolean }]>([
    ['of none', [], {}, { nodes: [], hasNextPage: false, hasPreviousPage: false }],
    ['of fewer', [1, 2], {}, { nodes: [1, 2], hasNextPage: false, hasPreviousPage: false }],
    ['of exactly three', [1, 2, 3], {}, { nodes: [1, 2, 3], hasNextPage: false, hasPreviousPage: false }],
    ['of more', [1, 2, 3, 4], {}, { nodes: [1, 2, 3], hasNextPage: true, hasPreviousPage: false }],
    ['of more, after a row', [1, 2, 3, 4], { after: 'x' }, { nodes: [1, 2, 3], hasNextPage: true, hasPreviousPage: true }],
    ['backwards, read from the end', [9, 8, 7, 6], { last: 3 }, { nodes: [7, 8, 9], hasNextPage: false, hasPreviousPage: true }],
    ['backwards, before a row', [9, 8], { last: 3, before: 'x' }, { nodes: [8, 9], hasNextPage: true, hasPreviousPage: false }],
  ])('%s', (_title, rows, args, expected) => {
    const given = [...rows]
    expect(slice(rows, page(args))).toEqual(expected)
    expect(rows).toEqual(given)
  })
})
