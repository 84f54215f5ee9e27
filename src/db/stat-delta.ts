/**
 * What new notifications and messages add to the statistics: counted in memory, and inserted by the statement that writes them. Changes of
 * messages, and what processes of an earlier version insert, are counted by triggers (prisma/migrations/0017_stats and 0019_progress), but for
 * messages that were sent at once: what these change is known beforehand, and inserted by the statement that settles them.
 */
import type { Channel, MessageStatus } from '../words.ts'
import { plainArray, textArray } from './array.ts'

/** What is added for notifications of one minute and template. `channel`: empty for notifications as a whole, whatever their channels. */
export interface StatDelta {
  readonly projectId: string
  readonly at: string
  readonly templateId: string
  readonly campaignId: string | null
  /** if there are sends to many in it: these notifications are counted under the first of them */
  readonly transactionId: string | null
  readonly channel: Channel | ''
  count: number
  messages: number
  sent: number
  delivered: number
  failed: number
  /** the progress of a send to many: notifications of which something is pending */
  waiting: number
  /** those of which nothing is pending, nothing was sent, and something failed or may not have arrived */
  lost: number
}

/** What new notifications have in common, as far as they are counted. */
export interface Counted {
  readonly projectId: string
  readonly transactionId: string
  readonly templateId: string | null
  readonly campaignId?: string | null
  readonly channels: readonly Channel[]
  readonly createdAt: string
  /** their transaction has sends to many */
  readonly isOfMany?: boolean
  /** of a send to many: the open digest in which they wait */
  readonly digestId?: string | null
}

/** Under this id are the statistics of notifications without a template. */
export const NO_TEMPLATE = '00000000-0000-0000-0000-000000000000'

/** What the status of a new message says of its notification. */
interface Results {
  sent: boolean
  delivered: boolean
  failed: boolean
  waiting: boolean
}

const resultsOf = (status: MessageStatus): Results => ({
  sent: status === 'SENT' || status === 'DELIVERED',
  delivered: status === 'DELIVERED',
  failed: status === 'FAILED',
  waiting: status === 'SCHEDULED' || status === 'QUEUED' || status === 'SENDING',
})

function addResults(delta: StatDelta, { sent, delivered, failed }: Results): void {
  if (sent) delta.sent++
  if (delivered) delta.delivered++
  if (failed) delta.failed++
}

/** The deltas of one minute, template, campaign and transaction, by channel. */
type Group = (channel: Channel | '') => StatDelta

/** Collects deltas. */
function openGroups() {
  const groups = new Map<string, Group>()
  const deltas: StatDelta[] = []
  function groupOf({ projectId, createdAt, templateId, campaignId = null, transactionId, isOfMany }: Counted): Group {
    const at = `${createdAt.slice(0, 16)}:00.000Z`
    const many = isOfMany === true ? transactionId : null
    const key = `${projectId} ${at} ${templateId} ${campaignId} ${many}`
    const known = groups.get(key)
    if (known !== undefined) return known
    const byChannel = new Map<Channel | '', StatDelta>()
    const group: Group = (channel) => {
      const found = byChannel.get(channel)
      if (found !== undefined) return found
      const dimensions = { projectId, at, templateId: templateId ?? NO_TEMPLATE, campaignId, transactionId: many, channel }
      const delta = { ...dimensions, count: 0, messages: 0, sent: 0, delivered: 0, failed: 0, waiting: 0, lost: 0 }
      byChannel.set(channel, delta)
      deltas.push(delta)
      return delta
    }
    groups.set(key, group)
    return group
  }
  return { groupOf, deltas }
}

/**
 * What new notifications add, with their messages, which are new too.
 * @param notifications by id; those that share an object are looked at once
 */
export function deltasOf(
  notifications: Iterable<readonly [id: string, counted: Counted]>,
  messages: Iterable<{ readonly notificationId: string; readonly channel: Channel; readonly status: MessageStatus }>,
): StatDelta[] {
  const { groupOf, deltas } = openGroups()
  const groups = new Map<Counted, Group>()
  const byId = new Map<string, { readonly group: Group; readonly results: Results }>()
  for (const [id, counted] of notifications) {
    const group = groups.get(counted) ?? groupOf(counted)
    groups.set(counted, group)
    const waiting = counted.isOfMany === true && typeof counted.digestId === 'string'
    byId.set(id, { group, results: { sent: false, delivered: false, failed: false, waiting } })
    group('').count++
    for (const channel of counted.channels) group(channel).count++
  }
  for (const { notificationId, channel, status } of messages) {
    const one = byId.get(notificationId)
    if (one === undefined) throw new Error(`The notification ${notificationId} of a message is not written with it`)
    const results = resultsOf(status)
    const delta = one.group(channel)
    delta.messages++
    addResults(delta, results)
    one.results.sent ||= results.sent
    one.results.delivered ||= results.delivered
    one.results.failed ||= results.failed
    one.results.waiting ||= results.waiting
  }
  for (const { group, results } of byId.values()) {
    const delta = group('')
    addResults(delta, results)
    if (results.waiting) delta.waiting++
    else if (results.failed && !results.sent) delta.lost++
  }
  return deltas
}

/**
 * SQL: the send to many under which a transaction is counted: its first. With OFFSET it is found by its transaction and then sorted, never by
 * reading all in the order of their ids. Rides on fanout_project_id_transaction_id_idx.
 */
export const firstFanout = (projectId: string, transactionId: string): string => `(SELECT y.id FROM (SELECT x.id FROM fanout x
      WHERE x.project_id = ${projectId} AND x.transaction_id = ${transactionId} OFFSET 0) y ORDER BY y.id LIMIT 1)`

