/** What is typed into a form and not saved yet: whether anything is, and a copy that survives a reload. */
import { html, type TemplateResult } from 'lit'
import { when } from './time.ts'

/** Copies of what is not saved, by the name of a form: those of one person in one project. */
export interface DraftStore {
  read(name: string): string | null
  /** Keeps a copy; does nothing where storage is disabled or full. */
  write(name: string, text: string): void
  forget(name: string): void
}

const PREFIX = 'carillon:draft'

/**
 * Creates the store of a person in a project. A person's copies stay when the tab is closed. `person`: null: who signed in with an API key, whose
 * copies go with the tab, as the key does.
 */
export function createDraftStore(project: string, person: string | null): DraftStore {
  const nameOf = (name: string): string => [PREFIX, person ?? '', project, name].map(encodeURIComponent).join('/')
  const attempt = <T>(use: (storage: Storage) => T): T | null => {
    try {
      return use(person === null ? sessionStorage : localStorage)
    } catch {
      return null
    }
  }
  return {
    read: (name) => attempt((storage) => storage.getItem(nameOf(name))),
    write: (name, text) => void attempt((storage) => storage.setItem(nameOf(name), text)),
    forget: (name) => void attempt((storage) => storage.removeItem(nameOf(name))),
  }
}

/** A form, as JSON. */
export interface UnsavedForm<T> {
  /** what is typed now */
  read(): T
  /** replaces what is typed */
  write(state: T): void
}

/** How a copy is kept. Left out for forms with secrets: those are gone with the page. */
export interface KeptForm {
  readonly drafts: DraftStore
  readonly name: string
  /** which state of the server the form was opened with */
  readonly basis: () => number
}

/** Whether a form has changes, and their copy. */
export interface Unsaved<T> {
  /** The form shows what the server has. Restores the copy of an earlier visit. @returns the basis of what is shown now */
  begin(): number | null
  /** Something was typed. */
  touched(): void
  /** What is typed is saved. */
  saved(): void
  /** Shows what the server has again, and forgets the copy. */
  discard(): void
  /** Whether what is typed differs from what the server has. */
  isChanged(): boolean
  /** The state that the server has. */
  stored(): T
  /** Says that an earlier visit's changes were restored; empty if none were. */
  notice(): TemplateResult | string
}

const parsed = (text: string): { readonly at: string; readonly basis: number; readonly state: unknown } | null => {
  try {
    const value: unknown = JSON.parse(text)
    const { at, basis, state } = value as { at?: unknown; basis?: unknown; state?: unknown }
    return typeof at === 'string' && typeof basis === 'number' && typeof state === 'object' ? { at, basis, state } : null
  } catch {
    return null
  }
}

/** Creates it for a form that is not filled in yet: call `begin` when it is. */
export function createUnsaved<T extends object>(
  form: UnsavedForm<T>,
  update: () => void,
  kept: KeptForm | null = null,
): Unsaved<T> {
  let before: string | null = null
  let restoredAt: string | null = null
  const now = (): string => JSON.stringify(form.read())
  const forget = (): void => {
    restoredAt = null
    kept?.drafts.forget(kept.name)
  }

  return {
    begin() {
      before = now()
      const copy = kept === null ? null : parsed(kept.drafts.read(kept.name) ?? '')
      // A copy of another release's form may lack fields.
      const isOurs = copy !== null && Object.keys(JSON.parse(before)).every((name) => name in (copy.state as object))
      if (copy === null || !isOurs || JSON.stringify(copy.state) === before) {
        forget()
        return null
      }
      form.write(copy.state as T)
      restoredAt = copy.at
      return copy.basis
    },
    touched() {
      if (before === null || kept === null) return
      const text = now()
      if (text === before) forget()
      else
        kept.drafts.write(kept.name, `{"at":${JSON.stringify(new Date().toISOString())},"basis":${kept.basis()},"state":${text}}`)
    },
    saved() {
      before = now()
      forget()
    },
    discard() {
      if (before !== null) form.write(JSON.parse(before))
      forget()
    },
    isChanged: () => before !== null && now() !== before,
    stored: () => JSON.parse(before ?? now()),
    notice() {
      if (restoredAt === null) return ''
      const discard = (): void => {
        this.discard()
        update()
      }
      return html`<div class="notice" role="status">
        <p>Your unsaved changes of ${when(restoredAt, 'full')} were restored.</p>
        <div class="buttons"><button type="button" class="small" @click=${discard}>Discard them</button></div>
      </div>`
    },
  }
}
