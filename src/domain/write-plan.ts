/** Writes what accepting decided, inside its transaction: contacts, then feeds in order, then everything else in one statement. */
import { fillContacts } from '../db/contact.ts'
import type { Finish, Runner } from '../db/database.ts'
import { joinWindows, type WindowRow } from '../db/digest.ts'
import { insertFanouts } from '../db/fanout.ts'
import { type FeedKey, findFolding, lockFeeds } from '../db/feed.ts'
import { claimAcross } from '../db/name.ts'
import { type NewMessageRow, type NotificationRow, write } from '../db/write.ts'
import { CarillonError } from '../errors.ts'
import type { AcceptDeps } from './accept.ts'
import { type Entry, openLedger } from './ledger.ts'
import { type Accepted, actorOf, type Known } from './plan.ts'
import type { AcceptedFanout } from './plan-topic.ts'
import { dueOf, isDueNow, isLater } from './rule.ts'
import type { ContactInfo, MessageStatus, Signal, StatusChange } from './words.ts'

/** The due time of what waits for its in-app twin: the arrival of that one decides whether it goes out at all. */
export const HELD_UNTIL = '9999-01-01T00:00:00.000Z'
/** The same for what waits on top of that, by its rule: so much later, once it is let go. */
const heldUntil = (restMs: number): string => new Date(Date.parse(HELD_UNTIL) + restMs).toISOString()

/** An in-app message of the ledger as a row to rewrite. */
export const feedUpdateOf = (
  { message, kind }: Entry,
  history: readonly (readonly [status: MessageStatus, at: string, detail: string | null])[] = [],
) => ({
  projectId: message.projectId,
  id: message.id,
  notificationId: message.notificationId,
  status: message.status,
  title: message.title,
  body: message.body,
  iconUrl: message.iconUrl,
  url: message.url,
  actions: message.actions,
  count: message.count,
  arrivedSeq: message.arrivedSeq,
  listedSeq: message.listedSeq,
  changedSeq: message.changedSeq,
  changeKind: kind,
  seenAt: message.seenAt,
  readAt: message.readAt,
  archivedAt: message.archivedAt,
  updatedAt: message.updatedAt,
  history,
})

