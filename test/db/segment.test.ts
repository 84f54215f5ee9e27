/** Conditions in SQL: the record answers what a plain evaluation of the same condition answers, whatever the condition and the contact. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { segmentWhere } from '../../src/db/segment.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { checkCondition } from '../../src/domain/condition.ts'
import { createIds } from '../../src/domain/ids.ts'
import { silentLog } from '../../src/log.ts'
import type { Condition, Json, JsonObject } from '../../src/words.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { seeded } from '../helpers/seed.ts'
import { times } from '../helpers/setup.ts'

interface Event {
  readonly name: string
  readonly agoSeconds: number
  readonly keys: readonly string[]
  readonly params: JsonObject
}
interface Subject {
  readonly id: string
  readonly externalId: string
  readonly email: string | null
  readonly firstName: string | null
  readonly properties: JsonObject
  readonly events: readonly Event[]
}

const ids = createIds(systemClock)
let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: Database
let projectId: string

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url, { max: 4, log: silentLog })
  projectId = ids()
  await db.pool.query(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1, 'p', 'P', 'a', '\\x00')`, [
    projectId,
  ])
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

async function store(subjects: readonly Subject[]): Promise<void> {
  await db.pool.query(
    `INSERT INTO contact (project_id, id, external_id, email, first_name, properties)
     SELECT $1, id, "externalId", email, "firstName", properties
     FROM json_to_recordset($2) AS r (id uuid, "externalId" text, email text, "firstName" text, properties jsonb)`,
    [projectId, JSON.stringify(subjects)],
  )
  const events = subjects.flatMap((one) => one.events.map((event) => ({ ...event, id: ids(), contactId: one.id })))
  await db.pool.query(
    `INSERT INTO event (project_id, id, name, contact_id, params, keys, occurred_at)
     SELECT $1, id, name, "contactId", params, keys, now() - "agoSeconds" * interval '1 second'
     FROM json_to_recordset($2) AS r (id uuid, name text, "contactId" uuid, params jsonb, keys text[], "agoSeconds" float8)`,
    [projectId, JSON.stringify(events)],
  )
}

async function matching(condition: Condition): Promise<string[]> {
  const { sql, values } = segmentWhere(condition, 2)
  const { rows } = await db.pool.query<{ id: string }>(
    `SELECT c.id FROM contact c WHERE c.project_id = $1 AND ${sql} ORDER BY c.id`,
    [projectId, ...values],
  )
  return rows.map((row) => row.id)
}

// ---------------------------------------------------------------- the plain evaluation

const same = (a: Json | undefined, b: Json | undefined): boolean => {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item: Json, index) => same(item, b[index] as Json))
  if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null && !Array.isArray(a) && !Array.isArray(b)) {
    const [left, right] = [a as JsonObject, b as JsonObject]
    const keys = Object.keys(left)
    return (
      keys.length === Object.keys(right).length && keys.every((key) => Object.hasOwn(right, key) && same(left[key], right[key]))
    )
  }
  return a === b
}
const MOMENT = /^\d{4}-\d\d-\d\d(T.*)?$/
const isMoment = (text: string): boolean =>
  MOMENT.test(text) &&
  !text.startsWith('0000') &&
  !Number.isNaN(Date.parse(text)) &&
  new Date(text.slice(0, 10)).toISOString().startsWith(text.slice(0, 10))
/** Negative, 0 or positive; null: they do not compare. */
function order(a: Json, b: Json): number | null {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a !== 'string' || typeof b !== 'string') return null
  if (isMoment(b)) return isMoment(a) ? Date.parse(a) - Date.parse(b) : null
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function evaluate(condition: Condition, subject: Subject): boolean {
  if ('all' in condition) return condition.all.every((one) => evaluate(one, subject))
  if ('any' in condition) return condition.any.some((one) => evaluate(one, subject))
  if ('not' in condition) return !evaluate(condition.not, subject)
  if ('event' in condition) {
    const { name, withinSeconds = Number.POSITIVE_INFINITY, atLeast, params = {} } = condition.event
    const count = subject.events.filter(
      (event) =>
        event.name === name &&
        event.agoSeconds <= withinSeconds &&
        Object.entries(params).every(
          ([key, value]) =>
            (event.keys.length === 0 || event.keys.includes(key)) &&
            Object.hasOwn(event.params, key) &&
            same(event.params[key], value),
        ),
    ).length
    return count >= atLeast
  }
  const { path, is, value = null } = condition.profile
  const { externalId, email, firstName } = subject
  let at: Json | undefined = { ...subject.properties, id: externalId, externalId, email, firstName, phone: null }
  for (const part of path.replace(/^\$email$/, 'email').split('.')) {
    if (Array.isArray(at)) at = /^\d+$/.test(part) ? at[Number(part)] : undefined
    else at = typeof at === 'object' && at !== null && Object.hasOwn(at, part) ? (at as JsonObject)[part] : undefined
  }
  if (at === undefined || at === null) return is === 'MISSING' || is === 'NOT_EQUALS'
  switch (is) {
    case 'EXISTS':
      return true
    case 'MISSING':
      return false
    case 'EQUALS':
      return same(at, value)
    case 'NOT_EQUALS':
      return !same(at, value)
    case 'IN':
      return (value as Json[]).some((one) => same(at, one))
    case 'CONTAINS':
      if (Array.isArray(at)) return at.some((item: Json) => same(item, value))
      return typeof at === 'string' && typeof value === 'string' && at.includes(value)
    case 'STARTS_WITH':
      return typeof at === 'string' && at.startsWith(String(value))
    default: {
      const result = order(at, value)
      if (result === null) return false
      return { LESS_THAN: result < 0, AT_MOST: result <= 0, GREATER_THAN: result > 0, AT_LEAST: result >= 0 }[is]
    }
  }
}

