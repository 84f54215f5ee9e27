/**
 * Writes what was planned for a batch, inside its transaction. Locks are taken in the same order everywhere, so that batches that share
 * rows don't deadlock: ids, contacts, digest windows, feeds, messages.
 */

import { fillContacts } from '../db/contact.ts'
import type { Finish, Runner } from '../db/database.ts'
import { joinWindows, type WindowRow } from '../db/digest.ts'
import { insertFanouts } from '../db/fanout.ts'
import { type FeedKey, findFolding, lockFeeds } from '../db/feed.ts'
import { ensureKeysFree, type NewKey } from '../db/idempotency-key.ts'
import { type NewMessageRow, type NotificationRow, write } from '../db/write.ts'
import { keyOf } from '../domain/ids.ts'
import { feedUpdateOf, type Ledger, openLedger } from '../domain/ledger.ts'
import { CarillonError } from '../errors.ts'
import { actorOf, type ContactInfo, type Signal, type StatusChange } from '../words.ts'
import type { SendDeps } from './deps.ts'
import type { Known } from './known.ts'
import type { Plan, PlannedFanout, PlannedMessage } from './plan.ts'
import { arrivedRow, holdingOf, messageRow, notificationRow } from './rows.ts'

type WriteDeps = Pick<SendDeps, 'ids' | 'clock'>

/** The contacts of a batch as they are in the table, by key. */
export type Contacts = (key: string | null) => ContactInfo | null

/** The windows of digests that messages joined. */
type Windows = ReadonlyMap<PlannedMessage, { readonly id: string; readonly closesAt: Date }>

/** All rows of a batch, and its messages' status changes by project. */
interface Rows {
  readonly notifications: readonly NotificationRow[]
  readonly messages: readonly NewMessageRow[]
  readonly activity: ReadonlyMap<string, readonly StatusChange[]>
}

/** @returns what to publish after the commit. @throws 23505 when an id or a transaction's name is taken, 23503 when a row is gone */
export async function writePlan(
  tx: Runner,
  deps: WriteDeps,
  known: Known,
  { messages, fanouts }: Pick<Plan, 'messages' | 'fanouts'>,
  finish: Finish,
): Promise<Signal[]> {
  const at = deps.clock.now()
  // Both are sent at once: the connection executes them in order.
  const [, contactOf] = await Promise.all([takeIds(tx, messages, fanouts), writeContacts(tx, known, [...messages, ...fanouts])])
  const windows = await joinDigests(tx, deps, messages, contactOf)
  const ledger = await lockLedger(tx, messages, contactOf)
  const rows = collectRows(deps, messages, fanouts, contactOf, windows, ledger, at)
  await writeRows(tx, deps, rows, ledger, messages, fanouts, contactOf, at, finish)
  return [...ledger.signals(), ...activitySignals(rows)]
}

/** What to publish of the messages' status changes. */
export const activitySignals = ({ activity }: Pick<Rows, 'activity'>): Signal[] =>
  [...activity].map(([projectId, changes]): Signal => ({ topic: 'activity', projectId, changes }))

/** The callers' own ids of messages. */
export const keysOf = (messages: readonly PlannedMessage[]): NewKey[] =>
  messages.flatMap(({ project, intent }) =>
    intent.key === null ? [] : [{ projectId: project.id, key: intent.key, isFanout: false }],
  )

/** Takes the callers' own ids, once for single messages and sends to many together. @throws 23505 */
async function takeIds(tx: Runner, messages: readonly PlannedMessage[], fanouts: readonly PlannedFanout[]): Promise<void> {
  const names = [
    ...keysOf(messages),
    ...fanouts.flatMap(({ project, key }) => (key === null ? [] : [{ projectId: project.id, key, isFanout: true }])),
  ]
  if (names.length > 0) await ensureKeysFree(tx, names)
}

