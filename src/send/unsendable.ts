/**
 * Finds what would be accepted and could not be sent: a text that can't be rendered or that no provider of its channel takes. What certainly
 * can be sent is known by its size, without rendering it (render/foresee.ts); all else is rehearsed as for a preview. A slow template is
 * not run for it: a worker finds out.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Runner } from '../db/database.ts'
import { findProviders } from '../db/provider.ts'
import type { Problem } from '../errors.ts'
import type { Meter } from '../render/meter.ts'
import { SlowTemplate } from '../render/renderer.ts'
import { isBlank } from '../values/blank.ts'
import { actorOf, type Channel, type DirectContent, type Extent, goesToAll, type JsonObject, noExtent } from '../words.ts'
import type { ChannelDecision } from './decide.ts'
import type { SendDeps } from './deps.ts'
import { extraKeys } from './extra.ts'
import type { Known } from './known.ts'
import { type PlannedMessage, withReasons } from './plan.ts'
import type { Rehearsable } from './rehearsal.ts'
import { isDeferred } from './rule.ts'

type Deps = Pick<SendDeps, 'renderer' | 'contents' | 'vendors' | 'rehearse'>

/** Rehearsals after which the process handles other events. */
const AT_ONCE = 10

/** How large a message with its own content is; null: there is nothing to read in it. */
function extentOf({ channel, content }: DirectContent): Extent | null {
  const title = 'title' in content ? content.title : null
  const texts = [title, content.body].filter((text) => text !== null)
  if (texts.length > 0 && texts.every(isBlank)) return null
  return {
    ...noExtent,
    type: channel === 'SMS' ? content.type : null,
    title: title?.length ?? 0,
    body: content.body?.length ?? 0,
    saysBody: !isBlank(content.body ?? ''),
  }
}

/** The channels that a message may be unsendable on. */
function doubtful({ renderer, contents, vendors }: Deps, known: Known, message: PlannedMessage): ChannelDecision[] {
  const { project, template, intent, decisions, window, contactKey, actorKey } = message
  // In a digest, it will be another text.
  if (window !== null) return []
  const extras = extraKeys(intent.overrides)
  const infoOf = (key: string | null) => (key === null ? null : (known.contacts.get(key)?.info ?? null))
  let foresee: ReturnType<typeof renderer.foresee> | null = null
  const foreseeOf = (): ReturnType<typeof renderer.foresee> => {
    const actor = infoOf(actorKey)
    const scope = {
      ...{ project, data: intent.data, unsubscribeUrl: null },
      ...{ contact: infoOf(contactKey), actor: actor === null ? null : actorOf(actor) },
    }
    return renderer.foresee(scope, intent.overrides)
  }
  return decisions.filter((decision) => {
    const { channel, locale, targets, reason } = decision
    // An in-app message that is due now is rendered already, or slow.
    if (reason !== null || decision.isSlow === true || (channel === 'IN_APP' && !isDeferred(decision))) return false
    let extent: Extent | null = null
    if (template === null) extent = intent.bare?.content ? extentOf(intent.bare.content) : null
    else {
      const content = locale === null ? null : contents.get({ projectId: project.id, ...template }).get(channel, locale)
      if (content === null || locale === null) return false
      foresee ??= foreseeOf()
      extent = foresee({ channel, locale, content })
    }
    if (extent === null) return true
    const whole = extent
    const isCarried = ({ kind, provider }: { readonly kind: string; readonly provider: string }): boolean =>
      vendors.carries(kind, channel, { ...whole, hasExtra: extras.includes(provider) })
    return channel !== 'IN_APP' && !(goesToAll(channel) ? targets.some(isCarried) : targets.slice(0, 1).every(isCarried))
  })
}

/** What the channels of a planned message have in common when they are rehearsed. */
export function rehearsableOf(
  { project, template, intent, contactKey, actorKey, window }: PlannedMessage,
  known: Pick<Known, 'contacts'>,
): Omit<Rehearsable, 'channel' | 'decision'> {
  const actor = actorKey === null ? null : (known.contacts.get(actorKey)?.info ?? null)
  // As it is read from the table: objects of a GraphQL document have no prototype, and can't be made texts.
  const data = JSON.parse(JSON.stringify(intent.data)) as JsonObject
  return {
    project,
    template,
    content: intent.bare?.content ?? null,
    contact: contactKey === null ? null : (known.contacts.get(contactKey)?.info ?? null),
    actor: actor === null ? null : actorOf(actor),
    data,
    overrides: intent.overrides,
    digest: window === null ? null : { count: 1, items: [data], latest: data },
  }
}

/**
 * Rehearses what may be unsendable. Nothing is locked meanwhile, and rendering takes from the allowance of each call.
 * @returns the messages that are not sent on some channel, as they are without it
 */
export async function withoutUnsendable(
  deps: Deps,
  db: Runner,
  known: Known,
  messages: readonly { readonly message: PlannedMessage; readonly allowance: Meter }[],
): Promise<ReadonlyMap<unknown, PlannedMessage>> {
  const replaced = new Map<unknown, PlannedMessage>()
  const left = messages.flatMap((one) => {
    const decisions = doubtful(deps, known, one.message)
    return decisions.length === 0 ? [] : [{ ...one, decisions }]
  })
  if (left.length === 0) return replaced
  const rows = await findProviders(db, [...new Set(left.map(({ message }) => message.project.id))])
  const providers = Map.groupBy(rows, (row) => row.projectId)
  let count = 0
  for (const { message, allowance, decisions } of left) {
    const rehearsable = rehearsableOf(message, known)
    const renderer = deps.renderer.within(allowance)
    const reasons = new Map<Channel, Problem>()
    for (const decision of decisions) {
      if (++count % AT_ONCE === 0) await turn()
      try {
        const { channel } = decision
        const of = providers.get(message.project.id) ?? []
        const { reason } = await deps.rehearse({ ...rehearsable, channel, decision }, of, { contents: deps.contents, renderer })
        // A fault of our own says nothing of the message.
        if (reason !== null && reason.code !== 'INTERNAL') reasons.set(channel, reason)
      } catch (error) {
        if (!(error instanceof SlowTemplate)) throw error
      }
    }
    if (reasons.size > 0) replaced.set(message, withReasons(message, reasons))
  }
  return replaced
}
