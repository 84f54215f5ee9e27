/** Templates: what a notification says on each channel, in each language. */
import { type Database, transact } from '../db/database.ts'
import { Prisma } from '../db/generated/client.ts'
import { replaceContents, type TemplateWrite, upsertTemplates } from '../db/keyed.ts'
import { CarillonError } from '../errors.ts'
import { indexContents, type Renderer, type StoredContent, type TemplateContents } from '../render/content.ts'
import { atIndex, checkJson, checkKey, checkList, checkLocale, checkText } from './check.ts'
import type { Clock } from './clock.ts'
import { createDataSchemas, type DataCheck } from './data-schema.ts'
import type { Ids } from './ids.ts'
import { checkDelay, checkDigest, checkRules, type DigestInput, type RuleInput } from './template-rule.ts'
import type { Channel, ChannelRule, ContentOf, DigestRule, JsonObject, TemplateInfo } from './words.ts'

type Given<T> = { readonly [K in keyof T]?: T[K] | undefined }
/** One content as a caller gives it: what may be null may be left out. */
export type ContentInput<C extends Channel> = Given<ContentOf[C]> & { readonly locale?: string | null | undefined }

/** A template as a caller gives it: a field left out stays as it is, null removes it. */
export interface TemplateInput {
  readonly key: string
  readonly name?: string | null | undefined
  readonly active?: boolean | null | undefined
  readonly critical?: boolean | null | undefined
  readonly feed?: string | null | undefined
  readonly dataSchema?: JsonObject | null | undefined
  readonly rules?: readonly RuleInput[] | null | undefined
  readonly delaySeconds?: number | null | undefined
  readonly digest?: DigestInput | null | undefined
  readonly inApp?: readonly ContentInput<'IN_APP'>[] | null | undefined
  readonly email?: readonly ContentInput<'EMAIL'>[] | null | undefined
  readonly sms?: readonly ContentInput<'SMS'>[] | null | undefined
  readonly push?: readonly ContentInput<'PUSH'>[] | null | undefined
  readonly webPush?: readonly ContentInput<'WEB_PUSH'>[] | null | undefined
  readonly chat?: readonly ContentInput<'CHAT'>[] | null | undefined
  readonly alimtalk?: readonly ContentInput<'ALIMTALK'>[] | null | undefined
  readonly friendtalk?: readonly ContentInput<'FRIENDTALK'>[] | null | undefined
  readonly webhook?: readonly ContentInput<'WEBHOOK'>[] | null | undefined
}

/** A template with all that deciding and rendering look at. */
export interface WholeTemplate {
  readonly info: TemplateInfo
  readonly contents: TemplateContents
  /** what checks its data; null: anything fits */
  readonly check: DataCheck | null
}

/** What templates work with. */
export interface TemplateDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly renderer: Renderer
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

interface Checked {
  readonly input: TemplateInput
  /** channels whose contents are replaced, with what replaces them */
  readonly replaced: ReadonlyMap<Channel, readonly StoredContent[]>
  /** what is set, null to remove it; left out: it stays */
  readonly timing: {
    readonly rules?: readonly ChannelRule[]
    readonly delaySeconds?: number | null
    readonly digest?: DigestRule | null
    readonly dataSchema?: JsonObject | null
  }
  /** what checks data against its schema, where one is given */
  readonly fits: DataCheck | null
}

/** Folds what is said of a template, once or several times in a call, into the row to write and the contents that it replaces. */
function fold(list: readonly Checked[], key: string, id: string, now: Date) {
  let given: Partial<Omit<TemplateWrite, 'id' | 'key' | 'createdAt' | 'given' | 'version'>> = {}
  const replaced = new Map<Channel, readonly StoredContent[]>()
  for (const { input, timing, replaced: more } of list) {
    const { name, active, critical, feed } = input
    given = {
      ...given,
      ...(name === undefined ? {} : { name: name ?? key }),
      ...(active === undefined ? {} : { active: active ?? true }),
      ...(critical === undefined ? {} : { critical: critical ?? false }),
      ...(feed === undefined ? {} : { feed: feed ?? 'default' }),
      ...timing,
    }
    for (const [channel, contents] of more) replaced.set(channel, contents)
  }
  const fresh = { name: key, active: true, critical: false, feed: 'default', rules: [], delaySeconds: null, digest: null }
  const fields = Object.keys(given) as TemplateWrite['given']
  const row: TemplateWrite = {
    ...fresh,
    dataSchema: null,
    ...given,
    id,
    key,
    createdAt: now,
    given: fields,
    version: list.length,
  }
  return { row, replaced }
}

