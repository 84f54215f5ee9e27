/**
 * Translates segments to SQL: a condition becomes one boolean expression over a contact, with all its values bound as parameters. The
 * expression is never NULL, so that `not` matches exactly the contacts that the negated condition does not.
 */
import { canonicalLocale } from '../values/locale.ts'
import { spellingsOfEmail } from '../values/mailbox.ts'
import { comparedPhones } from '../values/phone.ts'
import { canonicalTimeZone } from '../values/time-zone.ts'
import { addressAliases, type Condition, type EventCondition, type Json, type ProfileCondition } from '../words.ts'
import { columnOf } from './contact-columns.ts'

/** A part of a statement: its text, and the values of the parameters that it uses. */
export interface Fragment {
  readonly sql: string
  readonly values: readonly unknown[]
}

/** The fields of a profile that are columns; all others are in `properties`. */
const COLUMNS: Readonly<Record<string, string>> = {
  id: 'c.external_id',
  externalId: 'c.external_id',
  ...Object.fromEntries(Object.entries(columnOf).map(([field, column]) => [field, `c.${column}`])),
}

/** How a value is spelled in a field that has one spelling; null: the field can't hold it. Older rows may have another one. */
const canonical: Readonly<Record<string, (text: string) => string | null>> = {
  locale: canonicalLocale,
  timezone: canonicalTimeZone,
}

const YEAR = '(?!0000)\\d{4}'
const LEAP = '(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)'
const DAY = `(?:${YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|${LEAP}-02-29)`
const TIME = '[Tt](?:[01]\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d(?:\\.\\d{1,9})?)?(?:[Zz]|[+-](?:0\\d|1[0-4]):[0-5]\\d)'
/**
 * A day (which means its beginning, UTC) or a moment as in RFC 3339, in a form that PostgreSQL and JavaScript both parse. Impossible dates do
 * not match: casting one would fail the whole statement.
 */
const MOMENT = `^${DAY}(?:${TIME})?$`
const momentPattern = new RegExp(MOMENT)

/** Whether a text is a day or a moment, and so is compared as one rather than as text. */
export const isMoment = (text: string): boolean => momentPattern.test(text)

const COMPARISON = { LESS_THAN: '<', AT_MOST: '<=', GREATER_THAN: '>', AT_LEAST: '>=' } as const

/**
 * The condition as a boolean expression about the contact that the statement calls `c`, for use inside any statement:
 *
 *     const { sql, values } = segmentWhere(condition, 3, clock.offsetMs)
 *     `SELECT c.id FROM contact c WHERE c.project_id = $1 AND c.id > $2 AND ${sql} ORDER BY c.id LIMIT 500`, [projectId, cursor, ...values]
 *
 * The statement itself must restrict the project (`c.project_id = …`); events are searched in the contact's project. The text depends on the
 * condition's structure, so don't give such a statement a name: each one would be prepared, and kept by the connection.
 *
 * @param condition a validated one, as in `segment.condition`
 * @param firstParameter the number of the first parameter that is free: values[0] is $firstParameter, and so on
 * @param offsetMs added to the database's clock (Clock.offsetMs)
 */
