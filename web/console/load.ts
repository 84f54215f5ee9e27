/** Loading states. While something is reloaded, its previous value stays visible. */
import { html, type TemplateResult } from 'lit'
import { ApiError, isPassing } from './api.ts'
import { createRetry } from './retry.ts'

/** A value that is loaded. */
export interface Load<T> {
  readonly value: T | null
  readonly failure: ApiError | null
  readonly isLoading: boolean
  /** Loads it. Of several concurrent runs, the last one wins. */
  run(): Promise<void>
  /** Replaces the value without loading. */
  put(value: T): void
}

/** Any thrown value as an ApiError. */
export const failureOf = (error: unknown): ApiError =>
  error instanceof ApiError ? error : new ApiError('INTERNAL', error instanceof Error ? error.message : String(error), null)

/** Nothing is loaded before `run`. What fails for a reason that passes is loaded again by itself. */
export function createLoad<T>(ask: () => Promise<T>, update: () => void): Load<T> {
  let turn = 0
  const retry = createRetry(() => void state.run())
  const state = {
    value: null as T | null,
    failure: null as ApiError | null,
    isLoading: false,
    async run() {
      turn += 1
      const mine = turn
      retry.stop()
      state.isLoading = true
      update()
      try {
        const value = await ask()
        if (mine !== turn) return
        state.value = value
        state.failure = null
        retry.reset()
      } catch (error) {
        if (mine !== turn) return
        state.failure = failureOf(error)
        if (isPassing(state.failure)) retry.plan()
      }
      state.isLoading = false
      update()
    },
    put(value: T) {
      turn += 1
      retry.reset()
      state.value = value
      state.failure = null
      state.isLoading = false
      update()
    },
  }
  return state
}

/** A placeholder while something is loading. */
export const waiting = (): TemplateResult =>
  html`<div class="wait" role="status" aria-label="Loading"><i></i><i></i><i></i><i></i><i></i></div>`

/** An error, with a button to retry. */
export const refused = (failure: ApiError, retry: (() => void) | null = null): TemplateResult =>
  html`<div class="notice bad" role="alert">
    <p><strong>${failure.message}</strong></p>
    <p class="quiet small mono">${failure.code}${failure.field === null ? '' : ` · ${failure.field}`}</p>
    ${retry === null ? '' : html`<button class="small" @click=${retry}>Try again</button>`}
  </div>`

/** An empty state, and what to do about it. */
export const empty = (title: string, text: unknown = ''): TemplateResult =>
  html`<div class="empty"><h2>${title}</h2><p class="text">${text}</p></div>`

/** Renders a loaded value, its placeholder, or its error. */
export function loaded<T>(load: Load<T>, view: (value: T) => unknown): unknown {
  const retry = (): void => void load.run()
  if (load.value === null) return load.failure === null ? waiting() : refused(load.failure, retry)
  return html`${load.failure === null ? '' : refused(load.failure, retry)}${view(load.value)}`
}

/** Runs `action` immediately, and at most once every `ms`; calls in between are combined into one. */
export function createThrottle(action: () => void, ms: number): { (): void; stop(): void } {
  let timer: ReturnType<typeof setTimeout> | null = null
  let isWanted = false
  const tick = (): void => {
    timer = null
    if (isWanted) ask()
  }
  const ask = (): void => {
    isWanted = true
    if (timer !== null) return
    isWanted = false
    timer = setTimeout(tick, ms)
    action()
  }
  return Object.assign(ask, {
    stop() {
      if (timer !== null) clearTimeout(timer)
      timer = null
      isWanted = false
    },
  })
}
