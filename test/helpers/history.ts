/** Random histories of notifications, as the statements of the server make them: what counting has to survive. */
import { cancelWaiting, FIRST } from '../../src/db/cancel.ts'
import { claim } from '../../src/db/claim.ts'
import { type Database, transact } from '../../src/db/database.ts'
import { closeWindows, joinWindows, lockDueDigests, readFolded, type WindowRow } from '../../src/db/digest.ts'
import { eraseNotifications, eraseWindows } from '../../src/db/erase.ts'
import { foldStats } from '../../src/db/fold-stats.ts'
import { dropFolded } from '../../src/db/held.ts'
import { applyReports } from '../../src/db/report.ts'
import { requeue } from '../../src/db/retry.ts'
import { isSentAtOnce, type Settlement, settle } from '../../src/db/settle.ts'
import { write } from '../../src/db/write.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createIds, firstIdAt } from '../../src/domain/ids.ts'
import type { Channel, MessageStatus } from '../../src/words.ts'
import type { Random } from './seed.ts'
import { times } from './setup.ts'

const DAY_MS = 24 * 3_600_000
const ids = createIds(systemClock)

const CHANNELS = ['IN_APP', 'EMAIL', 'SMS', 'PUSH'] as const satisfies readonly Channel[]
const NEW = ['QUEUED', 'SCHEDULED', 'SKIPPED', 'FAILED'] as const satisfies readonly MessageStatus[]
const OUTCOMES = ['SENT', 'SENT', 'SENT', 'FAILED', 'UNKNOWN', 'SKIPPED', 'QUEUED'] as const satisfies readonly MessageStatus[]

/** A project of a history: the transaction `many` has sends to many, the first of which is `fanout`. */
export interface World {
  readonly project: string
  readonly templates: readonly string[]
  readonly contacts: readonly string[]
  readonly fanout: string
  readonly campaign: string
  readonly providers: readonly string[]
}

