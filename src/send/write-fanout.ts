/**
 * Writes one chunk of a send to many: the notifications, messages and feeds of the next contacts, and the cursor where the next chunk
 * begins, in ONE transaction. A crash leaves either both written or neither, so no contact is notified twice or left out. The row of the
 * send is locked meanwhile: the lock serves as the lease, and `cancel` waits for it.
 */

import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { analyzeGrown } from '../db/analyze.ts'
import { type Finish, type Runner, transact } from '../db/database.ts'
import {
  advanceFanout,
  areUnchanged,
  type Chunk,
  countMembers,
  type LockedFanout,
  lockFanout,
  type Members,
  readMembers,
  storeTotal,
} from '../db/fanout.ts'
import { type ChunkValues, chunkValues, writeChunk } from '../db/write-chunk.ts'
import { keyOf } from '../domain/ids.ts'
import type { Vendors } from '../domain/provider.ts'
import { CarillonError } from '../errors.ts'
import { programLimits } from '../render/limits.ts'
import { createMeter } from '../render/meter.ts'
import { type ContactInfo, emptyContact, type Signal } from '../words.ts'
import { isCollision } from './accept.ts'
import { createChunkPlanner, type PlannedChunk, requestedTime } from './chunk.ts'
import type { SendDeps } from './deps.ts'
import type { Intent } from './intent.ts'
import { type Known, lookUpMembers } from './known.ts'
import { type PlannedMessage, planMessage } from './plan.ts'
import { isDeferred } from './rule.ts'
import { writePlan } from './write-plan.ts'

/** The most contacts of a chunk: enough to make its statements cheap per contact, and few enough to lock rows for a moment only. */
export const CHUNK = 1_000
/** Contacts that are decided before the process handles other events. */
const SLICE = 125
/** The most contacts of a chunk that the condition of a segment is evaluated on. */
const EXAMINED = 5_000
/** How old what was read in advance may be, ms. */
const AHEAD_MS = 1_000
/** How long a chunk that is being read in advance is waited for, ms: longer only if there are no connections. */
const AHEAD_WAIT_MS = 250
/** How long the first chunk waits for tables to be analysed, ms. */
const ANALYZE_WAIT_MS = 1_000
const RETRIES = 5

/** What to do after the commit of a chunk. */
interface Written {
  /** What to publish. It is made when it is asked for, so that it takes no memory while the database writes. */
  signals(): Promise<readonly Signal[]>
  readonly wakes: boolean
  /** the send, if this was its first chunk and not its only one: the process that writes the first chunk counts the audience */
  readonly uncounted: LockedFanout | null
}

/** What is known of the next contacts of a send to many. */
type ReadMembers = Members & Pick<Known, 'routes' | 'credentials' | 'suppressed'>

/** A chunk as its statement takes it; null: there is nothing to write. */
type ReadyChunk = Omit<PlannedChunk, 'head' | 'columns'> & { readonly values: ChunkValues | null }

/** The next contacts, with what is to be written for them. */
type PlannedMembers = ReadMembers & { readonly plan: ReadyChunk }

/** A chunk that is read and planned in advance. */
interface ChunkAhead {
  /** the send, at the place where the chunk begins */
  readonly fanout: LockedFanout
  /** the same as JSON, to be compared */
  readonly basis: string
  readonly limit: number
  readonly begunAt: number
  /** null: it could not be read */
  readonly chunk: Promise<PlannedMembers | null>
}

/** Whether its messages may fold into others. */
const folds = ({ incrementId, template }: LockedFanout): boolean => incrementId !== null || template.digest !== null

/** What writing sends to many needs. */
export interface FanoutDeps extends Omit<SendDeps, 'sandbox' | 'rehearse' | 'vendors'> {
  readonly vendors: Pick<Vendors, 'dials'>
}

/** A send whose chunk could not be written, and why. */
export interface FanoutFailure {
  readonly projectId: string
  readonly id: string
  readonly error: unknown
}

/** Writes sends to many, chunk by chunk. */
export interface FanoutWriter {
  /**
   * Writes the next due chunk, of any send, with at most `limit` contacts. What it changed is published while the next one is being written.
   * @returns true; false: none is due; or the send whose chunk could not be written, because of a bug or because the database is unavailable
   */
  write(limit: number): Promise<boolean | FanoutFailure>
  /** Resolves when all that was written is published. */
  published(): Promise<void>
}