// ---------------------------------------------------------------- what is random

const texts = [
  '',
  'a',
  'A',
  'ab',
  'pro',
  'free',
  'Zoë',
  'zoe',
  '10',
  '9',
  "o'hara",
  '%',
  '_',
  '\\',
  '{x}',
  '💥',
  '\uffff',
  'null',
  'true',
]
const moments = [
  '2026-01-01',
  '2026-01-01T00:00:00Z',
  '2026-01-01T09:00:00+09:00',
  '2024-02-29',
  '2025-02-29',
  '2026-13-01',
  '2025-12-31T23:59:59.999Z',
  '2026-02-30T00:00:00Z',
  '0000-01-01',
]
const numbers = [0, 1, -1, 2, 10, 0.1, 1e-7, 12.5, 9007199254740991]
const names = ['plan', 'age', 'tags', 'address', 'seen', 'active', 'a b', "o'x", 'weird.ness']
const eventNames = ['opened', 'bought']
const paramKeys = ['plan', 'n', "k'"]

function createGenerator(next: () => number) {
  const below = (n: number): number => Math.floor(next() * n)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T
  const scalar = (): Json =>
    pick([
      () => pick(texts),
      () => pick(texts),
      () => pick(moments),
      () => pick(numbers),
      () => pick(numbers),
      () => pick([true, false]),
    ])()
  const value = (depth = 0): Json => {
    const kind = next()
    if (depth < 2 && kind < 0.15) return times(below(4), () => value(depth + 1))
    if (depth < 2 && kind < 0.3) return Object.fromEntries(times(below(3), () => [pick(names), value(depth + 1)]))
    return scalar()
  }
  const path = (): string =>
    pick([
      ...names,
      'email',
      '$email',
      'firstName',
      'phone',
      'id',
      'externalId',
      'address.plan',
      'address.tags.0',
      'tags.0',
      'tags.1',
      'email.x',
      'none',
    ])
  const leaf = (): Condition => {
    if (next() < 0.25) {
      return {
        event: {
          name: pick(eventNames),
          atLeast: pick([1, 1, 2, 3]),
          ...(next() < 0.5 ? { withinSeconds: pick([60, 5_000, 100_000]) } : {}),
          ...(next() < 0.5 ? { params: Object.fromEntries(times(1 + below(2), () => [pick(paramKeys), scalar()])) } : {}),
        },
      }
    }
    const is = pick([
      'EQUALS',
      'NOT_EQUALS',
      'LESS_THAN',
      'AT_MOST',
      'GREATER_THAN',
      'AT_LEAST',
      'CONTAINS',
      'STARTS_WITH',
      'IN',
      'EXISTS',
      'MISSING',
    ] as const)
    if (is === 'EXISTS' || is === 'MISSING') return { profile: { path: path(), is } }
    if (is === 'IN') return { profile: { path: path(), is, value: times(1 + below(4), () => value()) } }
    if (is === 'STARTS_WITH') return { profile: { path: path(), is, value: pick(texts) } }
    if (is === 'EQUALS' || is === 'NOT_EQUALS' || is === 'CONTAINS') return { profile: { path: path(), is, value: value() } }
    return { profile: { path: path(), is, value: pick([() => pick(texts), () => pick(numbers), () => pick(moments)])() } }
  }
  const condition = (depth = 1): Condition => {
    const kind = next()
    if (depth >= 5 || kind < 0.4) return leaf()
    if (kind < 0.6) return { all: times(1 + below(3), () => condition(depth + 1)) }
    if (kind < 0.85) return { any: times(1 + below(3), () => condition(depth + 1)) }
    return { not: condition(depth + 1) }
  }
  const subject = (index: number): Subject => ({
    id: ids(),
    externalId: pick([`c${index}`, `${index}`]) + index,
    email: pick([null, 'ann@example.com', 'BOB@example.com', '10']),
    firstName: pick([null, 'Ann', 'a', 'Zoë', '2026-01-01']),
    properties: Object.fromEntries(times(below(14), () => [pick(names), next() < 0.1 ? null : value()])),
    events: times(below(5), () => ({
      name: pick(eventNames),
      agoSeconds: pick([1_000, 50_000, 1_000_000]),
      keys: pick([[], [], ['plan'], ['n', 'plan']]),
      params: Object.fromEntries(times(below(3), () => [pick(paramKeys), scalar()])),
    })),
  })
  return { condition, subject }
}

