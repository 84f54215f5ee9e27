/** The operations that GraphQL, HTTP routes and the command line call. Nothing is decided here: each part is given what it needs. */
import type { Database } from './db/database.ts'
import { latestNumbers, replayFeed } from './db/feed.ts'
import { countMonthly } from './db/stats.ts'
import { createActivity } from './domain/activity.ts'
import { createAudit } from './domain/audit.ts'
import { createCampaigns } from './domain/campaign.ts'
import { createCancel } from './domain/cancel.ts'
import type { Clock } from './domain/clock.ts'
import { createContacts } from './domain/contact.ts'
import type { ContentCache } from './domain/contents.ts'
import { createCredentials } from './domain/credential.ts'
import type { Cursors } from './domain/cursor.ts'
import { createDeadLetters } from './domain/dead-letter.ts'
import { createErasure } from './domain/erasure.ts'
import { createEvents } from './domain/event.ts'
import { createExports } from './domain/export.ts'
import { createFeed } from './domain/feed.ts'
import type { Ids } from './domain/ids.ts'
import { createInbound } from './domain/inbound.ts'
import { shownAddress } from './domain/mask.ts'
import { createMessages } from './domain/message.ts'
import { createNotifications } from './domain/notification.ts'
import { createPeople } from './domain/person.ts'
import { createPreferences } from './domain/preference.ts'
import { createProgress } from './domain/progress.ts'
import { createProjects } from './domain/project.ts'
import { createProjectAdmin } from './domain/project-admin.ts'
import { createProviders, type Vendors } from './domain/provider.ts'
import { createReports } from './domain/report.ts'
import type { Secrets } from './domain/secrets.ts'
import { createSegments } from './domain/segment.ts'
import type { Standing } from './domain/standing.ts'
import { createSuppressions } from './domain/suppression.ts'
import { createTemplates } from './domain/template.ts'
import { createTemplateVersions } from './domain/template-version.ts'
import type { Tokens } from './domain/token.ts'
import { createTopics } from './domain/topic.ts'
import { createTransactions } from './domain/transaction.ts'
import type { Renderer } from './render/renderer.ts'
import type { Sandbox } from './render/sandbox.ts'
import { createAccept } from './send/accept.ts'
import { createEstimate } from './send/estimate.ts'
import type { CheckExtra } from './send/extra.ts'
import { createFanouts } from './send/fanout.ts'
import { createNumbers } from './send/numbers.ts'
import { createPreview } from './send/preview.ts'
import { createRecipients } from './send/recipients.ts'
import type { Rehearse } from './send/rehearsal.ts'
import { createSend } from './send/send.ts'
import { createTrigger } from './send/trigger.ts'
import { createWaiter } from './send/wait.ts'
import { createWarnings } from './send/warnings.ts'
import type { Listens, Signal } from './words.ts'

// Functions without dependencies, exported here because transports import no values from db/ and domain/.
export { createFairQueue } from './db/fair-queue.ts'
export { byOf } from './domain/audit.ts'
export { isFeedMessage, messageOf, notificationOfMessage } from './domain/message.ts'
export { checkPermission, checkProjectPermission, isOperation } from './domain/permission.ts'
export { projectStatuses, statusOf } from './domain/project-admin.ts'
export { isSilent, unsentChannels } from './send/outcome.ts'

/** `wake` and `publish` are called after a commit. */
export interface CarillonDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly secrets: Secrets
  readonly tokens: Tokens
  readonly standing: Standing
  readonly cursors: Cursors
  readonly renderer: Renderer
  readonly sandbox: Omit<Sandbox, 'close'>
  readonly contents: ContentCache
  readonly vendors: Vendors
  readonly checkExtra: CheckExtra
  readonly rehearse: Rehearse
  readonly operatorKey: string | null
  readonly inboundHost: string | null
  readonly dnsServers: readonly string[] | null
  wake(): void
  publish(signals: readonly Signal[]): void
  /** whether what is published reaches somebody */
  readonly listens: Listens
}

/** All operations of a process. */
export type Carillon = ReturnType<typeof createCarillon>

/** Wires the operations of all folders. It opens nothing, and starts nothing. */
export function createCarillon(given: CarillonDeps) {
  const deps = { ...given, audit: createAudit(given) }
  const accept = createAccept(deps)
  const recipients = createRecipients({ ...deps, accept })
  const trigger = createTrigger({ db: deps.db, recipients })
  const fanouts = createFanouts(deps)
  const outcomes = createWaiter(deps.db)
  const versions = createTemplateVersions(deps)
  const templates = createTemplates({ ...deps, versions })
  const segments = createSegments(deps)
  const { read: find, follow } = createProgress(deps)
  const projects = createProjects(deps)
  return {
    cursors: deps.cursors,
    /** Who changed what is configured. */
    audit: deps.audit,
    projects,
    /** What the operator does with projects. */
    projectAdmin: createProjectAdmin({ ...deps, clearCaches: projects.clearCaches }),
    /** People who sign in, their sessions and roles. */
    people: createPeople({ ...deps, checkActive: projects.checkActive }),
    contacts: createContacts({ ...deps, audience: segments.audience }),
    /** Whole lists, in chunks. */
    exports: createExports({ db: deps.db, audience: segments.audience }),
    erasure: createErasure(deps),
    templates,
    templateVersions: versions,
    providers: createProviders(deps),
    preferences: createPreferences(deps),
    /** What `send` would decide and render; stores and sends nothing. */
    preview: createPreview({ ...deps, templates, versions }),
    shownAddress,
    suppressions: createSuppressions(deps),
    topics: createTopics(deps),
    credentials: createCredentials(deps),
    /** Delivery reports of vendors. */
    reports: createReports(deps),
    inbound: createInbound(deps),
    events: createEvents(deps),
    segments,
    campaigns: createCampaigns(deps),
    /** `sendText`, `sendAlimtalk`, `sendFriendtalk`. */
    numbers: createNumbers({ db: deps.db, sendToRecipients: recipients.send }),
    triggerCampaign: trigger.send,
    deadLetters: createDeadLetters(deps),
    activity: createActivity(deps),
    feed: {
      ...createFeed(deps),
      replay: (key: { projectId: string; contactId: string }, by: 'arrivals' | 'changes', after: number, limit: number) =>
        replayFeed(deps.db.pool, key, by, after, limit),
      latest: (keys: readonly { projectId: string; contactId: string }[]) => latestNumbers(deps.db.pool, keys),
    },
    notifications: createNotifications(deps),
    /** What notifications had no value for, by id. */
    warnings: createWarnings(deps),
    messages: createMessages(deps),
    /** Transactions, and their progress. */
    transactions: { ...createTransactions(deps), find, follow },
    fanouts,
    /** Whom a send to many would reach; stores and sends nothing. */
    estimate: createEstimate({ ...deps, fanouts, trigger }),
    cancel: createCancel(deps),
    /** Notifications that reached contacts, by UTC month. */
    monthly: (projectId: string, contactIds: readonly string[]) => countMonthly(deps.db.pool, projectId, contactIds),
    /** Waits until each of these messages has been tried once, or for 10 s. */
    outcomes,
    send: createSend({ clock: deps.clock, accept }),
  }
}
