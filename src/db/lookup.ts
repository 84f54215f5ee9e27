/** What accepting has to know beforehand: templates, contacts, and ids that are taken. Each is one prepared statement for a whole batch. */
import type {
  Channel,
  ContactInfo,
  ContentOf,
  CredentialInfo,
  JsonObject,
  Route,
  SuppressionReason,
  TemplateInfo,
} from '../domain/words.ts'
import { inProjects, type Runner } from './database.ts'

/** A thing that a caller named: found by (project, key). */
export interface Named {
  readonly projectId: string
  readonly key: string
}

const columns = (list: readonly Named[]): [string[], string[]] => [list.map((one) => one.projectId), list.map((one) => one.key)]

/** A template as TemplateInfo has it; `t` is the template. */
export const templateObject = `json_build_object('id', t.id, 'key', t.key, 'version', t.version, 'active', t.active, 'critical', t.critical,
  'feed', t.feed, 'rules', t.rules, 'delaySeconds', t.delay_seconds, 'digest', t.digest)`

/** Templates by key. Rides on template_project_id_key_key. */
export async function findTemplates(db: Runner, wanted: readonly Named[]): Promise<(TemplateInfo & { projectId: string })[]> {
  const { rows } = await db.query<TemplateInfo & { projectId: string }>({
    name: 'find-templates',
    text: `SELECT t.project_id AS "projectId", t.id, t.key, t.version, t.active, t.critical, t.feed, t.rules,
        t.delay_seconds AS "delaySeconds", t.digest
      FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, key) JOIN template t USING (project_id, key) WHERE t.deleted_at IS NULL`,
    values: columns(wanted),
  })
  return rows
}

/** Contents of templates by id, with the version that they belong to. */
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

/** Texts that the templates of a project have for one Alimtalk, as far as they are written as it is registered, with `#{name}`. */
export async function findRegisteredTexts(db: Runner, projectId: string, templateCode: string): Promise<string[]> {
  const { rows } = await db.query<{ body: string }>({
    name: 'find-registered-texts',
    // Reads the contents of the project: once for a call of up to a thousand numbers.
    text: `SELECT DISTINCT content ->> 'body' AS body FROM template_content
      WHERE project_id = $1 AND channel = 'ALIMTALK' AND content ->> 'templateCode' = $2 AND content ->> 'body' LIKE '%#{%'`,
    values: [projectId, templateCode],
  })
  return rows.map((row) => row.body)
}

/** The JSON Schemas of templates by id, with the version that they belong to; templates without one are left out. */
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

/** The columns of a contact as ContactInfo has them; `c` is the contact. */
export const contactColumns = `c.id, c.external_id AS "externalId", c.email, c.phone, c.locale, c.timezone, c.first_name AS "firstName",
  c.last_name AS "lastName", c.photo_url AS "photoUrl", c.country, c.properties, c.preferences`

/** Contacts by externalId. Rides on contact_project_id_external_id_key. */
export async function findContacts(db: Runner, wanted: readonly Named[]): Promise<(ContactInfo & { projectId: string })[]> {
  const { rows } = await db.query<ContactInfo & { projectId: string }>({
    name: 'find-contacts',
    text: `SELECT c.project_id AS "projectId", ${contactColumns}
      FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, external_id) JOIN contact c USING (project_id, external_id)`,
    values: columns(wanted),
  })
  return rows
}

/**
 * Notifications that already carry one of these ids, sends to a topic that do (these have no notification of their own), and those of
 * both that are no longer kept. One statement, so that what is being pruned is found in one of its two places. Rides on
 * notification_project_id_key_key, fanout_project_id_key_key and spent_id_pkey.
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
      FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, key) JOIN spent_id s USING (project_id, key)`,
    values: columns(wanted),
  })
  return rows
}

/** Topics by key. Rides on topic_project_id_key_key. */
export async function findTopics(db: Runner, wanted: readonly Named[]): Promise<(Named & { id: string })[]> {
  const { rows } = await db.query<Named & { id: string }>({
    name: 'find-topics',
    text: `SELECT t.project_id AS "projectId", t.key, t.id
      FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, key) JOIN topic t USING (project_id, key)`,
    values: columns(wanted),
  })
  return rows
}

/** Providers by key, active or not: of which kind they are. Rides on provider_project_id_key_key. */
export async function findKinds(db: Runner, wanted: readonly Named[]): Promise<(Named & { kind: string; channel: Channel })[]> {
  const { rows } = await db.query({
    name: 'find-kinds',
    text: `SELECT DISTINCT p.project_id AS "projectId", p.key, p.kind, p.channel
      FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, key) JOIN provider p USING (project_id, key)`,
    values: columns(wanted),
  })
  return rows
}

/** Transactions whose names are taken. Rides on transaction_pkey. */
export async function findTransactions(db: Runner, wanted: readonly Named[]): Promise<Named[]> {
  const { rows } = await db.query<Named>({
    name: 'find-transactions',
    text: `SELECT t.project_id AS "projectId", t.id AS key
      FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, id) JOIN transaction t USING (project_id, id)`,
    values: columns(wanted),
  })
  return rows
}

/** Active providers of projects, the preferred one of each channel first. */
export async function findRoutes(
  db: Runner,
  projectIds: readonly string[],
): Promise<(Route & { projectId: string; channel: Channel })[]> {
  const projects = inProjects(projectIds)
  const { rows } = await db.query({
    name: `find-routes-${projects.name}`,
    // Only a webhook has an address of its own, and what keeps instead of sending needs none for it.
    text: `SELECT project_id AS "projectId", id, key, channel, channel = 'WEBHOOK' AND (settings ? 'url' OR kind = 'capture') AS "hasAddress"
      FROM provider WHERE ${projects.condition} AND active ORDER BY project_id, channel, priority, key`,
    values: [projects.value],
  })
  return rows
}

/** How contacts are reached through providers. Rides on credential_pkey. */
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

/** Addresses of these that nothing is sent to. Rides on suppression_project_id_channel_address_key. */
export async function findSuppressed(
  db: Runner,
  wanted: readonly { readonly projectId: string; readonly channel: Channel; readonly address: string }[],
): Promise<{ projectId: string; channel: Channel; address: string; reason: SuppressionReason }[]> {
  const { rows } = await db.query({
    name: 'find-suppressed',
    text: `SELECT s.project_id AS "projectId", s.channel, s.address, s.reason
      FROM unnest($1::uuid[], $2::channel[], $3::text[]) AS wanted (project_id, channel, address) JOIN suppression s USING (project_id, channel, address)`,
    values: [wanted.map((one) => one.projectId), wanted.map((one) => one.channel), wanted.map((one) => one.address)],
  })
  return rows
}
