/** Turns decisions into rows: the status, when it is due, why it is not sent, the history. Pure; for single messages and chunks alike. */
import { heldUntil } from '../db/held.ts'
import type { NewMessageRow, NotificationRow } from '../db/write.ts'
import type { MessageKind } from '../db/write-chunk.ts'
import type { Entry } from '../domain/ledger.ts'
import { CarillonError } from '../errors.ts'
import type { InAppText } from '../render/renderer.ts'
import type { ContactInfo, MessageStatus } from '../words.ts'
import type { ChannelDecision } from './decide.ts'
import type { PlannedMessage } from './plan.ts'
import { dueOf, isDeferred, laterByMs, type NotBefore, sendAtOf } from './rule.ts'

/** The moment of a transaction: its time, ISO 8601, and how far the database's clock is moved, in tests alone. */
export interface Moment {
  readonly now: string
  readonly offsetMs: number
}

/**
 * The row of one channel.
 * @param inApp the in-app message where it is due at once, or why it can't be rendered; null: a worker renders it, or it is another channel's
 * @param holding the deferred in-app message of a notification with an incrementId: only when it arrives it shows whether it folds, and
 *   so whether the other channels go out at all; null: there is none
 */
export function messageRow(
  decision: ChannelDecision,
  inApp: InAppText | CarillonError | null,
  { now, offsetMs }: Moment,
  holding: HoldingDecision | null = null,
): MessageKind {
  const { channel, reason } = decision
  if (channel === 'IN_APP' && inApp instanceof CarillonError) {
    return { ...ended(channel, 'FAILED', inApp.code, inApp.message), history: [['FAILED', now, null]] }
  }
  if (reason !== null) {
    return { ...ended(channel, 'SKIPPED', reason.code, reason.message), history: [['SKIPPED', now, reason.code]] }
  }
  if (channel === 'IN_APP' && inApp !== null && !(inApp instanceof CarillonError)) {
    return { channel, status: 'DELIVERED', arrives: true, history: [['DELIVERED', now, null]], ...inApp }
  }
  const isHeld = holding !== null && channel !== 'IN_APP'
  const status = isDue(decision) && !isHeld ? 'QUEUED' : 'SCHEDULED'
  return {
    channel,
    status,
    arrives: false,
    history: [[status, now, null]],
    ...(isHeld ? { dueAt: heldUntil(laterByMs(decision.notBefore, holding.notBefore)) } : dueOf(decision.notBefore, offsetMs)),
    onlyIf: decision.onlyIf === 'ALWAYS' ? null : decision.onlyIf,
  }
}

/** A message in its final state. */
const ended = (
  channel: ChannelDecision['channel'],
  status: MessageStatus,
  errorCode: string,
  errorMessage: string,
): Omit<MessageKind, 'history'> => ({ channel, status, arrives: false, errorCode, errorMessage })

/** Whether a worker may take the message at once. */
export const isDue = ({ notBefore }: { readonly notBefore: NotBefore }): boolean => notBefore === null

type HoldingDecision = Pick<ChannelDecision, 'notBefore'>

/** The decision that holds the other channels of a notification: see `messageRow`. */
export const holdingOf = (incrementId: string | null, decisions: readonly ChannelDecision[]): ChannelDecision | null =>
  incrementId === null
    ? null
    : (decisions.find((one) => one.channel === 'IN_APP' && one.reason === null && isDeferred(one)) ?? null)

/** The row of a notification. `window`: the digest's window that it joined. */
export function notificationRow(
  { project, intent, template, notification, decisions, when, origin, digest }: PlannedMessage,
  contact: ContactInfo | null,
  actor: ContactInfo | null,
  window: { readonly id: string; readonly closesAt: Date } | null,
  at: Date,
): NotificationRow {
  return {
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
    campaignId: origin?.campaignId ?? null,
    digestId: digest?.id ?? window?.id ?? null,
    createdAt: at.toISOString(),
    sendAt: (window?.closesAt ?? sendAtOf(when, at))?.toISOString() ?? null,
  }
}

/** The row of an in-app message that arrived in its feed as a new one. */
export function arrivedRow({ message, kind, incrementId, templateId, templateVersion }: Entry, now: string): NewMessageRow {
  return {
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
    templateVersion,
    count: message.count,
    arrivedSeq: message.arrivedSeq,
    listedSeq: message.listedSeq,
    changedSeq: message.changedSeq,
    changeKind: kind,
  }
}
