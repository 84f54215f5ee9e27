/** The credential. It lives as long as the tab: in sessionStorage alone, never in a cookie, a query string or a log. */
const NAME = 'carillon:key'

/** Where the key is kept. */
export interface Session {
  read(): string | null
  write(key: string): void
  forget(): void
}

/** Makes it. Where the browser keeps nothing for this page, the key lasts until it is reloaded. */
export function createSession(): Session {
  let kept: string | null = null
  const attempt = (use: () => void): void => {
    try {
      use()
    } catch {
      // Storage is switched off: memory has it.
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

/** The key of a header, a line of a shell, or itself. */
export const bareKey = (text: string): string =>
  text
    .trim()
    .replace(/^authorization:\s*/i, '')
    .replace(/^bearer\s+/i, '')

/** The key of `#authorization=Bearer …`, if the address has one: it is taken out of the address at once, and out of its history. */
export function takeKeyFromAddress(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get('authorization')
  if (given === null) return null
  history.replaceState(null, '', location.pathname + location.search)
  return bareKey(given)
}
