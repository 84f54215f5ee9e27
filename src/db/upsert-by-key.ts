/**
 * Inserts or updates what callers identify by a key, in sets: templates, topics and segments. A key may be in a set only once. Each
 * statement rides on the unique index of (project_id, key). Rows are written, and so locked, in the order of their keys: two calls that share
 * some would otherwise deadlock.
 */
import type { Channel, ChannelRule, Condition, ContentOf, DigestRule, JsonObject, Severity } from '../words.ts'
import type { Runner } from './database.ts'
import type { Segment, Topic } from './generated/client.ts'

/** A row that has to exist afterwards. `id` and `createdAt` are used if it is new. */
interface Keyed<Field extends string> {
  readonly id: string
  readonly key: string
  readonly name: string
  readonly createdAt: Date
  /** the fields to change if the row exists already; the others keep their values */
  readonly given: readonly Field[]
}

/** A template that has to exist afterwards. */
export interface TemplateWrite
  extends Keyed<
    | 'name'
    | 'active'
    | 'critical'
    | 'strict'
    | 'inPreferences'
    | 'feed'
    | 'severity'
    | 'rules'
    | 'delaySeconds'
    | 'digest'
    | 'dataSchema'
  > {
  readonly active: boolean
  readonly critical: boolean
  readonly strict: boolean
  readonly inPreferences: boolean
  readonly feed: string
  readonly severity: Severity
  readonly rules: readonly ChannelRule[]
  readonly delaySeconds: number | null
  readonly digest: DigestRule | null
  readonly dataSchema: JsonObject | null
}

/** The new contents of a template on one channel, in all its languages. */
export interface ContentsWrite {
  readonly templateId: string
  readonly channel: Channel
  readonly contents: readonly { readonly locale: string; readonly content: ContentOf[Channel] }[]
}

/**
 * The two parameters of every statement: the rows, and the `given` fields by key. The latter are separate because DO UPDATE can refer only
 * to columns of the table.
 */
const asJson = (rows: readonly Keyed<string>[]): [rows: string, given: string] => [
  JSON.stringify(rows),
  JSON.stringify(Object.fromEntries(rows.map(({ key, given }) => [key, given]))),
]

/** SQL: sets a column if its field was given. `t` is the existing row. */
const ifGiven = (field: string, column: string): string =>
  `${column} = CASE WHEN $3::jsonb -> EXCLUDED.key ? '${field}' THEN EXCLUDED.${column} ELSE t.${column} END`

/** Inserts topics, or renames existing ones. @returns the topics as they are stored now, in no particular order */
export async function upsertTopics(tx: Runner, projectId: string, topics: readonly Keyed<'name'>[]): Promise<Topic[]> {
  const { rows } = await tx.query<Topic>({
    name: 'upsert-topics',
    text: `INSERT INTO topic AS t (project_id, id, key, name, created_at)
      SELECT $1::uuid, id, key, name, "createdAt" FROM json_to_recordset($2) AS r (id uuid, key text, name text, "createdAt" timestamptz)
      ORDER BY key
      ON CONFLICT (project_id, key) DO UPDATE SET ${ifGiven('name', 'name')}
      RETURNING project_id AS "projectId", id, key, name, created_at AS "createdAt"`,
    values: [projectId, ...asJson(topics)],
  })
  return rows
}

/**
 * Inserts segments, or changes existing ones.
 * @returns the segments as stored now, in no particular order; one with the id of its input is new
 */
export async function upsertSegments(
  tx: Runner,
  projectId: string,
  segments: readonly (Keyed<'name' | 'condition'> & { readonly condition: Condition | null; readonly updatedAt: Date })[],
): Promise<Segment[]> {
  const { rows } = await tx.query<Segment>({
    name: 'upsert-segments',
    text: `INSERT INTO segment AS t (project_id, id, key, name, condition, created_at, updated_at)
      SELECT $1::uuid, id, key, name, COALESCE(condition, '{}'), "createdAt", "updatedAt"
      FROM json_to_recordset($2) AS r (id uuid, key text, name text, condition jsonb, "createdAt" timestamptz, "updatedAt" timestamptz)
      ORDER BY key
      ON CONFLICT (project_id, key) DO UPDATE SET ${ifGiven('name', 'name')}, ${ifGiven('condition', 'condition')},
        updated_at = EXCLUDED.updated_at
      RETURNING project_id AS "projectId", id, key, name, condition, created_at AS "createdAt", updated_at AS "updatedAt"`,
    values: [projectId, ...asJson(segments)],
  })
  return rows
}

