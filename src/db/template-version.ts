/**
 * The versions of templates. The published one is in the tables `template` and `template_content` as well, where sends read it, so that they do
 * not know of versions; a draft is a version only. Contents stay in the database: none of these statements brings one here.
 * All ride on template_project_id_key_key, template_pkey and template_version_project_id_template_id_number_key. Call them where the changes of a
 * project take turns (audit.ts).
 */
import type { AuditActor, Channel, JsonObject } from '../words.ts'
import type { Rows } from './audit.ts'

/** How many versions of a template are kept; the published one is, however old it is. */
export const VERSIONS_KEPT = 100

/** Who makes a version, and when. */
export interface VersionAuthor {
  readonly kind: AuditActor
  readonly id: string | null
  readonly name: string | null
  readonly email: string | null
  readonly at: Date
}

/** Contents by channel and language. */
export type ContentsByChannel = { readonly [C in Channel]?: JsonObject }

/** A change of a template that becomes a draft. */
export interface DraftWrite {
  readonly key: string
  /** the fields that are set */
  readonly given: JsonObject
  /** the channels whose contents are replaced, with the new contents; null: the channel is removed */
  readonly replaced: { readonly [C in Channel]?: JsonObject | null }
}

/**
 * SQL: the template `t` as the content of a version: what is sent. The migration that made the table has it too. A severity of NORMAL is
 * left out, as in versions from before there were any.
 */
const contentOf = `jsonb_build_object('name', t.name, 'active', t.active, 'critical', t.critical, 'strict', t.strict,
    'inPreferences', t.in_preferences, 'feed', t.feed, 'rules', t.rules, 'delaySeconds', t.delay_seconds, 'digest', t.digest,
    'dataSchema', t.data_schema, 'contents', COALESCE((
      SELECT jsonb_object_agg(c.channel, c.locales) FROM (
        SELECT channel::text, jsonb_object_agg(locale, content) AS locales FROM template_content
        WHERE project_id = t.project_id AND template_id = t.id GROUP BY channel) c), '{}'))
    || CASE t.severity WHEN 'NORMAL' THEN '{}' ELSE jsonb_build_object('severity', t.severity) END`
/** SQL: the number of the latest version of the template `t`. An older process raises `version` alone. */
const latestOf = 'GREATEST(t.version, COALESCE(t.latest_version, 0))'

const authorValues = ({ kind, id, name, email, at }: VersionAuthor) => [kind, id, name, email, at.toISOString()] as const
/** SQL: the columns of `authorValues`, which begin at parameter `from`. */
const authorColumns = (from: number): string =>
  `$${from}::text, $${from + 1}::text, $${from + 2}::text, $${from + 3}::text, $${from + 4}::timestamptz`

/** The number of the latest version of templates, by key; what does not exist is left out. */
export async function latestVersions(rows: Rows, projectId: string, keys: readonly string[]): Promise<Map<string, number>> {
  const found = await rows<{ key: string; latest: number }>(
    `SELECT t.key, ${latestOf} AS latest FROM template t
      WHERE t.project_id = $1::uuid AND t.key = ANY($2::text[]) AND t.deleted_at IS NULL`,
    [projectId, keys],
  )
  return new Map(found.map(({ key, latest }) => [key, latest]))
}

/**
 * Makes a version of templates whose published one is none yet, because a process of an older release wrote it. Call it before the change.
 * @param ids by key, of the versions that it makes
 */
export async function keepUnversioned(rows: Rows, projectId: string, ids: ReadonlyMap<string, string>): Promise<void> {
  await rows(
    `INSERT INTO template_version (project_id, id, template_id, number, content, created_at, published_at)
      SELECT t.project_id, w.id, t.id, t.version, ${contentOf}, t.updated_at, t.updated_at
      FROM unnest($2::text[], $3::uuid[]) AS w (key, id) JOIN template t ON t.project_id = $1::uuid AND t.key = w.key
      WHERE t.deleted_at IS NULL AND t.published AND NOT EXISTS (
        SELECT FROM template_version v WHERE v.project_id = t.project_id AND v.template_id = t.id AND v.number = t.version)`,
    [projectId, [...ids.keys()], [...ids.values()]],
  )
}

/**
 * Makes a published version of each of these templates, as they are stored now, unless nothing has changed since its last one. `restoredFrom`: the
 * number of the version that has been restored.
 * @param ids by key, of the versions that it makes
 */
