/** The statements of sends to many (fanouts): accepting one, and writing its notifications chunk by chunk. */
import type {
  Actor,
  AuditActor,
  Channel,
  ContactInfo,
  FanoutAudience,
  JsonObject,
  Overrides,
  ProjectInfo,
  TemplateInfo,
} from '../words.ts'
import { plainArray } from './array.ts'
import { contactColumns } from './contact-columns.ts'
import type { Runner } from './database.ts'
import { templateObject } from './lookup.ts'
import { segmentWhere } from './segment.ts'
import { isActive } from './standing.ts'

/** A fanout to insert. */
export interface FanoutRow {
  readonly projectId: string
  readonly id: string
  readonly transactionId: string
  readonly key: string | null
  /** SHA-256, hex */
  readonly contentHash: string | null
  readonly templateId: string
  readonly campaignId: string | null
  readonly audience: FanoutAudience
  readonly data: JsonObject
  readonly overrides: Overrides | null
  readonly actorId: string | null
  readonly channels: readonly Channel[] | null
  readonly incrementId: string | null
  readonly sendAt: string | null
  /** contacts with a greater id are not in the audience */
  readonly until: string
  readonly createdAt: string
  readonly byKind: AuditActor | null
  readonly byId: string | null
  readonly byName: string | null
}

/**
 * Inserts fanouts, which are due at once. `offsetMs` is added to the database's clock.
 *
 * A contact's id contains the time of the process that made it, and that process's clock may be ahead. `until` is therefore raised to the
 * greatest id there is, so that no existing contact is left out; an actor that this same call inserted does not count. Rides on contact_pkey.
 * @throws 23505 when a caller's id is taken
 */
export async function insertFanouts(tx: Runner, rows: readonly FanoutRow[], offsetMs: number): Promise<void> {
  await tx.query({
    name: 'insert-fanouts',
    text: `INSERT INTO fanout (project_id, id, transaction_id, key, content_hash, template_id, campaign_id, audience, data, overrides, actor_id,
        channels, increment_id, send_at, by_kind, by_id, by_name, until, created_at, due_at)
      SELECT "projectId", id, "transactionId", key, decode("contentHash", 'hex'), "templateId", "campaignId", audience, data, overrides, "actorId",
        channels, "incrementId", "sendAt", "byKind", "byId", "byName", GREATEST(until, (
          SELECT c.id FROM contact c WHERE c.project_id = "projectId" AND (c.id > r.id OR c.id IS DISTINCT FROM "actorId") ORDER BY c.id DESC LIMIT 1
        )), "createdAt", now() + $2 * interval '1 millisecond'
      FROM json_to_recordset($1) AS r ("projectId" uuid, id uuid, "transactionId" text, key text, "contentHash" text, "templateId" uuid,
        "campaignId" uuid, audience jsonb, data jsonb, overrides jsonb, "actorId" uuid, channels channel[], "incrementId" text,
        "sendAt" timestamptz, until uuid, "createdAt" timestamptz, "byKind" text, "byId" text, "byName" text)
      ORDER BY "projectId", key`,
    values: [JSON.stringify(rows), offsetMs],
  })
}

/** A fanout whose row is locked. */
export interface LockedFanout {
  readonly id: string
  readonly transactionId: string
  readonly campaignId: string | null
  readonly audience: FanoutAudience
  readonly data: JsonObject
  readonly overrides: Overrides | null
  readonly actorId: string | null
  readonly channels: readonly Channel[] | null
  readonly incrementId: string | null
  readonly sendAt: Date | null
  /** id of the last contact that was written; null: none yet */
  readonly cursor: string | null
  readonly until: string
  readonly project: ProjectInfo
  readonly template: TemplateInfo
  readonly actor: Actor | null
}

/**
 * Locks the fanout whose next chunk has been due for longest; those that another worker is writing are skipped (SKIP LOCKED). The row lock
 * serves as the lease: it ends with the transaction, also when the process dies. Rides on fanout_due.
 * @returns null when none is due
 */
