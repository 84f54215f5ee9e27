/**
 * Segments in SQL: a condition becomes one boolean expression over a contact, with every value of it bound as a parameter.
 * What it says is never NULL, so that `not` is the opposite of what it negates.
 */
import { addressAliases, type Condition, type EventCondition, type Json, type ProfileCondition } from '../domain/words.ts'

/** A piece of a statement: its text, and the values of the parameters that it uses. */
export interface Fragment {
  readonly sql: string
  readonly values: readonly unknown[]
}

/** Fields of a profile that are columns; all else is in `properties`. */
const COLUMNS: Readonly<Record<string, string>> = {
  id: 'c.external_id',
  externalId: 'c.external_id',
  email: 'c.email',
  phone: 'c.phone',
  locale: 'c.locale',
  timezone: 'c.timezone',
  firstName: 'c.first_name',
  lastName: 'c.last_name',
  photoUrl: 'c.photo_url',
  country: 'c.country',
}

const YEAR = '(?!0000)\\d{4}'
const LEAP = '(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)'
const DAY = `(?:${YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|${LEAP}-02-29)`
const TIME = '[Tt](?:[01]\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d(?:\\.\\d{1,9})?)?(?:[Zz]|[+-](?:0\\d|1[0-4]):[0-5]\\d)'
/**
 * A day (its beginning, UTC) or a moment of RFC 3339, as PostgreSQL and JavaScript both read it. It lets no impossible date through: the
 * cast of one would end the whole statement.
 */
const MOMENT = `^${DAY}(?:${TIME})?$`
const momentPattern = new RegExp(MOMENT)

/** Tells whether a text is a day or a moment, and is compared as one. */
export const isMoment = (text: string): boolean => momentPattern.test(text)

const COMPARISON = { LESS_THAN: '<', AT_MOST: '<=', GREATER_THAN: '>', AT_LEAST: '>=' } as const

/**
 * The condition as a boolean expression about the contact that the statement calls `c`, for use inside any statement:
 *
 *     const { sql, values } = segmentWhere(condition, 3, clock.offsetMs)
 *     `SELECT c.id FROM contact c WHERE c.project_id = $1 AND c.id > $2 AND ${sql} ORDER BY c.id LIMIT 500`, [projectId, cursor, ...values]
 *
 * The statement itself must name the project (`c.project_id = …`); events are looked for in the contact's own. Its text depends on the
 * condition's shape: leave such a statement without a name, because each name would be prepared and kept.
 *
 * @param condition a checked one, as `segment.condition` has it
 * @param firstParameter the number of the first parameter that is free: values[0] is $firstParameter, and so on
 * @param offsetMs what is added to the database's clock (Clock.offsetMs)
 */
export function segmentWhere(condition: Condition, firstParameter: number, offsetMs = 0): Fragment {
  const values: unknown[] = []
  const bind = (value: unknown, type: string): string => {
    values.push(value)
    return `$${firstParameter + values.length - 1}::${type}`
  }

  /** What is at a path, as jsonb; NULL where it is missing, and null is as good as missing. */
  function valueAt(path: string): string {
    const parts = (addressAliases.get(path) ?? path).split('.')
    const column = Object.hasOwn(COLUMNS, parts[0] ?? '') ? COLUMNS[parts[0] ?? ''] : undefined
    if (column === undefined) return `NULLIF(c.properties #> ${bind(parts, 'text[]')}, 'null'::jsonb)`
    return parts.length === 1 ? `to_jsonb(${column})` : 'NULL::jsonb'
  }
  const json = (value: Json): string => bind(JSON.stringify(value), 'jsonb')
  const text = (x: string): string => `(${x} #>> '{}')`
  /** The expression where the value is of that type, false elsewhere. A CASE alone promises that nothing is cast before its type is known. */
  const where = (x: string, type: string, expression: string): string =>
    `CASE WHEN jsonb_typeof(${x}) = '${type}' THEN ${expression} ELSE false END`

  function compare(x: string, sign: string, value: Json): string {
    if (typeof value === 'number') return where(x, 'number', `(${x})::numeric ${sign} ${bind(value, 'numeric')}`)
    const said = String(value)
    if (!isMoment(said)) return where(x, 'string', `${text(x)} COLLATE "C" ${sign} ${bind(said, 'text')} COLLATE "C"`)
    const moment = `(CASE WHEN length(${text(x)}) = 10 THEN ${text(x)} || 'T00:00:00Z' ELSE ${text(x)} END)::timestamptz`
    const limit = bind(said.length === 10 ? `${said}T00:00:00Z` : said, 'timestamptz')
    return where(x, 'string', `CASE WHEN ${text(x)} ~ '${MOMENT}' THEN ${moment} ${sign} ${limit} ELSE false END`)
  }

  function profile({ path, is, value = null }: ProfileCondition): string {
    const x = valueAt(path)
    switch (is) {
      case 'EXISTS':
        return `(${x} IS NOT NULL)`
      case 'MISSING':
        return `(${x} IS NULL)`
      case 'EQUALS':
        return `(${x} IS NOT DISTINCT FROM ${json(value)})`
      case 'NOT_EQUALS':
        return `(${x} IS DISTINCT FROM ${json(value)})`
      case 'IN': {
        const list = Array.isArray(value) ? value.map((item: Json) => JSON.stringify(item)) : []
        return `COALESCE(${x} = ANY (${bind(list, 'jsonb[]')}), false)`
      }
      case 'STARTS_WITH':
        return where(x, 'string', `starts_with(${text(x)}, ${bind(value, 'text')})`)
      case 'CONTAINS': {
        const element = json(value)
        const inList = `WHEN 'array' THEN EXISTS (SELECT FROM jsonb_array_elements(${x}) AS item (value) WHERE item.value = ${element})`
        const inText = typeof value === 'string' ? `WHEN 'string' THEN strpos(${text(x)}, ${bind(value, 'text')}) > 0` : ''
        return `CASE jsonb_typeof(${x}) ${inList} ${inText} ELSE false END`
      }
      default:
        return compare(x, COMPARISON[is], value)
    }
  }

  /** Rides on event_project_id_contact_id_name_occurred_at_idx, and stops counting at the number that is asked for. */
  function event({ name, withinSeconds, atLeast, params = {} }: EventCondition): string {
    const wanted = ['e.project_id = c.project_id', 'e.contact_id = c.id', `e.name = ${bind(name, 'text')}`]
    if (withinSeconds !== undefined) {
      wanted.push(`e.occurred_at >= now() + ${bind(offsetMs - withinSeconds * 1000, 'float8')} * interval '1 millisecond'`)
    }
    for (const [key, value] of Object.entries(params)) {
      const named = bind(key, 'text')
      wanted.push(`(e.keys = '{}' OR ${named} = ANY (e.keys))`, `e.params -> ${named} = ${json(value)}`)
    }
    const found = `SELECT FROM event e WHERE ${wanted.join(' AND ')}`
    return atLeast === 1
      ? `EXISTS (${found})`
      : `((SELECT count(*) FROM (${found} LIMIT ${bind(atLeast, 'int')}) AS found) >= ${bind(atLeast, 'int')})`
  }

  function compile(one: Condition): string {
    if ('all' in one) return `(${one.all.map(compile).join(' AND ')})`
    if ('any' in one) return `(${one.any.map(compile).join(' OR ')})`
    if ('not' in one) return `(NOT ${compile(one.not)})`
    return 'profile' in one ? profile(one.profile) : event(one.event)
  }
  return { sql: compile(condition), values }
}
