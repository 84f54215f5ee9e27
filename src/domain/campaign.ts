/** Campaigns: templates to send, each with the rule when and to whom. */
import type { Database } from '../db/database.ts'
import { type Campaign, Prisma } from '../db/generated/client.ts'
import { CarillonError } from '../errors.ts'
import type { CampaignDispatch, Channel } from '../words.ts'
import type { Audit, By } from './audit.ts'
import { atIndex, checkKey, checkList, checkText } from './check.ts'
import type { Clock } from './clock.ts'
import type { Cursors } from './cursor.ts'
import type { Ids } from './ids.ts'
import { inOrder, type ListPage, type Loading, namedLike, readPage, type SearchArgs } from './page.ts'
import { checkFuture, checkSchedule, nextRunOf, type Schedule, type ScheduleInput, sameSchedule } from './schedule.ts'

/** A campaign as a caller gives it: a field left out stays as it is, null removes it. */
export interface CampaignInput {
  readonly key: string
  readonly name?: string | null | undefined
  readonly active?: boolean | null | undefined
  readonly dispatch?: CampaignDispatch | null | undefined
  readonly channel?: Channel | null | undefined
  readonly template?: string | null | undefined
  readonly segment?: string | null | undefined
  readonly schedule?: ScheduleInput | null | undefined
}

/** What `createCampaigns` needs. */
export interface CampaignDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly cursors: Cursors
  readonly audit: Audit
}

/** The schedule of a stored campaign, which was validated when it was stored. */
export const scheduleOf = ({ schedule }: { readonly schedule: unknown }): Schedule | null => schedule as Schedule | null

type Fields = Pick<Campaign, 'name' | 'active' | 'dispatch' | 'channel' | 'templateId' | 'segmentId' | 'nextRunAt'> & {
  readonly schedule: Schedule | null
}

const bad = (field: string, message: string): CarillonError =>
  new CarillonError('BAD_INPUT', { field, message: `${field}: ${message}` })

/** Checks what fields require of each other. @throws BAD_INPUT */
function checkWhole({ dispatch, schedule, segmentId }: Fields): void {
  if (dispatch === 'API' && schedule !== null)
    throw bad('schedule', 'a campaign that is dispatched by API has no schedule: its dispatch must be SEGMENT.')
  if (dispatch === 'API' && segmentId !== null)
    throw bad('segment', 'a campaign that is dispatched by API has no segment: its dispatch must be SEGMENT.')
  if (schedule !== null && schedule.onEvent === null && segmentId === null)
    throw bad('segment', 'is missing: a campaign that runs at a time must say for whom.')
}