export async function versionPublished(
  rows: Rows,
  projectId: string,
  ids: ReadonlyMap<string, string>,
  author: VersionAuthor,
  restoredFrom: number | null = null,
): Promise<void> {
  await rows(
    `WITH s AS MATERIALIZED (
        SELECT t.project_id, t.id AS template_id, t.version, t.published, w.id, ${latestOf} + 1 AS number, ${contentOf} AS content
        FROM unnest($2::text[], $3::uuid[]) AS w (key, id) JOIN template t ON t.project_id = $1::uuid AND t.key = w.key
      ), changed AS (
        SELECT s.* FROM s LEFT JOIN template_version v ON v.project_id = s.project_id AND v.template_id = s.template_id AND v.number = s.version
        WHERE v.number IS NULL OR v.content <> s.content OR NOT s.published
      ), numbered AS (
        UPDATE template t SET version = c.number, latest_version = c.number, published = true
        FROM changed c WHERE t.project_id = c.project_id AND t.id = c.template_id
      )
      INSERT INTO template_version (project_id, id, template_id, number, content, restored_from, actor_kind, actor_id, actor_name, actor_email,
        created_at, published_at)
      SELECT project_id, id, template_id, number, content, $4::int, ${authorColumns(5)}, $9::timestamptz FROM changed`,
    [projectId, [...ids.keys()], [...ids.values()], restoredFrom, ...authorValues(author)],
  )
}

/**
 * Makes a draft of each of these changes: of the latest version, with what the change sets. One that changes nothing makes none.
 * @param ids by key, of the versions that it makes
 */
export async function versionDrafts(
  rows: Rows,
  projectId: string,
  drafts: readonly DraftWrite[],
  ids: ReadonlyMap<string, string>,
  author: VersionAuthor,
): Promise<void> {
  const list = drafts.map(({ key, given, replaced }) => ({
    key,
    id: ids.get(key),
    given,
    replaced: Object.fromEntries(Object.entries(replaced).filter(([, contents]) => contents !== null)),
    removed: Object.entries(replaced).flatMap(([channel, contents]) => (contents === null ? [channel] : [])),
  }))
  await rows(
    `WITH b AS MATERIALIZED (
        SELECT t.project_id, t.id AS template_id, t.published OR t.latest_version IS NOT NULL AS is_versioned, w.*, ${latestOf} + 1 AS number,
          COALESCE(v.content, ${contentOf}) AS content
        FROM json_to_recordset($2::text::json) AS w (key text, id uuid, given jsonb, replaced jsonb, removed jsonb)
        JOIN template t ON t.project_id = $1::uuid AND t.key = w.key
        LEFT JOIN template_version v ON v.project_id = t.project_id AND v.template_id = t.id AND v.number = ${latestOf}
      ), n AS (
        SELECT b.*, jsonb_set(content || given, '{contents}',
          ((content -> 'contents') || replaced) - ARRAY(SELECT jsonb_array_elements_text(removed)))
          - CASE WHEN given ->> 'severity' = 'NORMAL' THEN ARRAY['severity'] ELSE ARRAY[]::text[] END AS changed
        FROM b
      ), added AS (
        INSERT INTO template_version (project_id, id, template_id, number, content, actor_kind, actor_id, actor_name, actor_email, created_at)
        SELECT project_id, id, template_id, number, changed, ${authorColumns(3)} FROM n
        WHERE changed <> content OR NOT is_versioned
        RETURNING project_id, template_id, number
      )
      UPDATE template t SET latest_version = a.number FROM added a WHERE t.project_id = a.project_id AND t.id = a.template_id`,
    [projectId, JSON.stringify(list), ...authorValues(author)],
  )
}

/** Makes a draft of an earlier version, unless it is as the latest one. @param id of the version that it makes */
export async function versionRestored(
  rows: Rows,
  projectId: string,
  { templateId, number, id }: { readonly templateId: string; readonly number: number; readonly id: string },
  author: VersionAuthor,
): Promise<void> {
  await rows(
    `WITH added AS (
        INSERT INTO template_version (project_id, id, template_id, number, content, restored_from, actor_kind, actor_id, actor_name, actor_email,
          created_at)
        SELECT t.project_id, $4::uuid, t.id, ${latestOf} + 1, v.content, v.number, ${authorColumns(5)}
        FROM template t JOIN template_version v ON v.project_id = t.project_id AND v.template_id = t.id AND v.number = $3::int
        LEFT JOIN template_version l ON l.project_id = t.project_id AND l.template_id = t.id AND l.number = ${latestOf}
        WHERE t.project_id = $1::uuid AND t.id = $2::uuid AND l.content IS DISTINCT FROM v.content
        RETURNING project_id, template_id, number
      )
      UPDATE template t SET latest_version = a.number FROM added a WHERE t.project_id = a.project_id AND t.id = a.template_id`,
    [projectId, templateId, number, id, ...authorValues(author)],
  )
}

