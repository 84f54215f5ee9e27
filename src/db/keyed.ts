/**
 * What callers name by a key: templates, topics and segments are made or changed in sets. Each statement has a key once, and rides on the
 * unique index of (project_id, key). Rows are written, and so locked, in the order of their keys: two calls that share some would otherwise
 * wait for each other.
 */
import type { Channel, ChannelRule, Condition, ContentOf, DigestRule, JsonObject } from '../domain/words.ts'
import type { Runner } from './database.ts'
import type { Segment, Topic } from './generated/client.ts'

/** A row to be there afterwards. `id` and `createdAt` are used if it is new. */
interface Keyed<Field extends string> {
  readonly id: string
  readonly key: string
  readonly name: string
  readonly createdAt: Date
  /** which fields are written where the row is there already; the others stay */
  readonly given: readonly Field[]
}

/** A template to be there afterwards. */
export interface TemplateWrite
  extends Keyed<'name' | 'active' | 'critical' | 'feed' | 'rules' | 'delaySeconds' | 'digest' | 'dataSchema'> {
  readonly active: boolean
  readonly critical: boolean
  readonly feed: string
  readonly rules: readonly ChannelRule[]
  readonly delaySeconds: number | null
  readonly digest: DigestRule | null
  readonly dataSchema: JsonObject | null
  /** how many versions it goes up; a new one begins with it */
  readonly version: number
}

/** What a template says on one channel, from now on: all its languages. */
export interface ContentsWrite {
  readonly templateId: string
  readonly channel: Channel
  readonly contents: readonly { readonly locale: string; readonly content: ContentOf[Channel] }[]
}

/** The two parameters that every statement takes: the rows, and by key what was given. An UPDATE sees of a row only its table's columns. */
const asJson = (rows: readonly Keyed<string>[]): [rows: string, given: string] => [
  JSON.stringify(rows),
  JSON.stringify(Object.fromEntries(rows.map(({ key, given }) => [key, given]))),
]

/** Sets a column where its field was given. `t` is the row that is there. */
const ifGiven = (field: string, column: string): string =>
  `${column} = CASE WHEN $3::jsonb -> EXCLUDED.key ? '${field}' THEN EXCLUDED.${column} ELSE t.${column} END`

/** Makes topics, or renames them. @returns them, in no order */
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

/** Makes segments, or changes them. @returns them, in no order; one with the id that it was given is new */
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

/** Sets a column of a template where its field was given; all of them where the template was deleted: it comes back as a new one would be. */
const ifGivenOrBack = (field: string, column = field): string =>
  `${column} = CASE WHEN t.deleted_at IS NOT NULL OR $3::jsonb -> EXCLUDED.key ? '${field}' THEN EXCLUDED.${column} ELSE t.${column} END`

/** Makes templates, or changes them; they stay locked. @returns ids by key */
export async function upsertTemplates(
  tx: Runner,
  projectId: string,
  templates: readonly TemplateWrite[],
): Promise<Map<string, string>> {
  const { rows } = await tx.query<{ id: string; key: string }>({
    name: 'upsert-templates',
    text: `INSERT INTO template AS t (project_id, id, key, name, active, critical, feed, rules, delay_seconds, digest, data_schema, version,
        created_at, updated_at)
      SELECT $1::uuid, id, key, name, active, critical, feed, rules, "delaySeconds", digest, "dataSchema", version, "createdAt", "createdAt"
      FROM json_to_recordset($2) AS r (id uuid, key text, name text, active bool, critical bool, feed text, rules jsonb, "delaySeconds" int,
        digest jsonb, "dataSchema" jsonb, version int, "createdAt" timestamptz)
      ORDER BY key
      ON CONFLICT (project_id, key) DO UPDATE SET ${ifGivenOrBack('name')}, ${ifGivenOrBack('active')}, ${ifGivenOrBack('critical')},
        ${ifGivenOrBack('feed')}, ${ifGivenOrBack('rules')}, ${ifGivenOrBack('delaySeconds', 'delay_seconds')}, ${ifGivenOrBack('digest')},
        ${ifGivenOrBack('dataSchema', 'data_schema')}, version = t.version + EXCLUDED.version, updated_at = EXCLUDED.updated_at,
        created_at = CASE WHEN t.deleted_at IS NULL THEN t.created_at ELSE EXCLUDED.created_at END, deleted_at = NULL
      RETURNING id, key`,
    values: [projectId, ...asJson(templates)],
  })
  return new Map(rows.map(({ key, id }) => [key, id]))
}

/** Replaces contents of templates that are locked: all that these channels said before is gone. */
export async function replaceContents(tx: Runner, projectId: string, writes: readonly ContentsWrite[]): Promise<void> {
  const removed = tx.query({
    name: 'remove-contents',
    text: `DELETE FROM template_content c USING unnest($2::uuid[], $3::channel[]) AS w (template_id, channel)
      WHERE c.project_id = $1 AND c.template_id = w.template_id AND c.channel = w.channel`,
    values: [projectId, writes.map((one) => one.templateId), writes.map((one) => one.channel)],
  })
  const rows = writes.flatMap(({ templateId, channel, contents }) => contents.map((one) => ({ templateId, channel, ...one })))
  // A statement of its own: one that removes and adds under the same key does both at once.
  const added = tx.query({
    name: 'add-contents',
    text: `INSERT INTO template_content (project_id, template_id, channel, locale, content)
      SELECT $1::uuid, "templateId", channel, locale, content
      FROM json_to_recordset($2) AS r ("templateId" uuid, channel channel, locale text, content jsonb)`,
    values: [projectId, JSON.stringify(rows)],
  })
  await Promise.all([removed, added])
}
