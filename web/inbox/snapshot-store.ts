/** Stores a contact's newest messages and pending operations, so that there is something to show while offline. */
import type { InboxCounts, InboxMessage } from './message.ts'
import type { Operation, TabMessage } from './outbox.ts'
import type { InboxStorage } from './storage.ts'

/** The stored part of an inbox. */
export interface Snapshot {
  readonly counts: InboxCounts
  readonly messages: readonly InboxMessage[]
  readonly operations: readonly Operation[]
}

/** The claims of a token, or none if it can't be read. They are not verified here. */
function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    const [, body = ''] = token.split('.')
    // UTF-8 without a TextDecoder, which React Native does not have.
    return JSON.parse(decodeURIComponent(escape(atob(body.replaceAll('-', '+').replaceAll('_', '/'))))) ?? {}
  } catch {
    return {}
  }
}

/** The project and contact in a token, for the storage key; null if it can't be read. */
export function ownerOf(token: string): string | null {
  const { pid, cid } = claimsOf(token)
  return typeof pid === 'string' && typeof cid === 'string' ? `${pid}/${cid}` : null
}

/** The externalId in a token; null if it can't be read. */
export function contactOf(token: string): string | null {
  const { sub } = claimsOf(token)
  return typeof sub === 'string' ? sub : null
}

/** Version of the stored messages; anything else is ignored. */
const VERSION = 2
const DELAY_MS = 400

/** The storage of one contact's inbox, shared by the tabs of a browser. */
export interface SnapshotStore {
  /** Calls `found` with what is stored, if anything: at once, or later where the storage answers later. Until then nothing is stored. */
  read(found: (snapshot: Snapshot) => void): void
  /** Stores what `take` returns: after a short delay, or when the page is left. */
  save(take: () => Snapshot): void
  /** Sends a message to the other tabs. */
  broadcast(message: TabMessage): void
  /** Removes what is stored, and stores nothing from then on. */
  forget(): void
  close(): void
}

/** With no `storage` nothing is read or written, but the tabs still share their operations. `receive` gets their messages. */
export function openSnapshotStore(
  name: string,
  storage: InboxStorage | null,
  receive: (message: TabMessage) => void,
): SnapshotStore {
  // The operations of this release are no longer those that 0.1 wrote: a tab that still runs it must neither see nor send them.
  const old = `carillon-inbox/${name}`
  const key = `carillon-inbox/3/${name}`
  let timer: ReturnType<typeof setTimeout> | undefined
  let next: (() => Snapshot) | null = null
  let isForgotten = false
  let isClosed = false
  let isReading = false
  let channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(key)
  if (channel !== null) channel.onmessage = ({ data }: MessageEvent<TabMessage>) => receive(data)

  /** Where storage is full or disabled, there will be nothing to show while offline. */
  const ignoringFailure = (action: () => void | Promise<void>): void => {
    try {
      void Promise.resolve(action()).catch(() => undefined)
    } catch {
      // Like a rejection.
    }
  }
  const write = (): void => {
    clearTimeout(timer)
    if (next === null || isReading) return
    const snapshot = next()
    next = null
    ignoringFailure(() => storage?.setItem(key, JSON.stringify({ version: VERSION, ...snapshot })))
  }
  /** @returns null: nothing, or nothing that can be read */
  const parse = (text: string | null): Snapshot | null => {
    try {
      const stored = JSON.parse(text ?? 'null') as (Snapshot & { version: number }) | null
      return stored?.version === VERSION ? stored : null
    } catch {
      return null
    }
  }
  const unlisten = onPageHide(write)
  return {
    read(found) {
      if (storage === null) return
      const take = (text: string | null): void => {
        isReading = false
        const snapshot = isForgotten || isClosed ? null : parse(text)
        if (snapshot !== null) found(snapshot)
        if (!isClosed) write()
      }
      const get = (from: string, then: (text: string | null) => void): void => {
        const text = storage.getItem(from)
        if (typeof text === 'string' || text === null) then(text)
        else {
          isReading = true
          text.then(then, () => take(null))
        }
      }
      try {
        get(key, (text) => (text === null ? get(old, take) : take(text)))
      } catch {
        // Storage is disabled.
      }
    },
    save(take) {
      if (storage === null || isForgotten) return
      if (next === null) timer = setTimeout(write, DELAY_MS)
      next = take
    },
    broadcast: (message) => channel?.postMessage(message),
    forget() {
      isForgotten = true
      clearTimeout(timer)
      next = null
      for (const one of [key, old]) ignoringFailure(() => storage?.removeItem(one))
    },
    close() {
      write()
      isClosed = true
      unlisten()
      channel?.close()
      // An operation that is in flight may still settle, and posting to a closed channel throws.
      channel = null
    },
  }
}

/** Calls `listener` when the page is left. @returns a function that unsubscribes */
function onPageHide(listener: () => void): () => void {
  if (typeof document === 'undefined') return () => {}
  addEventListener('pagehide', listener)
  return () => removeEventListener('pagehide', listener)
}
