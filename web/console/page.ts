/** Pages, and what they are given. */
import type { TemplateResult } from 'lit'
import type { Api } from './api.ts'
import type { Query, Route } from './router.ts'
import type { DraftStore } from './unsaved.ts'

/** A confirmation before an action. */
export interface Question {
  readonly title: string
  readonly text: string
  /** label of the button */
  readonly action: string
  readonly isDangerous?: boolean
  /** label of the other button; default: Cancel */
  readonly refusal?: string
}

/** The project of the API key. */
export interface ProjectInfo {
  readonly key: string
  readonly name: string
  readonly locale: string
}

/** A scope of the credential. */
export type Scope = 'SEND' | 'READ' | 'MANAGE' | 'KEYS'

/** The services that pages use. */
export interface Deps {
  readonly api: Api
  readonly project: ProjectInfo
  /** Personal data is masked: there is no search by address, and no preview. */
  readonly isMasked: boolean
  /** Whether the credential has a scope. What is marked with `data-needs` is hidden without it. */
  can(scope: Scope): boolean
  /** Copies of forms that are not saved. */
  readonly drafts: DraftStore
  /** Renders again. Calls in the same task are combined into one. */
  update(): void
  go(path: readonly string[], query?: Query): void
  /** Navigates without a new history entry, for filters. */
  replace(path: readonly string[], query?: Query): void
  /** Shows a toast. */
  say(text: string, tone?: 'good' | 'bad'): void
  /** Asks for confirmation. @returns whether it was given */
  ask(question: Question): Promise<boolean>
}

/** A page. */
export interface Page {
  readonly title: () => string
  view(): TemplateResult
  /** The query or the section changed. Without it, the page is opened again. */
  moved?(route: Route): void
  close?(): void
  /** Whether something was typed that is not saved. */
  isUnsaved?(): boolean
  /** Forgets what is not saved. */
  discard?(): void
}

/** A part of a page with its own data, closed when another part is opened. */
export interface Section {
  view(): TemplateResult
  close?(): void
}

/** Opens the page of a route. */
export type OpenPage = (deps: Deps, route: Route) => Page
