/**
 * Closes windows of digests whose time is up: what joined one becomes one notification, and its messages, in ONE transaction with the
 * closing. A crash before the commit leaves the window open as it was, after it closed for good: everything that joined is in one digest,
 * and in one only. What comes at that moment waits for the window's row, and opens the next (db/digest.ts).
 */
import { type Finish, type Runner, transact } from '../db/database.ts'
import { closeWindows, type DueDigest, type Folded, lockDueDigests, readFolded } from '../db/digest.ts'
import type { AcceptDeps, Call } from './accept.ts'
import { type Accepted, keyOf, lookUp, planMessage } from './plan.ts'
import type { Intent } from './send.ts'
import type { Channel, Signal } from './words.ts'
import { writePlan } from './write-plan.ts'

/** What closing did. */
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

/** Says for the contact what its latest message would have said, on every channel that one of them was for. */
function intentOf({ template, externalId }: DueDigest, folded: Folded): Intent {
  return {
    ...{ key: null, contentHash: null, template: template.key, transactionId: null, when: null },
    contact: { externalId, fields: {}, properties: {} },
    actor: folded.actor === null ? null : { externalId: folded.actor, fields: {}, properties: {} },
    data: folded.latest,
    overrides: folded.overrides,
    incrementId: folded.incrementId,
    channels: [...new Set(folded.channels.split(','))].filter((channel): channel is Channel => channel !== ''),
  }
}

/** Makes the function that closes up to `limit` windows that are due. */
export function createDigestCloser(deps: AcceptDeps): (limit: number) => Promise<Closed | ClosingFailure> {
  const { db, clock } = deps

  async function close(tx: Runner, due: readonly DueDigest[], finish: Finish): Promise<Closed> {
    const windows = due.map(({ projectId, id }) => ({ projectId, digestId: id, ownId: null }))
    const folded = await readFolded(tx, windows, { lock: true })
    const left = due.flatMap((digest) => {
      const what = folded.get(digest.id)
      return what === undefined ? [] : [{ digest, what, intent: intentOf(digest, what) }]
    })
    const accepted = left.length === 0 ? { known: null, list: [] } : await plan(tx, left)
    const became = new Map(accepted.list.map((one) => [one.digest?.id, one.notification.id]))
    await closeWindows(
      tx,
      due.map(({ projectId, id }) => ({ projectId, id, notificationId: became.get(id) ?? null })),
      clock.offsetMs,
    )
    if (accepted.known === null) return { count: due.length, signals: [], wakes: false }
    const signals = await writePlan(tx, deps, accepted.known, accepted.list, finish)
    return { count: due.length, signals, wakes: accepted.list.some((one) => one.wakes) }
  }

  /** Decides each by the same code as a message that is sent. */
  async function plan(tx: Runner, left: readonly { digest: DueDigest; what: Folded; intent: Intent }[]) {
    const calls: Call[] = left.map(({ digest, intent }) => ({ project: digest.project, intents: [intent] }))
    const [found] = await Promise.all([
      lookUp(tx, deps.contents, calls),
      deps.contents.load(
        tx,
        left.map(({ digest }) => ({ projectId: digest.projectId, ...digest.template })),
      ),
    ])
    // What joined was accepted: whether the template is active since, or is gone, does not take that back.
    const templates = new Map(
      left.map(({ digest: { projectId, template } }) => [
        keyOf(projectId, template.key),
        { ...template, active: true, projectId },
      ]),
    )
    const known = { ...found, templates }
    const list: Accepted[] = []
    for (const { digest, what, intent } of left) {
      const scope = { transactionId: deps.ids(), mark: Symbol('digest'), digest: { id: digest.id, items: what } }
      const planned = planMessage(deps, known, digest.project, scope, intent)
      if (!('notification' in planned))
        throw new Error(`The digest ${digest.id} was refused: ${planned.ok ? '' : planned.error.message}`)
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