/**
 * SQL: inserts the deltas of parameter `parameter`, a JSON array. Tells the triggers that what this transaction inserts is counted.
 * @param ofMany whether some of them may have a `transactionId`
 */
export const insertDeltas = (
  parameter: string,
  ofMany = true,
): string => `INSERT INTO stat_delta (project_id, at, template_id, campaign_id, fanout_id, channel, count,
    messages, sent, delivered, failed, waiting, lost)
  SELECT "projectId", at, "templateId", "campaignId", ${ofMany ? `CASE WHEN "transactionId" IS NOT NULL THEN ${firstFanout('"projectId"', '"transactionId"')} END` : 'NULL'},
    channel, count, messages, sent, delivered, failed, waiting, lost
  FROM json_to_recordset(${parameter}) AS r ("projectId" uuid, at timestamptz, "templateId" uuid, "campaignId" uuid, "transactionId" text, channel text,
    count int, messages int, sent int, delivered int, failed int, waiting int, lost int)
  WHERE set_config('carillon.counted', 'on', true) = 'on'`

/** What decides where a message is counted, as its notification has it. */
export interface MessageOrigin {
  readonly templateId: string | null
  readonly campaignId: string | null
  /** ms */
  readonly acceptedAt: number
  /** its notification has no other channel */
  readonly isOnlyChannel: boolean
}

/** A message that is sent. */
export interface SentMessage {
  readonly projectId: string
  readonly transactionId: string
  readonly channel: Channel
  readonly providerId: string
  readonly origin: MessageOrigin
}

/**
 * The parameters of `countSent`, of which there are `SENT_COUNTS`. Messages that are counted in the same place share a group; each transaction is
 * passed once, because looking for its sends to many costs as much as all else.
 */
export function sentCounts(messages: readonly SentMessage[]): readonly string[] {
  const groups = new Map<string, { readonly place: number; readonly group: object }>()
  const transactions = new Map<string, { readonly place: number; readonly projectId: string; readonly id: string }>()
  const groupPlaces: number[] = []
  const transactionPlaces: number[] = []
  for (const { projectId, transactionId, channel, providerId, origin } of messages) {
    const { templateId, campaignId, acceptedAt, isOnlyChannel } = origin
    const minute = Math.floor(acceptedAt / 60_000)
    const key = `${projectId} ${minute} ${templateId} ${campaignId} ${channel} ${providerId} ${isOnlyChannel}`
    let known = groups.get(key)
    if (known === undefined) {
      const at = new Date(minute * 60_000).toISOString()
      const group = { projectId, at, templateId: templateId ?? NO_TEMPLATE, campaignId, channel, providerId, isOnlyChannel }
      known = { place: groups.size + 1, group }
      groups.set(key, known)
    }
    const name = `${projectId} ${transactionId}`
    let transaction = transactions.get(name)
    if (transaction === undefined) {
      transaction = { place: transactions.size + 1, projectId, id: transactionId }
      transactions.set(name, transaction)
    }
    groupPlaces.push(known.place)
    transactionPlaces.push(transaction.place)
  }
  return [
    plainArray(groupPlaces),
    plainArray(transactionPlaces),
    plainArray(messages.map((one) => (one.origin.isOnlyChannel ? 'true' : 'false'))),
    JSON.stringify([...groups.values()].map((one) => one.group)),
    plainArray([...transactions.values()].map((one) => one.projectId)),
    textArray([...transactions.values()].map((one) => one.id)),
  ]
}

/** SQL: tells the trigger that the messages of this statement are counted by it. Evaluated once, when the first of them is found. */
export const IS_COUNTED = `(SELECT set_config('carillon.settled', 'on', true)) = 'on'`

/**
 * SQL: parts of a WITH that count the messages `m`, which were waiting and are sent, as rows of stat_delta; of notifications with several channels
 * the change is logged. `m` has the columns group_place, transaction_place and is_only, from the first three parameters; the others begin at
 * `place`.
 */
export const countSent = (place: number): string => `f AS MATERIALIZED (
        SELECT t.place, ${firstFanout('t.project_id', 't.id')} AS fanout_id
        FROM unnest($${place + 1}::uuid[], $${place + 2}::text[]) WITH ORDINALITY AS t (project_id, id, place)
      ), k AS MATERIALIZED (
        SELECT m.group_place, f.fanout_id, count(*) AS n FROM m JOIN f ON f.place = m.transaction_place GROUP BY 1, 2
      ), g AS MATERIALIZED (
        SELECT * FROM ROWS FROM (json_to_recordset($${place}) AS ("projectId" uuid, at timestamptz, "templateId" uuid, "campaignId" uuid, channel text,
          "providerId" uuid, "isOnlyChannel" bool)) WITH ORDINALITY AS g ("projectId", at, "templateId", "campaignId", channel, "providerId", "isOnlyChannel", place)
      ), logged AS (
        INSERT INTO stat_change (project_id, notification_id, message_id, sent, delivered, failed, seen, read, waiting)
        SELECT project_id, notification_id, id, false, false, false, false, false, true FROM m WHERE NOT is_only
      ), counted AS (
        INSERT INTO stat_delta (project_id, at, template_id, campaign_id, fanout_id, provider_id, channel, sent, waiting, lost)
        SELECT g."projectId", g.at, g."templateId", g."campaignId", k.fanout_id, g."providerId", g.channel, k.n, 0, 0 FROM k JOIN g ON g.place = k.group_place
        UNION ALL
        SELECT g."projectId", g.at, g."templateId", g."campaignId", k.fanout_id, NULL, '', k.n, -k.n, 0 FROM k JOIN g ON g.place = k.group_place
        WHERE g."isOnlyChannel"
      )`
