/**
 * Projects and keys as each request and each start needs them. Plain statements: a server that only sends and delivers never loads Prisma's
 * engine, which takes tens of megabytes and a noticeable part of its first request.
 */
import type { Runner } from './database.ts'
import type { ApiKey, Project } from './generated/client.ts'

const projectColumns = {
  id: 'id',
  key: 'key',
  name: 'name',
  locale: 'locale',
  timezone: 'timezone',
  accessKey: 'access_key',
  secretHash: 'secret_hash',
  inboundDomain: 'inbound_domain',
  allowedOrigins: 'allowed_origins',
  resendUnknown: 'resend_unknown',
  templateDrafts: 'template_drafts',
  retentionDays: 'retention_days',
  auditRetentionDays: 'audit_retention_days',
  limits: 'limits',
  createdAt: 'created_at',
  suspendedAt: 'suspended_at',
  suspendedReason: 'suspended_reason',
  deleteAt: 'delete_at',
  deletionBeganAt: 'deletion_began_at',
  deletedTables: 'deleted_tables',
  deletedRows: 'deleted_rows',
} satisfies Readonly<Record<keyof Project, string>>

type ProjectRow = Omit<Project, 'deletedRows'> & { readonly deletedRows: number }
const selected = Object.entries(projectColumns)
  .map(([name, column]) => `p.${column} AS "${name}"`)
  .join(', ')
const projectOf = (row: ProjectRow): Project => ({ ...row, deletedRows: BigInt(row.deletedRows) })

/** The project of that id. Rides on project_pkey. */
export async function findProjectById(db: Runner, id: string): Promise<Project | null> {
  const { rows } = await db.query<ProjectRow>({
    name: 'find-project-by-id',
    text: `SELECT ${selected} FROM project p WHERE p.id = $1`,
    values: [id],
  })
  return rows[0] === undefined ? null : projectOf(rows[0])
}

/** What is known of an API key, with its project. */
export interface FoundKey {
  readonly key: Pick<ApiKey, 'id' | 'name' | 'scopes' | 'revokedAt' | 'expiresAt'>
  readonly project: Project
}

interface KeyRow extends ProjectRow {
  readonly keyId: string
  readonly keyName: string
  readonly keyScopes: string[]
  readonly keyRevokedAt: Date | null
  readonly keyExpiresAt: Date | null
}

/** The API key with that hash. Rides on api_key_hash_key and project_pkey. */
export async function findApiKey(db: Runner, hash: Buffer): Promise<FoundKey | null> {
  const { rows } = await db.query<KeyRow>({
    name: 'find-api-key',
    text: `SELECT k.id AS "keyId", k.name AS "keyName", k.scopes AS "keyScopes", k.revoked_at AS "keyRevokedAt", k.expires_at AS "keyExpiresAt",
        ${selected} FROM api_key k JOIN project p ON p.id = k.project_id WHERE k.hash = $1`,
    values: [hash],
  })
  const [row] = rows
  if (row === undefined) return null
  const { keyId: id, keyName: name, keyScopes: scopes, keyRevokedAt: revokedAt, keyExpiresAt: expiresAt, ...project } = row
  return { key: { id, name, scopes, revokedAt, expiresAt }, project: projectOf(project) }
}

/** Notes when a key was last used. Rides on api_key_pkey. */
export async function noteKeyUse(db: Runner, projectId: string, id: string, at: Date): Promise<void> {
  await db.query({
    name: 'note-key-use',
    text: 'UPDATE api_key SET last_used_at = $3 WHERE project_id = $1 AND id = $2',
    values: [projectId, id, at],
  })
}

/** Those of the given ids that are API keys and not revoked. */
export async function findUnrevoked(db: Runner, ids: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'find-unrevoked',
    text: 'SELECT id FROM api_key WHERE id = ANY($1::uuid[]) AND revoked_at IS NULL',
    values: [ids],
  })
  return rows.map(({ id }) => id)
}

/** How long each project keeps what is finished, in days. */
export async function findRetentions(db: Runner): Promise<Pick<Project, 'id' | 'retentionDays' | 'auditRetentionDays'>[]> {
  const { rows } = await db.query<Pick<Project, 'id' | 'retentionDays' | 'auditRetentionDays'>>({
    name: 'find-retentions',
    text: 'SELECT id, retention_days AS "retentionDays", audit_retention_days AS "auditRetentionDays" FROM project',
  })
  return rows
}

/** Whether there is a project. */
export async function hasProjects(db: Runner): Promise<boolean> {
  const { rowCount } = await db.query({ name: 'has-projects', text: 'SELECT FROM project LIMIT 1' })
  return rowCount !== 0
}