/** @returns makers of histories: `newProject`, `accept`, which inserts, and `steps`, one of which at a time is to be run at random */
export function createHistory(db: Database) {
  async function newProject(): Promise<World> {
    const project = ids()
    const [templates, contacts, fanouts] = [times(2, () => ids()), times(3, () => ids()), times(2, () => ids())]
    const [campaign, providers] = [ids(), times(2, () => ids())]
    const ask = (text: string, ...values: unknown[]) => db.pool.query(text, [project, ...values])
    await ask(
      `INSERT INTO project (id, key, name, access_key, secret_hash) VALUES ($1::uuid, $1::uuid::text, 'P', $1::uuid::text, '\\x00')`,
    )
    await ask(
      `INSERT INTO template (project_id, id, key, name) SELECT $1::uuid, t, t::text, 'T' FROM unnest($2::uuid[]) t`,
      templates,
    )
    await ask(`INSERT INTO contact (project_id, id, external_id) SELECT $1::uuid, c, c::text FROM unnest($2::uuid[]) c`, contacts)
    await ask(`INSERT INTO feed_state (project_id, contact_id) SELECT $1::uuid, c FROM unnest($2::uuid[]) c`, contacts)
    await ask(
      `INSERT INTO campaign (project_id, id, key, name, dispatch, template_id) VALUES ($1, $2, 'c', 'C', 'API', $3)`,
      campaign,
      templates[0],
    )
    await ask(
      `INSERT INTO fanout (project_id, id, transaction_id, template_id, audience, until) SELECT $1::uuid, f, 'many', $3::uuid, '{}', f FROM unnest($2::uuid[]) f`,
      fanouts,
      templates[0],
    )
    return { project, templates, contacts, fanout: fanouts.toSorted().at(0) ?? '', campaign, providers }
  }
  /** Inserts notifications with their messages, as accepting does. */
  async function accept(random: Random, { project, templates, contacts, campaign }: World): Promise<void> {
    const rows = times(1 + random.int(6), () => {
      const createdAt = new Date(Date.now() - random.int(4) * DAY_MS - random.int(DAY_MS)).toISOString()
      const channels = CHANNELS.filter(() => random.int(2) === 0)
      const isOfMany = random.int(3) === 0
      const notification = {
        ...{
          projectId: project,
          id: ids(),
          key: null,
          contentHash: null,
          transactionId: isOfMany ? 'many' : `t${random.int(5)}`,
        },
        ...{
          templateId: random.int(6) === 0 ? null : random.of(templates),
          contactId: random.of(contacts),
          actorId: null,
          data: {},
          overrides: null,
        },
        ...{ channels, incrementId: null, campaignId: random.int(3) === 0 ? campaign : null, createdAt, sendAt: null, isOfMany },
      }
      // What waits in a digest, or folded into another, has no message.
      const isFolded = random.int(isOfMany ? 4 : 8) === 0
      const { templateId, contactId } = notification
      const window =
        isFolded && templateId !== null && random.int(4) > 0
          ? { projectId: project, id: ids(), contactId, templateId, key: `${random.int(2)}`, windowMs: 0 }
          : null
      const messages = isFolded
        ? []
        : channels.map((channel) => {
            const isThere = channel === 'IN_APP' && random.int(3) > 0
            const status: MessageStatus = isThere ? 'DELIVERED' : random.of(NEW)
            const waits = status === 'QUEUED' || status === 'SCHEDULED'
            return {
              ...{
                projectId: project,
                id: ids(),
                notificationId: notification.id,
                contactId: notification.contactId,
                channel,
                status,
                history: [],
              },
              ...{
                createdAt,
                dueAt: waits ? createdAt : null,
                address: 'a',
                ...(channel === 'IN_APP' ? { feed: 'default', body: 'b' } : {}),
              },
            }
          })
      return { notification, messages, window }
    })
    await transact(db.pool, async (tx) => {
      const keyOf = (one: Pick<WindowRow, 'contactId' | 'templateId' | 'key'>): string =>
        `${one.contactId} ${one.templateId} ${one.key}`
      const wanted = new Map(rows.flatMap(({ window }) => (window === null ? [] : [[keyOf(window), window] as const])))
      const joined = new Map((await joinWindows(tx, [...wanted.values()], 0)).map((one) => [keyOf(one), one.id]))
      await write(tx, {
        notifications: rows.map(({ notification, window }) => ({
          ...notification,
          digestId: window === null ? null : (joined.get(keyOf(window)) ?? null),
        })),
        messages: rows.flatMap((one) => one.messages),
      })
    })
  }

  /** Some of the messages that a condition holds for. */
  async function some(random: Random, { project }: World, where: string) {
    const { rows } = await db.pool.query<{
      id: string
      notificationId: string
      providerId: string | null
      providerMessageId: string | null
    }>(
      `SELECT id, notification_id AS "notificationId", provider_id AS "providerId", provider_message_id AS "providerMessageId" FROM message
      WHERE project_id = $1 AND ${where}`,
      [project],
    )
    return rows.filter(() => random.int(3) === 0)
  }

  const steps: readonly ((random: Random, world: World) => Promise<unknown>)[] = [
    accept,
    accept,
    accept,
    async (random, world) => {
      const found = await some(random, world, `status = 'QUEUED'`)
      const { rows } = await db.pool.query<{ id: string; claims: number }>(
        `UPDATE delivery SET claims = claims + 1, lease_until = now() + interval '1 minute'
        WHERE project_id = $1 AND message_id = ANY($2::uuid[]) RETURNING message_id AS id, claims`,
        [world.project, found.map((one) => one.id)],
      )
      const group = rows.map(({ id, claims }) => {
        const status = random.of(OUTCOMES)
        return {
          ...{
            projectId: world.project,
            id,
            claims,
            status,
            dueInMs: status === 'QUEUED' ? 0 : null,
            errorCode: null,
            errorMessage: null,
          },
          ...{ history: [], attempts: [], boundTo: null, providerId: random.of(world.providers), providerMessageId: id },
        }
      })
      // Two workers settle at once, messages of the same notifications too.
      const half = Math.ceil(group.length / 2)
      await Promise.all([settle(db.pool, group.slice(0, half), 0), settle(db.pool, group.slice(half), 0)])
    },
    async (random, world) => {
      // What a worker claims is sent at once, whichever project's it is, and counted by the statement that says so.
      const limit = 1 + random.int(6)
      const taken = await claim(db.pool, { limit, bulkLimit: limit, leaseMs: 60_000, offsetMs: 0 })
      const at = new Date().toISOString()
      const group = taken.map((one): Settlement => {
        const { projectId, id, claims, notificationId, transactionId, channel, origin } = one
        const none = { providerMessageId: null, errorCode: null, errorMessage: null, boundTo: null, dueInMs: null }
        if (channel === 'IN_APP')
          return { ...none, projectId, id, claims, status: 'QUEUED', dueInMs: 0, history: [], attempts: [] }
        const providerId = random.of(world.providers)
        return {
          ...{
            ...none,
            projectId,
            id,
            claims,
            status: 'SENT',
            providerId,
            counted: { notificationId, transactionId, channel, origin },
          },
          history: [
            ['SENDING', at, 'p'],
            ['SENT', at, null],
          ],
          attempts: [{ providerId, startedAt: at, durationMs: 1, ok: true, errorCode: null, errorMessage: null, response: null }],
        }
      })
      // One of them may have been taken back meanwhile.
      if (random.int(3) === 0)
        await db.pool.query('UPDATE delivery SET claims = claims + 1, lease_until = NULL WHERE message_id = $1', [taken[0]?.id])
      const byKind = Map.groupBy(group, isSentAtOnce)
      await Promise.all([...byKind.values()].map((one) => settle(db.pool, one, 0)))
    },
    async (random, world) => {
      const found = await some(random, world, 'provider_message_id IS NOT NULL')
      await applyReports(
        db.pool,
        found.map(({ providerId, providerMessageId }) => ({
          ...{ projectId: world.project, providerId: providerId ?? '', providerMessageId: providerMessageId ?? '' },
          ...{
            status: random.of(['SENT', 'DELIVERED', 'FAILED'] as const),
            errorCode: null,
            errorMessage: null,
            addressDead: false,
          },
        })),
        0,
      )
    },
    async (random, world) => {
      const found = await some(random, world, `status IN ('FAILED', 'UNKNOWN')`)
      await requeue(
        db.pool,
        world.project,
        found.map((one) => one.id),
        true,
      )
    },
    (random, world) => cancelWaiting(db.pool, world.project, `t${random.int(5)}`, { after: FIRST, limit: 100 }),
    // A page of it: another one is canceled later, or never.
    (random, world) =>
      cancelWaiting(db.pool, world.project, 'many', { after: firstIdAt(Date.now() - random.int(200)), limit: 5 }),
    (random, world) =>
      transact(db.pool, async (tx) => {
        // Some windows are closed; the digests' own notifications are no part of this transaction.
        const due = (await lockDueDigests(tx, 1 + random.int(3), 0)).map(({ projectId, id }) => ({
          projectId,
          id,
          notificationId: null,
        }))
        await readFolded(
          tx,
          due
            .filter(({ projectId }) => projectId === world.project)
            .map(({ projectId, id }) => ({ projectId, digestId: id, ownId: null })),
          { lock: true },
        )
        await closeWindows(tx, due, 0)
      }),
    async (random, world) => {
      if (random.int(4) === 0) await transact(db.pool, (tx) => eraseWindows(tx, world.project, [random.of(world.contacts)]))
    },
    async (random, world) => {
      // Seen, read, both taken back, or retracted.
      const found = await some(random, world, `channel = 'IN_APP' AND status = 'DELIVERED'`)
      const [seen, read, retracted] = times(3, () => random.int(2) === 0)
      await db.pool.query(
        `UPDATE message SET seen_at = CASE WHEN $3 THEN now() END, read_at = CASE WHEN $4 THEN now() END,
          status = CASE WHEN $5 THEN 'CANCELED' ELSE status END WHERE project_id = $1 AND id = ANY($2::uuid[])`,
        [world.project, found.map((one) => one.id), seen, read, retracted === true && random.int(3) === 0],
      )
    },
    async (random, world) => {
      // An incrementId moves the message to a notification that has none of that channel.
      const [moved] = await some(random, world, `channel = 'IN_APP' AND status = 'DELIVERED'`)
      await db.pool.query(
        `UPDATE message SET seen_at = NULL, notification_id = (SELECT id FROM notification n WHERE n.project_id = $1 AND 'IN_APP' = ANY(n.channels)
          AND NOT EXISTS (SELECT FROM message m WHERE m.project_id = $1 AND m.notification_id = n.id AND m.channel = 'IN_APP') LIMIT 1)
        WHERE project_id = $1 AND id = $2 AND EXISTS (SELECT FROM notification n WHERE n.project_id = $1 AND 'IN_APP' = ANY(n.channels)
          AND NOT EXISTS (SELECT FROM message m WHERE m.project_id = $1 AND m.notification_id = n.id AND m.channel = 'IN_APP'))`,
        [world.project, moved?.id ?? null],
      )
    },
    async (random, world) => {
      const found = await some(random, world, `status = 'SCHEDULED'`)
      if (random.int(3) === 0)
        await dropFolded(
          db.pool,
          found.slice(0, 2).map((one) => ({ projectId: world.project, ...one })),
        )
    },
    async (random, world) => {
      const [one] = await some(random, world, 'true')
      if (random.int(4) === 0 && one !== undefined)
        await transact(db.pool, (tx) => eraseNotifications(tx, world.project, [one.notificationId]))
    },
    () => foldStats(db.pool),
  ]

  return { newProject, accept, steps }
}

/** Writers that lock the same rows in another order may end in a deadlock, which the server repeats; in a history one step is left out. */
export function tolerate(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  // 55P03: a window is closed while something in it is canceled.
  if (code !== '40P01' && code !== '23505' && code !== '55P03') throw error
}