/** Makes the operations of templates. */
export function createTemplates({ db, clock, ids, renderer }: TemplateDeps) {
  const schemas = createDataSchemas()

  function checkContents<C extends Channel>(channel: C, field: string, list: readonly ContentInput<C>[]): StoredContent[] {
    const make: (input: ContentInput<C>) => ContentOf[C] = contentOf[channel]
    const contents = list.map((input, index) => {
      const path = `${field}[${index}]`
      const content = { channel, locale: checkLocale(`${path}.locale`, input.locale ?? 'en'), content: make(input) }
      checkJson(path, content.content)
      checkText(path, JSON.stringify(content.content), 600_000)
      renderer.check(path, content)
      return content
    })
    const twin = contents.find((one, index) => contents.findIndex((other) => other.locale === one.locale) !== index)
    if (twin !== undefined)
      throw new CarillonError('BAD_INPUT', { field, message: `${field}: the locale ${twin.locale} is there twice.` })
    return contents
  }

  function check(input: TemplateInput): Checked {
    checkKey('key', input.key)
    if (typeof input.name === 'string') checkText('name', input.name, 255)
    if (typeof input.feed === 'string') checkKey('feed', input.feed)
    const replaced = new Map<Channel, StoredContent[]>()
    const replace = <C extends Channel>(channel: C, field: string, list: readonly ContentInput<C>[] | null | undefined): void => {
      if (list !== undefined) replaced.set(channel, checkContents(channel, field, list ?? []))
    }
    replace('IN_APP', 'inApp', input.inApp)
    replace('EMAIL', 'email', input.email)
    replace('SMS', 'sms', input.sms)
    replace('PUSH', 'push', input.push)
    replace('WEB_PUSH', 'webPush', input.webPush)
    replace('CHAT', 'chat', input.chat)
    replace('ALIMTALK', 'alimtalk', input.alimtalk)
    replace('FRIENDTALK', 'friendtalk', input.friendtalk)
    replace('WEBHOOK', 'webhook', input.webhook)
    const { rules, delaySeconds, digest, dataSchema } = input
    const fits = dataSchema === null || dataSchema === undefined ? null : schemas.compile(dataSchema)
    const timing = {
      ...(rules === undefined ? {} : { rules: checkRules(rules ?? []) }),
      ...(delaySeconds === undefined
        ? {}
        : { delaySeconds: delaySeconds === null ? null : checkDelay('delaySeconds', delaySeconds) }),
      ...(digest === undefined ? {} : { digest: digest === null ? null : checkDigest(digest) }),
      ...(dataSchema === undefined ? {} : { dataSchema }),
    }
    return { input, replaced, timing, fits }
  }

  return {
    /**
     * Makes or changes up to 1,000 templates: all of them, or none.
     * @returns their ids, in the order asked
     * @throws BAD_INPUT or TEMPLATE_BROKEN, naming the template's index
     */
    async upsert(projectId: string, templates: readonly TemplateInput[]): Promise<string[]> {
      checkList('templates', templates, 1000)
      const checked = templates.map((input, index) => atIndex(index, () => check(input)))
      const now = clock.now()
      const folded = new Map(
        [...Map.groupBy(checked, (one) => one.input.key)].map(([key, list]) => [key, fold(list, key, ids(), now)]),
      )
      const written = await transact(db.pool, async (tx, finish) => {
        const found = await upsertTemplates(
          tx,
          projectId,
          [...folded.values()].map((one) => one.row),
        )
        const contents = [...folded].flatMap(([key, { replaced }]) =>
          [...replaced].map(([channel, list]) => ({ templateId: found.get(key) ?? '', channel, contents: list })),
        )
        if (contents.length > 0) finish(replaceContents(tx, projectId, contents))
        return found
      })
      return templates.flatMap(({ key }) => written.get(key) ?? [])
    },

    /**
     * Deletes templates: nothing more is said with them, and what was said stays readable. What waits has nothing to say any more: it is
     * SKIPPED when it is due. What there is not is not counted.
     * @throws BAD_INPUT with the index of one that a campaign uses; then none is deleted
     */
    async remove(projectId: string, keys: readonly string[]): Promise<number> {
      checkList('keys', keys, 1000)
      const now = clock.now()
      const wanted = keys.filter((key) => !key.includes('\0'))
      return db.prisma.$transaction(async (tx) => {
        // Locked before their contents, and in the order in which others write them. What comes after that is not locked, and stays.
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
        // The row stays for what refers to it. What it says is another version: nobody goes on with what was kept in memory.
        const { count } = await tx.template.updateMany({
          where: { projectId, id: { in: ids } },
          data: {
            ...{ active: false, critical: false, feed: 'default', rules: [], delaySeconds: null },
            ...{ digest: Prisma.DbNull, dataSchema: Prisma.DbNull, deletedAt: now, updatedAt: now, version: { increment: 1 } },
          },
        })
        return count
      })
    },

    /**
     * The template as it would be if `input` were stored: what stays of `before` stays.
     * @throws BAD_INPUT or TEMPLATE_BROKEN, as `upsert`
     */
    draft(input: TemplateInput, before: WholeTemplate | null): WholeTemplate {
      const { replaced, timing, fits } = check(input)
      const kept = before?.contents.stored.filter(({ channel }) => !replaced.has(channel)) ?? []
      const { key, active, critical, feed, dataSchema } = input
      const { info } = before ?? {
        info: {
          id: ids(),
          key,
          version: 0,
          active: true,
          critical: false,
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
