/** Decides a claimed message again and renders it: to what is sent, or the reason why nothing is. */
import type { Rendered, RenderedEmail } from '../channels/provider.ts'
import { markedFor } from '../channels/registry.ts'
import type { Claimed } from '../db/claim.ts'
import type { ContentCache } from '../domain/contents.ts'
import type { Links } from '../domain/link.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import type { Log } from '../log.ts'
import { type EmailText, type InAppText, type Renderer, type Scope, SlowTemplate } from '../render/renderer.ts'
import type { Sandbox } from '../render/sandbox.ts'
import { type ChannelDecision, decideChannel } from '../send/decide.ts'
import { ruleOf } from '../send/rule.ts'
import type { Target } from '../send/target.ts'
import { isBlank } from '../values/blank.ts'
import { oneLine } from '../values/one-line.ts'
import type { DigestItems, DirectContent, JsonObject } from '../words.ts'
import type { Surroundings } from './surroundings.ts'

/** A message to send. */
export interface Outbound {
  readonly kind: 'outbound'
  /** the preferred one first */
  readonly targets: readonly Target[]
  /** cc and bcc of an e-mail, as mailboxes; left out: it has none */
  readonly copies?: readonly string[]
  /** The message as it is sent to one target. `leftOut`: copies that it does not go to */
  at(target: Target, leftOut?: ReadonlyMap<string, unknown>): Rendered
  readonly subject: string | null
  readonly text: string | null
  readonly html: string | null
}

/** What a claimed message becomes. */
export type Composed =
  | Outbound
  | { readonly kind: 'in-app'; readonly contactId: string; readonly text: InAppText }
  /** nothing is sent, because of what changed since it was accepted */
  | { readonly kind: 'skipped'; readonly reason: Problem }
  /** it can't be rendered */
  | { readonly kind: 'failed'; readonly reason: Problem }

/** What `composeMessage` needs. */
export interface ComposeDeps {
  readonly contents: ContentCache
  readonly renderer: Renderer
  /** renders slow templates */
  readonly sandbox: Pick<Sandbox, 'render'>
  readonly links: Pick<Links, 'unsubscribe'>
  readonly log: Log
}

/**
 * Decides and renders. A slow template is rendered in the sandbox while other messages are sent: the result is a promise then, of null when
 * the sandbox is full. Never throws, nor rejects: a message that can't be composed is `failed`.
 */
export function composeMessage(
  deps: ComposeDeps,
  message: Claimed,
  surroundings: Surroundings,
): Composed | Promise<Composed | null> {
  try {
    return compose(deps, message, surroundings)
  } catch (error) {
    return error instanceof SlowTemplate ? composeInSandbox(deps, message, surroundings, error) : failed(deps.log, message, error)
  }
}

async function composeInSandbox(
  deps: ComposeDeps,
  message: Claimed,
  surroundings: Surroundings,
  { call }: SlowTemplate,
): Promise<Composed | null> {
  try {
    const rendered = await deps.sandbox.render(message.projectId, call)
    // Composing calls the renderer once, and its result is here now.
    return compose({ ...deps, renderer: { ...deps.renderer, [call.method]: () => rendered } }, message, surroundings)
  } catch (error) {
    return error instanceof CarillonError && error.code === 'OVERLOADED' ? null : failed(deps.log, message, error)
  }
}

function failed(log: Log, message: Claimed, error: unknown): Composed {
  if (error instanceof CarillonError) {
    const where = message.template === null ? '' : `The template "${message.template.key}", `
    return { kind: 'failed', reason: problem(error.code, `${where}${error.message}`, error.details.field ?? null) }
  }
  log.error('A message can not be composed', {
    message: message.id,
    error: error instanceof Error ? error.stack : String(error),
  })
  return { kind: 'failed', reason: problem('INTERNAL') }
}

/** What rendering depends on: the part of a claimed message that is there before it is accepted. */
export type Composable = Pick<
  Claimed,
  | 'projectId'
  | 'id'
  | 'createdAt'
  | 'sendAt'
  | 'project'
  | 'template'
  | 'content'
  | 'channel'
  | 'contact'
  | 'actor'
  | 'data'
  | 'overrides'
>

/** Renders what was decided. Throws SlowTemplate; what can't be rendered is `failed`. */
export function renderDecided(
  deps: Pick<ComposeDeps, 'contents' | 'renderer' | 'links'>,
  message: Composable,
  decision: Pick<ChannelDecision, 'locale' | 'targets'>,
  digest: DigestItems | null,
): Composed {
  try {
    const composed =
      message.content === null
        ? renderTemplate(deps, message, decision, digest)
        : renderDirect(message, message.content, decision)
    return composed.kind === 'outbound' && isEmpty(composed)
      ? { kind: 'skipped', reason: problem('TEMPLATE_EMPTY', NO_TEXT) }
      : composed
  } catch (error) {
    if (!(error instanceof CarillonError)) throw error
    return { kind: 'failed', reason: problem(error.code, error.message, error.details.field ?? null) }
  }
}

/**
 * Decides and renders, by the contact, its address and the template as they are now, not as they were when the message was accepted.
 * `contents.load` was called for the message's template before.
 */
