/** Campaigns: stored uses of a template, with the rule by which they go out. */
import type { Database } from '../db/database.ts'
import { type Campaign, Prisma } from '../db/generated/client.ts'
import { CarillonError } from '../errors.ts'
import { atIndex, checkKey, checkList, checkText } from './check.ts'
import type { Clock } from './clock.ts'
import type { Ids } from './ids.ts'
import { checkFuture, checkSchedule, nextRunOf, type Schedule, type ScheduleInput, sameSchedule } from './schedule.ts'
import type { Channel } from './words.ts'

export const campaignDispatches = ['API', 'SEGMENT'] as const
export type CampaignDispatch = (typeof campaignDispatches)[number]

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

/** What campaigns work with. */
export interface CampaignDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
}

/** The schedule of a stored campaign: it was checked when it was stored. */
export const scheduleOf = ({ schedule }: { readonly schedule: unknown }): Schedule | null => schedule as Schedule | null

type Fields = Pick<Campaign, 'name' | 'active' | 'dispatch' | 'channel' | 'templateId' | 'segmentId' | 'nextRunAt'> & {
  readonly schedule: Schedule | null
}

const bad = (field: string, message: string): CarillonError =>
  new CarillonError('BAD_INPUT', { field, message: `${field}: ${message}` })

/** What does not go together. */
function checkWhole({ dispatch, schedule, segmentId }: Fields): void {
  if (dispatch === 'API' && schedule !== null)
    throw bad('schedule', 'a campaign that is dispatched by API has no schedule: its dispatch must be SEGMENT.')
  if (dispatch === 'API' && segmentId !== null)
    throw bad('segment', 'a campaign that is dispatched by API has no segment: its dispatch must be SEGMENT.')
  if (schedule !== null && schedule.onEvent === null && segmentId === null)
    throw bad('segment', 'is missing: a campaign that runs at a time must say for whom.')
}

/** Makes the operations of campaigns. */
export function createCampaigns({ db, clock, ids }: CampaignDeps) {
  const { prisma } = db

  /** The campaign after one more input. */
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
    // Saying again what is there already does not begin it anew: what ran once has run.
    const isKept = !isNew && before?.active === true
    const nextRunAt = after.schedule === null || !after.active ? null : isKept ? before.nextRunAt : nextRunOf(after.schedule, now)
    const whole = { ...after, nextRunAt }
    checkWhole(whole)
    return whole
  }

  return {
    /**
     * Makes or changes up to 1,000 campaigns: all of them, or none. @returns their ids, in the order asked
     * @throws BAD_INPUT, TEMPLATE_NOT_FOUND, NOT_FOUND (segment), with the index
     */
    async upsert(projectId: string, inputs: readonly CampaignInput[]): Promise<string[]> {
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
      return prisma.$transaction(
        async (tx) => {
          // Locked: a run that is due moves the same row on.
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
        },
        { timeout: 30_000, maxWait: 5_000 },
      )
    },

    /** Deletes campaigns; what they have sent, and what of it waits, stays. What there is not is not counted. */
    async remove(projectId: string, keys: readonly string[]): Promise<number> {
      checkList('keys', keys, 1000)
      const { count } = await prisma.campaign.deleteMany({
        where: { projectId, key: { in: keys.filter((key) => !key.includes('\0')) } },
      })
      return count
    },
  }
}
