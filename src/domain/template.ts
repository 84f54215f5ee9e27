/** Templates: the contents of notifications on each channel, in each language. */
import { setImmediate } from 'node:timers/promises'
import { rowsOf } from '../db/audit.ts'
import { type Database, transact } from '../db/database.ts'
import { Prisma, type Template } from '../db/generated/client.ts'
import type { TemplateWrite } from '../db/upsert-by-key.ts'
import { CarillonError } from '../errors.ts'
import { indexContents, type StoredContent, type TemplateContents } from '../render/contents.ts'
import { programLimits } from '../render/limits.ts'
import { createMeter, type Meter } from '../render/meter.ts'
import type { Renderer, SourceText } from '../render/renderer.ts'
import { type CallBudget, createCallBudget, type Sandbox } from '../render/sandbox.ts'
import { checkLocale } from '../values/locale.ts'
import {
  type Channel,
  type ChannelRule,
  type ContentOf,
  channels,
  contentFields,
  type DigestRule,
  type JsonObject,
  type Severity,
  type TemplateInfo,
  type TemplateSample,
} from '../words.ts'
import type { Audit, By } from './audit.ts'
import { atIndex, checkJson, checkKey, checkList, checkObject, checkText } from './check.ts'
import type { Clock } from './clock.ts'
import type { Cursors } from './cursor.ts'
import { createDataSchemas, type DataCheck } from './data-schema.ts'
import type { Ids } from './ids.ts'
import { inOrder, type ListPage, type Loading, namedLike, readPage, type SearchArgs } from './page.ts'
import { checkDelay, checkDigest, checkRules, type DigestInput, type RuleInput } from './template-rule.ts'
import { newTemplate, type TemplateStore, type TemplateVersions } from './template-version.ts'

type Given<T> = { readonly [K in keyof T]?: T[K] | undefined }
/** The input of a content: a field that may be null may be left out. */
export type ContentInput<C extends Channel> = Given<ContentOf[C]> & { readonly locale?: string | null | undefined }

type ContentInputs = {
  readonly [C in Channel as (typeof contentFields)[C]]?: readonly ContentInput<C>[] | null | undefined
}

/** The input of `upsertTemplates`: a field that is left out keeps its value, null removes it. */
export interface TemplateInput extends ContentInputs {
  readonly key: string
  readonly name?: string | null | undefined
  readonly active?: boolean | null | undefined
  readonly critical?: boolean | null | undefined
  readonly strict?: boolean | null | undefined
  readonly inPreferences?: boolean | null | undefined
  readonly feed?: string | null | undefined
  readonly severity?: Severity | null | undefined
  readonly dataSchema?: JsonObject | null | undefined
  readonly rules?: readonly RuleInput[] | null | undefined
  readonly delaySeconds?: number | null | undefined
  readonly digest?: DigestInput | null | undefined
  readonly samples?: readonly { readonly name: string; readonly data: { readonly [key: string]: unknown } }[] | null | undefined
  /** the number that its latest version must have; 0: it must not exist */
  readonly expectedVersion?: number | null | undefined
}

/** A template with everything that deciding and rendering need. */
export interface WholeTemplate {
  readonly info: TemplateInfo
  readonly contents: TemplateContents
  /** the check of its data; null: it has no schema */
  readonly check: DataCheck | null
}

/** What `createTemplates` needs. */
export interface TemplateDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly cursors: Cursors
  readonly renderer: Renderer
  readonly sandbox: Pick<Sandbox, 'parse' | 'variables'>
  readonly audit: Audit
  readonly versions: Pick<TemplateVersions, 'store'>
}

const pushOf = (input: ContentInput<'PUSH'>): ContentOf['PUSH'] => ({
  title: input.title ?? '',
  body: input.body ?? '',
  imageUrl: input.imageUrl ?? null,
  url: input.url ?? null,
  data: input.data ?? null,
})

