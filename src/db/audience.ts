/** Contacts that match a filter: by what they are, by topic, by segment. */
import type { Condition } from '../domain/words.ts'
import type { Runner } from './database.ts'
import { segmentWhere } from './segment.ts'

/** What contacts are narrowed by; each part narrows further. */
export interface Audience {
  readonly projectId: string
  readonly search?: string | null
  /** without case */
  readonly email?: string | null
  /** as it was given */
  readonly phone?: string | null
  readonly topicId?: string | null
  readonly condition?: Condition | null
}

/** Where to cut a list that is ordered by id. */
export interface Range {
  readonly after: string | null
  readonly before: string | null
  readonly ascending: boolean
  readonly limit: number
}

/** `offsetMs`: what is added to the database's clock. Its text depends on the filter, so it has no name. */
function whereOf({ projectId, search, email, phone, topicId, condition }: Audience, offsetMs: number) {
  const values: unknown[] = [projectId]
  const wanted = ['c.project_id = $1']
  const bind = (value: unknown): string => `$${values.push(value)}`
  if (email) wanted.push(`c.email IS NOT NULL AND lower(c.email) = lower(${bind(email)})`)
  if (phone) wanted.push(`c.phone = ${bind(phone)}`)
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

/** Ids of the contacts in a range, in its order. */
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

/** How many contacts there are. */
export async function countAudience(db: Runner, audience: Audience, offsetMs: number): Promise<number> {
  const { wanted, values } = whereOf(audience, offsetMs)
  const { rows } = await db.query<{ total: number }>({
    text: `SELECT count(*) AS total FROM contact c WHERE ${wanted.join(' AND ')}`,
    values,
  })
  return rows[0]?.total ?? 0
}

/** Those of these contacts that are in a segment. */
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
