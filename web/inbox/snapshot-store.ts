/** Stores a contact's newest messages and pending operations in localStorage, so that there is something to show while offline. */
import type { InboxCounts, InboxMessage } from './message.ts'
import type { Operation, TabMessage } from './outbox.ts'

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
    const bytes = Uint8Array.from(atob(body.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {}
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

/** Version of the stored format; anything else is ignored. */
const VERSION = 2
const DELAY_MS = 400

/** The storage of one contact's inbox in this browser, shared by its tabs. */
export interface SnapshotStore {
  read(): Snapshot | null
  /** Stores what `take` returns: after a short delay, or when the page is left. */
  save(take: () => Snapshot): void
  /** Sends a message to the other tabs. */
  broadcast(message: TabMessage): void
  /** Removes what is stored, and stores nothing from then on. */
  forget(): void
  close(): void
}

/** With `isStored` false nothing is read or written, but the tabs still share their operations. `receive` gets their messages. */
export function openSnapshotStore(name: string, isStored: boolean, receive: (message: TabMessage) => void): SnapshotStore {
  const key = `carillon-inbox/${name}`
  let timer: ReturnType<typeof setTimeout> | undefined
  let next: (() => Snapshot) | null = null
  let isForgotten = false
  let channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(key)
  if (channel !== null) channel.onmessage = ({ data }: MessageEvent<TabMessage>) => receive(data)

  const write = (): void => {
    clearTimeout(timer)
    if (next === null) return
    const snapshot = next()
    next = null
    // The ids of an "all" operation may be thousands; on reading, they are the ids of the stored messages.
    const operations = snapshot.operations.map((one) => (one.kind === 'all' ? { ...one, ids: [] } : one))
    try {
      localStorage.setItem(key, JSON.stringify({ version: VERSION, ...snapshot, operations }))
    } catch {
      // Storage is full or disabled: there will be nothing to show while offline.
    }
  }
  const onHide = (): void => write()
  addEventListener('pagehide', onHide)
  return {
    read() {
      if (!isStored) return null
      try {
        const stored = JSON.parse(localStorage.getItem(key) ?? 'null') as (Snapshot & { version: number }) | null
        if (stored?.version !== VERSION) return null
        const ids = stored.messages.map(({ id }) => id)
        return { ...stored, operations: stored.operations.map((one) => (one.kind === 'all' ? { ...one, ids } : one)) }
      } catch {
        return null
      }
    },
    save(take) {
      if (!isStored || isForgotten) return
      if (next === null) timer = setTimeout(write, DELAY_MS)
      next = take
    },
    broadcast: (message) => channel?.postMessage(message),
    forget() {
      isForgotten = true
      clearTimeout(timer)
      next = null
      try {
        localStorage.removeItem(key)
      } catch {
        // Storage is disabled, so there is nothing to remove.
      }
    },
    close() {
      write()
      removeEventListener('pagehide', onHide)
      channel?.close()
      // An operation that is in flight may still settle, and posting to a closed channel throws.
      channel = null
    },
  }
}
