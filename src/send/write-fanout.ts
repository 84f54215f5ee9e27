/**
 * Writes one chunk of a send to many: the notifications, messages and feeds of the next contacts, and the cursor where the next chunk
 * begins, in ONE transaction. A crash leaves either both written or neither, so no contact is notified twice or left out. The row of the
 * send is locked meanwhile: the lock serves as the lease, and `cancel` waits for it.
 */

import { setImmediate } from 'node:timers/promises'
import { type Finish, type Runner, transact } from '../db/database.ts'
import { advanceFanout, type Chunk, countMembers, type LockedFanout, lockFanout, readMembers } from '../db/fanout.ts'
import { findRoutes } from '../db/lookup.ts'
import { writeChunk } from '../db/write-chunk.ts'
import { keyOf } from '../domain/ids.ts'
import type { Vendors } from '../domain/provider.ts'
import { CarillonError } from '../errors.ts'
import { programLimits } from '../render/limits.ts'
import { createMeter } from '../render/meter.ts'
import { type ContactInfo, emptyContact, type Signal } from '../words.ts'
import { isCollision } from './accept.ts'
import { planColumns, requestedTime } from './chunk.ts'
import { addressesOf } from './decide.ts'
import type { SendDeps } from './deps.ts'
import type { Intent } from './intent.ts'
import { type Known, lookUpReach, routesOf } from './known.ts'
import { type PlannedMessage, planMessage } from './plan.ts'
import { isDeferred } from './rule.ts'
import { writePlan } from './write-plan.ts'

/** The most contacts of a chunk: enough to make its statements cheap per contact, and few enough to lock rows for a moment only. */
export const CHUNK = 500
/** Contacts that are decided before the process handles other events. */
const SLICE = 125
/** The most contacts of a chunk that the condition of a segment is evaluated on. */
const EXAMINED = 5_000
const RETRIES = 5

/** What to do after the commit of a chunk. */
interface Written {
  /** What to publish, in several lists. Each is created when it is read, so that none takes memory while the database writes. */
  signals(): AsyncIterable<readonly Signal[]> | Iterable<readonly Signal[]>
  readonly wakes: boolean
  /** the send, if this was its first chunk and not its only one: the process that writes the first chunk counts the audience */
  readonly uncounted: LockedFanout | null
}

/** A send whose chunk could not be written, and why. */
export interface FanoutFailure {
  readonly projectId: string
  readonly id: string
  readonly error: unknown
}

/**
 * @returns a function that writes the next due chunk, of any send, with at most `limit` contacts. It resolves to true; to false: none is
 *   due; or to the send whose chunk could not be written, because of a bug or because the database is unavailable
 */
