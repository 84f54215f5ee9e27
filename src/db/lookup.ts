/**
 * What has to be read before a batch is accepted: templates, contacts, providers, ids that are taken. Each is one statement for a whole
 * batch.
 */
import type {
  Channel,
  ContactInfo,
  ContentOf,
  CredentialInfo,
  JsonObject,
  Route,
  SuppressionReason,
  TemplateInfo,
} from '../words.ts'
import { plainArray, textArray } from './array.ts'
import { contactColumns } from './contact-columns.ts'
import { inProjects, type Runner } from './database.ts'
import { hasHashes, hashOf } from './hash.ts'
import { countriesColumn } from './provider.ts'

/** Something that a caller identifies by a key within a project. */
export interface Named {
  readonly projectId: string
  readonly key: string
}

/**
 * SQL: the version of a row, which every change of it renews: the transaction that wrote it. Kept for minutes (send/recent.ts), in which
 * PostgreSQL does not come round to the same number.
 */
const versionOf = (row: string): string => `${row}.xmin::text AS "rowVersion"`

/** A row with its version. */
export interface Versioned {
  readonly rowVersion: string
}

const columns = (list: readonly Named[]): [string, string] => [
  plainArray(list.map((one) => one.projectId)),
  textArray(list.map((one) => one.key)),
]

/** SQL: the template `t` as a JSON object that is a TemplateInfo. */
export const templateObject = `json_build_object('id', t.id, 'key', t.key, 'version', t.version, 'active', t.active AND t.published, 'critical', t.critical, 'strict', t.strict,
  'feed', t.feed, 'severity', t.severity, 'rules', t.rules, 'delaySeconds', t.delay_seconds, 'digest', t.digest)`

/** Templates by key; deleted and missing ones are left out. Rides on template_project_id_key_key. */
export async function findTemplates(
  db: Runner,
  wanted: readonly Named[],
): Promise<(TemplateInfo & Versioned & { projectId: string })[]> {
  const { rows } = await db.query<TemplateInfo & Versioned & { projectId: string }>({
    name: 'find-templates',
    text: `SELECT t.project_id AS "projectId", ${versionOf('t')}, t.id, t.key, t.version, t.active AND t.published AS active, t.critical, t.strict, t.feed, t.severity, t.rules,
        t.delay_seconds AS "delaySeconds", t.digest
      FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, key) JOIN template t USING (project_id, key) WHERE t.deleted_at IS NULL`,
    values: columns(wanted),
  })
  return rows
}

/** The contents of templates, by id, with the version that they belong to. Rides on template_pkey and template_content_pkey. */
export async function findContents(
  db: Runner,
  templates: readonly { readonly projectId: string; readonly id: string }[],
): Promise<{ templateId: string; version: number; channel: Channel; locale: string; content: ContentOf[Channel] }[]> {
  const { rows } = await db.query({
    name: 'find-contents',
    text: `SELECT t.id AS "templateId", t.version, c.channel, c.locale, c.content
      FROM unnest($1::uuid[], $2::uuid[]) AS wanted (project_id, id) JOIN template t USING (project_id, id)
      JOIN template_content c ON c.project_id = t.project_id AND c.template_id = t.id`,
    values: [templates.map((one) => one.projectId), templates.map((one) => one.id)],
  })
  return rows
}

/**
 * The texts that a project's templates have for a registered Alimtalk template, as far as they are in its registered form, with `#{name}`.
 */
export async function findRegisteredTexts(db: Runner, projectId: string, templateCode: string): Promise<string[]> {
  const { rows } = await db.query<{ body: string }>({
    name: 'find-registered-texts',
    // Reads all contents of the project, which is fine once for a call of up to a thousand numbers.
    text: `SELECT DISTINCT content ->> 'body' AS body FROM template_content
      WHERE project_id = $1 AND channel = 'ALIMTALK' AND content ->> 'templateCode' = $2 AND content ->> 'body' LIKE '%#{%'`,
    values: [projectId, templateCode],
  })
  return rows.map((row) => row.body)
}

/**
 * The JSON Schemas of templates, by id, with the version that they belong to; templates without one are left out. Rides on template_pkey.
 */
