/** What a batch of claimed messages shares: their projects, templates and preferences, each read once. */
import type { PreferenceSet, ProjectInfo, TemplateInfo } from '../words.ts'
import { plainArray } from './array.ts'
import type { Runner } from './database.ts'
import { templateObject } from './lookup.ts'
import { isActive } from './standing.ts'

/** A claimed message, by what it shares with others. */
interface ClaimedOf {
  readonly projectId: string
  readonly templateId: string | null
  readonly contactId: string | null
}

/** Where a claimed message comes from. */
export interface Origin {
  readonly project: ProjectInfo
  readonly template: TemplateInfo | null
}

/** The templates of claimed messages, by id, with their projects. Rides on template_pkey. */
export async function findOrigins(db: Runner, claimed: readonly ClaimedOf[]): Promise<Map<string, Origin>> {
  const wanted = new Map(claimed.flatMap((row) => (row.templateId === null ? [] : [[row.templateId, row.projectId]])))
  if (wanted.size === 0) return new Map()
  const { rows } = await db.query<Origin & { template: TemplateInfo }>({
    name: 'find-origins',
    text: `SELECT ${projectObject} AS project, ${templateObject} AS template
      FROM unnest($1::uuid[], $2::uuid[]) AS wanted (project_id, id) JOIN template t USING (project_id, id) JOIN project p ON p.id = t.project_id`,
    values: [plainArray([...wanted.values()]), plainArray([...wanted.keys()])],
  })
  return new Map(rows.map((origin) => [origin.template.id, origin]))
}

const projectObject = `json_build_object('id', p.id, 'key', p.key, 'name', p.name, 'locale', p.locale, 'timezone', p.timezone,
          'resendUnknown', p.resend_unknown, 'isInactive', NOT (${isActive}))`

/** The projects of claimed messages that have no template, by id. Rides on project_pkey. */
export async function findProjects(db: Runner, claimed: readonly ClaimedOf[]): Promise<Map<string, ProjectInfo>> {
  const wanted = new Set(claimed.flatMap((row) => (row.templateId === null ? [row.projectId] : [])))
  if (wanted.size === 0) return new Map()
  const { rows } = await db.query<{ project: ProjectInfo }>({
    name: 'find-projects',
    text: `SELECT ${projectObject} AS project FROM project p WHERE p.id = ANY($1::uuid[])`,
    values: [[...wanted]],
  })
  return new Map(rows.map(({ project }) => [project.id, project]))
}

/** The preferences of claimed messages' contacts, by contact id; contacts without any are left out. Rides on contact_pkey. */
export async function findPreferences(db: Runner, claimed: readonly ClaimedOf[]): Promise<Map<string, PreferenceSet>> {
  const wanted = new Map(claimed.flatMap((row) => (row.contactId === null ? [] : [[row.contactId, row.projectId]])))
  if (wanted.size === 0) return new Map()
  const { rows } = await db.query<{ id: string; preferences: PreferenceSet }>({
    name: 'find-preferences',
    text: `SELECT c.id, c.preferences FROM unnest($1::uuid[], $2::uuid[]) AS wanted (project_id, id) JOIN contact c USING (project_id, id)
      WHERE c.preferences <> '{}'`,
    values: [plainArray([...wanted.values()]), plainArray([...wanted.keys()])],
  })
  return new Map(rows.map(({ id, preferences }) => [id, preferences]))
}
