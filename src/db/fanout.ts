/** The statements of sends to many: accepting one, and writing it chunk by chunk. */
import type {
  Actor,
  Channel,
  ContactInfo,
  FanoutAudience,
  JsonObject,
  Overrides,
  ProjectInfo,
  TemplateInfo,
} from '../domain/words.ts'
import type { Runner } from './database.ts'
import { contactColumns, templateObject } from './lookup.ts'
import { segmentWhere } from './segment.ts'

/** A send to many to insert. */
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
  readonly until: string
  readonly createdAt: string
}

/**
 * Inserts sends to many, due at once. The ids of contacts carry the clocks of whoever made them: of those that there are, one whose clock
 * runs ahead is not left out. An actor that the call itself made is. Rides on contact_pkey. @throws 23505 when an id is taken
 */
export async function insertFanouts(tx: Runner, rows: readonly FanoutRow[], offsetMs: number): Promise<void> {
  await tx.query({
    name: 'insert-fanouts',
    text: `INSERT INTO fanout (project_id, id, transaction_id, key, content_hash, template_id, campaign_id, audience, data, overrides, actor_id,
        channels, increment_id, send_at, until, created_at, due_at)
      SELECT "projectId", id, "transactionId", key, decode("contentHash", 'hex'), "templateId", "campaignId", audience, data, overrides, "actorId",
        channels, "incrementId", "sendAt", GREATEST(until, (
          SELECT c.id FROM contact c WHERE c.project_id = "projectId" AND (c.id > r.id OR c.id IS DISTINCT FROM "actorId") ORDER BY c.id DESC LIMIT 1
        )), "createdAt", now() + $2 * interval '1 millisecond'
      FROM json_to_recordset($1) AS r ("projectId" uuid, id uuid, "transactionId" text, key text, "contentHash" text, "templateId" uuid,
        "campaignId" uuid, audience jsonb, data jsonb, overrides jsonb, "actorId" uuid, channels channel[], "incrementId" text,
        "sendAt" timestamptz, until uuid, "createdAt" timestamptz)
      ORDER BY "projectId", key`,
    values: [JSON.stringify(rows), offsetMs],
  })
}

/** A send to many whose row is locked. */
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
  readonly cursor: string | null
  readonly until: string
  readonly project: ProjectInfo
  readonly template: TemplateInfo
  readonly actor: Actor | null
}

/**
 * Locks the send whose next chunk is due and that waited longest, and that nobody else is writing (SKIP LOCKED). The row's lock is the
 * lease: it ends with the transaction, or with the process that held it. Rides on fanout_due.
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
      WHERE f.status IN ('ACCEPTED', 'RUNNING') AND f.due_at <= now() + $1 * interval '1 millisecond'
      ORDER BY f.due_at LIMIT 1 FOR UPDATE OF f SKIP LOCKED`,
    values: [offsetMs],
  })
  return rows[0] ?? null
}

const NOBODY = '00000000-0000-0000-0000-000000000000'

/**
 * Whom an audience means, as a condition on the contact `c` from the cursor on. Contacts of a topic or of all are found by statements
 * that are prepared once; a segment's text is its own, and has no name.
 */
function meant({ project, audience, cursor, until }: LockedFanout, offsetMs: number) {
  const values: unknown[] = [project.id, cursor ?? NOBODY, until]
  const where = 'c.project_id = $1 AND c.id > $2 AND c.id <= $3'
  if (audience.kind === 'all') return { where, values, name: 'all' }
  if (audience.kind === 'topic') {
    values.push(audience.id)
    const isMember =
      'EXISTS (SELECT FROM topic_member m WHERE m.project_id = c.project_id AND m.topic_id = $4 AND m.contact_id = c.id)'
    return { where: `${where} AND ${isMember}`, values, name: 'topic' }
  }
  const segment = segmentWhere(audience.condition, values.length + 1, offsetMs)
  return { where: `${where} AND ${segment.sql}`, values: [...values, ...segment.values], name: null }
}

/** The next contacts of the audience, by id; how far they reach, and whether that is the end. */
export interface Members {
  readonly members: readonly ContactInfo[]
  /** the last contact that was looked at, whether it is in the audience or not; null: there was none */
  readonly cursor: string | null
  readonly isLast: boolean
}

