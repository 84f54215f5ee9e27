/** The demo page: the inboxes of two contacts, and a form that sends to either. The project's API key stays in this tab. */
import { html, nothing, render, type TemplateResult } from 'lit'
import { serverUrl } from '../server-url.ts'
import { bareKey, createSession, takeKeyFromAddress } from '../session.ts'
import { createDevice, type Device, type Look } from './device.ts'
import { createPageApi, type Kind, type PageApi, PageError } from './page-api.ts'

const session = createSession()
const root = document.getElementById('page')

type Stage =
  | { readonly at: 'key'; readonly problem: string | null }
  | { readonly at: 'checking' }
  | { readonly at: 'unreachable'; readonly problem: string }
  | {
      readonly at: 'inside'
      readonly api: PageApi
      readonly project: string
      readonly kinds: readonly Kind[]
      readonly devices: readonly Device[]
    }

let stage: Stage = { at: 'checking' }
let look: Look = { theme: 'auto', lang: 'en', dir: 'ltr' }
let kind = 'inbox-demo'
let result: { readonly ok: boolean; readonly text: string } | null = null
let isSending = false

const samples: Readonly<Record<string, string>> = {
  title: 'Your table is ready',
  text: 'We keep it for you until eight. See you soon!',
  link: new URL(serverUrl('inbox')).pathname,
  comment: 'Looks good to me.',
  url: new URL(serverUrl('inbox')).pathname,
}

async function enter(key: string): Promise<void> {
  stage = { at: 'checking' }
  draw()
  const api = createPageApi(key, () => leave('This API key is not valid.'))
  try {
    const { project, kinds } = await api.look()
    session.write(key)
    const devices = [
      createDevice('First contact', 'demo-user', api, draw),
      createDevice('Second contact', 'demo-friend', api, draw),
    ]
    stage = { at: 'inside', api, project, kinds, devices }
    for (const device of devices) device.look(look)
  } catch (error) {
    const { code, message } = error instanceof PageError ? error : new PageError('INTERNAL', String(error))
    if (code === 'NETWORK') stage = { at: 'unreachable', problem: message }
    else if (code !== 'UNAUTHENTICATED') stage = { at: 'key', problem: message }
  }
  draw()
}

function leave(problem: string | null): void {
  session.forget()
  if (stage.at === 'inside') for (const device of stage.devices) device.end()
  stage = { at: 'key', problem }
  result = null
  draw()
}

async function send(form: HTMLFormElement): Promise<void> {
  if (stage.at !== 'inside' || isSending) return
  const { api, devices, kinds } = stage
  const values = new FormData(form)
  const to = String(values.get('to'))
  const variables = kinds.find(({ key }) => key === kind)?.variables ?? []
  isSending = true
  draw()
  const started = performance.now()
  try {
    const accepted = await api.send({
      template: kind,
      contacts: devices.filter((_device, index) => to === 'both' || to === String(index)).map(({ contact }) => contact),
      data: Object.fromEntries(
        variables.map((name) => [name, String(values.get(`data-${name}`) ?? '')]).filter(([, value]) => value !== ''),
      ),
      incrementId: values.has('fold') ? 'inbox-demo' : null,
      times: Number(values.get('times') ?? 1),
    })
    result = { ok: true, text: `${accepted} accepted in ${Math.round(performance.now() - started)} ms` }
  } catch (error) {
    result = { ok: false, text: error instanceof PageError ? `${error.code}: ${error.message}` : String(error) }
  }
  isSending = false
  draw()
}

const submitted = (event: Event, then: (form: HTMLFormElement) => void): void => {
  event.preventDefault()
  if (event.currentTarget instanceof HTMLFormElement) then(event.currentTarget)
}

function renderKey(problem: string | null): TemplateResult {
  return html`
    <main class="gate">
      <h1>Carillon inbox</h1>
      <p>The inboxes of two contacts side by side, and a form that sends to either. It needs a project's API key; the server prints a link
        that includes one when it is first started.</p>
      <form @submit=${(event: Event) =>
        submitted(event, (form) => {
          const key = bareKey(String(new FormData(form).get('key') ?? ''))
          if (key !== '') void enter(key)
        })}>
        <label>API key<input name="key" type="password" autocomplete="off" spellcheck="false" required aria-describedby="key-note"></label>
        ${problem === null ? nothing : html`<p class="problem" role="alert">${problem}</p>`}
        <button class="main">Open</button>
        <p id="key-note" class="note">It stays in this tab and is forgotten when you close it.</p>
      </form>
    </main>`
}

