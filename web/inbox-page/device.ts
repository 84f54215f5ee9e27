/** One of the two contacts of the demo page: their inbox, its counts, and a log of its events. */
import { html, nothing, type TemplateResult } from 'lit'
import type { CarillonInbox } from '../inbox/element.ts'
import type { PageApi } from './page-api.ts'

/** An entry of the log. */
interface Entry {
  readonly at: Date
  readonly kind: string
  readonly text: string
  readonly cursor: string
}

/** The appearance of the inboxes. */
export interface Look {
  readonly theme: 'auto' | 'light' | 'dark'
  readonly lang: 'en' | 'ko'
  readonly dir: 'ltr' | 'rtl'
}

const MAX_ENTRIES = 60
const kinds: Readonly<Record<string, string>> = {
  RECEIVED: 'received',
  UPDATED: 'updated',
  MARKED: 'marked',
  ALL_MARKED: 'many marked or deleted',
  ACTED: 'acted on',
  RETRACTED: 'retracted',
  DELETED: 'deleted',
  SNOOZED: 'snoozed',
  UNSNOOZED: 'back from snoozing',
}

/** `onChange` is called when it has to be rendered again. */
export function createDevice(name: string, contact: string, api: PageApi, onChange: () => void) {
  const inbox = document.createElement('carillon-inbox') as CarillonInbox
  inbox.tokenProvider = () => api.token(contact)
  inbox.feeds = ['default', 'requests']
  inbox.texts = { feeds: { default: 'General', requests: 'Requests' } }
  inbox.mode = 'inline'
  let entries: Entry[] = []
  let counts = { unseenCount: 0, unreadCount: 0 }
  let state = { phase: 'loading', live: 'connecting' }
  let isPaused = false
  /** changes since the connection was resumed; null: it has not been paused */
  let replayed: number | null = null

  const note = (kind: string, text: string, cursor = ''): void => {
    entries = [{ at: new Date(), kind, text, cursor }, ...entries].slice(0, MAX_ENTRIES)
    onChange()
  }
  inbox.addEventListener('carillon-counts', (event) => {
    counts = (event as CustomEvent<typeof counts>).detail
    onChange()
  })
  inbox.addEventListener('carillon-state', (event) => {
    const before = state
    state = (event as CustomEvent<typeof state>).detail
    if (state.live !== before.live && state.live === 'live')
      note('connection', replayed === null ? 'connected' : 'reconnected, resuming from the last cursor')
    else if (state.live !== before.live && state.live === 'offline')
      note('connection', isPaused ? 'disconnected' : 'connection lost')
    else if (state.phase === 'expired') note('connection', 'token expired')
    onChange()
  })
  inbox.addEventListener('carillon-change', (event) => {
    const { kind, message, cursor } = (
      event as CustomEvent<{ kind: string; message: { title: string | null; body: string } | null; cursor: string }>
    ).detail
    if (replayed !== null) replayed += 1
    note(kinds[kind] ?? kind, message === null ? '' : (message.title ?? message.body), cursor)
  })
  inbox.addEventListener('carillon-error', (event) => {
    const { code, message } = (event as CustomEvent<{ code: string; message: string }>).detail
    note('error', `${code}: ${message}`)
  })

  const setContact = (to: string): void => {
    if (to === '' || to === contact) return
    contact = to
    entries = []
    inbox.client?.forget()
    api.token(to).then(
      (token) => {
        inbox.token = token
      },
      (error: unknown) => note('error', String(error)),
    )
    onChange()
  }
  const togglePause = (): void => {
    isPaused = !isPaused
    if (isPaused) inbox.client?.pause()
    else {
      replayed = 0
      inbox.client?.resume()
    }
    onChange()
  }
  /** Sets a token that is valid for one second, and no provider for another. */
  const expire = async (): Promise<void> => {
    inbox.tokenProvider = null
    inbox.token = await api.token(contact, 1)
    await inbox.updateComplete
    inbox.client?.pause()
    inbox.client?.resume()
  }
  const signIn = async (): Promise<void> => {
    inbox.tokenProvider = () => api.token(contact)
    inbox.token = await api.token(contact)
  }

  return {
    name,
    get contact() {
      return contact
    },
    look({ theme, lang, dir }: Look): void {
      inbox.theme = theme
      inbox.lang = lang
      inbox.dir = dir
    },
    end(): void {
      inbox.client?.forget()
      inbox.remove()
    },
    render(): TemplateResult {
      const isBell = inbox.mode === 'popover'
      const status = isPaused ? 'paused' : state.phase === 'expired' ? 'expired' : state.live
      return html`
        <section class="device" aria-label="${name}: ${contact}">
          <header>
            <label class="who"><span class="label">${name}</span>
              <input .value=${contact} spellcheck="false" autocapitalize="off" maxlength="255"
                @change=${({ target }: Event) => target instanceof HTMLInputElement && setContact(target.value.trim())}></label>
            <span class="state state-${status}" role="status">${status}</span>
            ${isBell ? inbox : nothing}
          </header>
          <dl class="counts">
            <div><dt>Unseen</dt><dd>${counts.unseenCount}</dd></div>
            <div><dt>Unread</dt><dd>${counts.unreadCount}</dd></div>
          </dl>
          <div class="buttons">
              <button type="button" class="quiet" @click=${togglePause} aria-pressed=${isPaused}>${isPaused ? 'Reconnect' : 'Disconnect'}</button>
              ${
                state.phase === 'expired'
                  ? html`<button type="button" class="quiet" @click=${() => void signIn()}>Sign in again</button>`
                  : html`<button type="button" class="quiet" @click=${() => void expire().catch(() => undefined)}>Expire token</button>`
              }
              <button type="button" class="quiet" aria-pressed=${isBell} @click=${() => {
                inbox.mode = isBell ? 'inline' : 'popover'
                inbox.open = false
                onChange()
              }}>Bell</button>
            </div>
          ${isBell ? html`<p class="hint">The inbox opens from the bell. Send something and watch the count.</p>` : inbox}
          <div class="log" tabindex="0" role="log" aria-label="Events of ${contact}">
            ${entries.length === 0 ? html`<p class="hint">Events will appear here.</p>` : nothing}
            <ol>
              ${entries.map(
                ({ at, kind, text, cursor }) => html`
                  <li class=${kind === 'error' ? 'bad' : ''}><time datetime=${at.toISOString()}>${at.toLocaleTimeString([], { hour12: false })}</time>
                    <b>${kind}</b> <span class="what">${text}</span>${cursor === '' ? nothing : html`<code title="cursor">${cursor.split('.')[0]}</code>`}</li>`,
              )}
            </ol>
          </div>
        </section>`
    },
  }
}

/** One of the two contacts. */
export type Device = ReturnType<typeof createDevice>
