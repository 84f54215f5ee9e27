/**
 * Closes the digest windows that are due: the notifications that joined a window become one notification with its messages. The window is
 * closed, and they are written, in ONE transaction, so that after a crash every notification is still in exactly one digest. One that
 * arrives meanwhile waits for the lock of the window's row, and then opens the next window (db/digest.ts).
 */

import { type Finish, type Runner, transact } from '../db/database.ts'
import { closeWindows, type DueDigest, type Folded, lockDueDigests, readFolded } from '../db/digest.ts'
import { keyOf } from '../domain/ids.ts'
import { programLimits } from '../render/limits.ts'
import { createMeter } from '../render/meter.ts'
import type { Channel, Signal } from '../words.ts'
import type { SendDeps } from './deps.ts'
import type { Call, Intent } from './intent.ts'
import { lookUp } from './known.ts'
import { type PlannedMessage, planMessage } from './plan.ts'
import { writePlan } from './write-plan.ts'

/** What was closed. `signals`: to publish, now that it is committed; `wakes`: messages are due at a worker. */
export interface Closed {
  readonly count: number
  readonly signals: readonly Signal[]
  readonly wakes: boolean
}

/** Windows that could not be closed. */
export interface ClosingFailure {
  readonly windows: readonly { readonly projectId: string; readonly id: string }[]
  readonly error: unknown
}

/** A message with the data and overrides of the latest that joined, on every channel that any of them was for. */
function intentOf({ template, externalId }: DueDigest, folded: Folded): Intent {
  return {
    key: null,
    contentHash: null,
    template: template.key,
    transactionId: null,
    when: null,
    contact: { externalId, fields: {}, properties: {} },
    actor: folded.actor === null ? null : { externalId: folded.actor, fields: {}, properties: {} },
    data: folded.latest,
    overrides: folded.overrides,
    incrementId: folded.incrementId,
    channels: [...new Set(folded.channels.split(','))].filter((channel): channel is Channel => channel !== ''),
  }
}

/** @returns a function that closes up to `limit` due windows, all of them or none. @throws when the due windows can't be read */
export function createDigestCloser(deps: SendDeps): (limit: number) => Promise<Closed | ClosingFailure> {
  const { db, clock } = deps

  async function close(tx: Runner, due: readonly DueDigest[], finish: Finish): Promise<Closed> {
    const windows = due.map(({ projectId, id }) => ({ projectId, digestId: id, ownId: null }))
    const folded = await readFolded(tx, windows, { lock: true })
    const left = due.flatMap((digest) => {
      const what = folded.get(digest.id)
      return what === undefined ? [] : [{ digest, what, intent: intentOf(digest, what) }]
    })
    const planned = left.length === 0 ? { known: null, list: [] } : await plan(tx, left)
    const became = new Map(planned.list.map((one) => [one.digest?.id, one.notification.id]))
    await closeWindows(
      tx,
      due.map(({ projectId, id }) => ({ projectId, id, notificationId: became.get(id) ?? null })),
      clock.offsetMs,
    )
    if (planned.known === null) return { count: due.length, signals: [], wakes: false }
    const signals = await writePlan(tx, deps, planned.known, { messages: planned.list, fanouts: [] }, finish)
    return { count: due.length, signals, wakes: planned.list.some((one) => one.wakes) }
  }

  /** Plans each digest by the same code as any message. */
  async function plan(tx: Runner, left: readonly { digest: DueDigest; what: Folded; intent: Intent }[]) {
    const calls: Call[] = left.map(({ digest, intent }) => ({ project: digest.project, intents: [intent] }))
    const [found] = await Promise.all([
      lookUp(tx, deps, calls),
      deps.contents.load(
        tx,
        left.map(({ digest }) => ({ projectId: digest.projectId, ...digest.template })),
      ),
    ])
    // The notifications that joined have been accepted, so they are sent even if the template was deactivated or deleted since.
    const templates = new Map(
      left.map(({ digest: { projectId, template } }) => [
        keyOf(projectId, template.key),
        { ...template, active: true, projectId },
      ]),
    )
    const known = { ...found, templates }
    const list: PlannedMessage[] = []
    const planning = { ...deps, renderer: deps.renderer.within(createMeter(programLimits.batchUnits)) }
    for (const { digest, what, intent } of left) {
      const scope = { transactionId: deps.ids(), mark: Symbol('digest'), digest: { id: digest.id, items: what } }
      const planned = planMessage(planning, known, digest.project, scope, intent)
      if (!('kind' in planned)) throw new Error(`The digest ${digest.id} was refused: ${planned.error.message}`)
      list.push(planned)
    }
    return { known, list }
  }

  return async (limit) => {
    let due: DueDigest[] = []
    try {
      return await transact(db.pool, async (tx, finish) => {
        due = await lockDueDigests(tx, limit, clock.offsetMs)
        return due.length === 0 ? { count: 0, signals: [], wakes: false } : close(tx, due, finish)
      })
    } catch (error) {
      if (due.length === 0) throw error
      return { windows: due.map(({ projectId, id }) => ({ projectId, id })), error }
    }
  }
}