export async function lockFanout(tx: Runner, offsetMs: number): Promise<LockedFanout | null> {
  const { rows } = await tx.query<LockedFanout>({
    name: 'lock-fanout',
    text: `SELECT f.id, f.transaction_id AS "transactionId", f.campaign_id AS "campaignId", f.audience, f.data, f.overrides, f.actor_id AS "actorId",
        to_json(f.channels) AS channels, f.increment_id AS "incrementId", f.send_at AS "sendAt", f.cursor, f.until,
        json_build_object('id', p.id, 'key', p.key, 'name', p.name, 'locale', p.locale, 'timezone', p.timezone, 'resendUnknown', p.resend_unknown) AS project,
        ${templateObject} AS template,
        CASE WHEN a.id IS NULL THEN NULL ELSE json_build_object('externalId', a.external_id, 'firstName', a.first_name, 'lastName', a.last_name,
          'photoUrl', a.photo_url) END AS actor
      FROM fanout f JOIN project p ON p.id = f.project_id JOIN template t ON t.project_id = f.project_id AND t.id = f.template_id
      LEFT JOIN contact a ON a.project_id = f.project_id AND a.id = f.actor_id
      WHERE f.status IN ('ACCEPTED', 'RUNNING') AND ${isActive} AND f.due_at <= now() + $1 * interval '1 millisecond'
      ORDER BY f.due_at LIMIT 1 FOR UPDATE OF f SKIP LOCKED`,
    values: [offsetMs],
  })
  return rows[0] ?? null
}

/** Less than every id. */
export const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'

/** Whose audience it is, and the part of it. */
export type AudienceOf = Pick<LockedFanout, 'audience' | 'cursor' | 'until'> & { readonly project: Pick<ProjectInfo, 'id'> }

/**
 * The rest of an audience as an SQL condition on the contact `c`: the contacts after the cursor. The statements for all contacts and for
 * topics are prepared once, under `name`; the text for a segment depends on its condition, so that one has no name.
 */
export function audienceWhere({ project, audience, cursor, until }: AudienceOf, offsetMs: number) {
  const values: unknown[] = [project.id, cursor ?? BEFORE_ALL, until]
  const where = 'c.project_id = $1 AND c.id > $2 AND c.id <= $3'
  if (audience.kind === 'all') return { where, values, name: 'all' }
  if (audience.kind === 'topic') {
    values.push(audience.id)
    const isMember =
      'EXISTS (SELECT FROM topic_member m WHERE m.project_id = c.project_id AND m.topic_id = $4 AND m.contact_id = c.id)'
    const { except } = audience
    if (except === undefined) return { where: `${where} AND ${isMember}`, values, name: 'topic' }
    values.push(except.topicIds, except.contacts)
    const isExcepted = `c.external_id = ANY($6::text[]) OR EXISTS (SELECT FROM topic_member x
      WHERE x.project_id = c.project_id AND x.topic_id = ANY($5::uuid[]) AND x.contact_id = c.id)`
    return { where: `${where} AND ${isMember} AND NOT (${isExcepted})`, values, name: 'topic-except' }
  }
  const segment = segmentWhere(audience.condition, values.length + 1, offsetMs)
  return { where: `${where} AND ${segment.sql}`, values: [...values, ...segment.values], name: null }
}

/** The next contacts of an audience, in the order of their ids. */
export interface Members {
  readonly members: readonly ContactInfo[]
  /** of each member: another one after every change of its row */
  readonly versions: readonly string[]
  /** id of the last contact that was examined, in the audience or not; null: there was none */
  readonly cursor: string | null
  /** there are no more */
  readonly isLast: boolean
}

/**
 * Reads the next contacts of an audience, at most `limit`. For a segment at most `examined` contacts are examined: where few match, or none,
 * its condition would otherwise be evaluated on all contacts in one statement, which could take any length of time. Rides on contact_pkey or
 * topic_member_pkey.
 */
export async function readMembers(
  tx: Runner,
  fanout: LockedFanout,
  { limit, examined }: { readonly limit: number; readonly examined: number },
  offsetMs: number,
): Promise<Members> {
  const end = fanout.audience.kind === 'segment' ? await endOfRange(tx, fanout, examined) : null
  const { where, values, name } = audienceWhere(end === null ? fanout : { ...fanout, until: end }, offsetMs)
  const { rows } = await tx.query<ContactInfo & { version: string }>({
    ...(name === null ? {} : { name: `read-members-${name}` }),
    text: `SELECT ${contactColumns}, c.xmin AS version FROM contact c WHERE ${where} ORDER BY c.id LIMIT $${values.length + 1}`,
    values: [...values, limit],
  })
  const versions = rows.map((row) => row.version)
  const members = rows.map(({ version: _version, ...member }): ContactInfo => member)
  const last = members.at(-1)?.id ?? null
  if (members.length === limit) return { members, versions, cursor: last, isLast: false }
  return { members, versions, cursor: end ?? last, isLast: end === null }
}

/**
 * Whether the members of an audience of all contacts are as they were read: none was changed, erased or added. They are compared in their order, in
 * one pass over their range. Rides on contact_pkey.
 */
