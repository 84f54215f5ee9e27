/** The frame around a page: menu, toasts and confirmations. */
import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { Connection } from './api.ts'
import { dialog } from './dialog.ts'
import { choice } from './form.ts'
import { mark } from './mark.ts'
import type { ProjectInfo, Question } from './page.ts'
import { menu, needsOf, operatorMenu } from './places.ts'
import { href } from './router.ts'
import type { Viewer } from './viewer.ts'
import { type ZoneChoice, zoneLabels } from './zone.ts'

/** A short message at the edge of the screen. */
export interface Toast {
  readonly id: number
  readonly text: string
  readonly tone: 'good' | 'bad'
}

/** The state of the frame, and what its controls do. */
export interface Shell {
  /** null: the operator of the server */
  readonly project: ProjectInfo | null
  readonly viewer: Viewer
  /** people sign in on this server */
  readonly hasPeople: boolean
  readonly current: string
  readonly connection: Connection
  /** the server does not answer */
  readonly isAway: boolean
  readonly isMenuOpen: boolean
  readonly toasts: readonly Toast[]
  readonly question: Question | null
  readonly content: unknown
  /** the zone that times are shown in, and the project's own */
  readonly zone: { readonly choice: ZoneChoice; readonly project: string | null }
  changeZone(choice: string): void
  toggleMenu(): void
  answer(isYes: boolean): void
  unsay(id: number): void
  /** Opens the palette; null: there is none. */
  readonly find: (() => void) | null
  /** null: there is no key to open it with */
  readonly explore: (() => void) | null
  /** Goes to another project of the person. */
  change(project: string): void
  leave(): void
}

const isMac = /Mac|iPhone|iPad/.test(navigator.platform)

const connections = {
  idle: ['', 'This page has no live updates'],
  live: ['Live', 'Changes appear as they happen'],
  broken: ['Reconnecting…', 'The connection was lost. Reconnecting.'],
} satisfies Record<Connection, readonly [string, string]>

const tones = { idle: '', live: 'good', broken: 'warn' } satisfies Record<Connection, string>

export const shell = (state: Shell): TemplateResult => html`
  <a class="skip" href="#content" @click=${skip}>Skip to content</a>
  ${bar(state)}
  <main id="content" tabindex="-1">
    ${state.isAway ? html`<div class="notice warn away" role="status"><p><strong>Connection lost.</strong> Trying again until the server answers.</p></div>` : ''}
    ${state.content}
  </main>
  <div class="toasts" role="status" aria-live="polite">
    ${repeat(
      state.toasts,
      (toast) => toast.id,
      ({ id, text, tone }) =>
        html`<div class="toast ${tone}">
          <span>${text}</span><button class="small plain" aria-label="Dismiss" @click=${() => state.unsay(id)}>✕</button>
        </div>`,
    )}
  </div>
  ${state.question === null ? '' : confirmation(state.question, state.answer)}
`

const bar = ({
  project,
  viewer,
  hasPeople,
  current,
  connection,
  isMenuOpen,
  toggleMenu,
  explore,
  change,
  leave,
  zone,
  changeZone,
  find,
}: Shell): TemplateResult => html`
  <header class="bar ${isMenuOpen ? 'open' : ''}">
    <div class="brand">
      ${mark()}<span>Carillon</span>
      <button class="small" aria-expanded=${isMenuOpen ? 'true' : 'false'} aria-controls="menu" @click=${toggleMenu}>Menu</button>
    </div>
    <div class="menu" id="menu">
      ${
        find === null
          ? ''
          : html`<button class="find" @click=${find}><span>Go to…</span><kbd>${isMac ? '⌘K' : 'Ctrl K'}</kbd></button>`
      }
      <nav aria-label="Main">
        ${(project === null ? operatorMenu : menu).map(
          ({ title, entries }) => html`<section>
            <h2>${title}</h2>
            <ul>
              ${entries
                .filter(
                  ([path]) => project === null || (viewer.scopes.includes(needsOf(path)) && (path !== 'people' || hasPeople)),
                )
                .map(
                  ([path, label]) =>
                    html`<li><a href=${href([path])} aria-current=${path === current ? 'page' : nothing}>${label}</a></li>`,
                )}
            </ul>
          </section>`,
        )}
      </nav>
      <div class="foot">
        ${viewer.person === null ? '' : signedIn(viewer.person)}
        ${project === null || viewer.person === null || viewer.person.projects.length < 2 ? named(project) : projectSwitch(project, viewer.person.projects, change)}
        <div title=${connections[connection][1]}>${connections[connection][0] === '' ? '' : html`<span class="badge ${tones[connection]}">${connections[connection][0]}</span>`}</div>
        ${choice({
          ...{ id: 'zone', label: 'Times in', value: zone.choice, change: changeZone },
          options: (['browser', ...(zone.project === null ? [] : (['project'] as const)), 'utc'] as const).map(
            (one) => [one, one === 'project' ? `${zoneLabels[one]} (${zone.project})` : zoneLabels[one]] as const,
          ),
        })}
        <div class="buttons">
          ${explore === null ? '' : html`<button class="small" title="Opens GraphiQL with this key" @click=${explore}>GraphiQL</button>`}
          <button class="small plain" @click=${leave}>Sign out</button>
        </div>
      </div>
    </div>
  </header>
`

const named = (project: ProjectInfo | null): TemplateResult => html`
  <div>
    <div>${project?.name ?? 'Operator'}</div>
    <div class="quiet mono">${project?.key ?? 'all projects'}</div>
  </div>
`

const signedIn = ({ name, email, role }: NonNullable<Viewer['person']>): TemplateResult => html`
  <div class="person">
    <div>${name ?? email ?? 'Signed in'}</div>
    <div class="quiet small">${role.toLowerCase()}</div>
  </div>
`

const projectSwitch = (
  project: ProjectInfo,
  projects: NonNullable<Viewer['person']>['projects'],
  change: (project: string) => void,
): TemplateResult =>
  choice({
    id: 'project',
    label: 'Project',
    value: project.key,
    options: projects.map(({ key, name }) => [key, name === key ? key : `${name} (${key})`] as const),
    change,
  })

const confirmation = (
  { title, text, action, isDangerous, refusal = 'Cancel' }: Question,
  answer: (isYes: boolean) => void,
): TemplateResult =>
  dialog({
    title,
    close: () => answer(false),
    body: html`<p>${text}</p>
      <div class="buttons end">
        <button @click=${() => answer(false)}>${refusal}</button>
        <button class="primary ${isDangerous === true ? 'danger' : ''}" @click=${() => answer(true)}>${action}</button>
      </div>`,
  })

// The router uses the hash, so the link must not change it.
const skip = (event: Event): void => {
  event.preventDefault()
  document.getElementById('content')?.focus()
}