function renderForm(kinds: readonly Kind[], devices: readonly Device[]): TemplateResult {
  const variables = kinds.find(({ key }) => key === kind)?.variables ?? []
  const choice = (name: string, value: string, label: string, isFirst: boolean) =>
    html`<label class="chip"><input type="radio" name=${name} value=${value} ?checked=${isFirst}><span><bdi>${label}</bdi></span></label>`
  return html`
    <section class="send" aria-labelledby="send-title">
      <h2 id="send-title">Send</h2>
      <form @submit=${(event: Event) => submitted(event, (form) => void send(form))}>
        <fieldset><legend>To</legend><div class="chips">
          ${choice('to', 'both', 'Both', true)}${devices.map(({ contact }, index) => choice('to', String(index), contact, false))}
        </div></fieldset>
        <label>Template<select name="kind" @change=${({ target }: Event) => {
          if (target instanceof HTMLSelectElement) kind = target.value
          draw()
        }}>${kinds.map(({ key, name }) => html`<option value=${key} ?selected=${key === kind}>${name}</option>`)}</select></label>
        ${variables.map((name) => html`<label>${name}<input name="data-${name}" value=${samples[name] ?? ''} autocomplete="off"></label>`)}
        <fieldset><legend>How many</legend><div class="chips">
          ${[1, 10, 100].map((count) => choice('times', String(count), String(count), count === 1))}
        </div></fieldset>
        <label class="check"><input type="checkbox" name="fold"> <span>Merge with the unread one <small>(incrementId)</small></span></label>
        <button class="main" ?disabled=${isSending}>${isSending ? 'Sending' : 'Send'}</button>
        <p class=${result?.ok === false ? 'problem' : 'note'} role="status">${result?.text ?? ''}</p>
      </form>
    </section>`
}

function renderLook(): TemplateResult {
  const choose = (change: Partial<Look>): void => {
    look = { ...look, ...change }
    document.documentElement.dataset['theme'] = look.theme
    if (stage.at === 'inside') for (const device of stage.devices) device.look(look)
    draw()
  }
  const select = <K extends keyof Look>(name: K, label: string, options: Readonly<Record<Look[K], string>>) => html`
    <label><span class="hidden">${label}</span><select @change=${({ target }: Event) =>
      target instanceof HTMLSelectElement && choose({ [name]: target.value } as Partial<Look>)}>
      ${Object.entries(options).map(([value, text]) => html`<option value=${value} ?selected=${look[name] === value}>${text}</option>`)}
    </select></label>`
  return html`<div class="look">
    ${select('theme', 'Theme', { auto: 'System', light: 'Light', dark: 'Dark' })}
    ${select('lang', 'Language', { en: 'English', ko: '한국어' })}
    ${select('dir', 'Direction', { ltr: 'Left to right', rtl: 'Right to left' })}
  </div>`
}

function renderInside({ project, kinds, devices }: Extract<Stage, { at: 'inside' }>): TemplateResult {
  return html`
    <header class="top">
      <h1>Inbox</h1><span class="project">${project}</span>
      <nav><a href=${serverUrl('')}>Console</a><a href=${serverUrl('graphql')}>GraphiQL</a></nav>
      ${renderLook()}
      <button type="button" class="quiet" @click=${() => leave(null)}>Sign out</button>
    </header>
    <main class="desk">${renderForm(kinds, devices)}${devices.map((device) => device.render())}</main>`
}

function draw(): void {
  if (root === null) return
  const page =
    stage.at === 'key'
      ? renderKey(stage.problem)
      : stage.at === 'inside'
        ? renderInside(stage)
        : stage.at === 'unreachable'
          ? html`<main class="gate"><h1>Carillon inbox</h1><p class="problem" role="alert">${stage.problem}</p>
              <button class="main" @click=${() => void enter(session.read() ?? '')}>Try again</button></main>`
          : html`<main class="gate" aria-busy="true"><h1>Carillon inbox</h1><p role="status">Opening…</p></main>`
  render(page, root)
}

const given = takeKeyFromAddress(session.read())
if (given !== null) session.write(given)
const key = session.read()
root?.replaceChildren()
if (key === null) leave(null)
else void enter(key)
