/** Sends the outbox's operations to the server and applies its responses. */
import type { Api } from './api.ts'
import { adjustCounts, type CountStore, countsOf } from './counts.ts'
import { InboxAct, InboxMark } from './documents.ts'
import type { Lists } from './lists.ts'
import { withMarks } from './message.ts'
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

  async function mark({ ids, marks }: Extract<Operation, { kind: 'mark' }>): Promise<void> {
    const { markAs } = await api.request(InboxMark, { messages: [...ids], ...marks })
    for (const marked of markAs.messages) {
      const before = lists.get(marked.id)
      if (before === undefined || before.updatedAt > marked.updatedAt) continue
      const after = { ...before, ...marked }
      lists.set(after)
      adjustCounts(counts, before, after)
    }
  }

  async function markAll({ ids, feeds, until, marks, at }: Extract<Operation, { kind: 'all' }>): Promise<void> {
    ownMarkAlls += 1
    const mine = owner()
    try {
      const { markAs } = await api.request(InboxMark, { all: { feeds: feeds === null ? null : [...feeds], until }, ...marks })
      if (owner() !== mine) return
      // Nothing was changed, so no change will arrive.
      if (markAs.changedCount === 0) ownMarkAlls = Math.max(0, ownMarkAlls - 1)
      for (const id of ids) {
        const before = lists.get(id)
        if (before === undefined) continue
        const after = withMarks(before, marks, at)
        lists.set(after)
        adjustCounts(counts, before, after)
      }
      const feed = feeds?.length === 1 ? counts.byFeed.get(feeds[0] ?? '') : undefined
      if (feed !== undefined) feed.counts = countsOf(markAs)
      else counts.total = countsOf(markAs)
    } catch (failed) {
      ownMarkAlls = Math.max(0, ownMarkAlls - 1)
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
      if (ownMarkAlls === 0) return false
      ownMarkAlls -= 1
      return true
    },
    /** After a reconnect, changes that were missed may arrive merged or not at all. */
    reset(): void {
      ownMarkAlls = 0
    },
  }
}