export async function findSchemas(
  db: Runner,
  templates: readonly { readonly projectId: string; readonly id: string }[],
): Promise<{ templateId: string; version: number; schema: JsonObject }[]> {
  const { rows } = await db.query({
    name: 'find-schemas',
    text: `SELECT t.id AS "templateId", t.version, t.data_schema AS schema
      FROM unnest($1::uuid[], $2::uuid[]) AS wanted (project_id, id) JOIN template t USING (project_id, id)
      WHERE t.data_schema IS NOT NULL`,
    values: [templates.map((one) => one.projectId), templates.map((one) => one.id)],
  })
  return rows
}

/** Contacts by externalId; missing ones are left out. Rides on contact_project_id_external_id_key. */
export async function findContacts(
  db: Runner,
  wanted: readonly Named[],
): Promise<(ContactInfo & Versioned & { projectId: string })[]> {
  const { rows } = await db.query<ContactInfo & Versioned & { projectId: string }>({
    name: 'find-contacts',
    text: `SELECT c.project_id AS "projectId", ${versionOf('c')}, ${contactColumns}
      FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, external_id) JOIN contact c USING (project_id, external_id)`,
    values: columns(wanted),
  })
  return rows
}

/**
 * Which of these callers' ids are taken: by a notification, by a send to many (which has no notification of its own, so `id` is null), or by
 * one of these that has been pruned, or erased, of which a hash is left. It is one statement, so that an id that is being moved is found in
 * one of the two tables. Rides on notification_project_id_key_key, fanout_project_id_key_key, spent_id_pkey and spent_id_hash.
 */
export async function findNotifications(
  db: Runner,
  wanted: readonly Named[],
): Promise<{ projectId: string; key: string; id: string | null; transactionId: string; contentHash: Buffer }[]> {
  const { rows } = await db.query({
    name: 'find-notifications',
    text: `SELECT n.project_id AS "projectId", n.key, n.id, n.transaction_id AS "transactionId", n.content_hash AS "contentHash"
      FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, key) JOIN notification n USING (project_id, key)
      UNION ALL SELECT f.project_id, f.key, NULL, f.transaction_id, f.content_hash
      FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, key) JOIN fanout f USING (project_id, key)
      UNION ALL SELECT s.project_id, s.key, s.notification_id, s.transaction_id, s.content_hash
      FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, key) JOIN spent_id s USING (project_id, key)
      UNION ALL SELECT s.project_id, w.key, s.notification_id, s.transaction_id, s.content_hash
      FROM unnest($1::uuid[], $2::text[]) AS w (project_id, key) JOIN spent_id s ON s.project_id = w.project_id AND s.key = ${hashOf('w.project_id', 'w.key')}
      WHERE s.is_hash AND ${hasHashes('spent_id', '$1')}`,
    values: columns(wanted),
  })
  return rows
}

/** Topics by key; missing ones are left out. Rides on topic_project_id_key_key. */
export async function findTopics(db: Runner, wanted: readonly Named[]): Promise<(Named & { id: string })[]> {
  const { rows } = await db.query<Named & { id: string }>({
    name: 'find-topics',
    text: `SELECT t.project_id AS "projectId", t.key, t.id
      FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, key) JOIN topic t USING (project_id, key)`,
    values: columns(wanted),
  })
  return rows
}

/** Kind and channel of providers, by key, active or not. Rides on provider_project_id_key_key. */
export async function findKinds(db: Runner, wanted: readonly Named[]): Promise<(Named & { kind: string; channel: Channel })[]> {
  const { rows } = await db.query({
    name: 'find-kinds',
    text: `SELECT DISTINCT p.project_id AS "projectId", p.key, p.kind, p.channel
      FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, key) JOIN provider p USING (project_id, key)`,
    values: columns(wanted),
  })
  return rows
}

/**
 * Those of the given transaction ids (`key`) that are taken: named by a caller, or given by the server to what is still stored. OFFSET: by a
 * look-up for each, never by reading a whole table. Rides on
 * transaction_pkey, transaction_hash, notification_project_id_transaction_id_id_idx and fanout_project_id_transaction_id_idx.
 */
