/** Leaving a page with unsaved changes: by the menu, a link, Back, a reload, or by closing the tab. */
import type { Page, Question } from './page.ts'

/** What leaving depends on. */
export interface LeavingDeps {
  /** the page that is shown */
  page(): Page | null
  ask(question: Question): Promise<boolean>
}

const QUESTION: Question = {
  title: 'Leave without saving?',
  text: 'What you have changed on this page is not saved, and will be discarded.',
  action: 'Discard changes',
  refusal: 'Keep editing',
  isDangerous: true,
}

/** The place of the entry in the history of this tab; null: it is new. */
const placeOf = (state: unknown): number | null =>
  typeof state === 'object' && state !== null && 'place' in state && typeof state.place === 'number' ? state.place : null

/** Asks before unsaved changes are lost. */
export function createLeaving({ page, ask }: LeavingDeps) {
  const isUnsaved = (): boolean => page()?.isUnsaved?.() === true
  let isAsking = false
  /** of the page that is shown */
  let hash = ''
  let place = placeOf(history.state) ?? 0

  /** Asks, if there is something to lose. @returns whether to leave */
  async function mayLeave(): Promise<boolean> {
    if (!isUnsaved()) return true
    const left = page()
    if (!(await ask(QUESTION))) return false
    left?.discard?.()
    return true
  }

  // The browser asks in its own words. The copy of a form is there after a reload.
  window.addEventListener('beforeunload', (event) => {
    if (isUnsaved()) event.preventDefault()
  })

  return {
    mayLeave,
    /** The page of the address is shown. */
    shown(): void {
      hash = location.hash
      place = placeOf(history.state) ?? place + 1
      history.replaceState({ place }, '')
    },
    /**
     * The address is that of another page. @returns whether the page that is shown stays: then the address goes back to it, and on again if that is
     * the answer
     */
    isKept(): boolean {
      if (!isUnsaved()) return false
      // Back at the page that is shown.
      if (location.hash === hash) return true
      const wanted = location.hash
      const to = placeOf(history.state)
      const steps = (to ?? place + 1) - place
      history.go(-steps)
      if (isAsking) return true
      isAsking = true
      void mayLeave().then((isLeft) => {
        isAsking = false
        if (!isLeft) return
        if (to === null) location.hash = wanted
        else history.go(steps)
      })
      return true
    },
  }
}
