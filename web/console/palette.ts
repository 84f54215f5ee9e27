/** The command palette (Ctrl+K, ⌘K): every page and action, and contacts, templates and notifications as they are typed. */
import { html, type TemplateResult } from 'lit'
import { live } from 'lit/directives/live.js'
import { ref } from 'lit/directives/ref.js'
import { graphql } from '../graphql.ts'
import type { Api } from './api.ts'
import { dialog } from './dialog.ts'
import type { Scope } from './page.ts'
import { menu, needsOf } from './places.ts'
import { href } from './router.ts'

const FindTemplates = graphql(`
  query FindTemplates($search: String) { templates(search: $search, first: 5) { nodes { key name } } }
`)

const FindPeopleAndSends = graphql(`
  query FindPeopleAndSends($search: String) {
    contacts(filter: { search: $search }, first: 5) { nodes { externalId firstName lastName } }
    notifications(filter: { search: $search }, first: 5) { nodes { id key template { name } contact { externalId } } }
  }
`)

const FindNotification = graphql(`
  query FindNotification($id: ID!) { notification(id: $id) { id template { name } contact { externalId } } }
`)

/** What can be chosen. */
export interface Command {
  readonly group: string
  readonly label: string
  /** beside the label, such as a key */
  readonly note?: string
  run(): void
}

/** What the palette needs. */
export interface PaletteDeps {
  readonly api: Api
  readonly isMasked: boolean
  readonly hasPeople: boolean
  can(scope: Scope): boolean
  update(): void
  /** what the frame can do */
  readonly actions: readonly Command[]
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i
/** How long typing must pause before the server is asked, ms. */
const TYPING_MS = 200

const open = (path: readonly string[]) => (): void => {
  location.hash = href(path)
}

/** Creates the palette of one credential. */
export function createPalette({ api, isMasked, hasPeople, can, update, actions }: PaletteDeps) {
  let isOpen = false
  let typed = ''
  let at = 0
  let found: readonly Command[] = []
  let timer: ReturnType<typeof setTimeout> | null = null
  let turn = 0

  const creations: readonly (readonly [path: string, label: string])[] = [
    ['new-template', 'New template'],
    ['new-segment', 'New segment'],
    ['new-campaign', 'New campaign'],
    ['new-broadcast', 'New broadcast'],
    ['import-contacts', 'Import contacts'],
  ]
  const fixed: readonly Command[] = [
    ...menu.flatMap(({ entries }) =>
      entries
        .filter(([path]) => can(needsOf(path)) && (path !== 'people' || hasPeople))
        .map(([path, label]): Command => ({ group: 'Pages', label, run: open([path]) })),
    ),
    ...creations
      .filter(([path]) => can(needsOf(path)))
      .map(([path, label]): Command => ({ group: 'Actions', label, run: open([path]) })),
    ...actions,
  ]
  const commands = (): readonly Command[] => {
    const wanted = typed.trim().toLowerCase()
    return [...fixed.filter(({ label }) => label.toLowerCase().includes(wanted)), ...found]
  }

  /** What the server finds. A part that fails, or that the credential may not ask for, is left out. */
  async function search(text: string): Promise<void> {
    turn += 1
    const mine = turn
    const none = (): null => null
    const [templates, others, one] = await Promise.all([
      api.ask(FindTemplates, { search: text }).catch(none),
      isMasked ? null : api.ask(FindPeopleAndSends, { search: text }).catch(none),
      UUID.test(text) ? api.ask(FindNotification, { id: text }).catch(none) : null,
    ])
    if (mine !== turn || !isOpen) return
    const sends = [...(one?.notification ? [{ ...one.notification, key: null }] : []), ...(others?.notifications.nodes ?? [])]
    found = [
      ...(others?.contacts.nodes ?? []).map(({ externalId, firstName, lastName }): Command => {
        const note = [firstName, lastName].filter((part) => (part ?? '') !== '').join(' ')
        return { group: 'Contacts', label: externalId, note, run: open(['contacts', externalId]) }
      }),
      ...(templates?.templates.nodes ?? []).map(
        ({ key, name }): Command => ({ group: 'Templates', label: name, note: key, run: open(['templates', key]) }),
      ),
      ...sends.map(({ id, key, template, contact }): Command => {
        const label = `${template?.name ?? 'Notification'} to ${contact?.externalId ?? 'no contact'}`
        return { group: 'Notifications', label, note: key ?? id, run: open(['notifications', id]) }
      }),
    ]
    update()
  }
  function type(text: string): void {
    typed = text
    at = 0
    if (timer !== null) clearTimeout(timer)
    if (text.trim() === '') found = []
    else timer = setTimeout(() => void search(text.trim()), TYPING_MS)
    update()
  }
  function close(): void {
    isOpen = false
    if (timer !== null) clearTimeout(timer)
    update()
  }
  function choose(command: Command | undefined): void {
    if (command === undefined) return
    close()
    command.run()
  }
  function move(by: number): void {
    const all = commands().length
    at = all === 0 ? 0 : (at + by + all) % all
    update()
    queueMicrotask(() => queueMicrotask(() => document.getElementById(`command-${at}`)?.scrollIntoView({ block: 'nearest' })))
  }
  const pressed = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1 }
    const step = steps[event.key]
    if (step === undefined && event.key !== 'Enter') return
    event.preventDefault()
    if (step === undefined) choose(commands()[at])
    else move(step)
  }
  const focused = (element: Element | undefined): void => {
    // The dialog is opened after the element was rendered, and takes the focus then.
    if (element instanceof HTMLInputElement) setTimeout(() => element.focus())
  }

  const option = (command: Command, index: number, before: Command | undefined): TemplateResult => html`
    ${command.group === before?.group ? '' : html`<li role="presentation" class="group">${command.group}</li>`}
    <li
      id="command-${index}"
      role="option"
      aria-selected=${index === at ? 'true' : 'false'}
      @mousemove=${() => {
        if (at === index) return
        at = index
        update()
      }}
      @click=${() => choose(command)}
    >
      <span>${command.label}</span>${(command.note ?? '') === '' ? '' : html`<span class="quiet small">${command.note}</span>`}
    </li>
  `
  return {
    isOpen: (): boolean => isOpen,
    open(): void {
      isOpen = true
      typed = ''
      found = []
      at = 0
      update()
    },
    close,
    view: (): TemplateResult | string => {
      if (!isOpen) return ''
      const all = commands()
      return dialog({
        title: 'Go to',
        close,
        body: html`<div class="palette">
          <input
            type="text"
            role="combobox"
            aria-label="Search pages, actions, contacts, templates and notifications"
            aria-expanded="true"
            aria-controls="commands"
            aria-autocomplete="list"
            aria-activedescendant=${all.length === 0 ? '' : `command-${at}`}
            placeholder="A page, an action, a contact, a template, an id"
            autocomplete="off"
            spellcheck="false"
            .value=${live(typed)}
            ${ref(focused)}
            @input=${(event: Event) => type((event.target as HTMLInputElement).value)}
            @keydown=${pressed}
          />
          <ul id="commands" role="listbox" aria-label="Results">
            ${all.map((command, index) => option(command, index, all[index - 1]))}
          </ul>
          ${all.length === 0 ? html`<p class="quiet small" role="status">No matches</p>` : ''}
        </div>`,
      })
    },
  }
}