export async function areUnchanged(
  tx: Runner,
  { project, cursor }: LockedFanout,
  { members, versions }: Pick<Members, 'members' | 'versions'>,
): Promise<boolean> {
  const { rows } = await tx.query<{ unchanged: boolean }>({
    name: 'members-unchanged',
    text: `SELECT ARRAY(SELECT c.xmin FROM contact c WHERE c.project_id = $1 AND c.id > $2 AND c.id <= $3 ORDER BY c.id) = $4::xid[] AS unchanged`,
    values: [project.id, cursor ?? BEFORE_ALL, members.at(-1)?.id ?? BEFORE_ALL, plainArray(versions)],
  })
  return rows[0]?.unchanged === true
}

/** Id of the contact that is `examined` places after the cursor; null: there are fewer. */
async function endOfRange(tx: Runner, { project, cursor, until }: LockedFanout, examined: number): Promise<string | null> {
  const { rows } = await tx.query<{ id: string }>({
    name: 'read-members-range',
    text: 'SELECT id FROM contact WHERE project_id = $1 AND id > $2 AND id <= $3 ORDER BY id OFFSET $4 LIMIT 1',
    values: [project.id, cursor ?? BEFORE_ALL, until, examined - 1],
  })
  return rows[0]?.id ?? null
}

/** Counts the audience. */
export async function countMembers(db: Runner, fanout: AudienceOf, offsetMs: number): Promise<number> {
  const { where, values, name } = audienceWhere(fanout, offsetMs)
  const { rows } = await db.query<{ total: number }>({
    ...(name === null ? {} : { name: `count-members-${name}` }),
    text: `SELECT count(*) AS total FROM contact c WHERE ${where}`,
    values,
  })
  return rows[0]?.total ?? 0
}

/**
 * Stores the count of the audience as the fanout's total. Does nothing where the total is known already, because the fanout was written to its
 * end meanwhile.
 */
export async function storeTotal(db: Runner, { project, id }: LockedFanout, total: number): Promise<void> {
  await db.query({
    name: 'store-total',
    text: 'UPDATE fanout SET total = GREATEST(written, $3::int) WHERE project_id = $1 AND id = $2 AND total IS NULL',
    values: [project.id, id, total],
  })
}

/**
 * What a chunk did. The numbers are contacts: `written` are all that it passed, `sent` those that are notified already, `open` those whose
 * messages wait for a worker, `failed` those for whom no notification could be made.
 */
export interface Chunk {
  readonly cursor: string | null
  readonly isLast: boolean
  readonly written: number
  readonly sent: number
  readonly failed: number
  readonly open: number
}

/**
 * Moves a locked fanout to its next chunk, in the transaction that writes this one. The next chunk is due at once, after those of other
 * fanouts that have been due for longer.
 */
export async function advanceFanout(tx: Runner, projectId: string, id: string, chunk: Chunk, offsetMs: number): Promise<void> {
  await tx.query({
    name: 'advance-fanout',
    text: `UPDATE fanout SET cursor = COALESCE($3, cursor), status = CASE WHEN $4 THEN 'DONE' ELSE 'RUNNING' END,
        -- The audience may have grown or shrunk since it was counted; what is not counted yet stays unknown.
        total = CASE WHEN $4 THEN written + $5 WHEN total IS NOT NULL THEN GREATEST(total, written + $5) END,
        written = written + $5, sent = sent + $6, failed = failed + $7, open = open + $8, failures = 0,
        -- Rounded down: rounded up, as the column does, it would not be due yet for the process that looks at once.
        due_at = CASE WHEN $4 THEN NULL ELSE date_trunc('milliseconds', clock_timestamp()) + $9 * interval '1 millisecond' END
      WHERE project_id = $1 AND id = $2`,
    values: [projectId, id, chunk.cursor, chunk.isLast, chunk.written, chunk.sent, chunk.failed, chunk.open, offsetMs],
  })
}

/**
 * Postpones a fanout whose chunk could not be written, so that others go on: by 500 ms, doubled with every failure in a row, at most a
 * minute.
 */
export async function postponeFanout(db: Runner, projectId: string, id: string, offsetMs: number): Promise<void> {
  await db.query({
    name: 'postpone-fanout',
    text: `UPDATE fanout SET failures = failures + 1,
        due_at = now() + (LEAST(60000, 500 * 2 ^ LEAST(failures, 10)) + $3) * interval '1 millisecond'
      WHERE project_id = $1 AND id = $2 AND status IN ('ACCEPTED', 'RUNNING')`,
    values: [projectId, id, offsetMs],
  })
}