export async function findTransactions(db: Runner, wanted: readonly Named[]): Promise<Named[]> {
  const { rows } = await db.query<Named>({
    name: 'find-transactions',
    text: `SELECT t.project_id AS "projectId", t.id AS key
      FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, id) JOIN transaction t USING (project_id, id)
      UNION ALL SELECT t.project_id, w.id
      FROM unnest($1::uuid[], $2::text[]) AS w (project_id, id) JOIN transaction t ON t.project_id = w.project_id AND t.id = ${hashOf('w.project_id', 'w.id')}
      WHERE t.is_hash AND ${hasHashes('transaction', '$1')}
      UNION ALL SELECT w.project_id, w.id FROM unnest($1::uuid[], $2::text[]) AS w (project_id, id)
      WHERE EXISTS (SELECT FROM notification n WHERE n.project_id = w.project_id AND n.transaction_id = w.id OFFSET 0)
        OR EXISTS (SELECT FROM fanout f WHERE f.project_id = w.project_id AND f.transaction_id = w.id OFFSET 0)`,
    values: columns(wanted),
  })
  return rows
}

/** A provider, as its route is made of. */
export interface RouteRow extends Omit<Route, 'dials'> {
  readonly projectId: string
  readonly channel: Channel
  /** the setting of that name, as JSON; null: it has none */
  readonly countries: string | null
}

/** Active providers of projects, the preferred one of each channel first. Rides on provider_pkey. */
export async function findRoutes(db: Runner, projectIds: readonly string[]): Promise<(RouteRow & Versioned)[]> {
  const projects = inProjects(projectIds)
  const { rows } = await db.query({
    name: `find-routes-${projects.name}`,
    // Only a webhook provider has an address of its own; `capture` sends nothing, so it needs none.
    text: `SELECT project_id AS "projectId", ${versionOf('provider')}, id, key, kind, channel, channel = 'WEBHOOK' AND (settings ? 'url' OR kind = 'capture') AS "hasAddress",
        ${countriesColumn}
      FROM provider WHERE ${projects.condition} AND active ORDER BY project_id, channel, priority, key`,
    values: [projects.value],
  })
  return rows
}

/** The credentials of contacts: device tokens and webhooks, by provider. Rides on credential_pkey. */
export async function findCredentials(
  db: Runner,
  contacts: readonly { readonly projectId: string; readonly id: string }[],
): Promise<(CredentialInfo & { contactId: string })[]> {
  const { rows } = await db.query({
    name: 'find-credentials',
    text: `SELECT c.contact_id AS "contactId", c.provider_id AS "providerId", c.device_tokens AS "deviceTokens", c.webhook_url AS "webhookUrl",
        c.channel_name AS "channelName"
      FROM unnest($1::uuid[], $2::uuid[]) AS wanted (project_id, contact_id) JOIN credential c USING (project_id, contact_id)`,
    values: [contacts.map((one) => one.projectId), contacts.map((one) => one.id)],
  })
  return rows
}

/**
 * Those of the given addresses that are suppressed; of persons who were erased there are hashes. Rides on
 * suppression_project_id_channel_address_key and suppression_hash.
 */
export async function findSuppressed(
  db: Runner,
  wanted: readonly { readonly projectId: string; readonly channel: Channel; readonly address: string }[],
): Promise<{ projectId: string; channel: Channel; address: string; reason: SuppressionReason }[]> {
  const { rows } = await db.query({
    name: 'find-suppressed',
    text: `SELECT s.project_id AS "projectId", s.channel, s.address, s.reason
      FROM unnest($1::uuid[], $2::channel[], $3::text[]) AS wanted (project_id, channel, address) JOIN suppression s USING (project_id, channel, address)
      UNION ALL SELECT s.project_id, s.channel, w.address, s.reason
      FROM unnest($1::uuid[], $2::channel[], $3::text[]) AS w (project_id, channel, address) JOIN suppression s
        ON s.project_id = w.project_id AND s.channel = w.channel AND s.address = ${hashOf('w.project_id', 'w.address')}
      WHERE s.is_hash AND ${hasHashes('suppression', '$1')}`,
    values: [
      plainArray(wanted.map((one) => one.projectId)),
      plainArray(wanted.map((one) => one.channel)),
      textArray(wanted.map((one) => one.address)),
    ],
  })
  return rows
}
