/** The pages by the first segment of their route, and the menu. */
import { openActivity } from './activity.ts'
import { openAudit } from './audit.ts'
import { openTransaction } from './broadcast.ts'
import { openNewBroadcast } from './broadcast-form.ts'
import { openBroadcasts } from './broadcasts.ts'
import { openCampaign } from './campaign.ts'
import { openCampaigns } from './campaigns.ts'
import { openCaptures } from './captures.ts'
import { openContact } from './contact.ts'
import { openContactImport } from './contact-import-page.ts'
import { openContacts } from './contacts.ts'
import { openKeys } from './keys.ts'
import { openNotification } from './notification.ts'
import type { OpenPage, Scope } from './page.ts'
import { openPeople } from './people.ts'
import { openProjects } from './projects.ts'
import { openProviders } from './providers.ts'
import type { Route } from './router.ts'
import { openSegment } from './segment.ts'
import { openSegments } from './segments.ts'
import { openSettings } from './settings.ts'
import { openStats } from './stats.ts'
import { openSuppressions } from './suppressions.ts'
import { openTemplate } from './template.ts'
import { openTemplates } from './templates.ts'
import { openTopic } from './topic.ts'
import { openTopics } from './topics.ts'

/** A page, and the menu entry that it belongs to. */
export interface Place {
  readonly open: OpenPage
  readonly menu: string
  /** the scope without which there is nothing to see or do; left out: `READ` */
  readonly needs?: Scope
}

/** A list and its detail page, under the same first segment. */
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
  'import-contacts': { open: openContactImport, menu: 'contacts', needs: 'SEND' },
  topics: { open: listAndOne(openTopics, openTopic), menu: 'topics' },
  segments: { open: listAndOne(openSegments, openSegment), menu: 'segments' },
  'new-segment': { open: openSegment, menu: 'segments', needs: 'MANAGE' },
  templates: { open: listAndOne(openTemplates, openTemplate), menu: 'templates' },
  'new-template': { open: openTemplate, menu: 'templates', needs: 'MANAGE' },
  campaigns: { open: listAndOne(openCampaigns, openCampaign), menu: 'campaigns' },
  'new-campaign': { open: openCampaign, menu: 'campaigns', needs: 'MANAGE' },
  broadcasts: { open: listAndOne(openBroadcasts, openTransaction), menu: 'broadcasts' },
  'new-broadcast': { open: openNewBroadcast, menu: 'broadcasts', needs: 'SEND' },
  suppressions: { open: openSuppressions, menu: 'suppressions' },
  providers: { open: openProviders, menu: 'providers' },
  settings: { open: openSettings, menu: 'settings' },
  people: { open: openPeople, menu: 'people', needs: 'KEYS' },
  keys: { open: openKeys, menu: 'keys', needs: 'KEYS' },
  audit: { open: openAudit, menu: 'audit', needs: 'KEYS' },
}

/** The operator's only page. */
export const operatorPlace: Place = { open: openProjects, menu: 'projects' }

/** The page of a route, if there is one. */
export const placeOf = ({ path: [name = ''] }: Route): Place | undefined =>
  Object.hasOwn(places, name) ? places[name] : undefined

/** The scope that a page needs. */
export const needsOf = (name: string): Scope => (Object.hasOwn(places, name) ? places[name]?.needs : undefined) ?? 'READ'

/** A menu. */
export type Menu = readonly {
  readonly title: string
  readonly entries: readonly (readonly [path: string, label: string])[]
}[]

/** The operator's menu. */
export const operatorMenu: Menu = [{ title: 'Server', entries: [['projects', 'Projects']] }]

/** The menu. */
export const menu: Menu = [
  {
    title: 'Monitor',
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
    title: 'Settings',
    entries: [
      ['settings', 'Project'],
      ['providers', 'Providers'],
      ['people', 'People'],
      ['keys', 'API keys'],
      ['audit', 'Audit log'],
    ],
  },
]
