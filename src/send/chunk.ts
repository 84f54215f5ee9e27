/**
 * Plans a chunk of a send to many, where no message folds into another or into a digest. Each message is decided as any other is; a text
 * that is the same for all contacts is rendered once; the result is columns for one statement (db/write-chunk.ts).
 */
import type { LockedFanout } from '../db/fanout.ts'
import type { ArrivedState, ChunkColumns, ChunkHead, MessageKind } from '../db/write-chunk.ts'
import type { Clock } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import { arrivedAs } from '../domain/ledger.ts'
import { CarillonError } from '../errors.ts'
import type { TemplateContents } from '../render/contents.ts'
import { programLimits } from '../render/limits.ts'
import { createMeter } from '../render/meter.ts'
import type { InAppText, Renderer } from '../render/renderer.ts'
import { SlowTemplate } from '../render/renderer.ts'
import type {
  Channel,
  ContactInfo,
  ContentOf,
  CredentialInfo,
  JsonObject,
  Listens,
  Overrides,
  Signal,
  StatusChange,
  SuppressionReason,
} from '../words.ts'
import { type ChannelDecision, decide, type Routes } from './decide.ts'
import { isDue, messageRow } from './rows.ts'
import { isDeferred, type NotBefore, sendAtOf, whenOf } from './rule.ts'

/** What the contacts of a chunk have in common. */
export interface ChunkOf {
  readonly fanout: LockedFanout
  readonly contents: TemplateContents
  readonly routes: Routes
  /** by contact id */
  readonly credentials: ReadonlyMap<string, readonly CredentialInfo[]>
  readonly suppressed: ReadonlyMap<string, SuppressionReason>
}

/** What the decision for a contact depends on. */
export type DecidedOf = Omit<ChunkOf, 'fanout'> & { readonly fanout: Pick<LockedFanout, 'project' | 'template' | 'channels'> }

/** A chunk to write. */
export interface PlannedChunk {
  readonly head: ChunkHead
  readonly columns: ChunkColumns
  /** contacts with a message in the feed and none that waits for a worker */
  readonly sent: number
  /** contacts with a message that waits for a worker */
  readonly open: number
  /** contacts for whom the template has no content */
  readonly failed: number
  /** whether messages are due at a worker now */
  readonly wakes: boolean
  /** What to publish after the commit to those who listen. @param states the feeds as they were written, read only if somebody listens to one */
  signals(states: () => readonly ArrivedState[], listens: Listens): Signal[]
}

/** The time that the caller gave; one that has passed means now, even if the template has a delay. */
export const requestedTime = ({ sendAt }: Pick<LockedFanout, 'sendAt'>, now: Date): NotBefore =>
  sendAt === null ? null : sendAt <= now ? { inMs: 0 } : { at: sendAt }

/** Decides for one contact of a send to many: when it is written, and when it is estimated. */
export const decideMember = (
  { fanout: { project, template, channels }, contents, routes, credentials, suppressed }: DecidedOf,
  when: NotBefore,
  contact: ContactInfo,
): ChannelDecision[] => {
  const reach = { bare: null, credentials: credentials.get(contact.id) ?? [], routes, suppressed }
  return decide({ project, contents, contact, requested: channels, template, when, ...reach })
}

/** Whether the template has no content for a contact, for whom there is no notification then. */
export const hasNoContent = (decisions: readonly ChannelDecision[], requested: readonly Channel[] | null): boolean =>
  decisions.every((one) => one.reason?.code === 'TEMPLATE_EMPTY') && (requested === null || requested.length > 0)

/** Variables that are always the same for all contacts. Any other is only if `data` has it: it may be a property of the contact otherwise. */
const SHARED = new Set(['data', 'payload', 'event', 'actor', 'project'])

/** Whether texts that use these variables are rendered the same for every contact. */
export const isSameForAll = (names: readonly string[], data: JsonObject): boolean =>
  names.every((name) => SHARED.has(name) || (Object.hasOwn(data, name) && name !== 'contact' && name !== 'unsubscribeUrl'))

/** Whether an in-app content, with overrides, is rendered the same for every contact. */
export function isShared(
  renderer: Pick<Renderer, 'variables'>,
  locale: string,
  stored: ContentOf['IN_APP'],
  over: Overrides['inApp'],
  data: JsonObject,
): boolean {
  const replaced = Object.fromEntries(Object.entries(over ?? {}).filter(([, text]) => text !== null && text !== undefined))
  const content = { ...stored, ...replaced }
  const names = renderer.variables([{ channel: 'IN_APP', locale, content }])
  return names !== null && isSameForAll(names, data) && !hasComputedName(content) && !formatsDates(content)
}

