import { describe, expect, it } from 'vitest'
import { createIds, firstIdAt, isUuid } from '../../src/domain/ids.ts'

const at = Date.UTC(2030, 0, 1)

describe('ids', () => {
  it('are UUIDs of version 7 that begin with the moment', () => {
    const id = createIds({ now: () => new Date(at), offsetMs: 0 })()
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7000-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(id.slice(0, 13)).toBe(firstIdAt(at).slice(0, 13))
    expect(isUuid(id)).toBe(true)
  })

  it('grow from call to call, within one millisecond, beyond what its counter holds, and when time runs back', () => {
    let now = at
    const ids = createIds({ now: () => new Date(now), offsetMs: 0 })
    const made = Array.from({ length: 10_000 }, ids)
    now -= 60_000
    made.push(...Array.from({ length: 10 }, ids))
    expect(made.every(isUuid)).toBe(true)
    expect(made.toSorted()).toEqual(made)
    expect(new Set(made.map((id) => id.slice(19))).size).toBe(made.length)
  })
})
