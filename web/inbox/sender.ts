/** Sends the outbox's operations to the server and applies its responses. */
import type { InboxDeleteMutationVariables } from '../generated/graphql.ts'
import type { Api } from './api.ts'
import { adjustCounts, type CountStore, countsOf } from './counts.ts'
import { InboxAct, InboxDelete, InboxMark, InboxSnooze } from './documents.ts'
import type { Lists } from './lists.ts'
import { type Changes, type InboxMessage, isGone, withChanges } from './message.ts'
import { isAbout } from './optimistic-view.ts'
import type { Operation } from './outbox.ts'

/** The server, and the state that its responses change. */
export interface SenderDeps {
  readonly api: Api
  readonly lists: Lists
  readonly counts: CountStore
  /** A response that arrives after the owner has changed is dropped. */
  owner(): string | null
}

export function createSender({ api, lists, counts, owner }: SenderDeps) {
  /** "all" operations of this tab whose change has not arrived over the socket yet */
  let ownMarkAlls = 0

  async function act({ ids: [id], type, payload }: Extract<Operation, { kind: 'act' }>): Promise<void> {
    const variables = { message: id, type, status: 'DONE' as const }
    const { recordAction } = await api.request(InboxAct, payload === null ? variables : { ...variables, payload })
    const before = lists.get(id)
    if (before !== undefined) lists.set({ ...before, ...recordAction })
  }

  async function change(which: InboxDeleteMutationVariables, { deleted, snoozedUntil, ...marks }: Changes) {
    if (deleted) return (await api.request(InboxDelete, which)).deleteMessages
    if (snoozedUntil === undefined) return (await api.request(InboxMark, { ...which, ...marks })).markAs
    return (await api.request(InboxSnooze, { messages: which.messages ?? [], until: snoozedUntil })).snoozeMessages
  }

  function set(before: InboxMessage, after: InboxMessage): void {
    if (isGone(after)) lists.remove(after.id)
    else lists.set(after)
    adjustCounts(counts, before, after)
  }

  async function mark({ ids, marks, at }: Extract<Operation, { kind: 'mark' }>): Promise<void> {
    const { messages } = await change({ messages: [...ids] }, marks)
    for (const marked of messages) {
      const before = lists.get(marked.id)
      if (before === undefined || before.updatedAt > marked.updatedAt) continue
      set(before, withChanges({ ...before, ...marked }, { deleted: marks.deleted === true }, at))
    }
  }

  async function markAll(operation: Extract<Operation, { kind: 'all' }>): Promise<void> {
    const { feeds, until, marks, which, at } = operation
    // After what takes messages out of a list, the list is read again: what moves up may not be loaded yet.
    const own = marks.deleted || marks.archived !== undefined ? 0 : 1
    ownMarkAlls += own
    const mine = owner()
    try {
      const changed = await change({ all: { feeds: feeds === null ? null : [...feeds], until, ...which } }, marks)
      if (owner() !== mine) return
      // Nothing was changed, so no change will arrive.
      if (changed.changedCount === 0) ownMarkAlls = Math.max(0, ownMarkAlls - own)
      for (const id of lists.ids()) {
        const before = lists.get(id)
        if (before !== undefined && isAbout(operation, before)) set(before, withChanges(before, marks, at))
      }
      const feed = feeds?.length === 1 ? counts.byFeed.get(feeds[0] ?? '') : undefined
      if (feed !== undefined) feed.counts = countsOf(changed)
      else counts.total = countsOf(changed)
    } catch (failed) {
      ownMarkAlls = Math.max(0, ownMarkAlls - own)
      throw failed
    }
  }

  return {
    /** @throws InboxError */
    send(operation: Operation): Promise<void> {
      if (operation.kind === 'act') return act(operation)
      return operation.kind === 'mark' ? mark(operation) : markAll(operation)
    },
    /** Whether an "all marked" change comes from this tab. Each of this tab's operations accounts for one change. */
    consumeOwnMarkAll(): boolean {
      return ownMarkAlls > 0 && ownMarkAlls-- > 0
    },
    /** After a reconnect, changes that were missed may arrive merged or not at all. */
    reset(): void {
      ownMarkAlls = 0
    },
  }
}
