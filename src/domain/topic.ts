/** Topics: named sets of contacts. */
import { type Database, transact } from '../db/database.ts'
import type { Topic } from '../db/generated/client.ts'
import { upsertTopics } from '../db/keyed.ts'
import { addMembers, removeMembers } from '../db/topic.ts'
import { CarillonError } from '../errors.ts'
import { atIndex, checkKey, checkList, checkText } from './check.ts'
import type { Clock } from './clock.ts'
import type { Ids } from './ids.ts'

/** What topics work with. */
export interface TopicDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
}

/** A topic as a caller gives it. */
export interface TopicInput {
  readonly key: string
  readonly name?: string | null | undefined
}

/** Makes the operations of topics. */
export function createTopics({ db, clock, ids }: TopicDeps) {
  async function find(projectId: string, key: string): Promise<Topic> {
    const topic = key.includes('\0') ? null : await db.prisma.topic.findUnique({ where: { projectId_key: { projectId, key } } })
    if (topic === null) throw new CarillonError('NOT_FOUND', { field: 'topic', message: 'There is no such topic.' })
    return topic
  }
  return {
    /** Makes or renames up to 1,000 topics: all of them, or none. @returns them in the order asked, as they are in the end */
    async upsert(projectId: string, inputs: readonly TopicInput[]): Promise<Topic[]> {
      checkList('topics', inputs, 1000)
      const checked = inputs.map((input, index) =>
        atIndex(index, () => ({
          key: checkKey('key', input.key),
          name: typeof input.name === 'string' ? checkText('name', input.name, 255) : input.name,
        })),
      )
      const createdAt = clock.now()
      const rows = new Map<string, Parameters<typeof upsertTopics>[2][number]>()
      for (const { key, name } of checked) {
        const before = rows.get(key) ?? { id: ids(), key, name: key, createdAt, given: [] }
        rows.set(key, name === undefined ? before : { ...before, name: name ?? key, given: ['name'] })
      }
      const written = await transact(db.pool, (tx) => upsertTopics(tx, projectId, [...rows.values()]))
      const byKey = new Map(written.map((one) => [one.key, one]))
      return checked.flatMap(({ key }) => byKey.get(key) ?? [])
    },

    /** Deletes topics; those that there are not are not counted. */
    async remove(projectId: string, keys: readonly string[]): Promise<number> {
      checkList('keys', keys, 1000)
      const wanted = keys.filter((key) => !key.includes('\0'))
      return db.prisma.$transaction(async (tx) => {
        // Locked in the order in which others write them. What comes after that is not locked, and stays.
        const found = await tx.$queryRaw<{ id: string }[]>`SELECT id FROM topic
          WHERE project_id = ${projectId}::uuid AND key = ANY(${wanted}::text[]) ORDER BY key FOR UPDATE`
        return (await tx.topic.deleteMany({ where: { projectId, id: { in: found.map((one) => one.id) } } })).count
      })
    },

    /** Adds contacts; an unknown one is CONTACT_NOT_FOUND and then none is added. @throws NOT_FOUND, CONTACT_NOT_FOUND with the index */
    async subscribe(projectId: string, key: string, contacts: readonly string[]): Promise<Topic> {
      checkList('contacts', contacts, 1000)
      const topic = await find(projectId, key)
      const names = contacts.map((contact, index) => atIndex(index, () => checkKey('contacts', contact)))
      const missing = await addMembers(db.pool, projectId, topic.id, names)
      if (missing !== null) {
        const index = names.indexOf(missing)
        throw new CarillonError('CONTACT_NOT_FOUND', { field: 'contacts', index, message: `There is no contact "${missing}".` })
      }
      return topic
    },

    /** Takes contacts out; those that are not in it are left alone. @throws NOT_FOUND */
    async unsubscribe(projectId: string, key: string, contacts: readonly string[]): Promise<Topic> {
      checkList('contacts', contacts, 1000)
      const topic = await find(projectId, key)
      await removeMembers(
        db.pool,
        projectId,
        topic.id,
        contacts.map((contact, index) => atIndex(index, () => checkKey('contacts', contact))),
      )
      return topic
    },
  }
}
