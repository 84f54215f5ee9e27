/** Preferences: a contact's yes or no to a template, a channel, or both. */
import { type Database, type Runner, transact } from '../db/database.ts'
import { lockPreferences, writePreferences } from '../db/preference.ts'
import { takeBackOf } from '../db/take-back.ts'
import { CarillonError } from '../errors.ts'
import type { Clock } from './clock.ts'
import type { UnsubscribeTarget } from './link.ts'
import { type Channel, channels, type PreferenceSet } from './words.ts'

/** Whether a contact lets a template speak on a channel: any "no" wins, unless the pair itself says yes. */
export function isWanted({ channels: byChannel, templates }: PreferenceSet, templateId: string, channel: Channel): boolean {
  const template = templates?.[templateId]
  const pair = template?.[channel]
  if (pair !== undefined) return pair
  return template?.all !== false && byChannel?.[channel] !== false
}

/** The preferences after one more word. Of a template as a whole, it replaces what was said of its channels. */
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

/** What one template and its channels are set to, as the contact sees it. */
export interface TemplatePreference {
  readonly templateId: string
  readonly enabled: boolean
  readonly channels: readonly { readonly channel: Channel; readonly enabled: boolean }[]
}

/** All preferences of a contact, those that were never said included. */
export interface PreferenceList {
  readonly channels: readonly { readonly channel: Channel; readonly enabled: boolean }[]
  readonly templates: readonly TemplatePreference[]
}

/** What they work with. `wake` is called after the commit. */
export interface PreferenceDeps {
  readonly db: Database
  readonly clock: Clock
  wake(): void
}

/** Makes the operations of preferences. */
export function createPreferences({ db, clock, wake }: PreferenceDeps) {
  interface Key {
    readonly projectId: string
    readonly contactId: string
  }

  /** Says one more word. After a no, nothing that waits in a worker's hands goes out on what was before. @returns false: there is no such contact */
  async function say(key: Key, templateId: string | null, channel: Channel | null, enabled: boolean): Promise<boolean> {
    const takeBack = async (tx: Runner): Promise<number> => (enabled ? 0 : takeBackOf(tx, key, channel, clock.offsetMs))
    const taken = await transact(db.pool, async (tx) => {
      const before = await lockPreferences(tx, key)
      if (before === null) return null
      await writePreferences(tx, key, withPreference(before, templateId, channel, enabled))
      return takeBack(tx)
    })
    if (taken === null) return false
    const late = enabled ? 0 : await transact(db.pool, takeBack)
    if (taken + late > 0) wake()
    return true
  }

  async function list({ projectId, contactId }: Key): Promise<PreferenceList> {
    const contact = await db.prisma.contact.findUnique({ where: { projectId_id: { projectId, id: contactId } } })
    if (contact === null) throw new CarillonError('CONTACT_NOT_FOUND')
    const preferences = contact.preferences as PreferenceSet
    const templates = await db.prisma.template.findMany({
      where: { projectId, active: true, deletedAt: null },
      orderBy: { key: 'asc' },
      include: { contents: { select: { channel: true }, distinct: ['channel'], orderBy: { channel: 'asc' } } },
    })
    return {
      channels: channels.map((channel) => ({ channel, enabled: preferences.channels?.[channel] !== false })),
      templates: templates.map(({ id, critical, contents }) => ({
        templateId: id,
        enabled: critical || preferences.templates?.[id]?.all !== false,
        channels: contents.map(({ channel }) => ({ channel, enabled: critical || isWanted(preferences, id, channel) })),
      })),
    }
  }

  return {
    list,

    /** What an unsubscribe link does: no e-mail of this template any more. A contact that was deleted wants none anyway. */
    async unsubscribe({ projectId, contactId, templateId }: UnsubscribeTarget): Promise<void> {
      await say({ projectId, contactId }, templateId, 'EMAIL', false)
    },

    /**
     * Sets one preference: of a template on a channel, of a template, or of a channel.
     * @throws BAD_INPUT when neither is named; FORBIDDEN for a critical template; TEMPLATE_NOT_FOUND, CONTACT_NOT_FOUND
     */
    async set(key: Key, template: string | null, channel: Channel | null, enabled: boolean): Promise<PreferenceList> {
      if (template === null && channel === null)
        throw new CarillonError('BAD_INPUT', { message: 'Name a template, a channel, or both.' })
      const where = { projectId_key: { projectId: key.projectId, key: template ?? '' }, deletedAt: null }
      const found = template === null || template.includes('\0') ? null : await db.prisma.template.findUnique({ where })
      if (template !== null && found === null) throw new CarillonError('TEMPLATE_NOT_FOUND', { field: 'template' })
      if (found?.critical === true) {
        throw new CarillonError('FORBIDDEN', {
          field: 'template',
          message: 'The template is critical: it is sent whatever is preferred.',
        })
      }
      if (!(await say(key, found?.id ?? null, channel, enabled))) throw new CarillonError('CONTACT_NOT_FOUND')
      return list(key)
    },
  }
}
