/** The versions of templates: every change makes one, and sends use the published one. */
import { type Rows, rowsOf } from '../db/audit.ts'
import { type Database, type Runner, transact } from '../db/database.ts'
import type { TemplateVersion as Row } from '../db/generated/client.ts'
import {
  hasVersion,
  keepsDrafts,
  keepUnversioned,
  latestVersions,
  markPublished,
  pruneVersions,
  storeSamples,
  storeVersion,
  type VersionAuthor,
  versionDrafts,
  versionPublished,
  versionRestored,
} from '../db/template-version.ts'
import { replaceContents, type TemplateWrite, upsertTemplates } from '../db/upsert-by-key.ts'
import { CarillonError } from '../errors.ts'
import type { StoredContent } from '../render/contents.ts'
import type { Channel, Json, JsonObject, TemplateSample } from '../words.ts'
import type { Audit, By, Change } from './audit.ts'
import type { Clock } from './clock.ts'
import type { Cursors } from './cursor.ts'
import type { Ids } from './ids.ts'
import { type ListPage, type PageArgs, readPage } from './page.ts'
import { changesBetween, type TemplateChange } from './template-change.ts'
import { contentsOfVersion, type VersionContent, versionContentOf } from './version-content.ts'

/** A version of a template. */
export interface TemplateVersion extends Omit<Row, 'content'> {
  readonly content: VersionContent
  /** its contents, one by one */
  readonly stored: readonly StoredContent[]
}

/** A template that has to be stored, with what replaces its contents. */
export interface TemplateStore {
  readonly row: TemplateWrite
  readonly replaced: ReadonlyMap<Channel, readonly StoredContent[]>
  /** null: they are kept */
  readonly samples: readonly TemplateSample[] | null
  /** the number that its latest version must have, and its place in the call; 0: it must not exist */
  readonly expected: readonly { readonly index: number; readonly version: number }[]
}

/** What `createTemplateVersions` needs. */
export interface TemplateVersionDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly cursors: Cursors
  readonly audit: Audit
}

function versionOf(row: Row): TemplateVersion {
  const content = versionContentOf(row.content)
  return { ...row, content, stored: contentsOfVersion(content) }
}

/** @throws TEMPLATE_CHANGED with the index of a template that is not in the version that its caller has seen */
function checkExpected(latest: ReadonlyMap<string, number>, templates: readonly TemplateStore[]): void {
  for (const { row, expected } of templates) {
    const got = latest.get(row.key) ?? 0
    for (const { index, version } of expected) {
      if (got === version) continue
      const is = got === 0 ? 'it does not exist' : `version ${got} is the latest`
      const message = `The template "${row.key}" was changed meanwhile: ${is}, version ${version} was expected.`
      throw new CarillonError('TEMPLATE_CHANGED', { index, field: 'expectedVersion', got, message })
    }
  }
}

const asJson = (value: unknown): Json => value as Json

/** What a change sets, as a version has it. */
function draftOf({ row, replaced }: TemplateStore) {
  const given: JsonObject = Object.fromEntries(row.given.map((field) => [field, asJson(row[field])]))
  const contents = [...replaced].map(([channel, list]): [Channel, JsonObject | null] => [
    channel,
    list.length === 0 ? null : Object.fromEntries(list.map(({ locale, content }) => [locale, asJson(content)])),
  ])
  return { key: row.key, given, replaced: Object.fromEntries(contents) }
}

