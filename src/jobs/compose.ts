/** A claimed message, decided again and rendered: what goes out, or why nothing does. */
import type { Rendered } from '../channels/provider.ts'
import type { Claimed } from '../db/claim.ts'
import { mailboxOf } from '../domain/check.ts'
import type { ContentCache } from '../domain/contents.ts'
import { type ChannelDecision, decideChannel, type Routes } from '../domain/decide.ts'
import type { Links } from '../domain/link.ts'
import type { Standing } from '../domain/rule.ts'
import type { Target } from '../domain/target.ts'
import type { CredentialInfo, DigestItems, DirectContent, JsonObject, SuppressionReason } from '../domain/words.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import type { InAppText, Renderer, Scope } from '../render/content.ts'

/** A message that goes out. */
export interface Outbound {
  readonly kind: 'outbound'
  /** the preferred way first */
  readonly targets: readonly Target[]
  /** The message as it goes one way. */
  at(target: Target): Rendered
  readonly subject: string | null
  readonly text: string | null
  readonly html: string | null
}

/** What a claimed message turns into. */
export type Composed =
  | Outbound
  | { readonly kind: 'in-app'; readonly contactId: string; readonly text: InAppText }
  /** decided against, at the last moment: nothing is sent */
  | { readonly kind: 'skipped'; readonly reason: Problem }
  /** it can't be said as it stands */
  | { readonly kind: 'failed'; readonly reason: Problem }

/** What composing works with. */
export interface ComposeDeps {
  readonly contents: ContentCache
  readonly renderer: Renderer
  readonly links: Links
}

/** What is looked up for a message when its time has come. */
export interface Surroundings {
  readonly routes: Routes
  readonly credentials: readonly CredentialInfo[]
  readonly suppressed: ReadonlyMap<string, SuppressionReason>
  /** left out: nothing depends on it */
  readonly standing: Standing | undefined
  /** what is left in the digest that it is; left out: it is none */
  readonly digest: DigestItems | undefined
}

/** Splits a comma-separated list of addresses. @throws ADDRESS_INVALID */
function addresses(field: string, list: string | null): string[] {
  return (list ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const mailbox = mailboxOf(part)
      if (mailbox === null)
        throw new CarillonError('ADDRESS_INVALID', { field, message: `${field}: is not a list of e-mail addresses.` })
      return mailbox
    })
}

/**
 * Decides and renders. The contact, its address and the template are as they are now, not as they were when it was accepted.
 * Call `contents.load` for the message's template before.
 */
export function compose(deps: ComposeDeps, message: Claimed, around: Surroundings): Composed {
  const { project, template, contact, channel, address } = message
  // A message to a bare address keeps it; of a contact that was erased, nothing is kept.
  if (contact === null && address === null)
    return { kind: 'skipped', reason: problem('CONTACT_NOT_FOUND', 'The contact was deleted.') }
  const said = template === null ? null : deps.contents.get({ projectId: message.projectId, ...template })
  const question = { project, contents: said, contact, address: contact === null ? address : null, template, ...around }
  const decision = decideChannel(channel, question)
  if (decision.reason !== null) return { kind: 'skipped', reason: decision.reason }
  try {
    return message.content === null
      ? say(deps, message, decision, around.digest ?? null)
      : sayDirectly(message, message.content, decision)
  } catch (error) {
    if (!(error instanceof CarillonError)) throw error
    return { kind: 'failed', reason: problem(error.code, error.message, error.details.field ?? null) }
  }
}

/** What every rendered message has. */
function baseOf(message: Claimed, target: Target) {
  const given = message.overrides?.providers?.[target.provider]
  const extra = typeof given === 'object' && given !== null && !Array.isArray(given) ? { extra: given as JsonObject } : {}
  return { messageId: message.id, address: target.address, createdAt: message.createdAt, ...extra }
}

