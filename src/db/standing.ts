/** What ends the validity of credentials before they expire: revocations of tokens, and projects that are suspended or being deleted. */
import type { Runner } from './database.ts'

/** SQL: the project `p` is neither suspended nor being deleted. */
export const isActive = 'p.suspended_at IS NULL AND p.delete_at IS NULL'

/** A revocation of all tokens of a subject that were issued under an earlier generation. */
export interface Revocation {
  readonly projectId: string
  /** a contact; or the project itself, for its access tokens */
  readonly subject: string
  readonly generation: number
  /** ms since 1970, on the database's clock */
  readonly revokedAt: number
}

/** A project that is suspended, or will be deleted. */
export interface InactiveProject {
  readonly id: string
  /** when its deletion begins, ms since 1970; null: it is only suspended */
  readonly deleteAt: number | null
}

/** What was found. */
export interface StandingChanges {
  readonly inactive: readonly InactiveProject[]
  readonly revocations: readonly Revocation[]
}

/** SQL: the columns of `StandingChanges`. `since`: a parameter, ms as in `revokedAt`; NULL: all revocations */
export const standingColumns = (since: string): string =>
  `(SELECT COALESCE(json_agg(json_build_object('id', id, 'deleteAt', (extract(epoch FROM delete_at) * 1000)::float8)), '[]') FROM project
      WHERE suspended_at IS NOT NULL OR delete_at IS NOT NULL) AS inactive,
    (SELECT COALESCE(json_agg(json_build_object('projectId', project_id, 'subject', subject, 'generation', generation,
        'revokedAt', (extract(epoch FROM revoked_at) * 1000)::float8) ORDER BY revoked_at), '[]') FROM token_revocation
      WHERE revoked_at >= COALESCE(to_timestamp(${since}::float8 / 1000), '-infinity')) AS revocations`

/**
 * All inactive projects, and the revocations since `since` (ms, as in `revokedAt`; null: all). One row, whatever there is. Rides on
 * project_inactive and token_revocation_revoked_at_idx.
 */
export async function readStanding(db: Runner, since: number | null): Promise<StandingChanges> {
  const { rows } = await db.query<StandingChanges>({
    name: 'read-standing',
    text: `SELECT ${standingColumns('$1')}`,
    values: [since],
  })
  return rows[0] ?? { inactive: [], revocations: [] }
}

/** Revokes all tokens that a subject has. Rides on token_revocation_pkey. */
export async function revokeTokens(db: Runner, projectId: string, subject: string): Promise<void> {
  await db.query({
    name: 'revoke-tokens',
    text: `INSERT INTO token_revocation AS r (project_id, subject, generation, revoked_at)
      VALUES ($1, $2, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, clock_timestamp())
      ON CONFLICT (project_id, subject) DO UPDATE
        SET generation = GREATEST(r.generation + 1, EXCLUDED.generation), revoked_at = EXCLUDED.revoked_at`,
    values: [projectId, subject],
  })
}

/** The generation that a new token of the subject gets: 0 where nothing was revoked lately. Rides on token_revocation_pkey. */
export async function generationOf(db: Runner, projectId: string, subject: string): Promise<number> {
  const { rows } = await db.query<{ generation: string }>({
    name: 'generation-of',
    text: 'SELECT generation::text FROM token_revocation WHERE project_id = $1 AND subject = $2',
    values: [projectId, subject],
  })
  return Number(rows[0]?.generation ?? 0)
}

/** Deletes revocations that are older than every token can be. Rides on token_revocation_revoked_at_idx. */
export async function pruneRevocations(db: Runner, keepMs: number): Promise<void> {
  await db.query({
    name: 'prune-revocations',
    text: `DELETE FROM token_revocation WHERE revoked_at < now() - $1 * interval '1 millisecond'`,
    values: [keepMs],
  })
}
