/**
 * What the contact did and the server has not confirmed yet. Each operation is shown as done immediately, sent in order, kept across a
 * reload, and shared between the tabs of a browser.
 */
import type { InboxError } from './inbox-error.ts'
import type { Changes, InboxAction, InboxCounts, InboxSelection } from './message.ts'

/** An operation of the contact: marking or deleting messages, or everything, or using a button. */
export type Operation = {
  readonly id: string
  /** when, ISO 8601 */
  readonly at: string
  /** it is not sent before, because the contact may take it back; ms since 1970; 0: it was held and is released */
  readonly heldUntil?: number
} & (
  | { readonly kind: 'mark'; readonly ids: readonly string[]; readonly marks: Changes }
  | {
      readonly kind: 'all'
      /** null: all feeds */
      readonly feeds: readonly string[] | null
      /** which of their messages; an operation of an older release has none */
      readonly which?: InboxSelection
      /** cursor of the last change that it covers */
      readonly until: string
      /** when the newest message that was loaded then arrived, ISO 8601; an operation of an older release has none */
      readonly newest?: string
      /** the counts of those feeds at that moment */
      readonly counts: InboxCounts
      readonly marks: Changes
    }
  | {
      readonly kind: 'act'
      readonly ids: readonly [string]
      readonly type: InboxAction['type']
      readonly payload: Record<string, unknown> | null
    }
)

/** An operation before the outbox has given it an id and a time. */
export type NewOperation = Operation extends infer One
  ? One extends Operation
    ? Omit<One, 'id' | 'at' | 'heldUntil'>
    : never
  : never

/** The server, the other tabs, and the listeners of an outbox. */
export interface OutboxDeps {
  /** Sends an operation to the server. @throws InboxError */
  send(operation: Operation): Promise<void>
  onChange(): void
  /** Sends a message to the other tabs. */
  broadcast(message: TabMessage): void
  /** Operations that were held are sent before their time: they can't be taken back any more. */
  onReleased(): void
  /** The server rejected an operation for good. */
  onRefused(error: InboxError): void
}

/** What the tabs of a browser send each other: an operation that is pending, or the id of one that is settled. */
export type TabMessage =
  | { readonly kind: 'pending'; readonly operation: Operation }
  | { readonly kind: 'settled'; readonly id: string }

/** The pending operations. */
export interface Outbox {
  /** `holdMs`: it is not sent before. @returns a function that takes it back while it has not been sent */
  add(operation: NewOperation, holdMs?: number): () => void
  /** Sends what is held now. */
  release(): void
  /** another array after each change */
  readonly operations: readonly Operation[]
  /** Handles a message from another tab. */
  receive(message: TabMessage): void
  /** Adds operations that were stored before a reload. */
  restore(operations: readonly Operation[]): void
  /** Sends now instead of waiting for the timer. */
  flush(): void
  /** Drops everything, for when another contact signs in. */
  clear(): void
  close(): void
}

const MAX_IDS = 1_000
/** Equal marks within this time are sent as one operation, ms. */
const GATHER_MS = 40
const RETRY_MS = 5_000
/** Not the operation's fault: retried without limit. */
const transient = new Set(['NETWORK', 'TOKEN', 'RATE_LIMITED', 'OVERLOADED'])
/** The server failed, or may have applied it; repeating is harmless. Retried up to MAX_FAILURES times, or it would block the queue permanently. */
const failing = new Set(['INTERNAL', 'OUTCOME_UNKNOWN'])
const MAX_FAILURES = 60
/** An operation of another tab that is not settled after this time is taken over, because that tab may be closed, ms. */
const ADOPT_MS = 5_000
/** How often is looked for one that can be sent by now, ms. */
const LOOK_MS = 1_000

/** How long an operation of another tab stays visible after it is settled, ms. */
const SETTLED_MS = 1_000

