/** Topics: named sets of contacts. */
import type { Database } from '../db/database.ts'
import type { Topic } from '../db/generated/client.ts'
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
    /** Makes or renames up to 1,000 topics: all of them, or none. @returns them in the order asked */
    async upsert(projectId: string, inputs: readonly TopicInput[]): Promise<Topic[]> {
      checkList('topics', inputs, 1000)
      const checked = inputs.map((input, index) =>
        atIndex(index, () => ({
          key: checkKey('key', input.key),
          name: typeof input.name === 'string' ? checkText('name', input.name, 255) : input.name,
        })),
      )
      return db.prisma.$transaction(
        checked.map(({ key, name }) =>
          db.prisma.topic.upsert({
            where: { projectId_key: { projectId, key } },
            create: { projectId, id: ids(), key, name: name ?? key, createdAt: clock.now() },
            update: name === undefined ? {} : { name: name ?? key },
          }),
        ),
      )
    },

    /** Deletes topics; those that there are not are not counted. */
    async remove(projectId: string, keys: readonly string[]): Promise<number> {
      checkList('keys', keys, 1000)
      const { count } = await db.prisma.topic.deleteMany({
        where: { projectId, key: { in: keys.filter((key) => !key.includes('\0')) } },
      })
      return count
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