const contentOf: { readonly [C in Channel]: (input: ContentInput<C>) => ContentOf[C] } = {
  IN_APP: (input) => ({
    title: input.title ?? null,
    body: input.body ?? '',
    iconUrl: input.iconUrl ?? null,
    url: input.url ?? null,
    primaryAction: input.primaryAction ?? null,
    secondaryAction: input.secondaryAction ?? null,
  }),
  EMAIL: (input) => ({
    subject: input.subject ?? '',
    html: input.html ?? null,
    text: input.text ?? null,
    from: input.from ?? null,
    replyTo: input.replyTo ?? null,
    cc: input.cc ?? null,
    bcc: input.bcc ?? null,
  }),
  SMS: (input) => ({ type: input.type ?? 'SMS', title: input.title ?? null, body: input.body ?? '' }),
  PUSH: pushOf,
  WEB_PUSH: pushOf,
  CHAT: (input) => ({ body: input.body ?? '' }),
  ALIMTALK: (input) => ({ templateCode: checkKey('templateCode', input.templateCode ?? ''), body: input.body ?? null }),
  FRIENDTALK: (input) => ({ body: input.body ?? '', isAd: input.isAd ?? false }),
  WEBHOOK: (input) => ({ body: input.body ?? null }),
}

/** An e-mail without either part would arrive empty. @throws BAD_INPUT */
function checkBody(path: string, { text, html }: ContentInput<'EMAIL'>): void {
  if ([text, html].some((part) => typeof part === 'string' && part.trim() !== '')) return
  const field = `${path}.text`
  throw new CarillonError('BAD_INPUT', { field, message: `${field}: an e-mail needs a text, or html, or both.` })
}

const CHECKED_TOGETHER = 20
const SAMPLES_MAX = 20
const SAMPLE_CHARACTERS = 65_536

interface Checked {
  readonly input: TemplateInput
  /** the channels whose contents are replaced, with the new contents */
  readonly replaced: ReadonlyMap<Channel, readonly StoredContent[]>
  /** what is set; null: removed; left out: kept */
  readonly timing: {
    readonly rules?: readonly ChannelRule[]
    readonly delaySeconds?: number | null
    readonly digest?: DigestRule | null
    readonly dataSchema?: JsonObject | null
  }
  /** null: they are kept */
  readonly samples: readonly TemplateSample[] | null
  /** the check of data, if a schema is given */
  readonly fits: DataCheck | null
  /** what is to be parsed and compiled in the sandbox */
  readonly texts: readonly SourceText[]
  readonly schemas: readonly JsonObject[]
}

/** The samples of an input; null: they are left out. @throws BAD_INPUT, TOO_LARGE, BATCH_TOO_LARGE */
function samplesOf(samples: TemplateInput['samples']): TemplateSample[] | null {
  if (samples === undefined) return null
  const list = samples ?? []
  if (list.length > 0) checkList('samples', list, SAMPLES_MAX)
  const checked = list.map(({ name, data }, index) => ({
    name: checkText(`samples[${index}].name`, name, 100),
    data: checkObject(`samples[${index}].data`, data, SAMPLE_CHARACTERS),
  }))
  const again = checked.findIndex(({ name }, index) => checked.findIndex((one) => one.name === name) !== index)
  if (again === -1) return checked
  const field = `samples[${again}].name`
  throw new CarillonError('BAD_INPUT', { field, message: `${field}: another sample has this name.` })
}

/** Merges all inputs of a call for one template into the row to write and the contents to replace. */
function merge(list: readonly (Checked & { readonly index: number })[], key: string, id: string, now: Date): TemplateStore {
  let given: Partial<Omit<TemplateWrite, 'id' | 'key' | 'createdAt' | 'given'>> = {}
  let samples: TemplateStore['samples'] = null
  const replaced = new Map<Channel, readonly StoredContent[]>()
  for (const one of list) {
    const { name, active, critical, strict, inPreferences, feed, severity } = one.input
    given = {
      ...given,
      ...(name === undefined ? {} : { name: name ?? key }),
      ...(active === undefined ? {} : { active: active ?? true }),
      ...(critical === undefined ? {} : { critical: critical ?? false }),
      ...(strict === undefined ? {} : { strict: strict ?? false }),
      ...(inPreferences === undefined ? {} : { inPreferences: inPreferences ?? true }),
      ...(feed === undefined ? {} : { feed: feed ?? 'default' }),
      ...(severity === undefined ? {} : { severity: severity ?? 'NORMAL' }),
      ...one.timing,
    }
    samples = one.samples ?? samples
    for (const [channel, contents] of one.replaced) replaced.set(channel, contents)
  }
  const fields = Object.keys(given) as TemplateWrite['given']
  const row: TemplateWrite = { ...newTemplate, name: key, ...given, id, key, createdAt: now, given: fields }
  const expected = list.flatMap(({ index, input: { expectedVersion: version } }) =>
    typeof version === 'number' ? [{ index, version }] : [],
  )
  return { row, replaced, samples, expected }
}

