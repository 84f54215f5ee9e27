/** A claimed message, decided again and rendered: what goes out, or why nothing does. */
import type { Rendered } from '../channels/provider.ts'
import type { Claimed } from '../db/claim.ts'
import { mailboxOf } from '../domain/check.ts'
import type { ContentCache } from '../domain/contents.ts'
import { decideChannel } from '../domain/decide.ts'
import type { Links } from '../domain/link.ts'
import type { Standing } from '../domain/rule.ts'
import type { Channel, SuppressionReason } from '../domain/words.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import type { InAppText, Renderer, Scope } from '../render/content.ts'

/** What a claimed message turns into. */
export type Composed =
  | {
      readonly kind: 'outbound'
      readonly rendered: Rendered
      readonly subject: string | null
      readonly text: string | null
      readonly html: string | null
    }
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
export function compose(
  { contents, renderer, links }: ComposeDeps,
  message: Claimed,
  configured: ReadonlySet<Channel>,
  suppressed: ReadonlyMap<string, SuppressionReason>,
  standing: Standing | undefined,
): Composed {
  const { project, template, contact, actor, data, overrides, channel } = message
  if (contact === null) return { kind: 'skipped', reason: problem('CONTACT_NOT_FOUND', 'The contact was deleted.') }
  const said = contents.get({ projectId: message.projectId, ...template })
  const decision = decideChannel(channel, { project, contents: said, contact, configured, template, suppressed, standing })
  if (decision.reason !== null) return { kind: 'skipped', reason: decision.reason }
  const locale = decision.locale ?? ''
  const scope: Scope = { project, contact, actor, data, unsubscribeUrl: null }
  try {
    if (channel === 'IN_APP') {
      const content = said.get(channel, locale)
      if (content !== null) return { kind: 'in-app', contactId: contact.id, text: renderer.inApp(content, scope, overrides) }
    }
    const base = { messageId: message.id, address: decision.address ?? '', createdAt: message.createdAt }
    if (channel === 'EMAIL') {
      const content = said.get(channel, locale)
      const unsubscribeUrl = template.critical
        ? null
        : links.unsubscribe({ projectId: message.projectId, contactId: contact.id, templateId: template.id })
      if (content !== null) {
        const mail = renderer.email(content, { ...scope, unsubscribeUrl }, overrides)
        const { subject, text, html, from, replyTo } = mail
        const rendered: Rendered = {
          ...base,
          channel,
          from: from === '' ? null : from,
          replyTo: replyTo === '' ? null : replyTo,
          cc: addresses('cc', mail.cc),
          bcc: addresses('bcc', mail.bcc),
          subject,
          text,
          html,
          unsubscribeUrl,
        }
        return { kind: 'outbound', rendered, subject, text, html }
      }
    }
    if (channel === 'SMS') {
      const content = said.get(channel, locale)
      if (content !== null) {
        const { type, title, body } = renderer.sms(content, scope, overrides)
        return { kind: 'outbound', rendered: { ...base, channel, type, title, body }, subject: title, text: body, html: null }
      }
    }
    return { kind: 'skipped', reason: problem('TEMPLATE_EMPTY') }
  } catch (error) {
    if (!(error instanceof CarillonError)) throw error
    return { kind: 'failed', reason: problem(error.code, error.message, error.details.field ?? null) }
  }
}