/** Creates the operations of campaigns. */
export function createCampaigns({ db, clock, ids, cursors, audit }: CampaignDeps) {
  const { prisma } = db

  /** The campaign after an input is applied to it. @throws BAD_INPUT, TEMPLATE_NOT_FOUND, NOT_FOUND */
  function apply(
    before: Campaign | undefined,
    input: CampaignInput,
    schedule: Schedule | null | undefined,
    idOf: { template(key: string): string; segment(key: string): string },
    now: Date,
  ): Fields {
    if (input.template === null || (input.template === undefined && before === undefined)) {
      throw bad('template', 'is missing: a campaign says what its template says.')
    }
    const was = before === undefined ? null : scheduleOf(before)
    const given = <T>(value: T | null | undefined, kept: T | undefined, otherwise: T): T =>
      value === undefined ? (kept ?? otherwise) : (value ?? otherwise)
    const after: Omit<Fields, 'nextRunAt'> = {
      name: given(input.name, before?.name, input.key),
      active: given(input.active, before?.active, true),
      dispatch: given<string>(input.dispatch, before?.dispatch, 'API'),
      channel: given<Channel | null>(input.channel, before?.channel, null),
      templateId: input.template === undefined ? (before?.templateId ?? '') : idOf.template(input.template),
      segmentId:
        input.segment === undefined ? (before?.segmentId ?? null) : input.segment === null ? null : idOf.segment(input.segment),
      schedule: schedule === undefined ? was : schedule,
    }
    const isNew = after.schedule !== null && (was === null || !sameSchedule(was, after.schedule))
    if (isNew && after.schedule !== null) checkFuture(after.schedule, now)
    // Storing the same schedule again does not start it again: one that has run once does not run again.
    const isKept = !isNew && before?.active === true
    const nextRunAt = after.schedule === null || !after.active ? null : isKept ? before.nextRunAt : nextRunOf(after.schedule, now)
    const whole = { ...after, nextRunAt }
    checkWhole(whole)
    return whole
  }

  return {
    /** One campaign; null when there is none. */
    async find(projectId: string, key: string, query: Loading<Prisma.CampaignDefaultArgs> = {}): Promise<Campaign | null> {
      return key.includes('\0') ? null : prisma.campaign.findUnique({ ...query, where: { projectId_key: { projectId, key } } })
    },

    /** Campaigns, oldest first; `search`: those whose key or name contains it. @throws BAD_INPUT, BAD_CURSOR */
    async list(
      projectId: string,
      page: SearchArgs,
      query: Loading<Prisma.CampaignDefaultArgs> = {},
    ): Promise<ListPage<Campaign>> {
      const wanted = namedLike(page)
      return readPage(cursors, page, {
        name: 'campaigns',
        projectId,
        order: 'oldest-first',
        read: ({ where, ...order }) =>
          prisma.campaign.findMany({ ...query, where: { projectId, ...wanted, ...where }, ...order }),
        total: () => prisma.campaign.count({ where: { projectId, ...wanted } }),
      })
    },

    /** Campaigns by id, in the order given; one that is named twice is there twice. */
    async withIds(
      projectId: string,
      ids: readonly string[],
      query: Loading<Prisma.CampaignDefaultArgs> = {},
    ): Promise<Campaign[]> {
      return inOrder(ids, await prisma.campaign.findMany({ ...query, where: { projectId, id: { in: [...ids] } } }))
    },

    scheduleOf,

    /**
     * Inserts or changes up to 1,000 campaigns: all of them, or none.
     * @returns their ids, in the order of the input
     * @throws BAD_INPUT, TEMPLATE_NOT_FOUND, NOT_FOUND (segment), with the index
     */
    async upsert(projectId: string, inputs: readonly CampaignInput[], by: By): Promise<string[]> {
      checkList('campaigns', inputs, 1000)
      const now = clock.now()
      const checked = inputs.map((input, index) =>
        atIndex(index, () => {
          checkKey('key', input.key)
          for (const field of ['name', 'template', 'segment'] as const) {
            const text = input[field]
            if (typeof text === 'string') checkText(field, text, 255)
          }
          const { schedule } = input
          return { input, schedule: schedule === null || schedule === undefined ? schedule : checkSchedule(schedule, now) }
        }),
      )
      const keys = inputs.map((one) => one.key)
      return audit.change({ projectId, operation: 'upsertCampaigns', by }, 'CAMPAIGN', keys, async (tx) => {
        // Locked, because a run that is due updates the same row.
        await tx.$queryRaw`SELECT 1 FROM campaign WHERE project_id = ${projectId}::uuid AND key = ANY(${keys}::text[]) ORDER BY key FOR UPDATE`
        const [known, templates, segments] = await Promise.all([
          tx.campaign.findMany({ where: { projectId, key: { in: keys } } }),
          tx.template.findMany({
            where: { projectId, key: { in: inputs.flatMap((one) => one.template ?? []) }, deletedAt: null },
            select: { id: true, key: true },
          }),
          tx.segment.findMany({
            where: { projectId, key: { in: inputs.flatMap((one) => one.segment ?? []) } },
            select: { id: true, key: true },
          }),
        ])
        const find = (list: readonly { id: string; key: string }[], key: string) => list.find((one) => one.key === key)?.id
        const idOf = {
          template(key: string): string {
            const id = find(templates, key)
            if (id === undefined)
              throw new CarillonError('TEMPLATE_NOT_FOUND', { field: 'template', message: `There is no template "${key}".` })
            return id
          },
          segment(key: string): string {
            const id = find(segments, key)
            if (id === undefined)
              throw new CarillonError('NOT_FOUND', { field: 'segment', message: `There is no segment "${key}".` })
            return id
          },
        }
        const campaigns = new Map(known.map((one) => [one.key, one]))
        const written: string[] = []
        for (const [index, { input, schedule }] of checked.entries()) {
          const { key } = input
          const { schedule: kept, ...fields } = atIndex(index, () => apply(campaigns.get(key), input, schedule, idOf, now))
          const data = { ...fields, schedule: kept ?? Prisma.DbNull, updatedAt: now }
          const row = await tx.campaign.upsert({
            where: { projectId_key: { projectId, key } },
            create: { projectId, id: ids(), key, ...data, createdAt: now },
            update: data,
          })
          campaigns.set(key, row)
          written.push(row.id)
        }
        return written
      })
    },

    /** Deletes campaigns; what they have sent, or queued, is not affected. @returns how many there were */
    async remove(projectId: string, keys: readonly string[], by: By): Promise<number> {
      checkList('keys', keys, 1000)
      const wanted = keys.filter((key) => !key.includes('\0'))
      const removed = await audit.change({ projectId, operation: 'deleteCampaigns', by }, 'CAMPAIGN', wanted, (tx) =>
        tx.campaign.deleteMany({ where: { projectId, key: { in: wanted } } }),
      )
      return removed.count
    },
  }
}
