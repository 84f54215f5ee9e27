/** How the audit log sees what is stored: the state of an object as one JSON value, made by the database from the columns that count. */
import type { AuditTarget } from '../words.ts'
import type { Rows } from './audit.ts'
import type { ApiKey, Campaign, Project, Provider, Segment, Suppression, Template, Topic } from './generated/client.ts'

/** Whether a column is a part of the state. A new column of one of these tables does not compile until that is decided. */
type Columns<Row> = Readonly<Record<Exclude<keyof Row, 'projectId'>, boolean>>

// Left out: hashes of secrets, addresses (an erased person's must not stay here), and what changes by itself.
const project = {
  id: false,
  key: true,
  name: true,
  locale: true,
  timezone: true,
  accessKey: true,
  secretHash: false,
  inboundDomain: true,
  allowedOrigins: true,
  resendUnknown: true,
  templateDrafts: true,
  retentionDays: true,
  auditRetentionDays: true,
  limits: true,
  createdAt: false,
  suspendedAt: true,
  suspendedReason: true,
  deleteAt: true,
  deletionBeganAt: false,
  deletedTables: false,
  deletedRows: false,
} satisfies Columns<Project>
const apiKey = {
  id: false,
  name: true,
  prefix: true,
  hash: false,
  createdAt: false,
  lastUsedAt: false,
  revokedAt: true,
  expiresAt: true,
  scopes: true,
} satisfies Columns<ApiKey>
const template = {
  id: false,
  key: true,
  name: true,
  active: true,
  critical: true,
  strict: true,
  feed: true,
  rules: true,
  delaySeconds: true,
  digest: true,
  dataSchema: true,
  severity: true,
  inPreferences: true,
  version: false,
  latestVersion: false,
  published: true,
  // May have been a person's.
  samples: false,
  deletedAt: false,
  createdAt: false,
  updatedAt: false,
} satisfies Columns<Template>
const campaign = {
  id: false,
  key: true,
  name: true,
  active: true,
  dispatch: true,
  channel: true,
  templateId: false,
  segmentId: false,
  schedule: true,
  nextRunAt: false,
  createdAt: false,
  updatedAt: false,
} satisfies Columns<Campaign>
const segment = {
  id: false,
  key: true,
  name: true,
  condition: true,
  createdAt: false,
  updatedAt: false,
} satisfies Columns<Segment>
const topic = { id: false, key: true, name: true, createdAt: false } satisfies Columns<Topic>
const provider = {
  id: false,
  key: true,
  channel: true,
  kind: true,
  settings: true,
  priority: true,
  ratePerSecond: true,
  active: true,
  version: false,
  openUntil: false,
  createdAt: false,
  updatedAt: false,
} satisfies Columns<Provider>
const suppression = {
  id: false,
  channel: true,
  address: false,
  isHash: false,
  reason: true,
  createdAt: false,
} satisfies Columns<Suppression>

/** Contents of one template beyond this many bytes are shortened: a thousand templates of 600 KB do not fit into memory. */
const CONTENT_BYTES = 12_000

/** SQL: the contents of a template by channel and language. What replaces a long one tells whether it has changed. */
const contents = `(SELECT jsonb_object_agg(c.name, c.shown) FROM (
    SELECT channel || ' ' || locale AS name, CASE
      WHEN octet_length(content::text) > 300 AND sum(octet_length(content::text)) OVER () > ${CONTENT_BYTES} THEN jsonb_build_object(
        'start', left(content::text, 200), 'bytes', octet_length(content::text),
        'sha256', encode(sha256(convert_to(content::text, 'UTF8')), 'hex'))
      ELSE content END AS shown
    FROM template_content WHERE project_id = t.project_id AND template_id = t.id) c)`

/** SQL: the draft of a template; null if it has none. What replaces a long one tells whether it has changed. */
const draft = `(SELECT jsonb_build_object('version', v.number) || CASE
      WHEN octet_length(v.content::text) > ${CONTENT_BYTES} THEN jsonb_build_object('bytes', octet_length(v.content::text),
        'sha256', encode(sha256(convert_to(v.content::text, 'UTF8')), 'hex'))
      ELSE v.content END
    FROM template_version v WHERE v.project_id = t.project_id AND v.template_id = t.id AND v.number = t.latest_version
      AND (t.latest_version > t.version OR NOT t.published))`

interface Stored {
  readonly table: string
  readonly columns: Readonly<Record<string, boolean>>
  /** further parts of the state, by name, as SQL */
  readonly more?: Readonly<Record<string, string>>
  /** SQL: what it is identified by in calls */
  readonly key: string
  /** by which of the two it is looked up */
  readonly by: 'key' | 'id'
  readonly where?: string
}

const stored = {
  PROJECT: { table: 'project', columns: project, key: 't.key', by: 'id' },
  API_KEY: { table: 'api_key', columns: apiKey, key: 't.name', by: 'id' },
  TEMPLATE: {
    table: 'template',
    columns: template,
    more: { contents, draft },
    key: 't.key',
    by: 'key',
    where: 't.deleted_at IS NULL',
  },
  CAMPAIGN: {
    table: 'campaign',
    columns: campaign,
    more: {
      template: '(SELECT key FROM template WHERE project_id = t.project_id AND id = t.template_id)',
      segment: '(SELECT key FROM segment WHERE project_id = t.project_id AND id = t.segment_id)',
    },
    key: 't.key',
    by: 'key',
  },
  SEGMENT: { table: 'segment', columns: segment, key: 't.key', by: 'key' },
  TOPIC: { table: 'topic', columns: topic, key: 't.key', by: 'key' },
  PROVIDER: { table: 'provider', columns: provider, key: 't.key', by: 'key' },
  SUPPRESSION: { table: 'suppression', columns: suppression, key: 't.id::text', by: 'id' },
} satisfies { readonly [Kind in AuditTarget]?: Stored }

/** Kinds of objects whose state is stored in a row of theirs. */
export type StoredTarget = keyof typeof stored

/** An object as it is stored at the moment. */
export interface State {
  readonly id: string
  readonly key: string
  /** JSON text; two states are the same if their texts are */
  readonly text: string
}

const snakeOf = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/**
 * Reads the states of objects by their keys, or by their ids where calls identify them by id. What does not exist is left out.
 * @returns states by what they were looked up with
 */
export async function readStates(
  rows: Rows,
  kind: StoredTarget,
  projectId: string,
  names: readonly string[],
): Promise<Map<string, State>> {
  const { table, columns, more = {}, key, by, where = 'true' }: Stored = stored[kind]
  const parts = [
    ...Object.keys(columns).flatMap((name) => (columns[name] === true ? [`'${name}', t.${snakeOf(name)}`] : [])),
    ...Object.entries(more).map(([name, sql]) => `'${name}', ${sql}`),
  ]
  const owner = kind === 'PROJECT' ? 't.id' : 't.project_id'
  const wanted = by === 'id' ? 't.id = ANY($2::uuid[])' : 't.key = ANY($2::text[])'
  const found = await rows<State>(
    `SELECT t.id::text AS id, ${key} AS key, jsonb_build_object(${parts.join(', ')})::text AS text
      FROM ${table} t WHERE ${owner} = $1::uuid AND ${wanted} AND ${where}`,
    [projectId, names],
  )
  return new Map(found.map((one) => [one[by], one]))
}
