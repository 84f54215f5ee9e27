/** The broadcasts started in this tab: the server has no list of transactions. */
const NAME = 'carillon:recent'
const KEPT = 20

/** A broadcast that was started. */
export interface Started {
  readonly transactionId: string
  readonly title: string
  readonly at: string
}

/** Newest first, kept in sessionStorage. */
export function createRecent() {
  let list: readonly Started[] = []
  try {
    list = JSON.parse(sessionStorage.getItem(NAME) ?? '[]') as Started[]
  } catch {
    // Storage is disabled or holds something else: start with an empty list.
  }
  return {
    list: (): readonly Started[] => list,
    add(one: Omit<Started, 'at'>): void {
      list = [{ ...one, at: new Date().toISOString() }, ...list].slice(0, KEPT)
      try {
        sessionStorage.setItem(NAME, JSON.stringify(list))
      } catch {
        // Storage is disabled: the list lasts until the page is reloaded.
      }
    },
  }
}