/** Whether a text may use a variable whose name is the value of another one: `{{ [name] }}` can be any. */
const hasComputedName = (value: unknown): boolean =>
  typeof value === 'string'
    ? value.includes('{') && value.includes('[')
    : typeof value === 'object' && value !== null && Object.values(value).some(hasComputedName)

/** Whether a text may show a date, which is another one in another time zone. */
const formatsDates = (value: unknown): boolean =>
  typeof value === 'string'
    ? /\|\s*date/.test(value)
    : typeof value === 'object' && value !== null && Object.values(value).some(formatsDates)

/** A rendered text; the error of a template that can't be rendered; or `slow`: a worker renders it, in the sandbox. */
type Rendered = InAppText | CarillonError | 'slow'

/** Renders the in-app text for a contact; null: there is none in the language. */
type RenderFor = (contact: ContactInfo, locale: string) => { readonly text: Rendered; readonly isShared: boolean } | null

/** @returns a function that renders for one contact after the other; a text that is the same for all of them is rendered once per locale */
function createChunkRenderer(renderer: Renderer, { fanout, contents }: ChunkOf): RenderFor {
  const { project, actor, data, overrides } = fanout
  const kept = new Map<string, Rendered>()
  const shared = new Map<string, boolean>()
  return (contact, locale) => {
    const stored = contents.get('IN_APP', locale)
    if (stored === null) return null
    const isSame = shared.get(locale) ?? isShared(renderer, locale, stored, overrides?.inApp, data)
    shared.set(locale, isSame)
    const known = kept.get(locale)
    if (isSame && known !== undefined) return { text: known, isShared: true }
    let text: Rendered
    try {
      text = renderer.inApp(stored, { project, contact, actor, data, unsubscribeUrl: null, locale }, overrides)
    } catch (error) {
      if (error instanceof SlowTemplate) text = 'slow'
      else if (error instanceof CarillonError) text = error
      else throw error
    }
    if (isSame) kept.set(locale, text)
    return { text, isShared: isSame }
  }
}

/** Plans a chunk, some contacts at a time. */
export interface ChunkPlanner {
  /** Decides and renders for each contact. @param members in the order of their ids, after those that were added before */
  add(members: readonly ContactInfo[]): void
  /** The chunk of all that were added. */
  finish(): PlannedChunk
}

