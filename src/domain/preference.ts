/** Preferences: a contact's opt-in to or opt-out of a template, a channel, or a template on a channel. */
import { type Database, type Runner, transact } from '../db/database.ts'
import { findPreferable, lockPreferences, type PreferableTemplate, writePreferences } from '../db/preference.ts'
import { revokeClaimsOfContact } from '../db/revoke-claims.ts'
import { CarillonError } from '../errors.ts'
import { type Channel, channels, type PreferenceSet } from '../words.ts'
import type { UnsubscribeTarget } from './link.ts'

/** Whether a contact accepts a template on a channel. The preference for the pair decides; without one, any opt-out does. */
export function isWanted({ channels: byChannel, templates }: PreferenceSet, templateId: string, channel: Channel): boolean {
  const template = templates?.[templateId]
  const pair = template?.[channel]
  if (pair !== undefined) return pair
  return template?.all !== false && byChannel?.[channel] !== false
}

/** The preferences after a change. One for a template as a whole replaces those for its channels. */
export function withPreference(
  before: PreferenceSet,
  templateId: string | null,
  channel: Channel | null,
  enabled: boolean,
): PreferenceSet {
  if (templateId === null) {
    return channel === null ? before : { ...before, channels: { ...before.channels, [channel]: enabled } }
  }
  const template = channel === null ? { all: enabled } : { ...before.templates?.[templateId], [channel]: enabled }
  return { ...before, templates: { ...before.templates, [templateId]: template } }
}

/** A change of preferences. `channel` null: for the template as a whole. */
interface Choice {
  readonly channel: Channel | null
  readonly enabled: boolean
}

/** The effective preferences for a template and its channels. */
export interface TemplatePreference {
  readonly templateId: string
  readonly enabled: boolean
  readonly channels: readonly { readonly channel: Channel; readonly enabled: boolean }[]
}

/** What an unsubscribe link is about: who sends what to whom. */
export interface UnsubscribeAbout {
  /** the project's name */
  readonly sender: string
  /** the template's name */
  readonly kind: string
  readonly email: string | null
  /** the contact's language, or the project's */
  readonly locale: string
  readonly isSubscribed: boolean
}

/** How many templates are listed. */
const TEMPLATES_MAX = 1_000

/** All preferences of a contact, including the defaults. */
export interface PreferenceList {
  readonly channels: readonly { readonly channel: Channel; readonly enabled: boolean }[]
  readonly templates: readonly TemplatePreference[]
}

/** `wake` is called after the commit. */
export interface PreferenceDeps {
  readonly db: Database
  wake(): void
}