it('SQL and a plain evaluation agree on 150 random contacts and 1,000 random conditions', async () => {
  const { condition, subject } = createGenerator(seeded())
  const subjects = times(150, subject)
  await store(subjects)
  const sizes: number[] = []
  for (const one of times(1000, () => condition())) {
    const found = new Set(await matching(checkCondition('where', one as never)))
    const wanted = subjects.filter((contact) => evaluate(one, contact))
    const wrong = subjects.filter((contact) => found.has(contact.id) !== wanted.includes(contact))
    expect(wrong.slice(0, 1), JSON.stringify(one)).toEqual([])
    sizes.push(wanted.length)
  }
  // It proves little unless the conditions match some contacts and not others.
  expect(sizes.filter((size) => size > 0 && size < subjects.length).length).toBeGreaterThan(300)
})

it('no value of a condition becomes text of the statement', () => {
  const evil = `'); DROP TABLE contact; --`
  const { sql, values } = segmentWhere(
    checkCondition('where', {
      any: [
        { profile: { path: evil, is: 'EQUALS', value: evil } },
        { profile: { path: 'a', is: 'IN', value: [evil, 7771, true] } },
        { profile: { path: 'a', is: 'LESS_THAN', value: 7772 } },
        { profile: { path: 'a', is: 'AT_LEAST', value: '2026-01-01' } },
        { event: { name: evil, withinSeconds: 7773, atLeast: 7774, params: { [evil]: evil } } },
      ],
    }),
    5,
  )
  expect(sql).not.toMatch(/DROP|777\d|2026/)
  expect(new Set(sql.match(/\$\d+/g)).size).toBe(values.length)
  expect(sql).toContain('$5::')
  expect(sql).not.toContain('$4::')
})

const codeOf = (input: object): [string, number | undefined] => {
  try {
    checkCondition('where', input as never)
    return ['fine', undefined]
  } catch (error) {
    const { code, details } = error as { code: string; details: { max?: number } }
    return [code, details.max]
  }
}
const profile = { profile: { path: 'plan', is: 'EQUALS', value: 'pro' } }
const nested = (levels: number): object => (levels === 1 ? profile : { not: nested(levels - 1) })

it('takes 10 levels and 100 conditions, and refuses one more with the limit', () => {
  expect(codeOf(nested(10))).toEqual(['fine', undefined])
  expect(codeOf(nested(11))).toEqual(['BAD_INPUT', 10])
  expect(codeOf({ all: times(100, () => profile) })).toEqual(['fine', undefined])
  expect(codeOf({ all: times(101, () => profile) })).toEqual(['BAD_INPUT', 100])
  expect(codeOf({ any: times(101, () => ({ not: profile })) })).toEqual(['BAD_INPUT', 100])
})

it('refuses what can not hold', () => {
  for (const input of [
    { all: [] },
    { any: [] },
    {},
    { profile: { path: '', is: 'EXISTS' } },
    { profile: { path: 'a..b', is: 'EXISTS' } },
    { profile: { path: 'a', is: 'EQUALS' } },
    { profile: { path: 'a', is: 'EQUALS', value: null } },
    { profile: { path: 'a', is: 'EXISTS', value: 1 } },
    { profile: { path: 'a', is: 'LESS_THAN', value: true } },
    { profile: { path: 'a', is: 'AT_LEAST', value: [1] } },
    { profile: { path: 'a', is: 'STARTS_WITH', value: 1 } },
    { profile: { path: 'a', is: 'IN', value: 'x' } },
    { profile: { path: 'a', is: 'IN', value: [] } },
    { profile: { path: 'a', is: 'IN', value: [null] } },
    { profile: { path: 'a', is: 'EQUALS', value: 'a\0b' } },
    { profile: { path: 'a', is: 'EQUALS', value: 1e300 } },
    { event: { name: '' } },
    { event: { name: 'x', atLeast: 0 } },
    { event: { name: 'x', atLeast: 10_001 } },
    { event: { name: 'x', withinSeconds: 0 } },
    { event: { name: 'x', withinSeconds: -5 } },
  ]) {
    expect(codeOf(input)[0], JSON.stringify(input)).toBe('BAD_INPUT')
  }
  expect(codeOf({ profile: { path: 'a', is: 'IN', value: times(1000, (n) => n) } })[0]).toBe('fine')
  expect(codeOf({ profile: { path: 'a', is: 'IN', value: times(1001, (n) => n) } })).toEqual(['BAD_INPUT', 1000])
})
