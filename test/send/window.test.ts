/** The window of a digest that a message joins. */
import { describe, expect, it } from 'vitest'
import { windowOf } from '../../src/send/window.ts'
import type { JsonObject } from '../../src/words.ts'

const keyOf = (key: string | null, data: JsonObject) => windowOf({ windowSeconds: 60, key }, data)?.key

it('is none without a digest', () => {
  expect(windowOf(null, { a: 1 })).toBeNull()
})
it('has its length in milliseconds', () => {
  expect(windowOf({ windowSeconds: 1, key: null }, {})).toEqual({ key: '', windowMs: 1_000 })
})

describe('its key', () => {
  it.each<[string, string | null, JsonObject, string]>([
    ['is empty without a path: all of the template', null, { post: 1 }, ''],
    ['is the value at the path, as JSON', 'post', { post: 'a' }, '"a"'],
    ['tells a number from a text', 'post', { post: 1 }, '1'],
    ['follows dots', 'post.id', { post: { id: 7 } }, '7'],
    ['follows dots into a list', 'posts.1', { posts: ['a', 'b'] }, '"b"'],
    ['is null where there is nothing', 'post', {}, 'null'],
    ['is null where there is null', 'post', { post: null }, 'null'],
    ['is null where the path leads through a text', 'post.id', { post: 'abc' }, 'null'],
    ['is null where the path leads through null', 'post.id', { post: null }, 'null'],
    ['does not find what every object inherits: constructor', 'constructor', {}, 'null'],
    ['does not find what every object inherits: __proto__', '__proto__', {}, 'null'],
    ['does not find what every text inherits', 'post.length', { post: 'abc' }, 'null'],
    ['may be false', 'post', { post: false }, 'false'],
    ['may be 0', 'post', { post: 0 }, '0'],
    ['may be an empty text', 'post', { post: '' }, '""'],
  ])('%s', (_title, path, data, expected) => {
    expect(keyOf(path, data)).toBe(expected)
  })

  it('is the same for the same object, whatever the order of its keys', () => {
    const one = { post: { a: 1, b: { c: [1, { d: 2, e: 3 }], f: null } } }
    const other = { post: { b: { f: null, c: [1, { e: 3, d: 2 }] }, a: 1 } }
    expect(keyOf('post', other)).toBe(keyOf('post', one))
  })
  it('is another for another order of a list', () => {
    expect(keyOf('post', { post: [1, 2] })).not.toBe(keyOf('post', { post: [2, 1] }))
  })
  it('keeps a property that is called __proto__', () => {
    const data = JSON.parse('{"post":{"__proto__":1}}')
    expect(keyOf('post', data)).toBe('{"__proto__":1}')
  })
  it('is the text itself up to 200 characters, and a hash of 64 beyond', () => {
    const atLimit = 'x'.repeat(198)
    expect(keyOf('post', { post: atLimit })).toBe(`"${atLimit}"`)
    expect(keyOf('post', { post: `${atLimit}x` })).toMatch(/^[0-9a-f]{64}$/)
    expect(keyOf('post', { post: `${atLimit}x` })).not.toBe(keyOf('post', { post: `${atLimit}y` }))
  })
})
