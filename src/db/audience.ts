/** The contacts that match a filter: a search, an address, a topic, a segment. */
import { spellingsOfEmail } from '../values/mailbox.ts'
import type { PhoneSpellings } from '../values/phone.ts'
import type { Condition } from '../words.ts'
import type { Runner } from './database.ts'
import { segmentWhere } from './segment.ts'

/** A filter over the contacts of a project. A contact matches if every part that is given matches. */
export interface Audience {
  readonly projectId: string
  readonly search?: string | null
  /** compared without case, and in A-labels and U-labels of its domain */
  readonly email?: string | null
  /** its usual spellings */
  readonly phone?: PhoneSpellings | null
  readonly topicId?: string | null
  readonly condition?: Condition | null
}

/** A page of a list that is ordered by id: the ids strictly between `after` and `before`, at most `limit` of them. */
export interface Range {
  readonly after: string | null
  readonly before: string | null
  readonly ascending: boolean
  readonly limit: number
}

/**
 * The filter as SQL conditions on the contact `c`. The text depends on the filter, so statements with it are not named.
 * @param offsetMs added to the database's clock
 */
function whereOf({ projectId, search, email, phone, topicId, condition }: Audience, offsetMs: number) {
  const values: unknown[] = [projectId]
  const wanted = ['c.project_id = $1']
  const bind = (value: unknown): string => `$${values.push(value)}`
  if (email)
    wanted.push(
      `c.email IS NOT NULL AND lower(c.email) = ANY(ARRAY(SELECT lower(s) FROM unnest(${bind(spellingsOfEmail(email))}::text[]) s))`,
    )
  if (phone) {
    const { international, national, country, isHome } = phone
    const all = bind([...international, ...national])
    // Without a calling code it is this number where the contact's country, or else home, says so.
    const reads = `c.country = ${bind(country)} OR ${bind(isHome)}::boolean`
    wanted.push(`(c.phone = ANY(${all}::text[]) AND (c.phone = ANY(${bind(international)}::text[]) OR ${reads}))`)
  }
  if (search) {
    const like = bind(`%${search.replaceAll(/[\\%_]/g, '\\$&')}%`)
    const columns = ['external_id', 'email', 'phone', 'first_name', 'last_name']
    wanted.push(`(${columns.map((column) => `c.${column} ILIKE ${like}`).join(' OR ')})`)
  }
  if (topicId) {
    wanted.push(
      `EXISTS (SELECT FROM topic_member m WHERE m.project_id = c.project_id AND m.topic_id = ${bind(topicId)} AND m.contact_id = c.id)`,
    )
  }
  if (condition) {
    const segment = segmentWhere(condition, values.length + 1, offsetMs)
    wanted.push(segment.sql)
    values.push(...segment.values)
  }
  return { wanted, values, bind }
}

/** Ids of one page of the matching contacts, in the range's order. `offsetMs` is added to the database's clock. */
export async function findAudience(db: Runner, audience: Audience, range: Range, offsetMs: number): Promise<string[]> {
  const { wanted, values, bind } = whereOf(audience, offsetMs)
  if (range.after !== null) wanted.push(`c.id > ${bind(range.after)}`)
  if (range.before !== null) wanted.push(`c.id < ${bind(range.before)}`)
  const { rows } = await db.query<{ id: string }>({
    text: `SELECT c.id FROM contact c WHERE ${wanted.join(' AND ')} ORDER BY c.id ${range.ascending ? 'ASC' : 'DESC'} LIMIT ${bind(range.limit)}`,
    values,
  })
  return rows.map((row) => row.id)
}

/** How many contacts match. `offsetMs` is added to the database's clock. */
export async function countAudience(db: Runner, audience: Audience, offsetMs: number): Promise<number> {
  const { wanted, values } = whereOf(audience, offsetMs)
  const { rows } = await db.query<{ total: number }>({
    text: `SELECT count(*) AS total FROM contact c WHERE ${wanted.join(' AND ')}`,
    values,
  })
  return rows[0]?.total ?? 0
}

/** Ids of those of the given contacts that are in a segment. `offsetMs` is added to the database's clock. */
export async function findInSegment(
  db: Runner,
  projectId: string,
  contactIds: readonly string[],
  condition: Condition,
  offsetMs: number,
): Promise<Set<string>> {
  const { sql, values } = segmentWhere(condition, 3, offsetMs)
  const { rows } = await db.query<{ id: string }>({
    text: `SELECT c.id FROM contact c WHERE c.project_id = $1 AND c.id = ANY ($2::uuid[]) AND ${sql}`,
    values: [projectId, contactIds, ...values],
  })
  return new Set(rows.map((row) => row.id))
}
