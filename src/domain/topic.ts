/** Topics: named sets of contacts. */
import { rowsOf } from '../db/audit.ts'
import { type Database, transact } from '../db/database.ts'
import type { Prisma, Topic, TopicMember } from '../db/generated/client.ts'
import { addMembers, type DescribedTopic, findDescribedTopics, removeMembers } from '../db/topic.ts'
import { upsertTopics } from '../db/upsert-by-key.ts'
import { CarillonError } from '../errors.ts'
import type { Audit, By } from './audit.ts'
import { atIndex, checkKey, checkList, checkText } from './check.ts'
import type { Clock } from './clock.ts'
import type { Cursors } from './cursor.ts'
import type { Ids } from './ids.ts'
import { type ListPage, type Loading, namedLike, readPage, type SearchArgs } from './page.ts'

/** What `createTopics` needs. */
export interface TopicDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly cursors: Cursors
  readonly audit: Audit
}

/** The input of `upsertTopics`. */
export interface TopicInput {
  readonly key: string
  readonly name?: string | null | undefined
}

/** How many members of a topic are listed with it, and how many topics with a contact. */
const SHOWN = 1_000

/** Creates the operations of topics. */
export function createTopics({ db, clock, ids, cursors, audit }: TopicDeps) {
  async function find(projectId: string, key: string, query: Loading<Prisma.TopicDefaultArgs> = {}): Promise<Topic | null> {
    return key.includes('\0') ? null : db.prisma.topic.findUnique({ ...query, where: { projectId_key: { projectId, key } } })
  }

  /** @throws NOT_FOUND */
  async function existing(projectId: string, key: string): Promise<Topic> {
    const topic = await find(projectId, key)
    if (topic === null) throw new CarillonError('NOT_FOUND', { field: 'topic', message: 'There is no such topic.' })
    return topic
  }
  return {
    /** One topic; null when there is none. */
    find,

    /** Topics with the externalIds of up to 1,000 members each, in the order of the keys as given; one that does not exist is left out. */
    async described(projectId: string, keys: readonly string[]): Promise<DescribedTopic[]> {
      const wanted = keys.filter((key) => !key.includes('\0'))
      const found = wanted.length === 0 ? [] : await findDescribedTopics(db.pool, projectId, wanted, SHOWN)
      const byKey = new Map(found.map((one) => [one.key, one]))
      return keys.flatMap((key) => byKey.get(key) ?? [])
    },

    /** The keys of up to 1,000 topics that a contact is a member of. */
    async keysOf(projectId: string, contactId: string): Promise<string[]> {
      const where = { projectId, contactId }
      const found = await db.prisma.topicMember.findMany({ where, include: { topic: { select: { key: true } } }, take: SHOWN })
      // Prisma reads one table after the other: a topic may be deleted in between.
      return found.flatMap(({ topic }) => topic?.key ?? [])
    },

    /** The ids of a topic and of a contact that is its member; null: it is none. */
    async membership(projectId: string, key: string, externalId: string): Promise<TopicMember | null> {
      if (key.includes('\0') || externalId.includes('\0')) return null
      const where = { projectId, topic: { projectId, key }, contact: { projectId, externalId } }
      return db.prisma.topicMember.findFirst({ where })
    },

    /** Topics, oldest first; `search`: those whose key or name contains it. @throws BAD_INPUT, BAD_CURSOR */
    async list(projectId: string, page: SearchArgs, query: Loading<Prisma.TopicDefaultArgs> = {}): Promise<ListPage<Topic>> {
      const wanted = namedLike(page)
      return readPage(cursors, page, {
        name: 'topics',
        projectId,
        order: 'oldest-first',
        read: ({ where, ...order }) =>
          db.prisma.topic.findMany({ ...query, where: { projectId, ...wanted, ...where }, ...order }),
        total: () => db.prisma.topic.count({ where: { projectId, ...wanted } }),
      })
    },

    /** Inserts or renames up to 1,000 topics: all of them, or none. @returns them as they are afterwards, in the order of the input */
    async upsert(projectId: string, inputs: readonly TopicInput[], by: By): Promise<Topic[]> {
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
      const change = { projectId, operation: 'upsertTopics', by } as const
      const written = await transact(db.pool, (tx) =>
        audit.changed(rowsOf(tx), change, 'TOPIC', [...rows.keys()], () => upsertTopics(tx, projectId, [...rows.values()])),
      )
      const byKey = new Map(written.map((one) => [one.key, one]))
      return checked.flatMap(({ key }) => byKey.get(key) ?? [])
    },

    /** Deletes topics. @returns how many there were */
    async remove(projectId: string, keys: readonly string[], by: By): Promise<number> {
      checkList('keys', keys, 1000)
      const wanted = keys.filter((key) => !key.includes('\0'))
      return audit.change({ projectId, operation: 'deleteTopics', by }, 'TOPIC', wanted, async (tx) => {
        // Locked in the order in which others write them. Topics that are inserted later are not locked, and stay.
        const found = await tx.$queryRaw<{ id: string }[]>`SELECT id FROM topic
          WHERE project_id = ${projectId}::uuid AND key = ANY(${wanted}::text[]) ORDER BY key FOR UPDATE`
        return (await tx.topic.deleteMany({ where: { projectId, id: { in: found.map((one) => one.id) } } })).count
      })
    },

    /**
     * Adds contacts: all of them, or none.
     * @throws NOT_FOUND for the topic, CONTACT_NOT_FOUND with the index of a contact that does not exist
     */
    async subscribe(projectId: string, key: string, contacts: readonly string[]): Promise<Topic> {
      checkList('contacts', contacts, 1000)
      const topic = await existing(projectId, key)
      const names = contacts.map((contact, index) => atIndex(index, () => checkKey('contacts', contact)))
      const missing = await addMembers(db.pool, projectId, topic.id, names)
      if (missing !== null) {
        const index = names.indexOf(missing)
        throw new CarillonError('CONTACT_NOT_FOUND', { field: 'contacts', index, message: `There is no contact "${missing}".` })
      }
      return topic
    },

    /** Removes contacts; those that are not members are ignored. @throws NOT_FOUND */
    async unsubscribe(projectId: string, key: string, contacts: readonly string[]): Promise<Topic> {
      checkList('contacts', contacts, 1000)
      const topic = await existing(projectId, key)
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
