/** Segments: stored conditions over contacts and their events. */

import { type Audience, countAudience, findAudience, type Range } from '../db/audience.ts'
import { rowsOf } from '../db/audit.ts'
import { type Database, type Runner, transact } from '../db/database.ts'
import type { Prisma, Segment } from '../db/generated/client.ts'
import { upsertSegments } from '../db/upsert-by-key.ts'
import { CarillonError } from '../errors.ts'
import { spellPhone } from '../values/phone.ts'
import type { Condition } from '../words.ts'
import type { Audit, By } from './audit.ts'
import { atIndex, checkKey, checkList, checkText } from './check.ts'
import type { Clock } from './clock.ts'
import { type ConditionInput, checkCondition } from './condition.ts'
import type { Cursors } from './cursor.ts'
import type { Ids } from './ids.ts'
import { type ListPage, type Loading, namedLike, readPage, type SearchArgs } from './page.ts'

/** The input of `upsertSegments`: a field that is left out keeps its value. */
export interface SegmentInput {
  readonly key: string
  readonly name?: string | null | undefined
  readonly where?: ConditionInput | null | undefined
}

/** The input: a filter over contacts. `topic` and `segment` are keys. */
export interface AudienceFilter {
  readonly search?: string | null | undefined
  readonly email?: string | null | undefined
  readonly phone?: string | null | undefined
  readonly topic?: string | null | undefined
  readonly segment?: string | null | undefined
}

/** What `createSegments` needs. */
export interface SegmentDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly cursors: Cursors
  readonly audit: Audit
}

/** The condition of a stored segment, which was validated when it was stored. */
export const conditionOf = ({ condition }: { readonly condition: unknown }): Condition => condition as Condition

/** Creates the operations of segments. */
export function createSegments({ db, clock, ids, cursors, audit }: SegmentDeps) {
  const { prisma } = db

  return {
    /** One segment; null when there is none. */
    async find(projectId: string, key: string, query: Loading<Prisma.SegmentDefaultArgs> = {}): Promise<Segment | null> {
      return key.includes('\0') ? null : prisma.segment.findUnique({ ...query, where: { projectId_key: { projectId, key } } })
    },

    /** Segments, oldest first; `search`: those whose key or name contains it. @throws BAD_INPUT, BAD_CURSOR */
    async list(projectId: string, page: SearchArgs, query: Loading<Prisma.SegmentDefaultArgs> = {}): Promise<ListPage<Segment>> {
      const wanted = namedLike(page)
      return readPage(cursors, page, {
        name: 'segments',
        projectId,
        order: 'oldest-first',
        read: ({ where, ...order }) => prisma.segment.findMany({ ...query, where: { projectId, ...wanted, ...where }, ...order }),
        total: () => prisma.segment.count({ where: { projectId, ...wanted } }),
      })
    },

    /**
     * Inserts or changes up to 1,000 segments: all of them, or none.
     * @returns them in the order of the input, as they are stored afterwards
     * @throws BAD_INPUT with the index: a new one without a condition, or a condition that is invalid, nested too deep or too long
     */
    async upsert(projectId: string, inputs: readonly SegmentInput[], by: By): Promise<Segment[]> {
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
      const change = { projectId, operation: 'upsertSegments', by } as const
      const write = async (tx: Runner): Promise<Segment[]> => {
        const found = await upsertSegments(tx, projectId, [...rows.values()])
        // Decided under the lock, by what was stored then; an error rolls everything back.
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
      }
      const written = await transact(db.pool, (tx) =>
        audit.changed(rowsOf(tx), change, 'SEGMENT', [...rows.keys()], () => write(tx)),
      )
      const byKey = new Map(written.map((one) => [one.key, one]))
      return checked.flatMap(({ key }) => byKey.get(key) ?? [])
    },

    /**
     * Deletes segments: all of them, or none if a campaign uses one.
     * @returns how many there were
     * @throws BAD_INPUT with the index of one that a campaign uses
     */
    async remove(projectId: string, keys: readonly string[], by: By): Promise<number> {
      checkList('keys', keys, 1000)
      const wanted = keys.filter((key) => !key.includes('\0'))
      return audit.change({ projectId, operation: 'deleteSegments', by }, 'SEGMENT', wanted, async (tx) => {
        // Locked first: a transaction that makes a campaign use one of them waits, and then finds that it was deleted. Locked in the order in
        // which others write them. Segments that are inserted later are not locked, and stay.
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

    /** How many contacts are in a segment at the moment. */
    count: (projectId: string, segment: { readonly condition: unknown }): Promise<number> =>
      countAudience(db.pool, { projectId, condition: conditionOf(segment) }, clock.offsetMs),

    /**
     * The contacts that match a filter: their ids, by page, and their number. No contact matches a topic or segment that does not exist.
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
        projectId,
        search,
        email,
        phone: phone === null ? null : spellPhone(phone),
        topicId: named?.id ?? null,
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

/** The operations of segments. */
export type Segments = ReturnType<typeof createSegments>