export function segmentWhere(condition: Condition, firstParameter: number, offsetMs = 0): Fragment {
  const values: unknown[] = []
  const bind = (value: unknown, type: string): string => {
    values.push(value)
    return `$${firstParameter + values.length - 1}::${type}`
  }

  /** SQL: the value at a path, as jsonb; NULL if it is missing or null. */
  function valueAt(path: string): string {
    const parts = (addressAliases.get(path) ?? path).split('.')
    const column = Object.hasOwn(COLUMNS, parts[0] ?? '') ? COLUMNS[parts[0] ?? ''] : undefined
    if (column === undefined) return `NULLIF(c.properties #> ${bind(parts, 'text[]')}, 'null'::jsonb)`
    return parts.length === 1 ? `to_jsonb(${column})` : 'NULL::jsonb'
  }
  const json = (value: Json): string => bind(JSON.stringify(value), 'jsonb')
  const text = (x: string): string => `(${x} #>> '{}')`
  /**
   * SQL: the expression if the value has that type, else false. Only CASE guarantees that the value is not cast before its type is checked.
   */
  const where = (x: string, type: string, expression: string): string =>
    `CASE WHEN jsonb_typeof(${x}) = '${type}' THEN ${expression} ELSE false END`

  function compare(x: string, sign: string, value: Json): string {
    if (typeof value === 'number') return where(x, 'number', `(${x})::numeric ${sign} ${bind(value, 'numeric')}`)
    const operand = String(value)
    if (!isMoment(operand)) return where(x, 'string', `${text(x)} COLLATE "C" ${sign} ${bind(operand, 'text')} COLLATE "C"`)
    const moment = `(CASE WHEN length(${text(x)}) = 10 THEN ${text(x)} || 'T00:00:00Z' ELSE ${text(x)} END)::timestamptz`
    const limit = bind(operand.length === 10 ? `${operand}T00:00:00Z` : operand, 'timestamptz')
    return where(x, 'string', `CASE WHEN ${text(x)} ~ '${MOMENT}' THEN ${moment} ${sign} ${limit} ELSE false END`)
  }

  /** SQL: whether the contact's e-mail address is one of these, by case and domain however they are spelled. */
  function emailAmong(addresses: readonly string[]): string {
    const spellings = bind([...new Set(addresses.flatMap(spellingsOfEmail))], 'text[]')
    return `COALESCE(lower(c.email) = ANY (ARRAY(SELECT lower(s) FROM unnest(${spellings}) AS s)), false)`
  }
  /** SQL: whether the contact's number is one of these. Without a calling code it is where the contact's country, or else home, says so. */
  function phoneAmong(numbers: readonly string[]): string {
    const { exact, international, home, national } = comparedPhones(numbers)
    const dialled = `regexp_replace(c.phone, '[^0-9+]', '', 'g')`
    const pairs = `unnest(${bind(
      national.map(({ country }) => country),
      'text[]',
    )}, ${bind(
      national.map(({ number }) => number),
      'text[]',
    )})`
    const spellings = [
      `c.phone = ANY (${bind(exact, 'text[]')})`,
      `${dialled} = ANY (${bind([...international, ...home], 'text[]')})`,
      `(c.country, ${dialled}) IN (SELECT country, number FROM ${pairs} AS p (country, number))`,
    ]
    return `COALESCE(${spellings.join(' OR ')}, false)`
  }
  const addresses: Readonly<Record<string, (texts: readonly string[]) => string>> = { email: emailAmong, phone: phoneAmong }

  /** SQL: whether it is one of the values, as they are or in the spelling in which their field is stored; an address is, however it is spelled. */
  function among(x: string, values: readonly Json[], path: string): string {
    const field = addressAliases.get(path) ?? path
    const ofAddresses = Object.hasOwn(addresses, field) ? addresses[field] : undefined
    if (ofAddresses !== undefined) return ofAddresses(values.filter((one) => typeof one === 'string'))
    const spell = Object.hasOwn(canonical, path) ? canonical[path] : undefined
    const list = values.flatMap((one) => [one, ...(spell === undefined || typeof one !== 'string' ? [] : [spell(one) ?? one])])
    return `COALESCE(${x} = ANY (${bind([...new Set(list.map((one) => JSON.stringify(one)))], 'jsonb[]')}), false)`
  }

  const isSpelled = (path: string): boolean =>
    Object.hasOwn(canonical, path) || Object.hasOwn(addresses, addressAliases.get(path) ?? path)

  function profile({ path, is, value = null }: ProfileCondition): string {
    const x = valueAt(path)
    switch (is) {
      case 'EXISTS':
        return `(${x} IS NOT NULL)`
      case 'MISSING':
        return `(${x} IS NULL)`
      case 'EQUALS':
        if (isSpelled(path)) return among(x, [value], path)
        return `(${x} IS NOT DISTINCT FROM ${json(value)})`
      case 'NOT_EQUALS':
        if (isSpelled(path)) return `(NOT ${among(x, [value], path)})`
        return `(${x} IS DISTINCT FROM ${json(value)})`
      case 'IN':
        return among(x, Array.isArray(value) ? value : [], path)
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

  /** Rides on event_project_id_contact_id_name_occurred_at_idx, and stops counting at `atLeast`. */
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