function say(
  { contents, renderer, links }: ComposeDeps,
  message: Claimed,
  decision: ChannelDecision,
  digest: DigestItems | null,
): Composed {
  const { project, template, contact, actor, overrides, channel } = message
  const data = digest?.latest ?? message.data
  const { targets } = decision
  const empty: Composed = { kind: 'skipped', reason: problem('TEMPLATE_EMPTY') }
  if (template === null) return empty
  const locale = decision.locale ?? ''
  const said = contents.get({ projectId: message.projectId, ...template })
  const scope: Scope = { project, contact, actor, data, digest, unsubscribeUrl: null }
  const kind = 'outbound' as const
  const plain = (text: string) => ({ kind, targets, subject: null, text, html: null })
  switch (channel) {
    case 'IN_APP': {
      const content = said.get(channel, locale)
      return content === null || contact === null
        ? empty
        : { kind: 'in-app', contactId: contact.id, text: renderer.inApp(content, scope, overrides) }
    }
    case 'EMAIL': {
      const content = said.get(channel, locale)
      if (content === null) return empty
      const unsubscribeUrl =
        template.critical || contact === null
          ? null
          : links.unsubscribe({ projectId: message.projectId, contactId: contact.id, templateId: template.id })
      const mail = renderer.email(content, { ...scope, unsubscribeUrl }, overrides)
      const { subject, text, html } = mail
      const rest = {
        from: mail.from === '' ? null : mail.from,
        replyTo: mail.replyTo === '' ? null : mail.replyTo,
        cc: addresses('cc', mail.cc),
        bcc: addresses('bcc', mail.bcc),
        subject,
        text,
        html,
        unsubscribeUrl,
      }
      return { kind, targets, subject, text, html, at: (target) => ({ ...baseOf(message, target), channel, ...rest }) }
    }
    case 'SMS': {
      const content = said.get(channel, locale)
      if (content === null) return empty
      const text = renderer.sms(content, scope, overrides)
      return { ...plain(text.body), subject: text.title, at: (target) => ({ ...baseOf(message, target), channel, ...text }) }
    }
    case 'PUSH':
    case 'WEB_PUSH': {
      const content = said.get(channel, locale)
      if (content === null) return empty
      const text = renderer.push(content, scope, overrides)
      return { ...plain(text.body), subject: text.title, at: (target) => ({ ...baseOf(message, target), channel, ...text }) }
    }
    case 'CHAT': {
      const content = said.get(channel, locale)
      if (content === null) return empty
      const body = renderer.text('body', content.body, scope)
      return {
        ...plain(body),
        at: (target) => ({ ...baseOf(message, target), channel, channelName: target.channelName, body }),
      }
    }
    case 'ALIMTALK': {
      const content = said.get(channel, locale)
      if (content === null) return empty
      const body = content.body === null ? null : renderer.text('body', content.body, scope)
      const rest = { templateCode: content.templateCode, body, parameters: data }
      return { ...plain(body ?? ''), text: body, at: (target) => ({ ...baseOf(message, target), channel, ...rest }) }
    }
    case 'FRIENDTALK': {
      const content = said.get(channel, locale)
      if (content === null) return empty
      const body = renderer.text('body', content.body, scope)
      return { ...plain(body), at: (target) => ({ ...baseOf(message, target), channel, body, isAd: content.isAd }) }
    }
    case 'WEBHOOK': {
      const content = said.get(channel, locale)
      if (content === null) return empty
      const body = renderer.json('body', content.body, scope)
      return { ...plain(JSON.stringify(body)), at: (target) => ({ ...baseOf(message, target), channel, body }) }
    }
  }
}

/** Says what was given, literally: there is no template, and nobody is looked up. */
function sayDirectly(message: Claimed, direct: DirectContent, { targets }: ChannelDecision): Composed {
  const kind = 'outbound' as const
  switch (direct.channel) {
    case 'SMS': {
      const { channel, content } = direct
      const { title, body } = content
      return {
        kind,
        targets,
        subject: title,
        text: body,
        html: null,
        at: (target) => ({ ...baseOf(message, target), channel, ...content }),
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