/**
 * Reads them: at most `limit`, and of a segment no further than `examined` contacts. How long a condition takes on all contacts nobody
 * knows, and where few match, or none, it would be evaluated on all of them. Rides on contact_pkey or topic_member_pkey.
 */
export async function readMembers(
  tx: Runner,
  fanout: LockedFanout,
  { limit, examined }: { readonly limit: number; readonly examined: number },
  offsetMs: number,
): Promise<Members> {
  const end = fanout.audience.kind === 'segment' ? await endOfRange(tx, fanout, examined) : null
  const { where, values, name } = meant(end === null ? fanout : { ...fanout, until: end }, offsetMs)
  const { rows } = await tx.query<ContactInfo>({
    ...(name === null ? {} : { name: `read-members-${name}` }),
    text: `SELECT ${contactColumns} FROM contact c WHERE ${where} ORDER BY c.id LIMIT $${values.length + 1}`,
    values: [...values, limit],
  })
  const last = rows.at(-1)?.id ?? null
  if (rows.length === limit) return { members: rows, cursor: last, isLast: false }
  return { members: rows, cursor: end ?? last, isLast: end === null }
}

/** The contact that is so many after the cursor; null: there are not so many. */
async function endOfRange(tx: Runner, { project, cursor, until }: LockedFanout, examined: number): Promise<string | null> {
  const { rows } = await tx.query<{ id: string }>({
    name: 'read-members-range',
    text: 'SELECT id FROM contact WHERE project_id = $1 AND id > $2 AND id <= $3 ORDER BY id OFFSET $4 LIMIT 1',
    values: [project.id, cursor ?? NOBODY, until, examined - 1],
  })
  return rows[0]?.id ?? null
}

/** Counts the audience from the cursor on, and notes it down, unless the send is at its end meanwhile and knows better. */
export async function countMembers(db: Runner, fanout: LockedFanout, offsetMs: number): Promise<void> {
  const { where, values, name } = meant(fanout, offsetMs)
  const { rows } = await db.query<{ total: number }>({
    ...(name === null ? {} : { name: `count-members-${name}` }),
    text: `SELECT count(*) AS total FROM contact c WHERE ${where}`,
    values,
  })
  await db.query({
    name: 'note-total',
    text: 'UPDATE fanout SET total = GREATEST(written, $3::int) WHERE project_id = $1 AND id = $2 AND total IS NULL',
    values: [fanout.project.id, fanout.id, rows[0]?.total ?? 0],
  })
}

/** What a chunk did, in contacts: `sent` are told, `open` wait for a worker, to `failed` nothing could be said at all. */
export interface Chunk {
  readonly cursor: string | null
  readonly isLast: boolean
  readonly written: number
  readonly sent: number
  readonly failed: number
  readonly open: number
}

/** Moves a locked send on, in the transaction that writes the chunk; the next one is due at once, behind others that wait. */
export async function advanceFanout(tx: Runner, projectId: string, id: string, chunk: Chunk, offsetMs: number): Promise<void> {
  await tx.query({
    name: 'advance-fanout',
    text: `UPDATE fanout SET cursor = COALESCE($3, cursor), status = CASE WHEN $4 THEN 'DONE' ELSE 'RUNNING' END,
        -- The audience may have grown or shrunk since it was counted; what is not counted yet stays unknown.
        total = CASE WHEN $4 THEN written + $5 WHEN total IS NOT NULL THEN GREATEST(total, written + $5) END,
        written = written + $5, sent = sent + $6, failed = failed + $7, open = open + $8, failures = 0,
        due_at = CASE WHEN $4 THEN NULL ELSE clock_timestamp() + $9 * interval '1 millisecond' END
      WHERE project_id = $1 AND id = $2`,
    values: [...[projectId, id, chunk.cursor, chunk.isLast, chunk.written, chunk.sent, chunk.failed, chunk.open], offsetMs],
  })
}

/** After a chunk that could not be written: its turn comes later, each time later, and others go on meanwhile. */
export async function postponeFanout(db: Runner, projectId: string, id: string, offsetMs: number): Promise<void> {
  await db.query({
    name: 'postpone-fanout',
    text: `UPDATE fanout SET failures = failures + 1,
        due_at = now() + (LEAST(60000, 500 * 2 ^ LEAST(failures, 10)) + $3) * interval '1 millisecond'
      WHERE project_id = $1 AND id = $2 AND status IN ('ACCEPTED', 'RUNNING')`,
    values: [projectId, id, offsetMs],
  })
}
