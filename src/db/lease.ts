/** Leases: which rows of delivery a worker holds, and how they end. */
import { plainArray } from './array.ts'
import type { Runner } from './database.ts'

/** Columns hold times rounded to whole milliseconds, so a message that was written as due now may be due up to half a millisecond later. */
export const nearlyBy = (offset: string): string => `now() + (${offset}::float8 + 0.5) * interval '1 millisecond'`

/** A message, and the fencing number under which it was claimed. */
export interface ClaimKey {
  readonly projectId: string
  readonly id: string
  readonly claims: number
  /** the provider of the attempt; null for in-app messages */
  readonly providerId?: string | null
}

/** Messages in the order in which their rows of delivery are locked, by those too who cancel them or revoke their claims. */
export const inLockOrder = <T extends { readonly id: string }>(list: readonly T[]): T[] =>
  list.toSorted((one, other) => (one.id < other.id ? -1 : 1))

/** The first three parameters of a statement over claimed messages: project, message and fencing number of each. */
export const keyArrays = (claims: readonly ClaimKey[]) => [
  plainArray(claims.map((one) => one.projectId)),
  plainArray(claims.map((one) => one.id)),
  plainArray(claims.map((one) => one.claims)),
]

/** SQL: the ids in a column, as an array; NULL: they are as many as there are in the parameter `$1`. */
export const unlessAll = (column: string): string =>
  `CASE WHEN count(*) < cardinality($1::uuid[]) THEN COALESCE(array_agg(${column}::text), '{}') END`

/** SQL: the row of delivery is still held by the worker of this claim. */
export const isHeldBy = (row: string, claims: string): string => `${row}.claims = ${claims} AND ${row}.lease_until IS NOT NULL`

/**
 * Takes messages out of the outbox, in the transaction that writes what became of them. Rides on delivery_pkey.
 * @returns ids of the messages whose claim was still valid; nothing may be written about the others
 */
export async function endClaims(tx: Runner, claims: readonly ClaimKey[]): Promise<Set<string>> {
  const { rows } = await tx.query<{ id: string }>({
    name: 'end-claims',
    text: `DELETE FROM delivery d USING unnest($1::uuid[], $2::uuid[], $3::int[]) AS c (project_id, id, claims)
      WHERE d.project_id = c.project_id AND d.message_id = c.id AND ${isHeldBy('d', 'c.claims')} RETURNING d.message_id AS id`,
    values: keyArrays(inLockOrder(claims)),
  })
  return new Set(rows.map((row) => row.id))
}

/**
 * Ends every lease. Only for a database that a single process uses, when that starts: the process that held the leases is gone, so nothing
 * has to wait until they run out.
 */
export async function endLeases(db: Runner): Promise<void> {
  await db.query('UPDATE delivery SET lease_until = now() WHERE lease_until IS NOT NULL')
}

/**
 * Ends the leases under which no attempt has begun. Used when the database was unavailable and is back: a claim whose answer was lost has
 * taken messages that no worker knows of. Where a worker does hold one, nothing is sent twice: the fencing number goes up, so its attempt
 * can no longer begin. Rides on delivery_due.
 * @param options.lost ids of claims whose answer this worker did not get: what began with them was not sent
 */
export async function endIdleLeases(
  db: Runner,
  { offsetMs, lost = [] }: { readonly offsetMs: number; readonly lost?: readonly number[] },
): Promise<void> {
  await db.query({
    name: 'end-idle-leases',
    text: `UPDATE delivery SET lease_until = NULL, claims = claims + 1, begun_at = NULL, bound_to = CASE WHEN begun_at IS NULL THEN bound_to END,
        claim_id = NULL
      WHERE lease_until IS NOT NULL AND bulk IN (false, true) AND (begun_at IS NULL OR claim_id = ANY($2::bigint[])) AND due_at <= ${nearlyBy('$1')}`,
    values: [offsetMs, lost],
  })
}
