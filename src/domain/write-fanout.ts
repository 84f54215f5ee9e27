/**
 * Writes one chunk of a send to many: notifications, messages and feeds of the next contacts, and the place where it goes on, in ONE
 * transaction. A crash before the commit leaves the chunk unwritten and the place unmoved, after it both: no contact is told twice, and
 * none is left out. The send's row is locked meanwhile: that is the lease, and where `cancel` waits for what is being written.
 */
import { type Finish, type Runner, transact } from '../db/database.ts'
import { advanceFanout, countMembers, type LockedFanout, lockFanout, readMembers } from '../db/fanout.ts'
import { findRoutes } from '../db/lookup.ts'
import { CarillonError } from '../errors.ts'
import type { AcceptDeps } from './accept.ts'
import { addressesOf } from './decide.ts'
import { type Accepted, type Known, keyOf, lookUpReach, planMessage, routesOf } from './plan.ts'
import { isLater } from './rule.ts'
import type { Intent } from './send.ts'
import type { ContactInfo, Signal } from './words.ts'
import { writePlan } from './write-plan.ts'

/** Contacts of a chunk: long enough that its statements cost little each, short enough that a row is locked for a moment. */
const CHUNK = 1_000

/** What became of the chunk: whose it was, and what to do after the commit. */
interface Written {
  readonly signals: readonly Signal[]
  readonly wakes: boolean
}

/** A send whose chunk could not be written. */
export interface FanoutFailure {
  readonly projectId: string
  readonly id: string
  readonly error: unknown
}

/** Makes the function that writes the next chunk that is due, of whichever send. @returns false: none is due; or which send failed */
export function createFanoutWriter(deps: AcceptDeps): () => Promise<boolean | FanoutFailure> {
  const { db, clock } = deps

  async function writeChunk(tx: Runner, fanout: LockedFanout, finish: Finish): Promise<Written> {
    const { project, id } = fanout
    const [members, total] = await Promise.all([
      readMembers(tx, fanout, CHUNK, clock.offsetMs),
      fanout.total ?? countMembers(tx, fanout, clock.offsetMs),
    ])
    const plan = await planChunk(tx, fanout, members)
    const chunk = {
      cursor: members.at(-1)?.id ?? null,
      isLast: members.length < CHUNK,
      total,
      written: members.length,
      sent: plan.accepted.filter((one) => !isOpen(one) && isSaid(one)).length,
      failed: plan.failed,
      open: plan.accepted.filter(isOpen).length,
    }
    await advanceFanout(tx, project.id, id, chunk, clock.offsetMs)
    if (plan.accepted.length === 0) return { signals: [], wakes: false }
    const signals = await writePlan(tx, deps, plan.known, plan.accepted, finish)
    return { signals, wakes: plan.accepted.some((one) => one.wakes) }
  }

  /** Decides for each contact, by the same code as a message to it alone. */
  async function planChunk(tx: Runner, fanout: LockedFanout, members: readonly ContactInfo[]) {
    const { project, template, actor } = fanout
    const addresses = members.flatMap((one) => addressesOf(one).map((address) => ({ projectId: project.id, ...address })))
    const routes = routesOf(await findRoutes(tx, [project.id]))
    const reached = members.map(({ id }) => ({ projectId: project.id, id }))
    const [reach] = await Promise.all([
      lookUpReach(tx, routes, reached, addresses),
      deps.contents.load(tx, [{ projectId: project.id, ...template }]),
    ])
    const contacts = new Map<string, Known['contacts'] extends Map<string, infer C> ? C : never>()
    for (const info of members) contacts.set(keyOf(project.id, info.externalId), { info, isNew: false, isFilled: false })
    if (actor !== null && fanout.actorId !== null) {
      const info = { ...nobody, ...actor, id: fanout.actorId }
      const key = keyOf(project.id, actor.externalId)
      if (!contacts.has(key)) contacts.set(key, { info, isNew: false, isFilled: false })
    }
    const known: Known = {
      // It was active when this was accepted.
      templates: new Map([[keyOf(project.id, template.key), { ...template, active: true, projectId: project.id }]]),
      contacts,
      taken: new Map(),
      transactions: new Map(),
      topics: new Map(),
      routes,
      ...reach,
    }
    const scope = {
      transactionId: fanout.transactionId,
      mark: Symbol('chunk'),
      origin: { bulk: true, campaignId: fanout.campaignId },
    }
    const intent: Omit<Intent, 'contact'> = {
      ...{ key: null, contentHash: null, template: template.key, transactionId: null },
      actor: actor === null ? null : { externalId: actor.externalId, fields: {}, properties: {} },
      data: fanout.data,
      overrides: fanout.overrides,
      incrementId: fanout.incrementId,
      channels: fanout.channels,
      when: fanout.sendAt === null ? null : fanout.sendAt <= clock.now() ? { inMs: 0 } : { at: fanout.sendAt },
    }
    const accepted: Accepted[] = []
    let failed = 0
    for (const { externalId } of members) {
      const planned = planMessage(deps, known, project, scope, {
        ...intent,
        contact: { externalId, fields: {}, properties: {} },
      })
      if ('notification' in planned) accepted.push(planned)
      else failed++
    }
    return { known, accepted, failed }
  }

  return async () => {
    let locked: LockedFanout | null = null
    try {
      const written = await transact(db.pool, async (tx, finish): Promise<Written | null> => {
        locked = await lockFanout(tx, clock.offsetMs)
        return locked === null ? null : writeChunk(tx, locked, finish)
      })
      if (written === null) return false
      deps.publish(written.signals)
      if (written.wakes) deps.wake()
      return true
    } catch (error) {
      const failed = locked as LockedFanout | null
      if (failed === null) throw error
      return { projectId: failed.project.id, id: failed.id, error }
    }
  }
}

const nobody = {
  ...{ email: null, phone: null, locale: null, timezone: null, country: null, properties: {}, preferences: {} },
}

/** Something of it waits for a worker. */
const isOpen = ({ decisions, when }: Accepted): boolean =>
  decisions.some((one) => one.reason === null && (one.channel !== 'IN_APP' || isLater(when, one)))
/** It is in the feed. */
const isSaid = ({ inApp }: Accepted): boolean => inApp !== null && !(inApp instanceof CarillonError)