/** Writes contacts that are new or gained a field. */
async function writeContacts(tx: Runner, known: Known, planned: readonly (PlannedMessage | PlannedFanout)[]): Promise<Contacts> {
  const contacts = new Map<string, ContactInfo>()
  const rows = []
  for (const one of planned) {
    for (const key of [one.contactKey, one.actorKey]) {
      if (key === null || contacts.has(key)) continue
      const contact = known.contacts.get(key)
      if (contact === undefined) continue
      contacts.set(key, contact.info)
      if (contact.isNew || contact.isFilled) rows.push({ projectId: one.project.id, ...contact.info })
    }
  }
  // Another process may have inserted one meanwhile: its row's id is used, not the one generated here.
  if (rows.length > 0)
    for (const { projectId, ...info } of await fillContacts(tx, rows)) contacts.set(keyOf(projectId, info.externalId), info)
  return (key) => {
    if (key === null) return null
    const contact = contacts.get(key)
    if (contact === undefined) throw new Error(`The contact ${key} was not written`)
    return contact
  }
}

/** Joins digest windows. Done before the feeds are locked, in the same order as when windows are closed. */
async function joinDigests(
  tx: Runner,
  { ids, clock }: WriteDeps,
  messages: readonly PlannedMessage[],
  contactOf: Contacts,
): Promise<Windows> {
  const nameOf = ({ contactId, templateId, key }: Pick<WindowRow, 'contactId' | 'templateId' | 'key'>): string =>
    `${contactId} ${templateId} ${key}`
  const joining = messages.flatMap((message) => {
    const { project, template, contactKey, window } = message
    const contactId = contactOf(contactKey)?.id
    if (window === null || template === null || contactId === undefined) return []
    return [{ message, row: { projectId: project.id, id: ids(), contactId, templateId: template.id, ...window } }]
  })
  if (joining.length === 0) return new Map()
  const wanted = new Map<string, WindowRow>(joining.map(({ row }) => [nameOf(row), row]))
  const joined = new Map((await joinWindows(tx, [...wanted.values()], clock.offsetMs)).map((window) => [nameOf(window), window]))
  return new Map(
    joining.flatMap(({ message, row }) => {
      const window = joined.get(nameOf(row))
      return window === undefined ? [] : [[message, window]]
    }),
  )
}

const arrives = ({ inApp }: PlannedMessage): boolean => inApp !== null && !(inApp instanceof CarillonError)

/** The feeds that in-app messages arrive in. */
export function feedsOf(messages: readonly PlannedMessage[], contactOf: Contacts): FeedKey[] {
  const feeds = new Map<string, FeedKey>()
  for (const { project, contactKey } of messages.filter(arrives)) {
    const contactId = contactOf(contactKey)?.id
    if (contactId !== undefined) feeds.set(contactId, { projectId: project.id, contactId })
  }
  return [...feeds.values()]
}

/** Locks the feeds that in-app messages arrive in, and finds the unread messages that they may fold into. */
async function lockLedger(tx: Runner, messages: readonly PlannedMessage[], contactOf: Contacts): Promise<Ledger> {
  const arriving = messages.filter(arrives)
  const feeds = feedsOf(messages, contactOf)
  const locked = feeds.length === 0 ? [] : await lockFeeds(tx, feeds)
  // As a foreign key would say, a statement later.
  if (locked.length < feeds.length) throw Object.assign(new Error('A contact was erased meanwhile'), { code: '23503' })
  const folds = arriving.flatMap(({ intent, project, contactKey, template }) => {
    const contact = contactOf(contactKey)
    return intent.incrementId === null || contact === null || template === null
      ? []
      : [{ projectId: project.id, contactId: contact.id, templateId: template.id, incrementId: intent.incrementId }]
  })
  return openLedger(locked, folds.length === 0 ? [] : await findFolding(tx, folds))
}

