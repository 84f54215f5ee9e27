/** The pages by the first word of their address, and the menu that leads to them. */
import { openActivity } from './activity.ts'
import { openCaptures } from './captures.ts'
import { openContact } from './contact.ts'
import { openContacts } from './contacts.ts'
import { openKeys } from './keys.ts'
import { openNotification } from './notification.ts'
import type { OpenPage } from './page.ts'
import { openStats } from './stats.ts'
import { openSuppressions } from './suppressions.ts'
import { openTopics } from './topics.ts'

/** A page, and the entry of the menu that it belongs to. */
export interface Place {
  readonly open: OpenPage
  readonly menu: string
}

/** A list and one of it, at the same first word. */
const listAndOne =
  (list: OpenPage, one: OpenPage): OpenPage =>
  (deps, route) =>
    route.path[1] === undefined ? list(deps, route) : one(deps, route)

/** All places. */
export const places: Readonly<Record<string, Place>> = {
  activity: { open: openActivity, menu: 'activity' },
  notifications: { open: openNotification, menu: 'activity' },
  captures: { open: openCaptures, menu: 'captures' },
  stats: { open: openStats, menu: 'stats' },
  contacts: { open: listAndOne(openContacts, openContact), menu: 'contacts' },
  topics: { open: openTopics, menu: 'topics' },
  suppressions: { open: openSuppressions, menu: 'suppressions' },
  keys: { open: openKeys, menu: 'keys' },
}

/** The menu. */
export const menu: readonly { readonly title: string; readonly entries: readonly (readonly [path: string, label: string])[] }[] =
  [
    {
      title: 'Watch',
      entries: [
        ['activity', 'Activity'],
        ['captures', 'Capture box'],
        ['stats', 'Statistics'],
      ],
    },
    {
      title: 'Audience',
      entries: [
        ['contacts', 'Contacts'],
        ['topics', 'Topics'],
        ['suppressions', 'Suppressions'],
      ],
    },
    { title: 'Set-up', entries: [['keys', 'API keys']] },
  ]
