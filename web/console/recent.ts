/** What was started from this tab: the server has no list of transactions. */
const NAME = 'carillon:recent'
const KEPT = 20

/** Something that was started. */
export interface Started {
  readonly transactionId: string
  readonly title: string
  readonly at: string
}

/** The list, newest first; it lasts as long as the tab. */
export function createRecent() {
  let list: readonly Started[] = []
  try {
    list = JSON.parse(sessionStorage.getItem(NAME) ?? '[]') as Started[]
  } catch {
    // Switched off, or not ours: the list begins empty.
  }
  return {
    list: (): readonly Started[] => list,
    add(one: Omit<Started, 'at'>): void {
      list = [{ ...one, at: new Date().toISOString() }, ...list].slice(0, KEPT)
      try {
        sessionStorage.setItem(NAME, JSON.stringify(list))
      } catch {
        // It is there until the page is reloaded.
      }
    },
  }
}
