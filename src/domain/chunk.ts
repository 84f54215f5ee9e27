/**
 * The rows of a chunk in which no contact needs more than the others: each is decided as any message is, a text is rendered once where it
 * says the same to all, and what comes out are columns for one statement (db/write-chunk.ts).
 */
import type { LockedFanout } from '../db/fanout.ts'
import type { ChunkColumns, ChunkHead, MessageKind } from '../db/write-chunk.ts'
import { CarillonError } from '../errors.ts'
import type { InAppText, Renderer, TemplateContents } from '../render/content.ts'
import { HeavyText } from '../render/heavy.ts'
import type { Clock } from './clock.ts'
import { type ChannelDecision, decide, type Routes } from './decide.ts'
import type { Ids } from './ids.ts'
import { arrivedAs } from './ledger.ts'
import { dueOf, isDueNow, isLater, type When, whenOf } from './rule.ts'
import type {
  Channel,
  ContactInfo,
  ContentOf,
  CredentialInfo,
  FeedCounts,
  JsonObject,
  Overrides,
  Signal,
  StatusChange,
  SuppressionReason,
} from './words.ts'

/** What is the same for every contact of a chunk. */
export interface ChunkOf {
  readonly fanout: LockedFanout
  readonly contents: TemplateContents
  readonly routes: Routes
  /** by contact id */
  readonly credentials: ReadonlyMap<string, readonly CredentialInfo[]>
  readonly suppressed: ReadonlyMap<string, SuppressionReason>
}

/** A chunk to write. */
export interface PlannedChunk {
  readonly head: ChunkHead
  readonly columns: ChunkColumns
  /** contacts that are told, that something waits for, and to whom nothing could be said at all */
  readonly sent: number
  readonly open: number
  readonly failed: number
  /** messages that a worker hands over now */
  readonly wakes: boolean
  /** What to publish after the commit, given where the feeds stand. */
  signals(states: readonly { readonly contactId: string; readonly feedSeq: number; readonly counts: FeedCounts }[]): Signal[]
}

/** When its caller wants it; a time that has passed means now, whatever the template would wait. */
export const whenSaid = ({ sendAt }: Pick<LockedFanout, 'sendAt'>, now: Date): When =>
  sendAt === null ? null : sendAt <= now ? { inMs: 0 } : { at: sendAt }

/** Names that mean the same for every contact, whatever the data holds; any other that is not in the data may be one of its properties. */
const SHARED = new Set(['data', 'payload', 'event', 'actor', 'project'])

/** Whether texts that use these variables say the same to every contact. */
export const isSameForAll = (names: readonly string[], data: JsonObject): boolean =>
  names.every((name) => SHARED.has(name) || (Object.hasOwn(data, name) && name !== 'contact' && name !== 'unsubscribeUrl'))

/** Whether an in-app text, with what replaces parts of it, says the same to every contact. */
export function isShared(
  renderer: Pick<Renderer, 'variables'>,
  locale: string,
  stored: ContentOf['IN_APP'],
  over: Overrides['inApp'],
  data: JsonObject,
): boolean {
  const replaced = Object.fromEntries(Object.entries(over ?? {}).filter(([, text]) => text !== null && text !== undefined))
  const content = { ...stored, ...replaced }
  return isSameForAll(renderer.variables([{ channel: 'IN_APP', locale, content }]), data) && !looksUp(content)
}

/** Whether a text looks a name up by what another one says: `{{ [name] }}` can be any. */
const looksUp = (value: unknown): boolean =>
  typeof value === 'string'
    ? value.includes('{') && value.includes('[')
    : typeof value === 'object' && value !== null && Object.values(value).some(looksUp)

/** A rendered text, why there is none, or that it is a worker's to render. */
type Said = InAppText | CarillonError | 'heavy'

/** Renders the in-app text for one contact after another: once for each language where it says the same to all. */
function createSayer(renderer: Renderer, { fanout, contents }: ChunkOf) {
  const { project, actor, data, overrides } = fanout
  const kept = new Map<string, Said>()
  const shared = new Map<string, boolean>()
  return (contact: ContactInfo, locale: string): { readonly text: Said; readonly isShared: boolean } | null => {
    const stored = contents.get('IN_APP', locale)
    if (stored === null) return null
    const isSame = shared.get(locale) ?? isShared(renderer, locale, stored, overrides?.inApp, data)
    shared.set(locale, isSame)
    const known = kept.get(locale)
    if (isSame && known !== undefined) return { text: known, isShared: true }
    let text: Said
    try {
      text = renderer.inApp(stored, { project, contact, actor, data, unsubscribeUrl: null }, overrides)
    } catch (error) {
      if (error instanceof HeavyText) text = 'heavy'
      else if (error instanceof CarillonError) text = error
      else throw error
    }
    if (isSame) kept.set(locale, text)
    return { text, isShared: isSame }
  }
}

