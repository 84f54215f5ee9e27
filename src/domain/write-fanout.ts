/**
 * Writes one chunk of a send to many: notifications, messages and feeds of the next contacts, and the place where it goes on, in ONE
 * transaction. A crash before the commit leaves the chunk unwritten and the place unmoved, after it both: no contact is told twice, and
 * none is left out. The send's row is locked meanwhile: that is the lease, and where `cancel` waits for what is being written.
 */
import { setImmediate } from 'node:timers/promises'
import { type Finish, type Runner, transact } from '../db/database.ts'
import { advanceFanout, type Chunk, countMembers, type LockedFanout, lockFanout, readMembers } from '../db/fanout.ts'
import { findRoutes } from '../db/lookup.ts'
import { writeChunk } from '../db/write-chunk.ts'
import { CarillonError } from '../errors.ts'
import { type AcceptDeps, isCollision } from './accept.ts'
import { planColumns, whenSaid } from './chunk.ts'
import { addressesOf } from './decide.ts'
import { type Accepted, type Known, keyOf, lookUpReach, planMessage, routesOf } from './plan.ts'
import { isLater } from './rule.ts'
import type { Intent } from './send.ts'
import type { ContactInfo, Signal } from './words.ts'
import { writePlan } from './write-plan.ts'

/** Contacts of a chunk: long enough that its statements cost little each, short enough that a row is locked for a moment. */
export const CHUNK = 500
const SLICE = 125
/** Contacts of a chunk that a segment's condition is evaluated on. */
const EXAMINED = 5_000
const RETRIES = 5

/** What became of the chunk, and what to do after the commit. */
interface Written {
  /** What to publish once it is committed, a list at a time: made as it is asked for, so that none of it is kept while the database works. */
  signals(): AsyncIterable<readonly Signal[]> | Iterable<readonly Signal[]>
  readonly wakes: boolean
  /** the send as it was before its first chunk, if there are more of them: whoever writes that one counts the audience */
  readonly uncounted: LockedFanout | null
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

  async function writeNext(tx: Runner, fanout: LockedFanout, finish: Finish): Promise<Written> {
    const { project, template, id } = fanout
    const { members, cursor, isLast } = await readMembers(tx, fanout, { limit: CHUNK, examined: EXAMINED }, clock.offsetMs)
    const uncounted = isLast || fanout.cursor !== null ? null : fanout
    const addresses = members.flatMap((one) => addressesOf(one).map((address) => ({ projectId: project.id, ...address })))
    const routes = routesOf(await findRoutes(tx, [project.id]))
    const reached = members.map((member) => ({ projectId: project.id, id: member.id }))
    const [reach] = await Promise.all([
      lookUpReach(tx, routes, reached, addresses),
      deps.contents.load(tx, [{ projectId: project.id, ...template }]),
    ])
    const advance = (count: Pick<Chunk, 'sent' | 'open' | 'failed'>): Promise<void> =>
      advanceFanout(tx, project.id, id, { cursor, isLast, written: members.length, ...count }, clock.offsetMs)

    // What folds, into a message or a digest, is looked up contact by contact, under a lock.
    if (fanout.incrementId !== null || template.digest !== null) {
      const { known, accepted, ...count } = planEach(fanout, members, { routes, ...reach })
      await advance(count)
      if (accepted.length === 0) return { signals: () => [], wakes: false, uncounted }
      const signals = await writePlan(tx, deps, known, accepted, finish)
      return { signals: () => [signals], wakes: accepted.some((one) => one.wakes), uncounted }
    }
    const of = {
      fanout,
      contents: deps.contents.get({ projectId: project.id, ...template }),
      routes: routes.get(project.id) ?? new Map(),
      credentials: reach.credentials,
      suppressed: reach.suppressed.get(project.id) ?? new Map(),
    }
    const count = { sent: 0, open: 0, failed: 0, wakes: false }
    const writes: Promise<() => readonly Signal[]>[] = []
    // While the database writes one slice the next one is decided; in between, whatever else this process has to do gets its turn.
    for (let from = 0; from < members.length; from += SLICE) {
      if (from > 0) await setImmediate()
      const plan = planColumns(deps, of, members.slice(from, from + SLICE))
      count.sent += plan.sent
      count.open += plan.open
      count.failed += plan.failed
      count.wakes ||= plan.wakes
      if (plan.columns.notificationIds.length === 0) continue
      const written = writeChunk(tx, plan.head, plan.columns).then((states) => () => plan.signals(states))
      // All of them are awaited at the end; meanwhile nobody may find one unhandled.
      written.catch(() => {})
      writes.push(written)
    }
    const all = Promise.all([...writes, advance(count)])
    finish(all)
    async function* signals() {
      for (const written of writes) yield (await written)()
    }
    return { signals, wakes: count.wakes, uncounted }
  }

  /**
   * Counts an audience beside the writing, one audience at a time. It is tried once: how many there will be may stay unknown until all
   * is written, but neither what is written nor `cancel` waits for the count.
   */
  let counting: Promise<void> = Promise.resolve()
  function countAside(fanout: LockedFanout): void {
    counting = counting.then(() => countMembers(db.pool, fanout, clock.offsetMs)).catch(() => {})
  }

  /** Decides for each contact as for a message to it alone. */
  function planEach(
    fanout: LockedFanout,
    members: readonly ContactInfo[],
    surroundings: Pick<Known, 'routes' | 'credentials' | 'suppressed'>,
  ) {
    const { project, template, actor } = fanout
    const contacts: Known['contacts'] = new Map()
    const keep = (info: ContactInfo): void =>
      void contacts.set(keyOf(project.id, info.externalId), { info, isNew: false, isFilled: false })
    if (actor !== null && fanout.actorId !== null) keep({ ...nobody, ...actor, id: fanout.actorId })
    for (const member of members) keep(member)
    const known: Known = {
      // It was active when this was accepted.
      templates: new Map([[keyOf(project.id, template.key), { ...template, active: true, projectId: project.id }]]),
      ...{ contacts, taken: new Map(), transactions: new Map(), topics: new Map(), providers: new Map() },
      ...surroundings,
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
      when: whenSaid(fanout, clock.now()),
    }
    const planned = members.map(({ externalId }) =>
      planMessage(deps, known, project, scope, { ...intent, contact: { externalId, fields: {}, properties: {} } }),
    )
    const accepted = planned.filter((one): one is Accepted => 'notification' in one)
    const open = accepted.filter(isOpen).length
    const sent = accepted.filter((one) => !isOpen(one) && isSaid(one)).length
    return { known, accepted, open, sent, failed: planned.length - accepted.length }
  }

  return () => write(1)

  async function write(attempt: number): Promise<boolean | FanoutFailure> {
    let locked: LockedFanout | null = null
    try {
      const written = await transact(db.pool, async (tx, finish): Promise<Written | null> => {
        locked = await lockFanout(tx, clock.offsetMs)
        return locked === null ? null : writeNext(tx, locked, finish)
      })
      if (written === null) return false
      for await (const signals of written.signals()) deps.publish(signals)
      if (written.wakes) deps.wake()
      if (written.uncounted !== null) countAside(written.uncounted)
      return true
    } catch (error) {
      // A contact was erased between reading and writing: the next try reads again.
      if (isCollision(error) && attempt < RETRIES) return write(attempt + 1)
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