/** SQL: sets a column of a template if its field was given, or if the template was deleted: it comes back with the values of a new one. */
const ifGivenOrBack = (field: string, column = field): string =>
  `${column} = CASE WHEN t.deleted_at IS NOT NULL OR $3::jsonb -> EXCLUDED.key ? '${field}' THEN EXCLUDED.${column} ELSE t.${column} END`

/**
 * Inserts templates, or changes existing ones; all stay locked until the transaction ends. Their versions do not change yet (see
 * template-version.ts); a new one has version 0. `published`: of those that are new, or come back.
 * @returns ids by key
 */
export async function upsertTemplates(
  tx: Runner,
  projectId: string,
  templates: readonly TemplateWrite[],
  published: boolean,
): Promise<Map<string, string>> {
  const { rows } = await tx.query<{ id: string; key: string }>({
    name: 'upsert-templates',
    text: `INSERT INTO template AS t (project_id, id, key, name, active, critical, strict, in_preferences, feed, severity, rules, delay_seconds, digest,
        data_schema, version, published, created_at, updated_at)
      SELECT $1::uuid, id, key, name, active, critical, strict, "inPreferences", feed, severity, rules, "delaySeconds", digest, "dataSchema", 0, $4::bool, "createdAt",
        "createdAt"
      FROM json_to_recordset($2) AS r (id uuid, key text, name text, active bool, critical bool, strict bool, "inPreferences" bool, feed text, severity text, rules jsonb,
        "delaySeconds" int, digest jsonb, "dataSchema" jsonb, "createdAt" timestamptz)
      ORDER BY key
      ON CONFLICT (project_id, key) DO UPDATE SET ${ifGivenOrBack('name')}, ${ifGivenOrBack('active')}, ${ifGivenOrBack('critical')}, ${ifGivenOrBack('strict')},
        ${ifGivenOrBack('inPreferences', 'in_preferences')},
        ${ifGivenOrBack('feed')}, ${ifGivenOrBack('severity')}, ${ifGivenOrBack('rules')}, ${ifGivenOrBack('delaySeconds', 'delay_seconds')}, ${ifGivenOrBack('digest')},
        ${ifGivenOrBack('dataSchema', 'data_schema')}, updated_at = EXCLUDED.updated_at,
        published = CASE WHEN t.deleted_at IS NULL THEN t.published ELSE EXCLUDED.published END,
        created_at = CASE WHEN t.deleted_at IS NULL THEN t.created_at ELSE EXCLUDED.created_at END, deleted_at = NULL
      RETURNING id, key`,
    values: [projectId, ...asJson(templates), published],
  })
  return new Map(rows.map(({ key, id }) => [key, id]))
}

/** Replaces all contents of these templates on these channels. Lock the templates first. Rides on template_content_pkey. */
export async function replaceContents(tx: Runner, projectId: string, writes: readonly ContentsWrite[]): Promise<void> {
  const removed = tx.query({
    name: 'remove-contents',
    text: `DELETE FROM template_content c USING unnest($2::uuid[], $3::channel[]) AS w (template_id, channel)
      WHERE c.project_id = $1 AND c.template_id = w.template_id AND c.channel = w.channel`,
    values: [projectId, writes.map((one) => one.templateId), writes.map((one) => one.channel)],
  })
  const rows = writes.flatMap(({ templateId, channel, contents }) => contents.map((one) => ({ templateId, channel, ...one })))
  // Two statements: in a single one, the insert would still find the deleted rows, and conflict with them.
  const added = tx.query({
    name: 'add-contents',
    text: `INSERT INTO template_content (project_id, template_id, channel, locale, content)
      SELECT $1::uuid, "templateId", channel, locale, content
      FROM json_to_recordset($2) AS r ("templateId" uuid, channel channel, locale text, content jsonb)`,
    values: [projectId, JSON.stringify(rows)],
  })
  await Promise.all([removed, added])
}
