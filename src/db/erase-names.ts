/**
 * The statements that find a person's addresses in the names that callers gave: ids of messages and sends to many, transactions, keys of
 * digests. They become hashes (db/hash.ts), by which they are still known. No index finds a part of a text, so tables are read in pages, each
 * from where the last one ended.
 */
import type { Runner } from './database.ts'
import { hashOf } from './hash.ts'

/** What to look for: patterns of LIKE, in lower case. */
export type Patterns = readonly string[]

/** The tables that are read, in this order. */
export const namedTables = ['notification', 'fanout', 'spent_id', 'transaction', 'digest', 'event', 'delivery_report'] as const
export type NamedTable = (typeof namedTables)[number]

/** A page of a table: the names that were found, and where the next page begins; null: it was the last one. */
export interface NamesPage {
  readonly found: readonly string[]
  readonly last: string | null
}

const columns = {
  notification: { order: 'key', text: 'key', where: 'key IS NOT NULL' },
  fanout: {
    order: 'id::text',
    text: "concat_ws(' ', key, data::text, overrides::text, audience::text, increment_id)",
    where: 'true',
  },
  spent_id: { order: 'key', text: "concat_ws(' ', key, transaction_id)", where: 'true' },
  transaction: { order: 'id', text: 'id', where: 'NOT is_hash' },
  digest: { order: 'id::text', text: 'key', where: 'true' },
  event: { order: 'id::text', text: "concat_ws(' ', name, params::text)", where: 'contact_id IS NULL' },
  delivery_report: { order: 'provider_message_id', text: "concat_ws(' ', provider_message_id, error_message)", where: 'true' },
} satisfies Record<NamedTable, { order: string; text: string; where: string }>

/** Reads up to `limit` rows after `after`. */
export async function readNamesPage(
  db: Runner,
  projectId: string,
  table: NamedTable,
  patterns: Patterns,
  after: string,
  limit: number,
): Promise<NamesPage> {
  const { order, text, where } = columns[table]
  const column = order.replace('::text', '')
  const bound = order === 'id::text' ? '$2::uuid' : '$2'
  const { rows } = await db.query<{ found: string[] | null; last: string | null; count: number }>({
    name: `erase-names-${table}`,
    text: `WITH page AS MATERIALIZED (
        SELECT ${column}::text AS name, ${text} AS text FROM ${table} WHERE project_id = $1 AND ${where} AND ${column} > ${bound} ORDER BY ${column} LIMIT $4
      )
      SELECT array_agg(name) FILTER (WHERE lower(text) LIKE ANY($3::text[])) AS found, count(*) AS count,
        (SELECT name FROM page ORDER BY ${column === 'id' && table !== 'transaction' ? 'name::uuid' : 'name'} DESC LIMIT 1) AS last FROM page`,
    values: [projectId, after === '' && order === 'id::text' ? '00000000-0000-0000-0000-000000000000' : after, patterns, limit],
  })
  const [row] = rows
  return { found: row?.found ?? [], last: row === undefined || row.count < limit ? null : row.last }
}

/** Ids of the notifications with these ids of the caller's. Rides on notification_project_id_key_key. */
export async function findByKeys(db: Runner, projectId: string, keys: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'erase-find-by-keys',
    text: 'SELECT id FROM notification WHERE project_id = $1 AND key = ANY($2::text[])',
    values: [projectId, keys],
  })
  return rows.map((row) => row.id)
}

/** A send to many that names the person. */
export interface NamingFanout {
  readonly id: string
  readonly key: string | null
  readonly data: unknown
  readonly overrides: unknown
  readonly audience: unknown
}

/** Locks sends to many; a chunk that is being written is waited for. Rides on fanout_pkey. */
export async function lockFanouts(tx: Runner, projectId: string, ids: readonly string[]): Promise<NamingFanout[]> {
  const { rows } = await tx.query<NamingFanout>({
    name: 'erase-lock-fanouts',
    text: 'SELECT id, key, data, overrides, audience FROM fanout WHERE project_id = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR UPDATE',
    values: [projectId, ids],
  })
  return rows
}

/**
 * Writes what sends to many say, without the person; the id of one whose id names it (`hashesKey`) moves to spent_id as a hash. The condition
 * of one that is not written to its end yet stays, because it says who gets it. Lock the ids first (`lockKeys`), then the sends.
 */
