/** What a page is, and what it is given. */
import type { TemplateResult } from 'lit'
import type { Api } from './api.ts'
import type { Query, Route } from './router.ts'

/** A question before something is done that can't be undone. */
export interface Question {
  readonly title: string
  readonly text: string
  /** what the button says */
  readonly action: string
  readonly isDangerous?: boolean
}

/** The project that the credential opens. */
export interface ProjectInfo {
  readonly key: string
  readonly name: string
  readonly locale: string
}

/** What every page works with. */
export interface Deps {
  readonly api: Api
  readonly project: ProjectInfo
  /** Draws again, once for however many calls of a moment. */
  update(): void
  go(path: readonly string[], query?: Query): void
  /** Goes there without a new entry in the history: for filters. */
  replace(path: readonly string[], query?: Query): void
  /** Tells what was done, or what went wrong. */
  say(text: string, tone?: 'good' | 'bad'): void
  ask(question: Question): Promise<boolean>
}

/** One page. */
export interface Page {
  readonly title: () => string
  view(): TemplateResult
  /** The same page at another query or section. Without it, the page is made anew. */
  moved?(route: Route): void
  close?(): void
}

/** Makes a page at its place. */
export type OpenPage = (deps: Deps, route: Route) => Page
