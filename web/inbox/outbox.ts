/**
 * What the contact did and the server has not heard yet. It is shown as done at once, is sent in order, survives a reload, and is the same
 * in all tabs of a browser.
 */
import type { InboxAction, InboxCounts, InboxMarks } from './message.ts'
import type { InboxError } from './wire.ts'

/** One thing that was done. */
export type Deed = {
  readonly id: string
  /** when, ISO 8601 */
  readonly at: string
} & (
  | { readonly kind: 'mark'; readonly ids: readonly string[]; readonly marks: InboxMarks }
  | {
      readonly kind: 'all'
      /** null: all feeds */
      readonly feeds: readonly string[] | null
      readonly until: string
      /** the messages that are shown as marked meanwhile */
      readonly ids: readonly string[]
      /** what the counts of those feeds were */
      readonly counts: InboxCounts
      readonly marks: InboxMarks
    }
  | {
      readonly kind: 'act'
      readonly ids: readonly [string]
      readonly type: InboxAction['type']
      readonly payload: Record<string, unknown> | null
    }
)

/** What is on its way for one message. */
export interface Pending {
  readonly marks: InboxMarks
  readonly at: string
  readonly acted: readonly InboxAction['type'][]
}

/** A deed without what the outbox gives it. */
export type NewDeed = Deed extends infer One ? (One extends Deed ? Omit<One, 'id' | 'at'> : never) : never

/** What the outbox needs. */
export interface OutboxDeps {
  /** Tells the server. @returns once it knows. @throws InboxError */
  send(deed: Deed): Promise<void>
  /** What is pending has changed. */
  onChange(): void
  /** For the other tabs. */
  tell(word: Word): void
  /** The server will not have it, ever. */
  onRefused(error: InboxError): void
}

/** What tabs tell each other. */
export type Word = { readonly word: 'deed'; readonly deed: Deed } | { readonly word: 'done'; readonly id: string }

/** The outbox. */
export interface Outbox {
  add(deed: NewDeed): void
  pendingOf(id: string): Pending | undefined
  /** ids of the messages for which something is pending */
  readonly pendingIds: Iterable<string>
  readonly deeds: readonly Deed[]
  /** Hears another tab. */
  hear(word: Word): void
  /** Takes what was kept of an earlier page. */
  restore(deeds: readonly Deed[]): void
  /** Sends what waits. */
  flush(): void
  /** Forgets everything: it was another contact's. */
  clear(): void
  close(): void
}

const MAX_IDS = 1_000
/** Marks of one moment go out together, ms. */
const GATHER_MS = 40
const RETRY_MS = 5_000
/** What says nothing against the deed: it is tried again for as long as it takes. */
const passing = new Set(['NETWORK', 'TOKEN', 'RATE_LIMITED', 'OVERLOADED'])
/** The server failed, or may have done it: once more does no harm. Given up after so many times, or all that comes after would wait for ever. */
const failing = new Set(['INTERNAL', 'OUTCOME_UNKNOWN'])
const MAX_FAILURES = 60
/** A deed of another tab that is not done by then is this tab's: the other one may be gone, ms. */
const ADOPT_MS = 5_000

/** How long a deed of another tab stays shown after it was done, ms. */
const DONE_MS = 1_000

