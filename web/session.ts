/** The API key. It is kept in sessionStorage only, never in a cookie, a query string or a log, and is gone when the tab is closed. */
const NAME = 'carillon:key'

/** Where the key is kept. */
export interface Session {
  read(): string | null
  write(key: string): void
  forget(): void
}

/** Where storage is disabled, the key lasts until the page is reloaded. */
export function createSession(): Session {
  let kept: string | null = null
  const attempt = (use: () => void): void => {
    try {
      use()
    } catch {
      // Storage is disabled: the key is only in memory.
    }
  }
  attempt(() => {
    kept = sessionStorage.getItem(NAME)
  })
  return {
    read: () => kept,
    write(key) {
      kept = key
      attempt(() => sessionStorage.setItem(NAME, key))
    },
    forget() {
      kept = null
      attempt(() => sessionStorage.removeItem(NAME))
    },
  }
}

const PROJECT = 'carillon:project'

/** The project that a person has chosen in this tab. */
export const chosenProject = {
  read(): string | null {
    try {
      return sessionStorage.getItem(PROJECT)
    } catch {
      return null
    }
  },
  write(key: string): void {
    try {
      sessionStorage.setItem(PROJECT, key)
    } catch {
      // Storage is disabled: the first project is shown after a reload.
    }
  },
}

/** The key without what is often copied with it: `Authorization:`, `Bearer`. */
export const bareKey = (text: string): string =>
  text
    .trim()
    .replace(/^authorization:\s*/i, '')
    .replace(/^bearer\s+/i, '')

/**
 * Takes the key of `#authorization=Bearer …` from the URL, if there is one, and removes it from the URL and the history. A link may come from
 * anybody: it replaces the key of a session, `current`, only after a question. @returns null: there is none, or it is not to be used
 */
export function takeKeyFromAddress(current: string | null): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get('authorization')
  if (given === null) return null
  history.replaceState(null, '', location.pathname + location.search)
  const key = bareKey(given)
  if (current === null || current === key) return key
  const isWanted = confirm('You are signed in. This link signs you in with another API key, perhaps to another project. Go on?')
  return isWanted ? key : null
}
