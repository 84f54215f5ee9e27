/** All the rules, wired. What the GraphQL types are given to ask. */
import type { Database } from '../db/database.ts'
import { latestNumbers, replayFeed } from '../db/feed.ts'
import { countMonthly } from '../db/stats.ts'
import { CarillonError } from '../errors.ts'
import type { Aside } from '../render/aside.ts'
import type { Renderer } from '../render/content.ts'
import { type Call, createAccept, type SendOutcome } from './accept.ts'
import { createActivity } from './activity.ts'
import { createCampaigns } from './campaign.ts'
import { createCancel } from './cancel.ts'
import { checkList } from './check.ts'
import type { Clock } from './clock.ts'
import { createContacts } from './contact.ts'
import type { ContentCache } from './contents.ts'
import { createCredentials } from './credential.ts'
import type { Cursors } from './cursor.ts'
import { createDeadLetters } from './dead-letter.ts'
import { createDispatch } from './dispatch.ts'
import { createEvents } from './event.ts'
import type { CheckExtra } from './extra.ts'
import { createFanouts } from './fanout.ts'
import { createFeed } from './feed.ts'
import type { Ids } from './ids.ts'
import { createInbound } from './inbound.ts'
import { createPreferences } from './preference.ts'
import { createPreview } from './preview.ts'
import { createProgress } from './progress.ts'
import { createProjects } from './project.ts'
import { createProviders, type Vendors } from './provider.ts'
import { createReports } from './report.ts'
import type { Secrets } from './secrets.ts'
import { createSegments } from './segment.ts'
import { checkMessage, type MessageInput } from './send.ts'
import { createSuppressions } from './suppression.ts'
import { createTemplates } from './template.ts'
import type { Tokens } from './token.ts'
import { createTopics } from './topic.ts'
import { createWaiter } from './wait.ts'
import type { ProjectInfo, Signal } from './words.ts'

/** What the rules work with. `wake` and `publish` are called after a commit. */
export interface DomainDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly secrets: Secrets
  readonly tokens: Tokens
  readonly cursors: Cursors
  readonly renderer: Renderer
  readonly aside: Pick<Aside, 'render'>
  readonly contents: ContentCache
  readonly vendors: Vendors
  readonly checkExtra: CheckExtra
  readonly operatorKey: string | null
  readonly inboundHost: string | null
  readonly dnsServers: readonly string[] | null
  wake(): void
  publish(signals: readonly Signal[]): void
}

export type Domain = ReturnType<typeof createDomain>

/** At most so many messages in one call. */
export const MESSAGES_MAX = 100

/** Wires the rules. */
export function createDomain(deps: DomainDeps) {
  const accept = createAccept(deps)
  const outcomes = createWaiter(deps.db)
  const templates = createTemplates(deps)
  return {
    /** For look-ups by the GraphQL types. Every one of them names the project. */
    prisma: deps.db.prisma,
    clock: deps.clock,
    cursors: deps.cursors,
    renderer: deps.renderer,
    projects: createProjects(deps),
    contacts: createContacts(deps),
    templates,
    providers: createProviders(deps),
    preferences: createPreferences(deps),
    /** What a send would decide and say; stores and sends nothing. */
    preview: createPreview({ ...deps, templates }),
    suppressions: createSuppressions(deps),
    topics: createTopics(deps),
    credentials: createCredentials(deps),
    /** Delivery reports of vendors. */
    reports: createReports(deps),
    inbound: createInbound(deps),
    events: createEvents(deps),
    segments: createSegments(deps),
    campaigns: createCampaigns(deps),
    dispatch: createDispatch({ ...deps, accept }),
    deadLetters: createDeadLetters(deps),
    activity: createActivity(deps),
    feed: {
      ...createFeed(deps),
      replay: (key: { projectId: string; contactId: string }, by: 'arrivals' | 'changes', after: number, limit: number) =>
        replayFeed(deps.db.pool, key, by, after, limit),
      latest: (keys: readonly { projectId: string; contactId: string }[]) => latestNumbers(deps.db.pool, keys),
    },
    fanouts: createFanouts(deps),
    progress: createProgress(deps),
    cancel: createCancel(deps),
    /** Notifications that reached contacts, by UTC month. */
    monthly: (projectId: string, contactIds: readonly string[]) => countMonthly(deps.db.pool, projectId, contactIds),
    /** Waits until each of these messages has been tried once, or for 10 s. */
    outcomes,

    /** Accepts messages: each is decided, then all are written in one transaction. Results stand in the order asked. */
    send(project: ProjectInfo, messages: readonly MessageInput[]): Promise<SendOutcome[]> {
      checkList('messages', messages, MESSAGES_MAX)
      const now = deps.clock.now()
      const intents: Call['intents'] = messages.map((message) => {
        try {
          return checkMessage(message, now)
        } catch (error) {
          if (error instanceof CarillonError) return error
          throw error
        }
      })
      return accept({ project, intents })
    },
  }
}