/** Creates the operations of templates. */
export function createTemplates({ db, clock, ids, cursors, renderer: whole, sandbox, audit, versions }: TemplateDeps) {
  const schemas = createDataSchemas()

  function checkContents<C extends Channel>(
    { renderer, texts }: { readonly renderer: Renderer; readonly texts: SourceText[] },
    channel: C,
    field: string,
    list: readonly ContentInput<C>[],
  ): StoredContent[] {
    const make: (input: ContentInput<C>) => ContentOf[C] = contentOf[channel]
    const contents = list.map((input, index) => {
      const path = `${field}[${index}]`
      const content = { channel, locale: checkLocale(`${path}.locale`, input.locale ?? 'en'), content: make(input) }
      checkJson(path, content.content)
      if (channel === 'EMAIL') checkBody(path, input)
      checkText(path, JSON.stringify(content.content), 600_000)
      texts.push(...renderer.check(path, content))
      return content
    })
    const duplicate = contents.find((one, index) => contents.findIndex((other) => other.locale === one.locale) !== index)
    if (duplicate !== undefined)
      throw new CarillonError('BAD_INPUT', { field, message: `${field}: the locale ${duplicate.locale} is there twice.` })
    return contents
  }

  function check(input: TemplateInput, allowance: Meter): Checked {
    const texts: SourceText[] = []
    const checking = { renderer: whole.within(allowance), texts }
    checkKey('key', input.key)
    if (typeof input.name === 'string') checkText('name', input.name, 255)
    if (typeof input.feed === 'string') checkKey('feed', input.feed)
    const replaced = new Map<Channel, StoredContent[]>()
    for (const channel of channels) {
      const field = contentFields[channel]
      const list: readonly ContentInput<Channel>[] | null | undefined = input[field]
      if (list !== undefined) replaced.set(channel, checkContents(checking, channel, field, list ?? []))
    }
    const { rules, delaySeconds, digest, dataSchema } = input
    const given = dataSchema ?? null
    const left = given !== null && !schemas.check(given, allowance) ? [given] : []
    const timing = {
      ...(rules === undefined ? {} : { rules: checkRules(rules ?? []) }),
      ...(delaySeconds === undefined
        ? {}
        : { delaySeconds: delaySeconds === null ? null : checkDelay('delaySeconds', delaySeconds) }),
      ...(digest === undefined ? {} : { digest: digest === null ? null : checkDigest(digest) }),
      ...(dataSchema === undefined ? {} : { dataSchema }),
    }
    const samples = samplesOf(input.samples)
    return { input, replaced, timing, samples, fits: given === null ? null : schemas.of(given), texts, schemas: left }
  }

  /** Parses and compiles in the sandbox what was too much for the server. @throws BAD_INPUT or TEMPLATE_BROKEN, naming the template's index */
  async function checkInSandbox(projectId: string, checked: readonly Checked[], budget: CallBudget): Promise<void> {
    const texts = checked.flatMap((one, index) => one.texts.map((text) => ({ index, text })))
    const left = checked.flatMap((one, index) => one.schemas.map((schema) => ({ index, schema })))
    if (texts.length + left.length === 0) return
    const programs = { texts: texts.map((one) => one.text), schemas: left.map((one) => one.schema) }
    const errors = await sandbox.parse(projectId, programs, budget)
    for (const [place, { index }] of [...texts, ...left].entries()) {
      atIndex(index, () => {
        const error = errors[place] ?? null
        if (error !== null) throw error
      })
    }
  }

  const { prisma } = db

  return {
    /** One template; null when there is none, or it was deleted. */
    async find(projectId: string, key: string, query: Loading<Prisma.TemplateDefaultArgs> = {}): Promise<Template | null> {
      if (key.includes('\0')) return null
      return prisma.template.findUnique({ ...query, where: { projectId_key: { projectId, key }, deletedAt: null } })
    },

    /** Templates that were not deleted, oldest first; `search`: those whose key or name contains it. @throws BAD_INPUT, BAD_CURSOR */
    async list(
      projectId: string,
      page: SearchArgs,
      query: Loading<Prisma.TemplateDefaultArgs> = {},
    ): Promise<ListPage<Template>> {
      const wanted = namedLike(page)
      return readPage(cursors, page, {
        name: 'templates',
        projectId,
        order: 'oldest-first',
        read: ({ where, ...order }) =>
          prisma.template.findMany({ ...query, where: { projectId, deletedAt: null, ...wanted, ...where }, ...order }),
        total: () => prisma.template.count({ where: { projectId, deletedAt: null, ...wanted } }),
      })
    },

    /** A template by id, a deleted one as well. @throws TEMPLATE_NOT_FOUND */
    async withId(projectId: string, id: string, query: Loading<Prisma.TemplateDefaultArgs> = {}): Promise<Template> {
      const template = await prisma.template.findUnique({ ...query, where: { projectId_id: { projectId, id } } })
      if (template === null) throw new CarillonError('TEMPLATE_NOT_FOUND')
      return template
    },

    /** Templates by id, in the order given; one that is named twice is there twice. */
    async withIds(
      projectId: string,
      ids: readonly string[],
      query: Loading<Prisma.TemplateDefaultArgs> = {},
    ): Promise<Template[]> {
      return inOrder(ids, await prisma.template.findMany({ ...query, where: { projectId, id: { in: [...ids] } } }))
    },

    /** Names of the variables that contents use. @throws TEMPLATE_BROKEN, RATE_LIMITED */
    variables: async (projectId: string, contents: readonly StoredContent[]): Promise<string[]> =>
      whole.within(createMeter(programLimits.messageUnits)).variables(contents) ??
      sandbox.variables(projectId, contents, createCallBudget()),

    /**
     * Inserts or changes up to 1,000 templates, published or as drafts: all of them, or none.
     * @returns their ids, in the order of the input
     * @throws BAD_INPUT, TEMPLATE_BROKEN or TEMPLATE_CHANGED, naming the template's index; RATE_LIMITED
     */
    async upsert(projectId: string, templates: readonly TemplateInput[], by: By): Promise<string[]> {
      checkList('templates', templates, 1000)
      const allowance = createMeter(programLimits.upsertUnits)
      const checked: Checked[] = []
      let turn = 1
      for (const [index, input] of templates.entries()) {
        if (index >= turn * CHECKED_TOGETHER || allowance.spent() > turn * programLimits.turnUnits) {
          turn++
          await setImmediate()
        }
        checked.push(atIndex(index, () => check(input, allowance)))
      }
      await checkInSandbox(projectId, checked, createCallBudget())
      const now = clock.now()
      const indexed = checked.map((one, index) => ({ ...one, index }))
      const stores = [...Map.groupBy(indexed, (one) => one.input.key)].map(([key, list]) => merge(list, key, ids(), now))
      const keys = stores.map(({ row }) => row.key)
      const change = { projectId, operation: 'upsertTemplates', by } as const
      const written = await transact(db.pool, (tx) =>
        audit.changed(rowsOf(tx), change, 'TEMPLATE', keys, () => versions.store(tx, projectId, stores, by)),
      )
      return templates.flatMap(({ key }) => written.get(key) ?? [])
    },

    /**
     * Deletes templates: nothing more is sent with them. Sent notifications stay readable; waiting messages have no contents any more, and are
     * SKIPPED when they are due.
     * @returns how many there were
     * @throws BAD_INPUT with the index of one that a campaign uses; then none is deleted
     */
    async remove(projectId: string, keys: readonly string[], by: By): Promise<number> {
      checkList('keys', keys, 1000)
      const now = clock.now()
      const wanted = keys.filter((key) => !key.includes('\0'))
      return audit.change({ projectId, operation: 'deleteTemplates', by }, 'TEMPLATE', wanted, async (tx) => {
        // Locked before their contents, and in the order in which others write them. Templates that are inserted later are not locked, and stay.
        const locked = await tx.$queryRaw<{ id: string }[]>`SELECT id FROM template
          WHERE project_id = ${projectId}::uuid AND key = ANY(${wanted}::text[]) AND deleted_at IS NULL ORDER BY key FOR NO KEY UPDATE`
        const found = await tx.template.findMany({
          where: { projectId, id: { in: locked.map((one) => one.id) } },
          select: { id: true, key: true, campaigns: { select: { key: true }, orderBy: { key: 'asc' }, take: 1 } },
        })
        const used = new Map(
          found.flatMap(({ key, campaigns: [campaign] }) => (campaign === undefined ? [] : [[key, campaign.key]])),
        )
        const index = keys.findIndex((key) => used.has(key))
        const key = keys[index]
        if (key !== undefined) {
          const message = `The campaign "${used.get(key)}" uses the template "${key}".`
          throw new CarillonError('BAD_INPUT', { field: 'keys', index, message })
        }
        const ids = found.map((one) => one.id)
        await tx.templateContent.deleteMany({ where: { projectId, templateId: { in: ids } } })
        await tx.templateVersion.deleteMany({ where: { projectId, templateId: { in: ids } } })
        // The row stays, because notifications refer to it. It gets a new version, so that cached contents are not used any more.
        const { count } = await tx.template.updateMany({
          where: { projectId, id: { in: ids } },
          data: {
            active: false,
            critical: false,
            strict: false,
            inPreferences: true,
            feed: 'default',
            severity: 'NORMAL',
            rules: [],
            delaySeconds: null,
            digest: Prisma.DbNull,
            dataSchema: Prisma.DbNull,
            samples: [],
            latestVersion: null,
            deletedAt: now,
            updatedAt: now,
            version: { increment: 1 },
          },
        })
        return count
      })
    },

    /**
     * The template as it would be if `input` were stored over `before`; nothing is stored.
     * @throws BAD_INPUT or TEMPLATE_BROKEN, as `upsert`
     */
    async draft(
      projectId: string,
      input: TemplateInput,
      before: WholeTemplate | null,
      budget: CallBudget,
    ): Promise<WholeTemplate> {
      const checked = check(input, createMeter(programLimits.callUnits))
      await checkInSandbox(projectId, [checked], budget)
      const { replaced, timing, fits } = checked
      const kept = before?.contents.stored.filter(({ channel }) => !replaced.has(channel)) ?? []
      const { key, active, critical, strict, feed, dataSchema } = input
      const { info } = before ?? {
        info: {
          id: ids(),
          key,
          version: 0,
          active: true,
          critical: false,
          strict: false,
          feed: 'default',
          rules: [],
          delaySeconds: null,
          digest: null,
        },
      }
      return {
        info: {
          ...info,
          active: active === undefined ? info.active : (active ?? true),
          critical: critical === undefined ? info.critical : (critical ?? false),
          strict: strict === undefined ? info.strict : (strict ?? false),
          feed: feed === undefined ? info.feed : (feed ?? 'default'),
          rules: timing.rules ?? info.rules,
          delaySeconds: timing.delaySeconds === undefined ? info.delaySeconds : timing.delaySeconds,
          digest: timing.digest === undefined ? info.digest : timing.digest,
        },
        contents: indexContents([...kept, ...[...replaced.values()].flat()]),
        check: dataSchema === undefined ? (before?.check ?? null) : fits,
      }
    },
  }
}