export function createFanoutWriter(
  deps: Omit<SendDeps, 'sandbox' | 'rehearse' | 'vendors'> & { readonly vendors: Pick<Vendors, 'dials'> },
): (limit: number) => Promise<boolean | FanoutFailure> {
  const { db, clock } = deps

  async function writeNext(tx: Runner, fanout: LockedFanout, limit: number, finish: Finish): Promise<Written> {
    const { project, template, id } = fanout
    const { members, cursor, isLast } = await readMembers(tx, fanout, { limit, examined: EXAMINED }, clock.offsetMs)
    const uncounted = isLast || fanout.cursor !== null ? null : fanout
    const addresses = members.flatMap((one) => addressesOf(one).map((address) => ({ projectId: project.id, ...address })))
    const routes = routesOf(await findRoutes(tx, [project.id]), deps.vendors)
    const reached = members.map((member) => ({ projectId: project.id, id: member.id }))
    const [reach] = await Promise.all([
      lookUpReach(tx, routes, reached, addresses),
      deps.contents.load(tx, [{ projectId: project.id, ...template }]),
    ])
    const advance = (count: Pick<Chunk, 'sent' | 'open' | 'failed'>): Promise<void> =>
      advanceFanout(tx, project.id, id, { cursor, isLast, written: members.length, ...count }, clock.offsetMs)

    // Messages that may fold, into a message or a digest, are planned contact by contact: what they fold into is read under a lock.
    if (fanout.incrementId !== null || template.digest !== null) {
      const { known, messages, ...count } = planEach(fanout, members, { routes, ...reach })
      await advance(count)
      if (messages.length === 0) return { signals: () => [], wakes: false, uncounted }
      const signals = await writePlan(tx, deps, known, { messages, fanouts: [] }, finish)
      return { signals: () => [signals], wakes: messages.some((one) => one.wakes), uncounted }
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
    // While the database writes one slice, the next one is decided. In between, this process handles other events.
    for (let from = 0; from < members.length; from += SLICE) {
      if (from > 0) await setImmediate()
      const plan = planColumns(deps, of, members.slice(from, from + SLICE))
      count.sent += plan.sent
      count.open += plan.open
      count.failed += plan.failed
      count.wakes ||= plan.wakes
      if (plan.columns.notificationIds.length === 0) continue
      const written = writeChunk(tx, plan.head, plan.columns).then((states) => () => plan.signals(states))
      // All of them are awaited at the end; until then a rejection must not count as unhandled.
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
   * Counts an audience concurrently with the writing, one audience at a time, so that neither the writing nor `cancel` waits for it. It is
   * tried once: after a failure the size of the audience is unknown until all of it is written.
   */
  let counting: Promise<void> = Promise.resolve()
  function countAudience(fanout: LockedFanout): void {
    counting = counting.then(() => countMembers(db.pool, fanout, clock.offsetMs)).catch(() => {})
  }

  /** Plans the message of each contact as if it were a message of its own. */
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
      // The template was active when the send was accepted.
      templates: new Map([[keyOf(project.id, template.key), { ...template, active: true, projectId: project.id }]]),
      contacts,
      taken: new Map(),
      transactions: new Map(),
      topics: new Map(),
      providers: new Map(),
      ...surroundings,
    }
    const scope = {
      transactionId: fanout.transactionId,
      mark: Symbol('chunk'),
      origin: { bulk: true, campaignId: fanout.campaignId },
    }
    const intent: Omit<Intent, 'contact'> = {
      key: null,
      contentHash: null,
      template: template.key,
      transactionId: null,
      actor: actor === null ? null : { externalId: actor.externalId, fields: {}, properties: {} },
      data: fanout.data,
      overrides: fanout.overrides,
      incrementId: fanout.incrementId,
      channels: fanout.channels,
      when: requestedTime(fanout, clock.now()),
    }
    const planning = { ...deps, renderer: deps.renderer.within(createMeter(programLimits.chunkUnits)) }
    const planned = members.map(({ externalId }) =>
      planMessage(planning, known, project, scope, { ...intent, contact: { externalId, fields: {}, properties: {} } }),
    )
    const messages = planned.filter((one) => 'kind' in one)
    const open = messages.filter(isOpen).length
    const sent = messages.filter((one) => !isOpen(one) && isInFeed(one)).length
    return { known, messages, open, sent, failed: planned.length - messages.length }
  }

  return (limit) => write(limit, 1)

  async function write(limit: number, attempt: number): Promise<boolean | FanoutFailure> {
    let locked: LockedFanout | null = null
    try {
      const written = await transact(db.pool, async (tx, finish): Promise<Written | null> => {
        locked = await lockFanout(tx, clock.offsetMs)
        return locked === null ? null : writeNext(tx, locked, limit, finish)
      })
      if (written === null) return false
      for await (const signals of written.signals()) deps.publish(signals)
      if (written.wakes) deps.wake()
      if (written.uncounted !== null) countAudience(written.uncounted)
      return true
    } catch (error) {
      // A contact was erased between reading and writing: the next try reads again.
      if (isCollision(error) && attempt < RETRIES) return write(limit, attempt + 1)
      const failed = locked as LockedFanout | null
      if (failed === null) throw error
      return { projectId: failed.project.id, id: failed.id, error }
    }
  }
}

const nobody = { ...emptyContact, properties: {}, preferences: {} }

/** Whether one of its messages waits for a worker. */
const isOpen = ({ decisions }: PlannedMessage): boolean =>
  decisions.some((one) => one.reason === null && (one.channel !== 'IN_APP' || isDeferred(one)))
/** Whether it is in the feed. */
const isInFeed = ({ inApp }: PlannedMessage): boolean => inApp !== null && !(inApp instanceof CarillonError)
