/** One of the two people of the demo page: their inbox, its counts, and what came over the wire. */
import { html, nothing, type TemplateResult } from 'lit'
import type { CarillonInbox } from './element.ts'
import type { PageApi } from './page-api.ts'

/** A line of the log. */
interface Line {
  readonly at: Date
  readonly kind: string
  readonly text: string
  readonly cursor: string
}

/** How the inboxes look. */
export interface Look {
  readonly theme: 'auto' | 'light' | 'dark'
  readonly lang: 'en' | 'ko'
  readonly dir: 'ltr' | 'rtl'
}

const MAX_LINES = 60
const kinds: Readonly<Record<string, string>> = {
  RECEIVED: 'received',
  UPDATED: 'counted up',
  MARKED: 'marked',
  ALL_MARKED: 'all marked',
  ACTED: 'acted on',
  RETRACTED: 'taken back',
}

/** Makes one. `onChange`: it has to be drawn again. */
export function createDevice(name: string, contact: string, api: PageApi, onChange: () => void) {
  const inbox = document.createElement('carillon-inbox') as CarillonInbox
  inbox.tokenProvider = () => api.token(contact)
  inbox.feeds = ['default', 'requests']
  inbox.texts = { feeds: { default: 'General', requests: 'Requests' } }
  inbox.mode = 'inline'
  let lines: Line[] = []
  let counts = { unseenCount: 0, unreadCount: 0 }
  let state = { phase: 'loading', live: 'connecting' }
  let isCut = false
  /** changes that came since the line was put together again; null: it was not cut */
  let replayed: number | null = null

  const note = (kind: string, text: string, cursor = ''): void => {
    lines = [{ at: new Date(), kind, text, cursor }, ...lines].slice(0, MAX_LINES)
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
      note('line', replayed === null ? 'connected' : 'connected again: goes on where it stopped')
    else if (state.live !== before.live && state.live === 'offline')
      note('line', isCut ? 'the socket is cut' : 'the connection is gone')
    else if (state.phase === 'expired') note('line', 'the token has expired')
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
    lines = []
    inbox.client?.forget()
    api.token(to).then(
      (token) => {
        inbox.token = token
      },
      (error: unknown) => note('error', String(error)),
    )
    onChange()
  }
  const cut = (): void => {
    isCut = !isCut
    if (isCut) inbox.client?.pause()
    else {
      replayed = 0
      inbox.client?.resume()
    }
    onChange()
  }
  /** A token that is good for a second, and nobody to ask for another. */
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
      const status = isCut ? 'cut' : state.phase === 'expired' ? 'expired' : state.live
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
              <button type="button" class="quiet" @click=${cut} aria-pressed=${isCut}>${isCut ? 'Connect again' : 'Cut the socket'}</button>
              ${
                state.phase === 'expired'
                  ? html`<button type="button" class="quiet" @click=${() => void signIn()}>Sign in again</button>`
                  : html`<button type="button" class="quiet" @click=${() => void expire().catch(() => undefined)}>Expire the token</button>`
              }
              <button type="button" class="quiet" aria-pressed=${isBell} @click=${() => {
                inbox.mode = isBell ? 'inline' : 'popover'
                inbox.open = false
                onChange()
              }}>Bell</button>
            </div>
          ${isBell ? html`<p class="hint">The inbox is behind the bell. Send something and see it count.</p>` : inbox}
          <div class="log" tabindex="0" role="log" aria-label="What came over the wire to ${contact}">
            ${lines.length === 0 ? html`<p class="hint">What comes over the wire is written here.</p>` : nothing}
            <ol>
              ${lines.map(
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

/** One of the two. */
export type Device = ReturnType<typeof createDevice>
