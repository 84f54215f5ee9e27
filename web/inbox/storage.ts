/** Where an inbox is stored between visits. */

/** A store of texts by key, such as localStorage, or AsyncStorage of React Native. What it throws or rejects is ignored: nothing is stored then. */
export interface InboxStorage {
  getItem(key: string): string | null | Promise<string | null>
  setItem(key: string, value: string): void | Promise<void>
  removeItem(key: string): void | Promise<void>
}

/** The browser's localStorage; null where it is disabled, or where this is no page: Node has one that warns when it is touched. */
export function browserStorage(): InboxStorage | null {
  try {
    return typeof document === 'undefined' ? null : localStorage
  } catch {
    return null
  }
}