/** Makes it. */
export function createOutbox({ send, onChange, tell, onRefused }: OutboxDeps): Outbox {
  let deeds: Deed[] = []
  /** deeds of other tabs, and until when they are left to them */
  const foreign = new Map<string, number>()
  let sending: string | null = null
  /** how often the server failed with the deed that is the first to go */
  let failures = 0
  let pending: Map<string, Pending> | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let isClosed = false

  const changed = (): void => {
    pending = null
    onChange()
  }
  const schedule = (ms: number): void => {
    if (isClosed) return
    clearTimeout(timer)
    timer = setTimeout(() => void flush(), ms)
  }
  const drop = (id: string): void => {
    deeds = deeds.filter((deed) => deed.id !== id)
    foreign.delete(id)
    changed()
  }
  const all = (): Map<string, Pending> => {
    if (pending !== null) return pending
    const map = new Map<string, Pending>()
    for (const deed of deeds) {
      for (const id of deed.ids) {
        const before = map.get(id) ?? { marks: {}, at: deed.at, acted: [] }
        map.set(
          id,
          deed.kind === 'act'
            ? { ...before, acted: [...before.acted, deed.type] }
            : {
                ...before,
                marks: { ...before.marks, ...deed.marks, ...(deed.marks.read === true ? { seen: true } : {}) },
                at: deed.at,
              },
        )
      }
    }
    pending = map
    return map
  }

  async function flush(): Promise<void> {
    clearTimeout(timer)
    if (sending !== null || isClosed) return
    const now = Date.now()
    const deed = deeds.find(({ id }) => (foreign.get(id) ?? 0) <= now)
    if (deed === undefined) {
      if (deeds.length > 0) schedule(ADOPT_MS)
      return
    }
    sending = deed.id
    try {
      await send(deed)
      failures = 0
      drop(deed.id)
      tell({ word: 'done', id: deed.id })
    } catch (error) {
      const { code, index } = error as InboxError
      if (failing.has(code)) failures += 1
      if (passing.has(code) || (failing.has(code) && failures < MAX_FAILURES)) {
        sending = null
        return schedule(RETRY_MS)
      }
      failures = 0
      const left = deed.ids.filter((_id, at) => at !== index)
      if (deed.kind === 'mark' && code === 'NOT_FOUND' && index !== null && left.length > 0) {
        // It was taken back meanwhile; the others are still there.
        deeds = deeds.map((one) => (one === deed ? { ...deed, ids: left } : one))
        changed()
      } else {
        drop(deed.id)
        tell({ word: 'done', id: deed.id })
        if (code !== 'NOT_FOUND') onRefused(error as InboxError)
      }
    }
    sending = null
    if (deeds.length > 0) schedule(0)
  }

  return {
    add(given) {
      const at = new Date().toISOString()
      const last = deeds.at(-1)
      // Marks of one moment are one deed, while it has not left.
      if (
        given.kind === 'mark' &&
        last?.kind === 'mark' &&
        last.id !== sending &&
        !foreign.has(last.id) &&
        last.ids.length + given.ids.length <= MAX_IDS &&
        JSON.stringify(last.marks) === JSON.stringify(given.marks)
      ) {
        const joined: Deed = { ...last, ids: [...new Set([...last.ids, ...given.ids])] }
        deeds[deeds.length - 1] = joined
        tell({ word: 'deed', deed: joined })
      } else {
        const deed: Deed = { ...given, id: newId(), at }
        deeds.push(deed)
        tell({ word: 'deed', deed })
      }
      changed()
      schedule(GATHER_MS)
    },
    pendingOf: (id) => all().get(id),
    get pendingIds() {
      return all().keys()
    },
    get deeds() {
      return deeds
    },
    hear(word) {
      // The change itself comes by this tab's own socket, a moment later at most; until then it stays shown.
      if (word.word === 'done') return void setTimeout(() => drop(word.id), DONE_MS)
      foreign.set(word.deed.id, Date.now() + ADOPT_MS)
      const at = deeds.findIndex(({ id }) => id === word.deed.id)
      if (at < 0) deeds.push(word.deed)
      else deeds[at] = word.deed
      changed()
      if (sending === null) schedule(ADOPT_MS + 100)
    },
    restore(kept) {
      deeds = [...kept, ...deeds]
      if (deeds.length === 0) return
      changed()
      schedule(GATHER_MS)
    },
    flush: () => void flush(),
    clear() {
      clearTimeout(timer)
      deeds = []
      failures = 0
      foreign.clear()
      pending = null
    },
    close() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}

/** A name that no other tab uses; crypto.randomUUID is not there on a page without https. */
const newId = (): string => Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join('-')