function compose(deps: ComposeDeps, message: Claimed, surroundings: Surroundings): Composed {
  const { project, template, contact, channel, address } = message
  // A message to a bare address keeps its address; an erased contact leaves none.
  if (contact === null && address === null)
    return { kind: 'skipped', reason: problem('CONTACT_NOT_FOUND', 'The contact was deleted.') }
  const contents = template === null ? null : deps.contents.get(template)
  // It is of the message's own channel.
  const bare = contact === null ? { email: address, phone: address } : null
  const { routes, credentials, suppressed, facts, digest } = surroundings
  const reach = { routes, credentials, suppressed, facts }
  const decision = decideChannel(channel, { project, contents, contact, bare, template, ...reach })
  if (decision.reason !== null) return { kind: 'skipped', reason: decision.reason }
  return renderDecided(deps, message, decision, digest ?? null)
}

const NO_TEXT = 'With this data nothing is left to read: every text of the message is empty.'
/** Whether there is nothing to read; a message of a registered template without a text of ours has the vendor's. */
const isEmpty = ({ subject, text, html }: Outbound): boolean => {
  const texts = [subject, text, html].filter((one) => one !== null)
  return texts.length > 0 && texts.every(isBlank)
}

/**
 * When the message was due: the same at every attempt, however late the first one is. Counted from its own time, because the column of the
 * due time holds that of the next attempt.
 */
const dueTimeOf = ({ sendAt, createdAt, template, channel }: Composable): Date =>
  new Date((sendAt ?? createdAt).getTime() + ruleOf(template, channel).delayMs)

/** The link to unsubscribe. Signed when it is first asked for: many texts don't show it, and not every provider sends it. */
class UnsubscribeLink {
  readonly #links: ComposeDeps['links']
  readonly #target: Parameters<Links['unsubscribe']>[0] | null
  #made: string | null = null

  /** @param target null: there is no link */
  constructor(links: ComposeDeps['links'], target: Parameters<Links['unsubscribe']>[0] | null) {
    this.#links = links
    this.#target = target
  }

  read(): string | null {
    if (this.#target !== null) this.#made ??= this.#links.unsubscribe(this.#target)
    return this.#made
  }
}

/** An object whose link is made when it is read. All share one accessor: V8 keeps an object that has one of its own as a slow hash table. */
class Linked {
  declare readonly unsubscribeUrl: string | null
  readonly #link: UnsubscribeLink
  static readonly #accessor: PropertyDescriptor & ThisType<Linked> = {
    get() {
      return this.#link.read()
    },
    enumerable: true,
    configurable: true,
  }

  constructor(link: UnsubscribeLink) {
    this.#link = link
    Object.defineProperty(this, 'unsubscribeUrl', Linked.#accessor)
  }
}

/** What an e-mail is rendered with. */
class MailScope extends Linked implements Scope {
  readonly project: Scope['project']
  readonly contact: Scope['contact']
  readonly actor: Scope['actor']
  readonly data: JsonObject
  readonly digest: DigestItems | null
  readonly locale: string | null

  constructor(scope: Omit<Scope, 'unsubscribeUrl'>, link: UnsubscribeLink) {
    super(link)
    this.project = scope.project
    this.contact = scope.contact
    this.actor = scope.actor
    this.data = scope.data
    this.digest = scope.digest ?? null
    this.locale = scope.locale ?? null
  }
}

/** An e-mail as it is sent to one target. */
class Mail extends Linked implements RenderedEmail {
  readonly channel = 'EMAIL'
  readonly messageId: string
  readonly address: string
  readonly createdAt: Date
  readonly dueAt: Date
  readonly subject: string
  readonly text: string | null
  readonly html: string | null
  readonly from: string | null
  readonly replyTo: string | null
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  declare readonly extra?: JsonObject