/** Creates the writer of a process. */
export function createFanoutWriter(deps: FanoutDeps): FanoutWriter {
  const { db, clock } = deps

  /** What is read of the next contacts. @param on the transaction, or a connection that reads ahead */
  async function read(on: Runner, fanout: LockedFanout, limit: number): Promise<ReadMembers> {
    const { project, template } = fanout
    const found = await readMembers(on, fanout, { limit, examined: EXAMINED }, clock.offsetMs)
    const [reach] = await Promise.all([
      lookUpMembers(on, deps, project.id, found.members),
      deps.contents.load(on, [{ projectId: project.id, ...template }]),
    ])
    return { ...found, ...reach }
  }

  /** Plans a chunk, slice by slice. In between, this process handles other events. */
  async function plan(fanout: LockedFanout, { members, routes, credentials, suppressed }: ReadMembers): Promise<ReadyChunk> {
    const { project, template } = fanout
    const planner = createChunkPlanner(deps, {
      fanout,
      contents: deps.contents.get({ projectId: project.id, ...template }),
      routes: routes.get(project.id) ?? new Map(),
      credentials,
      suppressed: suppressed.get(project.id) ?? new Map(),
    })
    for (let from = 0; from < members.length; from += SLICE) {
      if (from > 0) await setImmediate()
      planner.add(members.slice(from, from + SLICE))
    }
    const { head, columns, ...chunk } = planner.finish()
    return { ...chunk, values: columns.notificationIds.length === 0 ? null : chunkValues(head, columns) }
  }

  /** Analyses what has grown. Not in the chunk's transaction, which must not fail because of it. */
  let analyzing: Promise<void> | null = null
  function lookAfterTables(): Promise<void> {
    const work = async (): Promise<void> => {
      const client = await db.pool.connect()
      await analyzeGrown(client).finally(() => client.release())
    }
    analyzing ??= work()
      .catch(() => {})
      .finally(() => {
        analyzing = null
      })
    return analyzing
  }

  /** The chunk that is expected to be the next. */
  let ahead: ChunkAhead | null = null

  /**
   * Reads and plans the next chunk while the database writes this one, on a connection of its own. It is used only if the send is then as it is
   * now, and its members are as they were read: an opt-out in between is respected, as it would be without this.
   */
  function lookAhead(fanout: LockedFanout, limit: number): void {
    const begun = async (): Promise<PlannedMembers> => {
      const client = await db.pool.connect()
      const found = await read(client, fanout, limit).finally(() => client.release())
      return { ...found, plan: await plan(fanout, found) }
    }
    const chunk = begun().catch(() => null)
    ahead = { fanout, basis: JSON.stringify(fanout), limit, begunAt: performance.now(), chunk }
  }

  /**
   * The chunk that was planned ahead, if it is the one to write now; null: read and plan. The statement that asks whether its members have
   * changed is sent together with the one that locks the send.
   */
  async function takeAhead(tx: Runner, limit: number): Promise<((fanout: LockedFanout) => PlannedMembers | null) | null> {
    const taken = ahead
    ahead = null
    if (taken === null || taken.limit !== limit || performance.now() - taken.begunAt > AHEAD_MS) return null
    const chunk = await Promise.race([taken.chunk, sleep(AHEAD_WAIT_MS, null, { ref: false })])
    if (chunk === null) return null
    const unchanged = await areUnchanged(tx, taken.fanout, chunk)
    return (fanout) => (unchanged && taken.basis === JSON.stringify(fanout) ? chunk : null)
  }

  async function writeNext(
    tx: Runner,
    fanout: LockedFanout,
    limit: number,
    planned: PlannedMembers | null,
    finish: Finish,
  ): Promise<Written> {
    const { project, id } = fanout
    // After an import. It is not waited for long.
    if (fanout.cursor === null) await Promise.race([lookAfterTables(), sleep(ANALYZE_WAIT_MS, undefined, { ref: false })])
    const found = planned ?? (await read(tx, fanout, limit))
    const { members, cursor, isLast } = found
    const uncounted = isLast || fanout.cursor !== null ? null : fanout
    const advance = (count: Pick<Chunk, 'sent' | 'open' | 'failed'>): Promise<void> =>
      advanceFanout(tx, project.id, id, { cursor, isLast, written: members.length, ...count }, clock.offsetMs)

    // Messages that may fold, into a message or a digest, are planned contact by contact: what they fold into is read under a lock.
    if (folds(fanout)) {
      const { known, messages, ...count } = planEach(fanout, members, found)
      await advance(count)
      if (messages.length === 0) return { signals: async () => [], wakes: false, uncounted }
      const signals = await writePlan(tx, deps, known, { messages, fanouts: [] }, finish)
      return { signals: async () => signals, wakes: messages.some((one) => one.wakes), uncounted }
    }
    const { values, sent, open, failed, wakes, signals } = planned?.plan ?? (await plan(fanout, found))
    const writing = values === null ? Promise.resolve(() => []) : writeChunk(tx, values)
    finish(Promise.all([writing, advance({ sent, open, failed })]))
    // Who is in a topic or segment is read when the chunk is written. And not while single messages are being sent, for which chunks are smaller.
    if (!isLast && fanout.audience.kind === 'all' && limit >= CHUNK) lookAhead({ ...fanout, cursor }, limit)
    return { signals: async () => (values === null ? [] : signals(await writing, deps.listens)), wakes, uncounted }
  }

  /**
   * Counts an audience concurrently with the writing, one audience at a time, so that neither the writing nor `cancel` waits for it. It is
   * tried once: after a failure the size of the audience is unknown until all of it is written.
   */
  let counting: Promise<void> = Promise.resolve()
  function countAudience(fanout: LockedFanout): void {
    counting = counting
      .then(() => countMembers(db.pool, fanout, clock.offsetMs))
      .then((total) => inTurn(() => storeTotal(db.pool, fanout, total)))
      .catch(() => {})
  }

  /** Runs one thing at a time, because a chunk of a send whose row is locked is passed over. */
  let turn: Promise<unknown> = Promise.resolve()
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = turn.then(work)
    turn = done.catch(() => {})
    return done
  }

  /** Plans the message of each contact as if it were a message of its own. */
  function planEach(
    fanout: LockedFanout,
    members: readonly ContactInfo[],
    { routes, credentials, suppressed }: Pick<Known, 'routes' | 'credentials' | 'suppressed'>,
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
      routes,
      credentials,
      suppressed,
      seen: null,
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

  let publishing: Promise<void> = Promise.resolve()
  return { write: (limit) => write(limit, 1), published: () => publishing }

  async function write(limit: number, attempt: number): Promise<boolean | FanoutFailure> {
    let locked: LockedFanout | null = null
    try {
      const written = await inTurn(() =>
        transact(db.pool, async (tx, finish): Promise<Written | null> => {
          // Both have ended when one fails: what came later would be executed on a connection that is somebody else's by then.
          const [locking, taking] = await Promise.allSettled([lockFanout(tx, clock.offsetMs), takeAhead(tx, limit)])
          if (locking.status === 'rejected') throw locking.reason
          if (taking.status === 'rejected') throw taking.reason
          const fanout = locking.value
          locked = fanout
          return fanout === null ? null : writeNext(tx, fanout, limit, taking.value?.(fanout) ?? null, finish)
        }),
      )
      // Not more than one chunk is kept for it.
      await publishing
      if (written === null) return false
      publishing = publish(written)
      // As the tables grow by what is written, of which ANALYZE sees nothing before the commit.
      void lookAfterTables()
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

  /** Publishes what a chunk changed, when the next one is under way. */
  async function publish(written: Written): Promise<void> {
    await setImmediate()
    const signals = await written.signals()
    if (signals.length > 0) deps.publish(signals)
  }
}

const nobody = { ...emptyContact, properties: {}, preferences: {} }

/** Whether one of its messages waits for a worker. */
const isOpen = ({ decisions }: PlannedMessage): boolean =>
  decisions.some((one) => one.reason === null && (one.channel !== 'IN_APP' || isDeferred(one)))
/** Whether it is in the feed. */
const isInFeed = ({ inApp }: PlannedMessage): boolean => inApp !== null && !(inApp instanceof CarillonError)