/** Creates the operations of versions. */
export function createTemplateVersions({ db, clock, ids, cursors, audit }: TemplateVersionDeps) {
  const { prisma } = db
  const idsOf = (keys: readonly string[]): Map<string, string> => new Map(keys.map((key) => [key, ids()]))
  const authorOf = ({ kind, id, name, email }: By): VersionAuthor => ({ kind, id, name, email, at: clock.now() })
  const idOf = (projectId: string, templateId: string) => ({ projectId, templateId })

  async function find(projectId: string, templateId: string, number: number): Promise<TemplateVersion | null> {
    if (number < 0 || number > 2_147_483_647) return null
    const row = await prisma.templateVersion.findUnique({
      where: { projectId_templateId_number: { ...idOf(projectId, templateId), number } },
    })
    return row === null ? null : versionOf(row)
  }

  /** Runs a change of one template that exists, and drops versions that are too many. @throws TEMPLATE_NOT_FOUND, TEMPLATE_CHANGED */
  function changeOne(
    change: Change,
    key: string,
    expectedVersion: number | null,
    work: (rows: Rows, template: { readonly id: string; readonly latest: number; readonly isDraft: boolean }) => Promise<void>,
  ): Promise<string> {
    const { projectId } = change
    if (key.includes('\0')) throw new CarillonError('TEMPLATE_NOT_FOUND')
    return transact(db.pool, (tx) => {
      const rows = rowsOf(tx)
      return audit.changed(rows, change, 'TEMPLATE', [key], async () => {
        const [found] = await rows<{ id: string; version: number; latest: number; published: boolean }>(
          `SELECT id, version, GREATEST(version, COALESCE(latest_version, 0)) AS latest, published FROM template
            WHERE project_id = $1::uuid AND key = $2 AND deleted_at IS NULL FOR NO KEY UPDATE`,
          [projectId, key],
        )
        if (found === undefined) throw new CarillonError('TEMPLATE_NOT_FOUND')
        const { id, version, latest, published } = found
        if (expectedVersion !== null && expectedVersion !== latest) {
          const message = `The template "${key}" was changed meanwhile: version ${latest} is the latest, version ${expectedVersion} was expected.`
          throw new CarillonError('TEMPLATE_CHANGED', { field: 'expectedVersion', got: latest, message })
        }
        await keepUnversioned(rows, projectId, idsOf([key]))
        await work(rows, { id, latest, isDraft: latest > version || !published })
        await pruneVersions(rows, projectId, [key])
        return id
      })
    })
  }

  return {
    find,

    /** Versions of a template, newest first. @throws BAD_INPUT, BAD_CURSOR */
    list(projectId: string, templateId: string, page: PageArgs): Promise<ListPage<TemplateVersion>> {
      const where = idOf(projectId, templateId)
      return readPage(cursors, page, {
        name: `versions ${templateId}`,
        projectId,
        order: 'newest-first',
        read: async ({ where: range, ...order }) =>
          (await prisma.templateVersion.findMany({ where: { ...where, ...range }, ...order })).map(versionOf),
        total: () => prisma.templateVersion.count({ where }),
      })
    },

    /** A version of the template with this key; null: there is none. */
    async findByKey(projectId: string, key: string, number: number): Promise<TemplateVersion | null> {
      if (key.includes('\0')) return null
      const template = await prisma.template.findUnique({
        where: { projectId_key: { projectId, key }, deletedAt: null },
        select: { id: true },
      })
      return template === null ? null : find(projectId, template.id, number)
    },

    /** The latest version of the template with this key, where the project keeps drafts; null: the stored template is it. */
    async latestDraft(projectId: string, key: string): Promise<TemplateVersion | null> {
      if (key.includes('\0')) return null
      const template = await prisma.template.findUnique({
        where: { projectId_key: { projectId, key }, deletedAt: null, project: { templateDrafts: true } },
        select: { id: true, version: true, latestVersion: true, published: true },
      })
      const latest = template?.latestVersion ?? null
      if (template === null || latest === null || (latest <= template.version && template.published)) return null
      return find(projectId, template.id, latest)
    },

    /**
     * What a version changes. `since`: compared with that version; null: with the one before it.
     * @throws NOT_FOUND for a version that is not kept
     */
    async changes({ projectId, templateId, number, content }: TemplateVersion, since: number | null): Promise<TemplateChange[]> {
      const before =
        since === null
          ? await prisma.templateVersion.findFirst({
              where: { ...idOf(projectId, templateId), number: { lt: number } },
              orderBy: { number: 'desc' },
            })
          : await find(projectId, templateId, since)
      if (since !== null && before === null) {
        throw new CarillonError('NOT_FOUND', { field: 'since', message: `There is no version ${since} of this template.` })
      }
      return changesBetween(before === null ? null : versionContentOf(before.content), content)
    },

    /**
     * Stores templates, in the transaction that audits the change: published at once, or as drafts where the project keeps them. Either makes a
     * version of each that changes.
     * @returns ids by key
     * @throws TEMPLATE_CHANGED
     */
    async store(tx: Runner, projectId: string, templates: readonly TemplateStore[], by: By): Promise<Map<string, string>> {
      const rows = rowsOf(tx)
      const keys = templates.map(({ row }) => row.key)
      const author = authorOf(by)
      if (templates.some(({ expected }) => expected.length > 0)) {
        checkExpected(await latestVersions(rows, projectId, keys), templates)
      }
      const isDraft = await keepsDrafts(rows, projectId)
      await keepUnversioned(rows, projectId, idsOf(keys))
      // A draft leaves what is stored as it is: the row has to exist, and a new one has the name that lists show.
      const written = templates.map(({ row }) => (isDraft ? { ...emptyTemplate(row), given: [] } : row))
      const found = await upsertTemplates(tx, projectId, written, !isDraft)
      if (isDraft) await versionDrafts(rows, projectId, templates.map(draftOf), idsOf(keys), author)
      else {
        const contents = templates.flatMap(({ row, replaced }) =>
          [...replaced].map(([channel, list]) => ({ templateId: found.get(row.key) ?? '', channel, contents: list })),
        )
        if (contents.length > 0) await replaceContents(tx, projectId, contents)
        await versionPublished(rows, projectId, idsOf(keys), author)
      }
      const samples = templates.flatMap((one) => (one.samples === null ? [] : [{ key: one.row.key, samples: one.samples }]))
      if (samples.length > 0) await storeSamples(rows, projectId, samples)
      await pruneVersions(rows, projectId, keys)
      return found
    },

    /**
     * Publishes the draft of a template: sends that are accepted, and messages that are rendered, from now on use it. Does nothing to one
     * without a draft.
     * @returns the template's id
     * @throws TEMPLATE_NOT_FOUND; TEMPLATE_CHANGED if `expectedVersion` is not the number of the draft
     */
    publish: (projectId: string, key: string, expectedVersion: number | null, by: By): Promise<string> =>
      changeOne({ projectId, operation: 'publishTemplate', by }, key, expectedVersion, async (rows, { id, latest, isDraft }) => {
        if (!isDraft) return
        const at = clock.now()
        await storeVersion(rows, projectId, id, latest, at)
        await markPublished(rows, projectId, id, latest, at)
      }),

    /**
     * Makes a new version with the content of an earlier one: published at once, or a draft where the project keeps them.
     * @returns the template's id
     * @throws TEMPLATE_NOT_FOUND, TEMPLATE_CHANGED; NOT_FOUND for a version that is not kept
     */
    restore: (projectId: string, key: string, number: number, expectedVersion: number | null, by: By): Promise<string> =>
      changeOne({ projectId, operation: 'restoreTemplateVersion', by }, key, expectedVersion, async (rows, { id }) => {
        if (!(await hasVersion(rows, projectId, id, number))) {
          const message = `There is no version ${number} of the template "${key}".`
          throw new CarillonError('NOT_FOUND', { field: 'version', message })
        }
        const author = authorOf(by)
        if (await keepsDrafts(rows, projectId)) {
          await versionRestored(rows, projectId, { templateId: id, number, id: ids() }, author)
        } else {
          await storeVersion(rows, projectId, id, number, author.at)
          await versionPublished(rows, projectId, idsOf([key]), author, number)
        }
      }),
  }
}

/** The versions of templates. */
export type TemplateVersions = ReturnType<typeof createTemplateVersions>

/** What a new template is but for its name: without contents. */
const emptyTemplate = ({ id, key, name, createdAt }: TemplateWrite): TemplateWrite => ({
  id,
  key,
  name,
  createdAt,
  ...newTemplate,
  given: [],
})

/** The values of a new template that does not say otherwise. */
export const newTemplate = {
  active: true,
  critical: false,
  strict: false,
  inPreferences: true,
  feed: 'default',
  severity: 'NORMAL',
  rules: [],
  delaySeconds: null,
  digest: null,
  dataSchema: null,
} as const