/** @returns what to publish after the commit */
export async function writePlan(
  tx: Runner,
  { ids, clock }: Pick<AcceptDeps, 'ids' | 'clock'>,
  known: Known,
  accepted: readonly Accepted[],
  finish: Finish,
  fanouts: readonly AcceptedFanout[] = [],
): Promise<Signal[]> {
  const at = clock.now()
  const now = at.toISOString()
  const names = [
    ...accepted.flatMap(({ project, intent }) =>
      intent.key === null ? [] : [{ projectId: project.id, key: intent.key, isMany: false }],
    ),
    ...fanouts.flatMap(({ project, key }) => (key === null ? [] : [{ projectId: project.id, key, isMany: true }])),
  ]
  // Both leave at once: the connection keeps their order.
  const claimed = names.length === 0 ? null : claimAcross(tx, names)
  const [contacts] = await Promise.all([writeContacts(tx, known, [...accepted, ...fanouts]), claimed])
  const contactOf = (key: string | null): ContactInfo | null => {
    if (key === null) return null
    const contact = contacts.get(key)
    if (contact === undefined) throw new Error(`The contact ${key} was not written`)
    return contact
  }

  // Before the feeds, as where windows are closed: who held a feed would otherwise wait for us, and we for them.
  const windows = await joinAll(tx, { ids, clock }, accepted, (key) => contactOf(key)?.id ?? null)
  const arriving = accepted.filter((one) => one.inApp !== null && !(one.inApp instanceof CarillonError))
  const feeds = new Map<string, FeedKey>()
  for (const one of arriving) {
    const contactId = contactOf(one.contactKey)?.id
    if (contactId !== undefined) feeds.set(contactId, { projectId: one.project.id, contactId })
  }
  const locked = feeds.size === 0 ? [] : await lockFeeds(tx, [...feeds.values()])
  const folds = arriving.flatMap(({ intent, project, contactKey, template }) => {
    const contact = contactOf(contactKey)
    return intent.incrementId === null || contact === null || template === null
      ? []
      : [{ projectId: project.id, contactId: contact.id, templateId: template.id, incrementId: intent.incrementId }]
  })
  const ledger = openLedger(locked, folds.length === 0 ? [] : await findFolding(tx, folds))

  const notifications: NotificationRow[] = []
  const messages: NewMessageRow[] = []
  const activity = new Map<string, StatusChange[]>()
  for (const one of accepted) {
    const { project, intent, template, notification, decisions, inApp, when } = one
    // After a deadlock all of this runs again, with new ids.
    one.outbound.length = 0
    const contact = contactOf(one.contactKey)
    const actor = contactOf(one.actorKey)
    const of = { projectId: project.id, notificationId: notification.id, contactId: contact?.id ?? null, createdAt: now }
    const bulk = one.origin?.bulk ?? false
    const add = (row: Omit<NewMessageRow, keyof typeof of>): void => {
      messages.push({ ...of, bulk, ...row })
      const changes = activity.get(project.id) ?? []
      changes.push({ notificationId: notification.id, messageId: row.id, status: row.status, at: now })
      activity.set(project.id, changes)
    }

    let folded = false
    if (inApp !== null && !(inApp instanceof CarillonError) && contact !== null && template !== null) {
      folded = ledger.arrive({
        projectId: project.id,
        contactId: contact.id,
        messageId: ids(),
        notificationId: notification.id,
        transactionId: notification.transactionId,
        templateId: template.id,
        templateKey: template.key,
        incrementId: intent.incrementId,
        feed: intent.overrides?.inApp?.feed ?? template.feed,
        text: inApp,
        actor: actor === null ? null : actorOf(actor),
        data: intent.data,
        at,
      })
    }
    notifications.push({
      projectId: project.id,
      id: notification.id,
      key: intent.key,
      contentHash: intent.contentHash,
      transactionId: notification.transactionId,
      templateId: template?.id ?? null,
      content: intent.bare?.content ?? null,
      contactId: contact?.id ?? null,
      actorId: actor?.id ?? null,
      data: intent.data,
      overrides: intent.overrides,
      channels: decisions.map((decision) => decision.channel),
      incrementId: intent.incrementId,
      campaignId: one.origin?.campaignId ?? null,
      digestId: one.digest?.id ?? windows.get(one)?.id ?? null,
      createdAt: now,
      sendAt:
        one.window !== null
          ? (windows.get(one)?.closesAt.toISOString() ?? null)
          : when === null
            ? null
            : 'at' in when
              ? when.at.toISOString()
              : new Date(at.getTime() + when.inMs).toISOString(),
    })
    // The unread message stands for this notification as well; saying it again on other channels is what incrementId avoids.
    if (folded) continue
    // It waits in its digest, and says nothing itself.
    if (one.window !== null) continue

    // The in-app message that is not there yet: only when it comes it shows whether it folds, and so whether the others go out at all.
    const waited =
      intent.incrementId === null
        ? undefined
        : decisions.find((one) => one.channel === 'IN_APP' && one.reason === null && isLater(when, one))
    for (const decision of decisions) {
      const { channel, address, reason } = decision
      const inAppError = channel === 'IN_APP' && inApp instanceof CarillonError ? inApp : null
      if (inAppError !== null) {
        add({
          id: ids(),
          channel,
          status: 'FAILED',
          errorCode: inAppError.code,
          errorMessage: inAppError.message,
          history: [['FAILED', now, null]],
        })
      } else if (reason !== null) {
        add({
          id: ids(),
          channel,
          status: 'SKIPPED',
          address,
          errorCode: reason.code,
          errorMessage: reason.message,
          history: [['SKIPPED', now, reason.code]],
        })
      } else if (channel === 'IN_APP' && !isLater(when, decision)) {
        // Arrived: the ledger has it.
      } else {
        const id = ids()
        const held = channel !== 'IN_APP' && waited !== undefined
        const status = isDueNow(when, decision) && !held ? 'QUEUED' : 'SCHEDULED'
        const restMs = held ? Math.max(0, decision.delayMs - waited.delayMs) : 0
        add({
          id,
          channel,
          status,
          address,
          ...(held ? { dueAt: heldUntil(restMs) } : dueOf(when, decision.delayMs, clock.offsetMs)),
          onlyIf: decision.onlyIf === 'ALWAYS' ? null : decision.onlyIf,
          history: [[status, now, null]],
          ...(channel === 'IN_APP'
            ? {
                feed: intent.overrides?.inApp?.feed ?? template?.feed ?? null,
                incrementId: intent.incrementId,
                templateId: template?.id ?? null,
              }
            : {}),
        })
        if ((channel !== 'IN_APP' || decision.isHeavy === true) && status === 'QUEUED') one.outbound.push(id)
      }
    }
  }
  for (const { message, kind, incrementId, templateId } of ledger.inserted.values()) {
    messages.push({
      projectId: message.projectId,
      id: message.id,
      notificationId: message.notificationId,
      contactId: message.contactId,
      channel: 'IN_APP',
      status: 'DELIVERED',
      history: [['DELIVERED', now, null]],
      createdAt: now,
      sentAt: now,
      feed: message.feed,
      title: message.title,
      body: message.body,
      iconUrl: message.iconUrl,
      url: message.url,
      actions: message.actions,
      incrementId,
      templateId,
      count: message.count,
      arrivedSeq: message.arrivedSeq,
      listedSeq: message.listedSeq,
      changedSeq: message.changedSeq,
      changeKind: kind,
    })
    const changes = activity.get(message.projectId) ?? []
    changes.push({ notificationId: message.notificationId, messageId: message.id, status: 'DELIVERED', at: now })
    activity.set(message.projectId, changes)
  }
  if (fanouts.length > 0) {
    const rows = fanouts.map((one) => one.row(now, contactOf(one.actorKey)?.id ?? null))
    await insertFanouts(tx, rows, clock.offsetMs)
  }
  const transactions = [...accepted, ...fanouts]
    .filter((one) => one.claimsTransaction)
    .map((one) => ({ projectId: one.project.id, id: 'notification' in one ? one.notification.transactionId : one.transactionId }))
  const updates = [...ledger.rewritten.values()].map((entry) => feedUpdateOf(entry))
  finish(write(tx, { transactions, notifications, messages, updates, states: ledger.states() }))
  return [
    ...ledger.signals(),
    ...[...activity].map(([projectId, changes]): Signal => ({ topic: 'activity', projectId, changes })),
  ]
}