/** Writes the content of a version to where sends read it. Its number does not change yet. */
export async function storeVersion(rows: Rows, projectId: string, templateId: string, number: number, at: Date): Promise<void> {
  const version = 'v.project_id = $1::uuid AND v.template_id = $2::uuid AND v.number = $3::int'
  await rows(
    `UPDATE template t SET name = v.content ->> 'name', active = (v.content ->> 'active')::bool, critical = (v.content ->> 'critical')::bool,
        strict = (v.content ->> 'strict')::bool, in_preferences = (v.content ->> 'inPreferences')::bool, feed = v.content ->> 'feed',
        severity = COALESCE(v.content ->> 'severity', 'NORMAL'),
        rules = v.content -> 'rules', delay_seconds = (v.content ->> 'delaySeconds')::int, digest = NULLIF(v.content -> 'digest', 'null'),
        data_schema = NULLIF(v.content -> 'dataSchema', 'null'), updated_at = $4::timestamptz
      FROM template_version v WHERE ${version} AND t.project_id = v.project_id AND t.id = v.template_id`,
    [projectId, templateId, number, at.toISOString()],
  )
  await rows('DELETE FROM template_content WHERE project_id = $1::uuid AND template_id = $2::uuid', [projectId, templateId])
  await rows(
    `INSERT INTO template_content (project_id, template_id, channel, locale, content)
      SELECT v.project_id, v.template_id, c.key::channel, l.key, l.value
      FROM template_version v, jsonb_each(v.content -> 'contents') c, jsonb_each(c.value) l WHERE ${version}`,
    [projectId, templateId, number],
  )
}

/** Makes a stored draft the published version. */
export async function markPublished(rows: Rows, projectId: string, templateId: string, number: number, at: Date): Promise<void> {
  await rows(
    'UPDATE template SET version = $3::int, latest_version = $3::int, published = true WHERE project_id = $1::uuid AND id = $2::uuid',
    [projectId, templateId, number],
  )
  await rows(
    `UPDATE template_version SET published_at = $4::timestamptz WHERE project_id = $1::uuid AND template_id = $2::uuid AND number = $3::int`,
    [projectId, templateId, number, at.toISOString()],
  )
}

/** Deletes what is older than the versions that are kept. */
export async function pruneVersions(rows: Rows, projectId: string, keys: readonly string[]): Promise<void> {
  await rows(
    `DELETE FROM template_version v USING template t
      WHERE t.project_id = $1::uuid AND t.key = ANY($2::text[]) AND v.project_id = t.project_id AND v.template_id = t.id
        AND v.number <= ${latestOf} - ${VERSIONS_KEPT} AND v.number <> t.version`,
    [projectId, keys],
  )
}

/** Whether changes of a project's templates are drafts until they are published. */
export async function keepsDrafts(rows: Rows, projectId: string): Promise<boolean> {
  const [project] = await rows<{ drafts: boolean }>('SELECT template_drafts AS drafts FROM project WHERE id = $1::uuid', [
    projectId,
  ])
  return project?.drafts === true
}

/** Whether a version of a template is kept. */
export async function hasVersion(rows: Rows, projectId: string, templateId: string, number: number): Promise<boolean> {
  const found = await rows(
    'SELECT 1 AS kept FROM template_version WHERE project_id = $1::uuid AND template_id = $2::uuid AND number = $3::int',
    [projectId, templateId, number],
  )
  return found.length > 0
}

/** Sets the samples of templates. They are not part of a version. */
export async function storeSamples(
  rows: Rows,
  projectId: string,
  samples: readonly { readonly key: string; readonly samples: readonly object[] }[],
): Promise<void> {
  await rows(
    `UPDATE template t SET samples = w.samples FROM json_to_recordset($2::text::json) AS w (key text, samples jsonb)
      WHERE t.project_id = $1::uuid AND t.key = w.key`,
    [projectId, JSON.stringify(samples)],
  )
}
