/** What notifications lack, found when it is read: nothing of it is stored. */
import { setImmediate as turn } from 'node:timers/promises'
import { readFolded } from '../db/digest.ts'
import type { Problem } from '../errors.ts'
import { programLimits } from '../render/limits.ts'
import { createMeter } from '../render/meter.ts'
import { pickLocale } from '../values/locale.ts'
import {
  actorOf,
  type Channel,
  type ContactInfo,
  channelTraits,
  type DigestItems,
  type JsonObject,
  type Overrides,
} from '../words.ts'
import type { SendDeps } from './deps.ts'
import { missingFor, missingWarnings } from './missing-data.ts'

/** Digests whose items are read at a time. */
const DIGESTS = 10
/** Notifications that are looked into before others have their turn. */
const AT_ONCE = 10

/** What is read of each notification. */
const selected = {
  id: true,
  data: true,
  overrides: true,
  channels: true,
  digestId: true,
  project: { select: { id: true, key: true, name: true, locale: true, timezone: true, resendUnknown: true } },
  template: { select: { id: true, key: true, version: true } },
  contact: true,
  actor: true,
  messages: { select: { channel: true, status: true, address: true } },
} as const

/** Preferences play no part in what a text shows. */
const infoOf = (contact: Omit<ContactInfo, 'properties' | 'preferences'> & { readonly properties: unknown }): ContactInfo => ({
  ...contact,
  properties: contact.properties as JsonObject,
  preferences: {},
})

/** Whether the contact has what the channel goes to, as far as its own fields tell. */
function hasAddress(contact: ContactInfo | null, channel: Channel): boolean {
  const { address } = channelTraits[channel]
  return contact !== null && ((address !== 'email' && address !== 'phone') || contact[address] !== null)
}

/**
 * @returns a function that finds the warnings of notifications, by id: by their template, their contact and actor as they are now. Without a
 *   template there are none, nor for whom was erased.
 */
export function createWarnings({ db, contents, renderer }: Pick<SendDeps, 'db' | 'contents' | 'renderer'>) {
  /** The items of these digests, by the notification that the digest became. */
  async function readDigests(projectId: string, ids: readonly string[]): Promise<ReadonlyMap<string, DigestItems | null>> {
    const digests = await db.prisma.digest.findMany({
      where: { projectId, id: { in: [...new Set(ids)] }, notificationId: { not: null } },
      select: { id: true, notificationId: true },
    })
    const found = new Map<string, DigestItems | null>()
    for (let from = 0; from < digests.length; from += DIGESTS) {
      const some = digests.slice(from, from + DIGESTS)
      const windows = some.map((one) => ({ projectId, digestId: one.id, ownId: one.notificationId }))
      const folded = await readFolded(db.pool, windows, { lock: false })
      for (const one of some) found.set(one.notificationId ?? '', folded.get(one.id) ?? null)
    }
    return found
  }

  return async (projectId: string, ids: readonly string[]): Promise<ReadonlyMap<string, readonly Problem[]>> => {
    const rows = await db.prisma.notification.findMany({ where: { projectId, id: { in: [...ids] } }, select: selected })
    const templates = rows.flatMap(({ template }) => (template === null ? [] : [{ projectId, ...template }]))
    const [digests] = await Promise.all([
      readDigests(
        projectId,
        rows.flatMap(({ digestId }) => digestId ?? []),
      ),
      contents.load(db.pool, [...new Map(templates.map((one) => [one.id, one])).values()]),
    ])
    const within = renderer.within(createMeter(programLimits.callUnits))

    function warningsOf(row: (typeof rows)[number]): readonly Problem[] {
      const { project, template, messages } = row
      const contact = row.contact === null ? null : infoOf(row.contact)
      const isErased = contact === null && messages.every(({ address }) => address === null)
      const items = digests.get(row.id)
      // Every item of the digest was canceled since.
      if (template === null || isErased || items === null) return []
      const data = row.data as JsonObject
      const isFolded = row.digestId !== null && items === undefined
      const scope = {
        project,
        contact,
        actor: row.actor === null ? null : actorOf(infoOf(row.actor)),
        data,
        digest: items ?? (isFolded ? { count: 1, items: [data], latest: data } : null),
        unsubscribeUrl: null,
      }
      const stored = contents.get({ projectId, ...template })
      // One that was folded has no messages of its own.
      const sent =
        messages.length === 0
          ? row.channels.filter((channel) => hasAddress(contact, channel))
          : messages.filter(({ status }) => status !== 'SKIPPED').map(({ channel }) => channel)
      const decisions = sent.map((channel) => ({
        channel,
        locale: pickLocale(stored.locales(channel), contact?.locale ?? null, project.locale),
        reason: null,
      }))
      return missingWarnings(missingFor(within, stored, decisions, scope, row.overrides as Overrides | null), template.key)
    }

    const found = new Map<string, readonly Problem[]>()
    for (const [index, row] of rows.entries()) {
      if (index > 0 && index % AT_ONCE === 0) await turn()
      found.set(row.id, warningsOf(row))
    }
    return found
  }
}