  constructor(
    message: Composable,
    target: Target,
    text: EmailText,
    copies: Pick<EmailText, 'cc' | 'bcc'>,
    link: UnsubscribeLink,
  ) {
    super(link)
    this.messageId = message.id
    this.address = target.address
    this.createdAt = message.createdAt
    this.dueAt = dueTimeOf(message)
    this.subject = text.subject
    this.text = text.text
    this.html = text.html
    this.from = text.from
    this.replyTo = text.replyTo
    this.cc = copies.cc
    this.bcc = copies.bcc
    const extra = extraOf(message, target)
    if (extra !== null) this.extra = extra
  }
}

/** The vendor options of a message for one provider; null: it has none. */
function extraOf({ overrides }: Composable, target: Target): JsonObject | null {
  const given = overrides?.providers?.[target.provider]
  return typeof given === 'object' && given !== null && !Array.isArray(given) ? (given as JsonObject) : null
}

/** What every rendered message has. */
function baseOf(message: Composable, target: Target) {
  const extra = extraOf(message, target)
  return { messageId: message.id, address: target.address, createdAt: message.createdAt, ...(extra === null ? {} : { extra }) }
}

const NO_COPIES: readonly string[] = []

function renderTemplate(
  { contents, renderer, links }: Pick<ComposeDeps, 'contents' | 'renderer' | 'links'>,
  message: Composable,
  decision: Pick<ChannelDecision, 'locale' | 'targets'>,
  digest: DigestItems | null,
): Composed {
  const { project, template, contact, actor, overrides, channel } = message
  const data = digest?.latest ?? message.data
  const { targets } = decision
  const empty: Composed = { kind: 'skipped', reason: problem('TEMPLATE_EMPTY') }
  if (template === null) return empty
  const locale = decision.locale ?? ''
  const stored = contents.get(template)
  const scope: Scope = { project, contact, actor, data, digest, unsubscribeUrl: null, locale: decision.locale }
  const kind = 'outbound' as const
  const plain = (text: string) => ({ kind, targets, subject: null, text, html: null })
  switch (channel) {
    case 'IN_APP': {
      const content = stored.get(channel, locale)
      return content === null || contact === null
        ? empty
        : { kind: 'in-app', contactId: contact.id, text: renderer.inApp(content, scope, overrides) }
    }
    case 'EMAIL': {
      const content = stored.get(channel, locale)
      if (content === null) return empty
      const contactId = template.critical ? undefined : contact?.id
      const link = new UnsubscribeLink(
        links,
        contactId === undefined ? null : { projectId: message.projectId, contactId, templateId: template.id },
      )
      const mail = renderer.email(content, new MailScope(scope, link), overrides)
      const { subject, text, html, cc, bcc } = mail
      const at: Outbound['at'] = (target, leftOut) => {
        if (leftOut === undefined || leftOut.size === 0) return new Mail(message, target, mail, mail, link)
        const isKept = (copy: string): boolean => !leftOut.has(copy)
        return new Mail(message, target, mail, { cc: cc.filter(isKept), bcc: bcc.filter(isKept) }, link)
      }
      return { kind, targets, subject, text, html, copies: cc.length + bcc.length === 0 ? NO_COPIES : [...cc, ...bcc], at }
    }
    case 'SMS': {
      const content = stored.get(channel, locale)
      if (content === null) return empty
      const text = renderer.sms(content, scope, overrides)
      return { ...plain(text.body), subject: text.title, at: (target) => ({ ...baseOf(message, target), channel, ...text }) }
    }
    case 'PUSH':
    case 'WEB_PUSH': {
      const content = stored.get(channel, locale)
      if (content === null) return empty
      const text = renderer.push(content, scope, overrides)
      return { ...plain(text.body), subject: text.title, at: (target) => ({ ...baseOf(message, target), channel, ...text }) }
    }
    case 'CHAT': {
      const content = stored.get(channel, locale)
      if (content === null) return empty
      const marked = renderer.chat('body', content.body, scope)
      const [first] = targets
      return {
        ...plain(markedFor(first?.kind ?? 'capture', marked)),
        at: (target) => ({
          ...baseOf(message, target),
          channel,
          channelName: target.channelName,
          body: markedFor(target.kind, marked),
        }),
      }
    }
    case 'ALIMTALK': {
      const content = stored.get(channel, locale)
      if (content === null) return empty
      const body = content.body === null ? null : renderer.text('body', content.body, scope)
      const rest = { templateCode: content.templateCode, body, parameters: data }
      return { ...plain(body ?? ''), text: body, at: (target) => ({ ...baseOf(message, target), channel, ...rest }) }
    }
    case 'FRIENDTALK': {
      const content = stored.get(channel, locale)
      if (content === null) return empty
      const body = renderer.text('body', content.body, scope)
      return { ...plain(body), at: (target) => ({ ...baseOf(message, target), channel, body, isAd: content.isAd }) }
    }
    case 'WEBHOOK': {
      const content = stored.get(channel, locale)
      if (content === null) return empty
      const body = renderer.json('body', content.body, scope)
      return { ...plain(JSON.stringify(body)), at: (target) => ({ ...baseOf(message, target), channel, body }) }
    }
  }
}

/** Renders the content that came with the call, literally: there is no template, and no contact is looked up. */
function renderDirect(message: Composable, direct: DirectContent, { targets }: Pick<ChannelDecision, 'targets'>): Composed {
  const kind = 'outbound' as const
  switch (direct.channel) {
    case 'SMS': {
      const { channel, content } = direct
      const { body } = content
      const title = content.title === null ? null : oneLine(content.title)
      return {
        kind,
        targets,
        subject: title,
        text: body,
        html: null,
        at: (target) => ({ ...baseOf(message, target), channel, ...content, title }),
      }
    }
    case 'ALIMTALK': {
      const { channel, content } = direct
      const rest = { ...content, parameters: message.data }
      return {
        kind,
        targets,
        subject: null,
        text: content.body,
        html: null,
        at: (target) => ({ ...baseOf(message, target), channel, ...rest }),
      }
    }
    case 'FRIENDTALK': {
      const { channel, content } = direct
      const { body } = content
      return {
        kind,
        targets,
        subject: null,
        text: body,
        html: null,
        at: (target) => ({ ...baseOf(message, target), channel, ...content }),
      }
    }
  }
}
