/** A database with one project, and messages that wait in its outbox. */
import type { Claimed } from '../../src/db/claim.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import type { Settlement } from '../../src/db/settle.ts'
import { write } from '../../src/db/write.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createIds } from '../../src/domain/ids.ts'
import { silentLog } from '../../src/log.ts'
import { createTestDatabase } from './postgres.ts'
import { times } from './setup.ts'

export const ids = createIds(systemClock)
export const now = new Date().toISOString()

/** A project `p` with the template `t` and the contact `c`. */
export interface Outbox {
  readonly url: string
  readonly db: Database
  readonly projectId: string
  readonly contactId: string
  /** Queues e-mails to the contact that are due. */
  queue(count: number, transactionId?: string, bulk?: boolean): Promise<void>
  close(): Promise<void>
}

export async function openOutbox(): Promise<Outbox> {
  const database = await createTestDatabase()
  const db = openDatabase(database.url, { max: 10, log: silentLog })
  const [projectId, templateId, contactId] = [ids(), ids(), ids()]
  await db.pool.query(`INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1, 'p', 'P', 'a', '\\x00')`, [
    projectId,
  ])
  await db.pool.query(`INSERT INTO template (project_id, id, key, name) VALUES ($1, $2, 't', 'T')`, [projectId, templateId])
  await db.pool.query(`INSERT INTO contact (project_id, id, external_id) VALUES ($1, $2, 'c')`, [projectId, contactId])
  return {
    ...{ url: database.url, db, projectId, contactId },
    async queue(count, transactionId = 'tx', bulk = false) {
      const notifications = times(count, () => ({
        ...{ projectId, id: ids(), key: null, contentHash: null, transactionId, templateId, contactId, actorId: null, data: {} },
        ...{ overrides: null, channels: ['EMAIL' as const], incrementId: null, createdAt: now, sendAt: null },
      }))
      const messages = notifications.map(({ id }) => ({
        ...{ projectId, id: ids(), notificationId: id, contactId, channel: 'EMAIL' as const, status: 'QUEUED' as const, bulk },
        ...{ dueInMs: 0, history: [['QUEUED', now, null] as const], createdAt: now },
      }))
      await write(db.pool, { notifications, messages })
    },
    async close() {
      await db.close()
      await database.drop()
    },
  }
}

/** The outcome of a claimed message that was sent. */
export const sent = (message: Claimed): Settlement => ({
  ...{ projectId: message.projectId, id: message.id, claims: message.claims, status: 'SENT', dueInMs: null },
  ...{ errorCode: null, errorMessage: null },
  history: [['SENT', now, null]],
  attempts: [{ providerId: ids(), startedAt: now, durationMs: 1, ok: true, errorCode: null, errorMessage: null, response: null }],
  boundTo: null,
})
