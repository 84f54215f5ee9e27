/**
 * What was looked up for recent batches, for the next one that names nothing else: it spares a round trip. It may be out of date by then. So whatever
 * is decided by it is written only if all of it is still as it was (db/unchanged.ts), and otherwise looked up and decided again.
 */
import type { Runner } from '../db/database.ts'
import type { Versioned } from '../db/lookup.ts'
import { type Seen, versionOfAll } from '../db/unchanged.ts'
import type { ContentCache } from '../domain/contents.ts'
import { keyOf } from '../domain/ids.ts'
import { CarillonError } from '../errors.ts'
import { createLru } from '../lru.ts'
import { type Channel, type ContactInfo, needsCredentials } from '../words.ts'
import { addressesOf, type Routes } from './decide.ts'
import type { Call } from './intent.ts'
import type { Found, Keeper, Known } from './known.ts'

/** Keeps what was looked up. */
export interface Recent extends Keeper {
  /** @returns null: something has to be looked up */
  recall(db: Runner, calls: readonly Call[]): Promise<(Known & { readonly seen: Seen }) | null>
  /** What the batch names was changed, or is gone. */
  forget(calls: readonly Call[]): void
  /** The database may be another one now, which has given its numbers to other changes. */
  clear(): void
}

type Address = Seen['addresses'][number]
interface KeptContact extends Versioned {
  readonly info: ContactInfo
  /** none of them was suppressed */
  readonly addresses: readonly Address[]
}

const TEMPLATES_MAX = 1_000
const CONTACTS_MAX = 4_000
const PROJECTS_MAX = 1_000
/** PostgreSQL's numbers of transactions come round; not within this time. */
const KEPT_MS = 10 * 60_000
/** Properties and preferences of a contact that are kept, characters of JSON. */
const CONTACT_CHARACTERS = 2_000
/** Batches whose ids are looked up after one that had taken ones: a client that repeats calls goes on for a while. */
const CAREFUL = 20

const noRoutes: Routes = new Map()

/** Creates it, empty. */
export function createRecent(contents: Pick<ContentCache, 'load'>): Recent {
  const templates = createLru<Found['templates'][number]>({ max: TEMPLATES_MAX, ttl: KEPT_MS })
  const contacts = createLru<KeptContact>({ max: CONTACTS_MAX, ttl: KEPT_MS })
  const projects = createLru<Versioned & { readonly routes: Routes }>({ max: PROJECTS_MAX, ttl: KEPT_MS })
  let careful = 0
  let isPruningSet = false
  /** Nobody's data stays longer because nothing is sent any more. */
  function pruneLater(): void {
    if (isPruningSet) return
    isPruningSet = true
    setTimeout(() => {
      isPruningSet = false
      for (const cache of [templates, contacts, projects]) cache.prune()
      if (templates.size + contacts.size + projects.size > 0) pruneLater()
    }, KEPT_MS).unref()
  }

  return {
    async recall(db, calls) {
      const named = {
        templates: new Map<string, Found['templates'][number]>(),
        contacts: new Map<string, KeptContact & { readonly projectId: string }>(),
        projects: new Map<string, Versioned & { readonly routes: Routes }>(),
      }
      let hasIds = false
      for (const { project, intents } of calls) {
        const routes = projects.get(project.id)
        if (routes === undefined) return null
        named.projects.set(project.id, routes)
        for (const intent of intents) {
          if (intent instanceof CarillonError) continue
          // Rare ones, and those that need more than one round trip to be written.
          if ('topic' in intent || intent.template === null || intent.contact === null) return null
          if (intent.transactionId !== null || intent.incrementId !== null || intent.overrides !== null) return null
          const templateKey = keyOf(project.id, intent.template)
          const template = templates.get(templateKey)
          if (template === undefined || template.digest !== null) return null
          named.templates.set(templateKey, template)
          for (const one of intent.actor === null ? [intent.contact] : [intent.contact, intent.actor]) {
            const key = keyOf(project.id, one.externalId)
            const contact = contacts.get(key)
            if (contact === undefined) return null
            named.contacts.set(key, { ...contact, projectId: project.id })
          }
          hasIds ||= intent.key !== null
        }
      }
      if (named.templates.size === 0) return null
      if (hasIds && careful > 0) {
        careful -= 1
        return null
      }
      const list = [...named.templates.values()]
      await contents.load(db, list)
      return {
        templates: named.templates,
        contacts: new Map([...named.contacts].map(([key, { info }]) => [key, { info, isNew: false, isFilled: false }])),
        taken: new Map(),
        transactions: new Map(),
        topics: new Map(),
        routes: new Map([...named.projects].map(([projectId, { routes }]) => [projectId, routes])),
        providers: new Map(),
        credentials: new Map(),
        suppressed: new Map(),
        seen: {
          templates: list,
          contacts: [...named.contacts.values()].map(({ projectId, info, rowVersion }) => ({
            projectId,
            key: info.externalId,
            rowVersion,
          })),
          providers: [...named.projects].map(([projectId, { rowVersion }]) => ({ projectId, rowVersion })),
          addresses: [...named.contacts.values()].flatMap((one) => one.addresses),
        },
      }
    },

    keep(projectIds, found) {
      pruneLater()
      const providers = Map.groupBy(found.providers, (one) => one.projectId)
      for (const projectId of projectIds) {
        const routes = found.routes.get(projectId) ?? noRoutes
        // Credentials and their addresses are looked up for each batch.
        if ([...routes.keys()].some(needsCredentials)) projects.delete(projectId)
        else projects.set(projectId, { routes, rowVersion: versionOfAll(providers.get(projectId) ?? []) })
      }
      for (const template of found.templates) templates.set(keyOf(template.projectId, template.key), template)
      for (const { projectId, rowVersion, ...info } of found.contacts) {
        const key = keyOf(projectId, info.externalId)
        const addresses = addressesOf(info).map((one): Address => ({ projectId, ...one }))
        const suppressed = found.suppressed.get(projectId)
        const isLarge = JSON.stringify([info.properties, info.preferences]).length > CONTACT_CHARACTERS
        if (isLarge || addresses.some((one) => suppressed?.has(addressKey(one)) === true)) contacts.delete(key)
        else contacts.set(key, { info, rowVersion, addresses })
      }
    },

    forget(calls) {
      for (const { project, intents } of calls) {
        for (const intent of intents) {
          if (intent instanceof CarillonError || 'topic' in intent) continue
          if (intent.template !== null) templates.delete(keyOf(project.id, intent.template))
          for (const one of [intent.contact, intent.actor]) if (one) contacts.delete(keyOf(project.id, one.externalId))
        }
      }
    },

    meetTakenIds() {
      careful = CAREFUL
    },

    clear() {
      templates.clear()
      contacts.clear()
      projects.clear()
    },
  }
}

const addressKey = ({ channel, address }: { readonly channel: Channel; readonly address: string }): string =>
  `${channel} ${address}`
