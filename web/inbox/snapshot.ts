/** What stays in the browser: the newest messages of one contact, so that there is something to show without a network. */
import type { InboxCounts, InboxMessage } from './message.ts'
import type { Deed, Word } from './outbox.ts'

/** What is kept. */
export interface Snapshot {
  readonly counts: InboxCounts
  readonly messages: readonly InboxMessage[]
  readonly deeds: readonly Deed[]
}

/** Whose inbox it is, as the token says. The server checks it; here it only names a place to keep things. */
export function ownerOf(token: string): string | null {
  try {
    const [, body = ''] = token.split('.')
    const claims = JSON.parse(atob(body.replaceAll('-', '+').replaceAll('_', '/'))) as { pid?: unknown; cid?: unknown }
    return typeof claims.pid === 'string' && typeof claims.cid === 'string' ? `${claims.pid}/${claims.cid}` : null
  } catch {
    return null
  }
}

/** The externalId in a token; null: it can't be read. */
export function contactOf(token: string): string | null {
  try {
    const [, body = ''] = token.split('.')
    const bytes = Uint8Array.from(atob(body.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
    const { sub } = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown }
    return typeof sub === 'string' ? sub : null
  } catch {
    return null
  }
}

const VERSION = 1
const MAX_MESSAGES = 50
const DELAY_MS = 400

/** The place of one contact in this browser. */
export interface Place {
  read(): Snapshot | null
  /** Keeps what `make` gives, soon; at once when the page goes. */
  keep(make: () => Snapshot): void
  tell(word: Word): void
  /** Removes what is kept, and keeps nothing more. */
  forget(): void
  close(): void
}

/** Opens it. `isKept` false: nothing is written, and tabs still talk. */
export function openPlace(name: string, isKept: boolean, hear: (word: Word) => void): Place {
  const key = `carillon-inbox/${name}`
  let timer: ReturnType<typeof setTimeout> | undefined
  let next: (() => Snapshot) | null = null
  let isForgotten = false
  const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(key)
  if (channel !== null) channel.onmessage = ({ data }: MessageEvent<Word>) => hear(data)

  const write = (): void => {
    clearTimeout(timer)
    if (next === null) return
    const snapshot = next()
    next = null
    const messages = snapshot.messages.slice(0, MAX_MESSAGES)
    // Which messages an "all" meant is found again among those that are kept.
    const deeds = snapshot.deeds.map((deed) => (deed.kind === 'all' ? { ...deed, ids: [] } : deed))
    try {
      localStorage.setItem(key, JSON.stringify({ version: VERSION, ...snapshot, messages, deeds }))
    } catch {
      // Full, or not allowed here: there will be nothing to show without a network, and that is all.
    }
  }
  const onHide = (): void => write()
  addEventListener('pagehide', onHide)
  return {
    read() {
      if (!isKept) return null
      try {
        const kept = JSON.parse(localStorage.getItem(key) ?? 'null') as (Snapshot & { version: number }) | null
        if (kept?.version !== VERSION) return null
        const ids = kept.messages.map(({ id }) => id)
        return { ...kept, deeds: kept.deeds.map((deed) => (deed.kind === 'all' ? { ...deed, ids } : deed)) }
      } catch {
        return null
      }
    },
    keep(make) {
      if (!isKept || isForgotten) return
      if (next === null) timer = setTimeout(write, DELAY_MS)
      next = make
    },
    tell: (word) => channel?.postMessage(word),
    forget() {
      isForgotten = true
      clearTimeout(timer)
      next = null
      try {
        localStorage.removeItem(key)
      } catch {
        // Not allowed here: then there is nothing.
      }
    },
    close() {
      write()
      removeEventListener('pagehide', onHide)
      channel?.close()
    },
  }
}
