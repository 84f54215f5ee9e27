/** The statements of estimates: an audience is counted, read, or sampled, each within a time. */
import type pg from 'pg'
import type { ContactInfo, ProjectInfo } from '../words.ts'
import { contactColumns } from './contact-columns.ts'
import { type Runner, transact } from './database.ts'
import { type AudienceOf, audienceWhere } from './fanout.ts'

/** Greater than every id. */
export const AFTER_ALL = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** Runs statements that only read, each of which may take so long. @returns null: one of them took longer */
export async function within<T>(pool: pg.Pool, ms: number, work: (tx: Runner) => Promise<T>): Promise<T | null> {
  try {
    return await transact(pool, async (tx) => {
      await tx.query(`SET TRANSACTION READ ONLY`)
      await tx.query(`SET LOCAL statement_timeout = ${Math.ceil(ms)}`)
      return work(tx)
    })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === '57014') return null
    throw error
  }
}

/** Which contacts of an audience are read: after this id, and one of `modulus`, by a hash of their ids. */
export interface SampleRange {
  readonly after: string | null
  readonly modulus: number
  readonly limit: number
}

/**
 * Reads contacts of an audience, in the order of their ids: all, or a sample in which each is as likely to be, whenever it was created. Rides on
 * contact_pkey or topic_member_pkey.
 */
export async function readSample(
  db: Runner,
  { project, audience, until }: AudienceOf,
  { after, modulus, limit }: SampleRange,
  offsetMs: number,
): Promise<ContactInfo[]> {
  const { where, values } = audienceWhere({ project, audience, cursor: after, until }, offsetMs)
  // Before the rest of the condition, which may be a segment's and cost far more. Ids of the same moment differ in their random part.
  const sampled = modulus === 1 ? '' : ` AND uuid_hash_extended(c.id, 0) % ${Math.trunc(modulus)} = 0`
  const { rows } = await db.query<ContactInfo>({
    text: `SELECT ${contactColumns} FROM contact c WHERE c.project_id = $1${sampled} AND ${where} ORDER BY c.id LIMIT $${values.length + 1}`,
    values: [...values, limit],
  })
  return rows
}

/** How many contacts a project has. Rides on contact_pkey, which has all that is read. */
export async function countContacts(db: Runner, { id }: Pick<ProjectInfo, 'id'>): Promise<number> {
  const { rows } = await db.query<{ total: number }>({
    text: 'SELECT count(*) AS total FROM contact WHERE project_id = $1',
    values: [id],
  })
  return rows[0]?.total ?? 0
}
