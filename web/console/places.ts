/** The pages by the first word of their address, and the menu that leads to them. */
import { openActivity } from './activity.ts'
import { openBroadcasts, openTransaction } from './broadcasts.ts'
import { openCampaign } from './campaign.ts'
import { openCampaigns } from './campaigns.ts'
import { openCaptures } from './captures.ts'
import { openContact } from './contact.ts'
import { openContacts } from './contacts.ts'
import { openKeys } from './keys.ts'
import { openNotification } from './notification.ts'
import type { OpenPage } from './page.ts'
import { openProviders } from './providers.ts'
import type { Route } from './router.ts'
import { openSegment } from './segment.ts'
import { openSegments } from './segments.ts'
import { openStats } from './stats.ts'
import { openSuppressions } from './suppressions.ts'
import { openTemplate } from './template.ts'
import { openTemplates } from './templates.ts'
import { openTopic } from './topic.ts'
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

const places: Readonly<Record<string, Place>> = {
  activity: { open: openActivity, menu: 'activity' },
  notifications: { open: openNotification, menu: 'activity' },
  captures: { open: openCaptures, menu: 'captures' },
  stats: { open: openStats, menu: 'stats' },
  contacts: { open: listAndOne(openContacts, openContact), menu: 'contacts' },
  topics: { open: listAndOne(openTopics, openTopic), menu: 'topics' },
  segments: { open: listAndOne(openSegments, openSegment), menu: 'segments' },
  'new-segment': { open: openSegment, menu: 'segments' },
  templates: { open: listAndOne(openTemplates, openTemplate), menu: 'templates' },
  'new-template': { open: openTemplate, menu: 'templates' },
  campaigns: { open: listAndOne(openCampaigns, openCampaign), menu: 'campaigns' },
  'new-campaign': { open: openCampaign, menu: 'campaigns' },
  broadcasts: { open: listAndOne(openBroadcasts, openTransaction), menu: 'broadcasts' },
  suppressions: { open: openSuppressions, menu: 'suppressions' },
  providers: { open: openProviders, menu: 'providers' },
  keys: { open: openKeys, menu: 'keys' },
}

/** The place of an address; there may be none. */
export const placeOf = ({ path: [name = ''] }: Route): Place | undefined =>
  Object.hasOwn(places, name) ? places[name] : undefined

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
        ['segments', 'Segments'],
        ['suppressions', 'Suppressions'],
      ],
    },
    {
      title: 'Send',
      entries: [
        ['templates', 'Templates'],
        ['campaigns', 'Campaigns'],
        ['broadcasts', 'Broadcasts'],
      ],
    },
    {
      title: 'Set-up',
      entries: [
        ['providers', 'Providers'],
        ['keys', 'API keys'],
      ],
    },
  ]
