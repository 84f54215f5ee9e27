/** The frame: the menu, the page, what is said, what is asked. */
import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { Line } from './api.ts'
import { dialog } from './dialog.ts'
import { mark } from './mark.ts'
import type { ProjectInfo, Question } from './page.ts'
import { menu } from './places.ts'
import { href } from './router.ts'

/** Something that was said. */
export interface Toast {
  readonly id: number
  readonly text: string
  readonly tone: 'good' | 'bad'
}

/** What the frame shows. */
export interface Shell {
  readonly project: ProjectInfo
  readonly current: string
  readonly line: Line
  readonly isMenuOpen: boolean
  readonly toasts: readonly Toast[]
  readonly question: Question | null
  readonly content: unknown
  toggleMenu(): void
  answer(isYes: boolean): void
  unsay(id: number): void
  explore(): void
  leave(): void
}

const lines = {
  idle: ['', 'Nothing is watched on this page'],
  live: ['Live', 'What happens shows at once'],
  broken: ['Reconnecting…', 'The connection is broken; it is tried again'],
} satisfies Record<Line, readonly [string, string]>

const lineTone = { idle: '', live: 'good', broken: 'warn' } satisfies Record<Line, string>

/** Draws the frame around a page. */
export const shell = (state: Shell): TemplateResult => html`
  <a class="skip" href="#content" @click=${skip}>Skip to content</a>
  ${bar(state)}
  <main id="content" tabindex="-1">${state.content}</main>
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
  ${state.question === null ? '' : asked(state.question, state.answer)}
`

const bar = ({ project, current, line, isMenuOpen, toggleMenu, explore, leave }: Shell): TemplateResult => html`
  <header class="bar ${isMenuOpen ? 'open' : ''}">
    <div class="brand">
      ${mark()}<span>Carillon</span>
      <button class="small" aria-expanded=${isMenuOpen ? 'true' : 'false'} aria-controls="menu" @click=${toggleMenu}>Menu</button>
    </div>
    <div class="menu" id="menu">
      <nav aria-label="Pages of the console">
        ${menu.map(
          ({ title, entries }) => html`<section>
            <h2>${title}</h2>
            <ul>
              ${entries.map(
                ([path, label]) =>
                  html`<li><a href=${href([path])} aria-current=${path === current ? 'page' : nothing}>${label}</a></li>`,
              )}
            </ul>
          </section>`,
        )}
      </nav>
      <div class="foot">
        <div>
          <div>${project.name}</div>
          <div class="quiet mono">${project.key}</div>
        </div>
        <div title=${lines[line][1]}>${lines[line][0] === '' ? '' : html`<span class="badge ${lineTone[line]}">${lines[line][0]}</span>`}</div>
        <div class="buttons">
          <button class="small" title="Opens GraphiQL with this key" @click=${explore}>GraphiQL</button>
          <button class="small plain" @click=${leave}>Sign out</button>
        </div>
      </div>
    </div>
  </header>
`

const asked = ({ title, text, action, isDangerous }: Question, answer: (isYes: boolean) => void): TemplateResult =>
  dialog({
    title,
    close: () => answer(false),
    body: html`<p>${text}</p>
      <div class="buttons end">
        <button @click=${() => answer(false)}>Leave it</button>
        <button class="primary ${isDangerous === true ? 'danger' : ''}" @click=${() => answer(true)}>${action}</button>
      </div>`,
  })

// The hash is the router's: the link must not change it.
const skip = (event: Event): void => {
  event.preventDefault()
  document.getElementById('content')?.focus()
}