/** Decides for each contact. `members` are in the order of their ids. */
export function planColumns(
  { renderer, ids, clock }: { readonly renderer: Renderer; readonly ids: Ids; readonly clock: Clock },
  of: ChunkOf,
  members: readonly ContactInfo[],
): PlannedChunk {
  const { fanout, contents, routes, credentials, suppressed } = of
  const { project, template, transactionId, channels: requested, data, overrides, actor } = fanout
  const at = clock.now()
  const now = at.toISOString()
  const when = whenOf(whenSaid(fanout, at), template)
  const sendAt = when === null ? null : 'at' in when ? when.at : new Date(at.getTime() + when.inMs)
  const say = createSayer(renderer, of)
  const feed = overrides?.inApp?.feed ?? template.feed

  const notificationIds: string[] = []
  const contactIds: string[] = []
  const kinds: MessageKind[] = []
  const kindOf = new Map<string, number>()
  const messages = {
    ids: [] as string[],
    notificationIds: [] as string[],
    contactIds: [] as string[],
    addresses: [] as (string | null)[],
    kinds: [] as number[],
  }
  const arriving: string[] = []
  const arrivals = new Map<string, { messageId: string; notificationId: string; text: InAppText }>()
  const changes: StatusChange[] = []
  const count = { sent: 0, open: 0, failed: 0, wakes: false }

  /** @param key what messages of the kind share; null: it is one message's own */
  const kind = (key: string | null, make: () => MessageKind): number => {
    const known = key === null ? undefined : kindOf.get(key)
    if (known !== undefined) return known
    kinds.push(make())
    if (key !== null) kindOf.set(key, kinds.length - 1)
    return kinds.length - 1
  }

  /** What a decision comes to; `text`: what arrives in the feed. */
  function kindFor(contact: ContactInfo, decision: ChannelDecision): { readonly index: number; readonly text: InAppText | null } {
    const { channel, locale, reason } = decision
    if (reason !== null) {
      const make = (): MessageKind => ({
        ...{ channel, status: 'SKIPPED', arrives: false, errorCode: reason.code, errorMessage: reason.message },
        history: [['SKIPPED', now, reason.code]],
      })
      return { index: kind(`${channel} ${reason.code} ${reason.message}`, make), text: null }
    }
    const said = channel !== 'IN_APP' || isLater(when, decision) || locale === null ? null : say(contact, locale)
    if (said !== null && said.text !== 'heavy') {
      const { text } = said
      const key = said.isShared ? `IN_APP ${locale}` : null
      if (text instanceof CarillonError) {
        const make = (): MessageKind => ({
          ...{ channel, status: 'FAILED', arrives: false, errorCode: text.code, errorMessage: text.message },
          history: [['FAILED', now, null]],
        })
        return { index: kind(key, make), text: null }
      }
      const make = (): MessageKind => ({
        channel,
        status: 'DELIVERED',
        arrives: true,
        history: [['DELIVERED', now, null]],
        ...text,
      })
      return { index: kind(key, make), text }
    }
    const status = isDueNow(when, decision) ? 'QUEUED' : 'SCHEDULED'
    const make = (): MessageKind => ({
      ...{ channel, status, arrives: false, history: [[status, now, null]] },
      ...dueOf(when, decision.delayMs, clock.offsetMs),
      onlyIf: decision.onlyIf === 'ALWAYS' ? null : decision.onlyIf,
    })
    if (status === 'QUEUED') count.wakes = true
    return { index: kind(channel, make), text: null }
  }

  let channels: readonly Channel[] = []
  for (const contact of members) {
    const reach = { address: null, credentials: credentials.get(contact.id) ?? [], routes, suppressed }
    const decisions = decide({ project, contents, contact, requested, template, ...reach })
    if (decisions.every((one) => one.reason?.code === 'TEMPLATE_EMPTY') && (requested === null || requested.length > 0)) {
      count.failed++
      continue
    }
    channels = decisions.map((one) => one.channel)
    const notificationId = ids()
    notificationIds.push(notificationId)
    contactIds.push(contact.id)
    let isOpen = false
    let isSaid = false
    for (const decision of decisions) {
      const { index, text } = kindFor(contact, decision)
      const messageId = ids()
      const status = kinds[index]?.status ?? 'FAILED'
      messages.ids.push(messageId)
      messages.notificationIds.push(notificationId)
      messages.contactIds.push(contact.id)
      messages.addresses.push(decision.address)
      messages.kinds.push(index)
      changes.push({ notificationId, messageId, status, at: now })
      if (status === 'QUEUED' || status === 'SCHEDULED') isOpen = true
      if (text !== null) {
        isSaid = true
        arriving.push(contact.id)
        arrivals.set(contact.id, { messageId, notificationId, text })
      }
    }
    if (isOpen) count.open++
    else if (isSaid) count.sent++
  }

  return {
    head: {
      ...{
        projectId: project.id,
        transactionId,
        templateId: template.id,
        campaignId: fanout.campaignId,
        // One who is erased by now is nobody's actor any more.
        actorId: actor === null ? null : fanout.actorId,
      },
      ...{ data, overrides, channels, createdAt: now, sendAt: sendAt?.toISOString() ?? null, feed },
    },
    columns: { notificationIds, contactIds, kinds, messages, arriving },
    ...count,
    signals(states) {
      const signals = states.flatMap(({ contactId, feedSeq, counts }): Signal[] => {
        const arrival = arrivals.get(contactId)
        if (arrival === undefined) return []
        const where = { projectId: project.id, contactId, transactionId, templateId: template.id, templateKey: template.key }
        const message = arrivedAs({ ...arrival, ...where, incrementId: null, feed, actor, data, at }, feedSeq)
        return [
          { topic: 'feed', projectId: project.id, contactId, changes: [{ seq: feedSeq, kind: 'RECEIVED', message, counts }] },
        ]
      })
      return [...signals, { topic: 'activity', projectId: project.id, changes }]
    },
  }
}