export function createOutbox({ send, onChange, broadcast, onReleased, onRefused }: OutboxDeps): Outbox {
  let operations: Operation[] = []
  /** ids of other tabs' operations, and the time until which they are left to those tabs */
  const foreign = new Map<string, number>()
  /** ids of the operations that are being sent: one, or more when the page is left */
  const sending = new Set<string>()
  /** how often the server has failed on the operation that is being sent */
  let failures = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let isClosed = false

  const changed = (): void => {
    operations = [...operations]
    onChange()
  }
  const schedule = (ms: number): void => {
    if (isClosed) return
    clearTimeout(timer)
    timer = setTimeout(() => void flush(), ms)
  }
  const drop = (id: string): void => {
    operations = operations.filter((operation) => operation.id !== id)
    foreign.delete(id)
    changed()
  }
  const settle = (id: string): void => {
    drop(id)
    broadcast({ kind: 'settled', id })
  }
  /** Sends what is held now; what other tabs hold is up to their own notices. */
  const release = (kind?: Operation['kind']): void => {
    let isHeld = false
    operations = operations.map((one) => {
      if (!one.heldUntil || one.kind !== (kind ?? one.kind) || foreign.has(one.id)) return one
      isHeld = true
      return { ...one, heldUntil: 0 }
    })
    if (isHeld) onReleased()
    void flush()
  }
  /** What an "all" operation selects is decided when it is sent: whatever may change that comes after it. Seeing changes nothing. */
  const giveWay = (to: NewOperation): void => {
    if (to.kind !== 'mark' || JSON.stringify(to.marks) !== '{"seen":true}') release('all')
  }
  /** Sends what was released at once: the page may be gone when its turn comes. */
  const leave = (): void => {
    for (const one of operations) if (one.heldUntil === 0 && !sending.has(one.id)) void attempt(one)
  }

  async function flush(): Promise<void> {
    clearTimeout(timer)
    if (sending.size > 0 || isClosed) return
    const now = Date.now()
    const operation = operations.find(({ id, heldUntil = 0 }) => Math.max(foreign.get(id) ?? 0, heldUntil) <= now)
    if (operation === undefined) {
      if (operations.length > 0) schedule(LOOK_MS)
    } else await attempt(operation)
  }
  async function attempt(operation: Operation): Promise<void> {
    sending.add(operation.id)
    try {
      await send(operation)
      failures = 0
      settle(operation.id)
    } catch (error) {
      const { code, index } = error as InboxError
      if (failing.has(code)) failures += 1
      if (transient.has(code) || (failing.has(code) && failures < MAX_FAILURES)) {
        sending.delete(operation.id)
        return schedule(RETRY_MS)
      }
      failures = 0
      const left = operation.kind === 'mark' && index !== null ? operation.ids.filter((_id, at) => at !== index) : []
      if (code === 'NOT_FOUND' && left.length > 0) {
        // That message has been retracted in the meantime; the others are still there.
        operations = operations.map((one) => (one.id === operation.id ? ({ ...operation, ids: left } as Operation) : one))
        changed()
      } else {
        settle(operation.id)
        if (code !== 'NOT_FOUND') onRefused(error as InboxError)
      }
    }
    sending.delete(operation.id)
    if (operations.length > 0) schedule(0)
  }

  return {
    add(given, holdMs = 0) {
      giveWay(given)
      const at = new Date().toISOString()
      const last = operations.at(-1)
      // Equal marks made in quick succession are merged while the first has not been sent.
      if (
        given.kind === 'mark' &&
        last?.kind === 'mark' &&
        !sending.has(last.id) &&
        holdMs === 0 &&
        last.heldUntil === undefined &&
        !foreign.has(last.id) &&
        last.ids.length + given.ids.length <= MAX_IDS &&
        JSON.stringify(last.marks) === JSON.stringify(given.marks)
      ) {
        const merged: Operation = { ...last, ids: [...new Set([...last.ids, ...given.ids])] }
        operations[operations.length - 1] = merged
        broadcast({ kind: 'pending', operation: merged })
      } else {
        operations.push({ ...given, id: newId(), at, ...(holdMs === 0 ? {} : { heldUntil: Date.now() + holdMs }) })
        broadcast({ kind: 'pending', operation: operations.at(-1) as Operation })
      }
      const { id } = operations.at(-1) as Operation
      changed()
      schedule(GATHER_MS)
      return () => {
        if (!sending.has(id) && operations.some((one) => one.id === id)) settle(id)
      }
    },
    release() {
      release()
      if (globalThis.document?.visibilityState === 'hidden') leave()
    },
    get operations() {
      return operations
    },
    receive(message) {
      if (message.kind === 'settled') {
        foreign.set(message.id, 2 ** 53)
        // The change itself arrives over this tab's own socket, slightly later; until then the operation keeps it visible.
        return void setTimeout(() => drop(message.id), SETTLED_MS)
      }
      const { operation } = message
      giveWay(operation)
      foreign.set(operation.id, Date.now() + ADOPT_MS)
      const at = operations.findIndex(({ id }) => id === operation.id)
      if (at < 0) operations.push(operation)
      else operations[at] = operation
      changed()
      if (sending.size === 0) schedule(ADOPT_MS + 100)
    },
    restore(stored) {
      operations = [...stored, ...operations]
      if (operations.length === 0) return
      changed()
      schedule(GATHER_MS)
    },
    flush: () => void flush(),
    clear() {
      clearTimeout(timer)
      operations = []
      failures = 0
      foreign.clear()
    },
    close() {
      isClosed = true
      clearTimeout(timer)
      leave()
    },
  }
}

/** An id that no other tab uses. crypto.randomUUID does not exist on pages without https, and in React Native there is no crypto at all. */
const newId = (): string => `${Date.now()}-${Math.random()}`