/** Begins a chunk. */
export function createChunkPlanner(
  { renderer, ids, clock }: { readonly renderer: Renderer; readonly ids: Ids; readonly clock: Clock },
  of: ChunkOf,
): ChunkPlanner {
  const { fanout } = of
  const { project, template, transactionId, channels: requested, data, overrides, actor } = fanout
  const at = clock.now()
  const now = at.toISOString()
  const moment = { now, offsetMs: clock.offsetMs }
  const when = whenOf(requestedTime(fanout, at), template)
  const sendAt = sendAtOf(when, at)
  const feed = overrides?.inApp?.feed ?? template.feed

  const notificationIds: string[] = []
  const contactIds: string[] = []
  const kinds: MessageKind[] = []
  const kindOf = new Map<string, number>()
  const columns = () => ({
    ids: [] as string[],
    notificationIds: [] as string[],
    contactIds: [] as string[],
    kinds: [] as number[],
  })
  const nulls = (): (string | null)[] => []
  const arriving = { ...columns(), titles: nulls(), bodies: nulls(), iconUrls: nulls(), urls: nulls(), actions: nulls() }
  const others = { ...columns(), addresses: nulls() }
  /** of each message that arrives */
  const texts: InAppText[] = []
  const count = { sent: 0, open: 0, failed: 0, wakes: false }

  /** The index of a kind. @param key the same for messages of the same kind */
  const kind = (key: string, make: () => MessageKind): number => {
    const known = kindOf.get(key)
    if (known !== undefined) return known
    kinds.push(make())
    kindOf.set(key, kinds.length - 1)
    return kinds.length - 1
  }

  /** The kind of a decision's row, and the text that arrives in the feed, if it does now. Rows that differ in nothing but an own text share a kind. */
  function kindFor(contact: ContactInfo, decision: ChannelDecision, renderFor: RenderFor): Kind {
    const { channel, locale, reason } = decision
    const arrivesNow = channel === 'IN_APP' && reason === null && !isDeferred(decision) && locale !== null
    const rendered = arrivesNow ? renderFor(contact, locale) : null
    const inApp = rendered === null || rendered.text === 'slow' ? null : rendered.text
    const make = (): MessageKind => messageRow(decision, inApp, moment)
    if (reason !== null) return { index: kind(`${channel} ${reason.code} ${reason.message}`, make), text: null, isOwn: false }
    if (rendered === null || inApp === null) {
      if (isDue(decision)) count.wakes = true
      return { index: kind(channel, make), text: null, isOwn: false }
    }
    if (inApp instanceof CarillonError)
      return { index: kind(`FAILED ${inApp.code} ${inApp.message}`, make), text: null, isOwn: false }
    if (rendered.isShared) return { index: kind(`IN_APP ${locale}`, make), text: inApp, isOwn: false }
    return { index: kind('own text', () => ({ ...make(), ...noText })), text: inApp, isOwn: true }
  }

  let channels: readonly Channel[] = []
  function add(contact: ContactInfo, renderFor: RenderFor): void {
    const decisions = decideMember(of, when, contact)
    if (hasNoContent(decisions, requested)) {
      count.failed++
      return
    }
    channels = decisions.map((one) => one.channel)
    const notificationId = ids()
    notificationIds.push(notificationId)
    contactIds.push(contact.id)
    let isOpen = false
    let isInFeed = false
    for (const decision of decisions) {
      const { index, text, isOwn } = kindFor(contact, decision, renderFor)
      const list = text === null ? others : arriving
      list.ids.push(ids())
      list.notificationIds.push(notificationId)
      list.contactIds.push(contact.id)
      list.kinds.push(index)
      const status = kinds[index]?.status
      if (status === 'QUEUED' || status === 'SCHEDULED') isOpen = true
      if (text === null) {
        others.addresses.push(decision.address)
        continue
      }
      isInFeed = true
      texts.push(text)
      arriving.titles.push(isOwn ? text.title : null)
      arriving.bodies.push(isOwn ? text.body : null)
      arriving.iconUrls.push(isOwn ? text.iconUrl : null)
      arriving.urls.push(isOwn ? text.url : null)
      arriving.actions.push(isOwn && text.actions.length > 0 ? JSON.stringify(text.actions) : null)
    }
    if (isOpen) count.open++
    else if (isInFeed) count.sent++
  }

  const finish = (): PlannedChunk => ({
    head: {
      projectId: project.id,
      transactionId,
      templateId: template.id,
      templateVersion: template.version,
      campaignId: fanout.campaignId,
      // null as well if the actor has been erased meanwhile: the row must not refer to a contact that does not exist.
      actorId: actor === null ? null : fanout.actorId,
      data,
      overrides,
      channels,
      createdAt: now,
      sendAt: sendAt?.toISOString() ?? null,
      feed,
    },
    columns: { notificationIds, contactIds, kinds, arriving, others },
    ...count,
    signals(states, listens) {
      const signals: Signal[] = []
      const heard = new Map(
        arriving.contactIds.flatMap((contactId, place) =>
          listens({ topic: 'feed', projectId: project.id, contactId }) ? [[contactId, place] as const] : [],
        ),
      )
      for (const { contactId, feedSeq, counts } of heard.size === 0 ? [] : states()) {
        const place = heard.get(contactId)
        const [messageId, notificationId, text] =
          place === undefined ? [] : [arriving.ids[place], arriving.notificationIds[place], texts[place]]
        if (messageId === undefined || notificationId === undefined || text === undefined) continue
        const of = {
          projectId: project.id,
          contactId,
          transactionId,
          templateId: template.id,
          templateKey: template.key,
          severity: template.severity,
          templateVersion: template.version,
        }
        const arrival = { ...of, messageId, notificationId, text, incrementId: null, feed, actor, data, at }
        const change = { seq: feedSeq, kind: 'RECEIVED' as const, message: arrivedAs(arrival, feedSeq), counts }
        signals.push({ topic: 'feed', projectId: project.id, contactId, changes: [change] })
      }
      if (listens({ topic: 'activity', projectId: project.id })) {
        const changes = [arriving, others].flatMap((list) =>
          list.ids.map(
            (messageId, place): StatusChange => ({
              notificationId: list.notificationIds[place] ?? '',
              messageId,
              status: kinds[list.kinds[place] ?? -1]?.status ?? 'FAILED',
              at: now,
            }),
          ),
        )
        // Contact by contact: ids ascend.
        changes.sort((one, other) => (one.messageId < other.messageId ? -1 : 1))
        signals.push({ topic: 'activity', projectId: project.id, changes })
      }
      return signals
    },
  })
  return {
    add(members) {
      const renderFor = createChunkRenderer(renderer.within(createMeter(programLimits.chunkUnits)), of)
      for (const contact of members) add(contact, renderFor)
    },
    finish,
  }
}

/** The kind of a message: its position in the chunk's kinds. `text`: what arrives in the feed, if it does now; `isOwn`: the kind has none, or another. */
interface Kind {
  readonly index: number
  readonly text: InAppText | null
  readonly isOwn: boolean
}

/** The text of a kind whose messages have their own. Most have no actions: as JSON of their own, "none" takes PostgreSQL longer than all other texts. */
const noText = { title: null, body: null, iconUrl: null, url: null, actions: [] }
