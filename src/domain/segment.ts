/** Segments: stored conditions over contacts and their events. */
import { type Audience, countAudience, findAudience, type Range } from '../db/audience.ts'
import { type Database, transact } from '../db/database.ts'
import type { Segment } from '../db/generated/client.ts'
import { upsertSegments } from '../db/keyed.ts'
import { CarillonError } from '../errors.ts'
import { atIndex, checkKey, checkList, checkText } from './check.ts'
import type { Clock } from './clock.ts'
import { type ConditionInput, checkCondition } from './condition.ts'
import type { Ids } from './ids.ts'
import type { Condition } from './words.ts'

/** A segment as a caller gives it: a field left out stays as it is. */
export interface SegmentInput {
  readonly key: string
  readonly name?: string | null | undefined
  readonly where?: ConditionInput | null | undefined
}

/** What a list of contacts is narrowed by, as a caller names it. */
export interface AudienceFilter {
  readonly search?: string | null | undefined
  readonly email?: string | null | undefined
  readonly phone?: string | null | undefined
  readonly topic?: string | null | undefined
  readonly segment?: string | null | undefined
}

/** What segments work with. */
export interface SegmentDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
}

/** The condition of a stored segment: it was checked when it was stored. */
export const conditionOf = ({ condition }: { readonly condition: unknown }): Condition => condition as Condition

/** Makes the operations of segments. */
export function createSegments({ db, clock, ids }: SegmentDeps) {
  const { prisma } = db

  return {
    /**
     * Makes or changes up to 1,000 segments: all of them, or none. @returns them in the order asked, as they are in the end
     * @throws BAD_INPUT with the index: a new one without a condition, or a condition that is wrong, too deep or too long
     */
    async upsert(projectId: string, inputs: readonly SegmentInput[]): Promise<Segment[]> {
      checkList('segments', inputs, 1000)
      const checked = inputs.map((input, index) =>
        atIndex(index, () => ({
          key: checkKey('key', input.key),
          name: typeof input.name === 'string' ? checkText('name', input.name, 255) : input.name,
          condition: input.where === null || input.where === undefined ? null : checkCondition('where', input.where),
        })),
      )
      const now = clock.now()
      const rows = new Map<string, Parameters<typeof upsertSegments>[2][number]>()
      for (const { key, name, condition } of checked) {
        const before = rows.get(key) ?? { id: ids(), key, name: key, condition: null, createdAt: now, updatedAt: now, given: [] }
        rows.set(key, {
          ...before,
          ...(name === undefined ? {} : { name: name ?? key }),
          ...(condition === null ? {} : { condition }),
          given: [
            ...before.given,
            ...(name === undefined ? [] : ['name' as const]),
            ...(condition === null ? [] : ['condition' as const]),
          ],
        })
      }
      const written = await transact(db.pool, async (tx) => {
        const found = await upsertSegments(tx, projectId, [...rows.values()])
        // Judged by what was there when it was locked; a refusal takes all of it back.
        const known = new Set(found.filter(({ id, key }) => rows.get(key)?.id !== id).map((one) => one.key))
        checked.forEach(({ key, condition }, index) => {
          if (condition === null && (inputs[index]?.where === null || !known.has(key))) {
            throw new CarillonError('BAD_INPUT', {
              index,
              field: 'where',
              message: 'where is missing: a segment has a condition.',
            })
          }
          known.add(key)
        })
        return found
      })
      const byKey = new Map(written.map((one) => [one.key, one]))
      return checked.flatMap(({ key }) => byKey.get(key) ?? [])
    },

    /**
     * Deletes segments: all that there are, or none. What there is not is not counted.
     * @throws BAD_INPUT with the index of one that a campaign uses
     */
    async remove(projectId: string, keys: readonly string[]): Promise<number> {
      checkList('keys', keys, 1000)
      const wanted = keys.filter((key) => !key.includes('\0'))
      return prisma.$transaction(async (tx) => {
        // Locked first: a campaign that is to use one of them from now on waits, and finds it gone. Locked in the order in which others write
        // them; what comes after that is not locked, and stays.
        const found = await tx.$queryRaw<{ id: string }[]>`SELECT id FROM segment
          WHERE project_id = ${projectId}::uuid AND key = ANY(${wanted}::text[]) ORDER BY key FOR UPDATE`
        const ids = found.map((one) => one.id)
        const used = await tx.campaign.findFirst({
          where: { projectId, segmentId: { in: ids } },
          select: { key: true, segment: { select: { key: true } } },
        })
        if (used?.segment) {
          throw new CarillonError('BAD_INPUT', {
            field: 'keys',
            index: keys.indexOf(used.segment.key),
            message: `The campaign "${used.key}" uses the segment "${used.segment.key}": change or delete it first.`,
          })
        }
        return (await tx.segment.deleteMany({ where: { projectId, id: { in: ids } } })).count
      })
    },

    /** How many contacts are in a segment now. */
    count: (projectId: string, segment: { readonly condition: unknown }): Promise<number> =>
      countAudience(db.pool, { projectId, condition: conditionOf(segment) }, clock.offsetMs),

    /**
     * Contacts that match, for a list: their ids in a range, and their number. A topic or a segment that there is not has nobody in it.
     * @throws BAD_INPUT
     */
    async audience(projectId: string, filter: AudienceFilter) {
      const { search = null, email = null, phone = null, topic = null, segment = null } = filter
      for (const text of [search, email, phone, topic, segment]) if (text !== null) checkText('filter', text, 1000)
      const [named, stored] = await Promise.all([
        topic === null ? null : prisma.topic.findUnique({ where: { projectId_key: { projectId, key: topic } } }),
        segment === null ? null : prisma.segment.findUnique({ where: { projectId_key: { projectId, key: segment } } }),
      ])
      const isEmpty = (topic !== null && named === null) || (segment !== null && stored === null)
      const audience: Audience = {
        ...{ projectId, search, email, phone, topicId: named?.id ?? null },
        condition: stored === null ? null : conditionOf(stored),
      }
      return {
        find: (range: Range): Promise<string[]> =>
          isEmpty ? Promise.resolve([]) : findAudience(db.pool, audience, range, clock.offsetMs),
        count: (): Promise<number> => (isEmpty ? Promise.resolve(0) : countAudience(db.pool, audience, clock.offsetMs)),
      }
    },
  }
}

export type Segments = ReturnType<typeof createSegments>