/** Creates the operations of preferences. */
export function createPreferences({ db, wake }: PreferenceDeps) {
  interface Key {
    readonly projectId: string
    readonly contactId: string
  }

  /**
   * Stores preferences, in their order: all of them, or none. After an opt-out, claimed messages whose attempt has not begun are decided again.
   * @returns false: there is no such contact
   */
  async function store(key: Key, templateId: string | null, choices: readonly Choice[]): Promise<boolean> {
    const refused = choices.filter(({ enabled }) => !enabled).map(({ channel }) => channel)
    // Of several channels, of all at once: rows are locked in one order, and deciding once more about the others changes nothing.
    const [only = null] = refused.length === 1 ? refused : []
    const revoke = async (tx: Runner): Promise<number> => (refused.length === 0 ? 0 : revokeClaimsOfContact(tx, key, only))
    const revoked = await transact(db.pool, async (tx) => {
      const before = await lockPreferences(tx, key)
      if (before === null) return null
      const after = choices.reduce((set, { channel, enabled }) => withPreference(set, templateId, channel, enabled), before)
      await writePreferences(tx, key, after)
      return revoke(tx)
    })
    if (revoked === null) return false
    const late = refused.length === 0 ? 0 : await transact(db.pool, revoke)
    if (revoked + late > 0) wake()
    return true
  }

  /** The templates that contacts of a project may want or not. `isOwn`: without those that are kept out of what contacts see. */
  const preferable = (projectId: string, isOwn: boolean): Promise<PreferableTemplate[]> =>
    findPreferable(db.pool, projectId, isOwn, TEMPLATES_MAX)

  /** `isOwn`: for the contact itself, who does not see the templates that are kept out of its preferences. */
  async function list(
    { projectId, contactId }: Key,
    isOwn: boolean,
    found = preferable(projectId, isOwn),
  ): Promise<PreferenceList> {
    // Awaited below. Until then a rejection must not count as unhandled.
    found.catch(() => {})
    const contact = await db.prisma.contact.findUnique({ where: { projectId_id: { projectId, id: contactId } } })
    if (contact === null) throw new CarillonError('CONTACT_NOT_FOUND')
    const preferences = contact.preferences as PreferenceSet
    const templates = await found
    return {
      channels: channels.map((channel) => ({ channel, enabled: preferences.channels?.[channel] !== false })),
      templates: templates.map(({ id, critical, channels: contents }) => ({
        templateId: id,
        enabled: critical || preferences.templates?.[id]?.all !== false,
        channels: contents.map((channel) => ({ channel, enabled: critical || isWanted(preferences, id, channel) })),
      })),
    }
  }

  /** The id of a template that a contact may refuse. @throws TEMPLATE_NOT_FOUND; FORBIDDEN for a critical one */
  async function refusable({ projectId }: Key, template: string, isOwn: boolean): Promise<string> {
    const where = { projectId_key: { projectId, key: template }, deletedAt: null }
    const found = template.includes('\0') ? null : await db.prisma.template.findUnique({ where })
    // The answer must not say which templates there are.
    if (found === null || (isOwn && !found.inPreferences)) {
      throw new CarillonError('TEMPLATE_NOT_FOUND', { field: 'template' })
    }
    if (found.critical) {
      throw new CarillonError('FORBIDDEN', {
        field: 'template',
        message: 'The template is critical: it is sent whatever is preferred.',
      })
    }
    return found.id
  }

  return {
    /** The templates that contacts of a project may want or not. */
    preferable,

    /** All preferences of a contact. `found`: the templates, if they are known. @throws CONTACT_NOT_FOUND */
    list,

    /** The effect of an unsubscribe link: an opt-out of e-mail of this template. Does nothing if the contact was deleted. */
    async unsubscribe({ projectId, contactId, templateId }: UnsubscribeTarget): Promise<void> {
      await store({ projectId, contactId }, templateId, [{ channel: 'EMAIL', enabled: false }])
    },

    /** Takes an unsubscription back: an opt-in to e-mail of this template. Does nothing if the contact was deleted. */
    async resubscribe({ projectId, contactId, templateId }: UnsubscribeTarget): Promise<void> {
      await store({ projectId, contactId }, templateId, [{ channel: 'EMAIL', enabled: true }])
    },

    /** What an unsubscribe link is about; null: the contact, the template or the project is not there any more. */
    async about({ projectId, contactId, templateId }: UnsubscribeTarget): Promise<UnsubscribeAbout | null> {
      const [contact, template, project] = await Promise.all([
        db.prisma.contact.findUnique({
          where: { projectId_id: { projectId, id: contactId } },
          select: { email: true, locale: true, preferences: true },
        }),
        db.prisma.template.findUnique({ where: { projectId_id: { projectId, id: templateId } }, select: { name: true } }),
        db.prisma.project.findUnique({ where: { id: projectId }, select: { name: true, locale: true } }),
      ])
      if (contact === null || template === null || project === null) return null
      return {
        ...{ sender: project.name, kind: template.name, email: contact.email, locale: contact.locale ?? project.locale },
        isSubscribed: isWanted(contact.preferences as PreferenceSet, templateId, 'EMAIL'),
      }
    },

    /**
     * Sets the preference for a template on a channel, a template, or a channel.
     * `isOwn`: as `list`.
     * @throws BAD_INPUT when neither is named; FORBIDDEN for a critical template; TEMPLATE_NOT_FOUND, CONTACT_NOT_FOUND
     */
    async set(
      key: Key,
      template: string | null,
      channel: Channel | null,
      enabled: boolean,
      isOwn = false,
    ): Promise<PreferenceList> {
      if (template === null && channel === null)
        throw new CarillonError('BAD_INPUT', { message: 'Name a template, a channel, or both.' })
      const templateId = template === null ? null : await refusable(key, template, isOwn)
      if (!(await store(key, templateId, [{ channel, enabled }]))) throw new CarillonError('CONTACT_NOT_FOUND')
      return list(key, isOwn)
    },

    /** Sets several preferences for channels, of a template or of all, in their order: all of them, or none. @throws as `set` */
    async setSeveral(key: Key, template: string | null, choices: readonly Choice[]): Promise<PreferenceList> {
      const templateId = template === null ? null : await refusable(key, template, false)
      if (!(await store(key, templateId, choices))) throw new CarillonError('CONTACT_NOT_FOUND')
      return list(key, false)
    },
  }
}