/** Joins the windows of what is folded into digests. @returns the window of each */
async function joinAll(
  tx: Runner,
  { ids, clock }: Pick<AcceptDeps, 'ids' | 'clock'>,
  accepted: readonly Accepted[],
  contactIdOf: (key: string | null) => string | null,
): Promise<Map<Accepted, { readonly id: string; readonly closesAt: Date }>> {
  const nameOf = ({ contactId, templateId, key }: Pick<WindowRow, 'contactId' | 'templateId' | 'key'>): string =>
    `${contactId} ${templateId} ${key}`
  const rows = accepted.flatMap((one) => {
    const { project, template, contactKey, window } = one
    const contactId = contactIdOf(contactKey)
    if (window === null || template === null || contactId === null) return []
    return [{ one, row: { projectId: project.id, id: ids(), contactId, templateId: template.id, ...window } }]
  })
  if (rows.length === 0) return new Map()
  const wanted = new Map<string, WindowRow>(rows.map(({ row }) => [nameOf(row), row]))
  const joined = new Map((await joinWindows(tx, [...wanted.values()], clock.offsetMs)).map((window) => [nameOf(window), window]))
  return new Map(
    rows.flatMap(({ one, row }) => {
      const window = joined.get(nameOf(row))
      return window === undefined ? [] : [[one, window]]
    }),
  )
}

/** Writes contacts that are new or gained a field. @returns all contacts of the batch as they are in the table, by key */
async function writeContacts(
  tx: Runner,
  known: Known,
  accepted: readonly (Accepted | AcceptedFanout)[],
): Promise<Map<string, ContactInfo>> {
  const contacts = new Map<string, ContactInfo>()
  const rows = []
  const keys = new Map<string, string>()
  for (const one of accepted) {
    for (const key of [one.contactKey, one.actorKey]) {
      if (key === null || contacts.has(key)) continue
      const contact = known.contacts.get(key)
      if (contact === undefined) continue
      contacts.set(key, contact.info)
      if (contact.isNew || contact.isFilled) {
        rows.push({ projectId: one.project.id, ...contact.info })
        keys.set(`${one.project.id} ${contact.info.externalId}`, key)
      }
    }
  }
  if (rows.length === 0) return contacts
  for (const { projectId, ...info } of await fillContacts(tx, rows)) {
    const key = keys.get(`${projectId} ${info.externalId}`)
    // Somebody else may have made it meanwhile: the row's id counts, not the one we would have given it.
    if (key !== undefined) contacts.set(key, info)
  }
  return contacts
}