/** The rows of every notification and message; in-app messages that are due arrive in the ledger. */
export function collectRows(
  { ids, clock }: WriteDeps,
  planned: readonly PlannedMessage[],
  fanouts: readonly PlannedFanout[],
  contactOf: Contacts,
  windows: Windows,
  ledger: Ledger,
  at: Date,
): Rows {
  const moment = { now: at.toISOString(), offsetMs: clock.offsetMs }
  const notifications: NotificationRow[] = []
  const messages: NewMessageRow[] = []
  const activity = new Map<string, StatusChange[]>()
  const many = new Set(fanouts.map((one) => keyOf(one.project.id, one.transactionId)))
  const add = (row: NewMessageRow): void => {
    messages.push(row)
    const changes = activity.get(row.projectId) ?? []
    changes.push({ notificationId: row.notificationId, messageId: row.id, status: row.status, at: moment.now })
    activity.set(row.projectId, changes)
  }
  for (const one of planned) {
    const { project, intent, template, notification, decisions, inApp } = one
    // After a deadlock all of this is run again, with new ids.
    one.outbound.length = 0
    const contact = contactOf(one.contactKey)
    const actor = contactOf(one.actorKey)
    const feed = intent.overrides?.inApp?.feed ?? template?.feed ?? null
    const isOfMany = one.origin?.bulk === true || many.has(keyOf(project.id, notification.transactionId))
    notifications.push({ ...notificationRow(one, contact, actor, windows.get(one) ?? null, at), isOfMany })
    // It waits in its digest: nothing is sent for it alone.
    if (one.window !== null) continue
    if (inApp !== null && !(inApp instanceof CarillonError) && contact !== null && template !== null) {
      const isFold = ledger.arrive({
        projectId: project.id,
        contactId: contact.id,
        messageId: ids(),
        notificationId: notification.id,
        transactionId: notification.transactionId,
        templateId: template.id,
        templateKey: template.key,
        severity: template.severity,
        templateVersion: template.version,
        incrementId: intent.incrementId,
        feed: feed ?? template.feed,
        text: inApp,
        actor: actor === null ? null : actorOf(actor),
        data: intent.data,
        at,
      })
      // The unread message now represents this notification as well; incrementId exists so that it is not sent on other channels again.
      if (isFold) continue
    }
    const holding = holdingOf(intent.incrementId, decisions)
    for (const decision of decisions) {
      const { arrives: isInLedger, ...row } = messageRow(decision, decision.channel === 'IN_APP' ? inApp : null, moment, holding)
      if (isInLedger) continue
      const id = ids()
      add({
        projectId: project.id,
        id,
        notificationId: notification.id,
        contactId: contact?.id ?? null,
        createdAt: moment.now,
        bulk: one.origin?.bulk ?? false,
        address: decision.address,
        ...row,
        ...(decision.channel === 'IN_APP' && decision.reason === null && !(inApp instanceof CarillonError)
          ? { feed, incrementId: intent.incrementId, templateId: template?.id ?? null }
          : {}),
      })
      if (row.status === 'QUEUED' && (decision.channel !== 'IN_APP' || decision.isSlow === true)) one.outbound.push(id)
    }
  }
  for (const entry of ledger.inserted.values()) add(arrivedRow(entry, moment.now))
  return { notifications, messages, activity }
}

/** Inserts the sends to many, then everything else by one statement. */
async function writeRows(
  tx: Runner,
  { clock }: WriteDeps,
  { notifications, messages }: Rows,
  ledger: Ledger,
  planned: readonly PlannedMessage[],
  fanouts: readonly PlannedFanout[],
  contactOf: Contacts,
  at: Date,
  finish: Finish,
): Promise<void> {
  if (fanouts.length > 0) {
    const rows = fanouts.map((one) => one.row(at.toISOString(), contactOf(one.actorKey)?.id ?? null))
    await insertFanouts(tx, rows, clock.offsetMs)
  }
  const transactions = [...planned, ...fanouts].flatMap(transactionOf)
  const updates = [...ledger.rewritten.values()].map((entry) => feedUpdateOf(entry))
  finish(write(tx, { transactions, notifications, messages, updates, states: ledger.states() }))
}

/** The transaction that a caller named, if this is the first message of it. */
export const transactionOf = (one: PlannedMessage | PlannedFanout): { projectId: string; id: string }[] => {
  const { transactionId } = one.kind === 'fanout' ? one : one.notification
  return one.claimsTransaction ? [{ projectId: one.project.id, id: transactionId }] : []
}
