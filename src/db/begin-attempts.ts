/** The beginning of an attempt: recorded before a message goes out, and taken back when it has to wait. */
import { plainArray } from './array.ts'
import type { Runner } from './database.ts'
import { type ClaimKey, inLockOrder, isHeldBy, keyArrays, unlessAll } from './lease.ts'

/**
 * SQL: what is written of rows `d` that somebody has told to stop (db/revoke-claims.ts): they are due again, as if they had not been claimed.
 * What is not told to stop gets `begunAt` and `boundTo`.
 */
const unlessStopped = (
  begunAt: string,
  boundTo: string,
  mayHaveArrived: string,
): string => `lease_until = CASE WHEN NOT d.stop THEN d.lease_until END,
          claims = d.claims + d.stop::int, due_at = CASE WHEN d.stop THEN now() ELSE d.due_at END, claim_id = NULL,
          begun_at = CASE WHEN NOT d.stop THEN ${begunAt} WHEN ${mayHaveArrived} THEN d.begun_at END,
          bound_to = CASE WHEN NOT d.stop THEN ${boundTo} WHEN ${mayHaveArrived} THEN d.bound_to END`

/** A message whose attempt begins. */
export interface Beginning extends ClaimKey {
  /** Whether it may have arrived under an earlier claim. What this claim has begun before has not brought it: no other attempt would begin then. Left out: it may. */
  readonly mayHaveArrived?: boolean
}

/**
 * Records that an attempt begins now. Call it before the attempt begins: after a crash the message may have
 * arrived, and goes out again only where the receiver folds repeats. Rides on delivery_pkey, and changes no indexed column.
 * @returns ids of the messages whose claim is still valid; the others were canceled or claimed by another worker, or are to be decided again, and
 * must not be sent
 */
export async function beginAttempts(db: Runner, beginning: readonly Beginning[]): Promise<Set<string>> {
  const claims = inLockOrder(beginning)
  const { rows } = await db.query<{ ids: string[] | null }>({
    name: 'begin-attempts',
    // Nearly always it is all of them, which need not be listed.
    text: `WITH begun AS (
        UPDATE delivery d SET ${unlessStopped('now()', 'c.provider_id', 'c.may_have_arrived')}
        FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[], $5::bool[]) AS c (project_id, id, claims, provider_id, may_have_arrived)
        WHERE d.project_id = c.project_id AND d.message_id = c.id AND ${isHeldBy('d', 'c.claims')} RETURNING d.message_id, d.stop
      )
      SELECT ${unlessAll('message_id')} AS ids FROM begun WHERE NOT stop`,
    values: [
      ...keyArrays(claims),
      plainArray(claims.map((one) => one.providerId ?? null)),
      plainArray(claims.map((one) => String(one.mayHaveArrived ?? true))),
    ],
  })
  return new Set(rows[0]?.ids ?? claims.map((one) => one.id))
}

/**
 * Takes back that attempts have begun with their claim: the messages wait for their turn, and nothing was sent. Until they begin they can be
 * canceled, and their claims be revoked. It may be written again, if the answer was lost. Rides on delivery_pkey.
 * @returns ids of the messages whose claim is still valid
 */
export async function postponeAttempts(db: Runner, claims: readonly ClaimKey[]): Promise<Set<string>> {
  const { rows } = await db.query<{ id: string }>({
    name: 'postpone-attempts',
    text: `WITH postponed AS (
        UPDATE delivery d SET ${unlessStopped('NULL', 'NULL', 'false')}
        FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS c (project_id, id, claims)
        WHERE d.project_id = c.project_id AND d.message_id = c.id AND ${isHeldBy('d', 'c.claims')} AND (d.claim_id IS NOT NULL OR d.begun_at IS NULL)
        RETURNING d.message_id AS id, d.stop
      )
      SELECT id FROM postponed WHERE NOT stop`,
    values: keyArrays(inLockOrder(claims)),
  })
  return new Set(rows.map((row) => row.id))
}