export async function writeFanouts(
  tx: Runner,
  projectId: string,
  rows: readonly (NamingFanout & { readonly hashesKey: boolean })[],
): Promise<void> {
  await tx.query({
    name: 'erase-write-named-fanouts',
    text: `WITH r AS (
        SELECT * FROM json_to_recordset($2) AS r (id uuid, data jsonb, overrides jsonb, audience jsonb, "hashesKey" bool)
      ), old AS (
        SELECT f.key, f.content_hash, f.transaction_id FROM fanout f JOIN r ON r.id = f.id WHERE f.project_id = $1 AND f.key IS NOT NULL AND r."hashesKey"
      ), spent AS (
        INSERT INTO spent_id (project_id, key, content_hash, transaction_id, is_hash)
        SELECT $1::uuid, ${hashOf('$1::uuid', 'key')}, content_hash, transaction_id, true FROM old ORDER BY 2 ON CONFLICT DO NOTHING
      )
      UPDATE fanout f SET data = r.data, overrides = r.overrides,
        audience = CASE WHEN f.status IN ('DONE', 'CANCELED') THEN r.audience ELSE f.audience END,
        key = CASE WHEN r."hashesKey" THEN NULL ELSE f.key END, content_hash = CASE WHEN r."hashesKey" THEN NULL ELSE f.content_hash END
      FROM r WHERE f.project_id = $1 AND f.id = r.id`,
    values: [projectId, JSON.stringify(rows)],
  })
}

/** Ids that are spent become hashes, where they name the person. Rides on spent_id_pkey. @returns how many */
export async function hashSpentIds(tx: Runner, projectId: string, keys: readonly string[], patterns: Patterns): Promise<number> {
  const { rowCount } = await tx.query({
    name: 'erase-hash-spent-ids',
    text: `UPDATE spent_id SET key = CASE WHEN NOT is_hash AND lower(key) LIKE ANY($3::text[]) THEN ${hashOf('project_id', 'key')} ELSE key END,
        is_hash = is_hash OR lower(key) LIKE ANY($3::text[]),
        transaction_id = CASE WHEN lower(transaction_id) LIKE ANY($3::text[]) THEN ${hashOf('project_id', 'transaction_id')} ELSE transaction_id END
      WHERE project_id = $1 AND key = ANY($2::text[])`,
    values: [projectId, keys, patterns],
  })
  return rowCount ?? 0
}

/**
 * Renames a page of a transaction to its hash: its sends to many first, so that what they write has the new name, then up to `limit`
 * notifications. The transaction's own row comes last, when nothing else has the name: after a crash it is found again. Rides on
 * transaction_pkey, fanout_project_id_transaction_id_idx and notification_project_id_transaction_id_id_idx.
 * @returns whether it is done
 */
export async function renameTransaction(tx: Runner, projectId: string, id: string, limit: number): Promise<boolean> {
  const hash = hashOf('project_id', 'transaction_id')
  await tx.query({
    name: 'erase-rename-fanouts',
    text: `UPDATE fanout SET transaction_id = ${hash} WHERE project_id = $1 AND transaction_id = $2::text`,
    values: [projectId, id],
  })
  const { rowCount } = await tx.query({
    name: 'erase-rename-notifications',
    text: `UPDATE notification SET transaction_id = ${hash} WHERE project_id = $1 AND id IN (
      SELECT id FROM notification WHERE project_id = $1 AND transaction_id = $2::text ORDER BY id LIMIT $3)`,
    values: [projectId, id, limit],
  })
  if ((rowCount ?? 0) === limit) return false
  await tx.query({
    name: 'erase-rename-claims',
    text: `UPDATE device_claim SET transaction_id = ${hash} WHERE project_id = $1 AND transaction_id = $2::text`,
    values: [projectId, id],
  })
  await tx.query({
    name: 'erase-rename-transaction',
    text: `UPDATE transaction SET id = ${hashOf('project_id', 'id')}, is_hash = true WHERE project_id = $1 AND id = $2::text AND NOT is_hash`,
    values: [projectId, id],
  })
  return true
}

/** Removes the person from the other tables. @returns how many rows there were */
export async function eraseNamed(
  tx: Runner,
  projectId: string,
  table: 'digest' | 'event' | 'delivery_report',
  names: readonly string[],
): Promise<number> {
  const text = {
    digest: `UPDATE digest SET key = ${hashOf('project_id', 'key')} WHERE project_id = $1 AND id = ANY($2::uuid[])`,
    // It happened to the service and not to a contact; that it happened stays, if its name does not name the person.
    event: `UPDATE event SET params = '{}', keys = '{}' WHERE project_id = $1 AND contact_id IS NULL AND id = ANY($2::uuid[])`,
    delivery_report:
      'UPDATE delivery_report SET error_message = NULL WHERE project_id = $1 AND provider_message_id = ANY($2::text[])',
  }
  const { rowCount } = await tx.query({ name: `erase-named-${table}`, text: text[table], values: [projectId, names] })
  return rowCount ?? 0
}
