/** Where the page is: `#/contacts/ann/feed?status=FAILED`. Every view has an address that can be sent to somebody. */

/** A place. */
export interface Route {
  /** decoded, never empty */
  readonly path: readonly string[]
  readonly query: URLSearchParams
}

/** What a query may be made of; what is null or empty is left out. */
export type Query = Readonly<Record<string, string | null | undefined>>

const decode = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The place that a hash names. */
export function readRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  const parts = path.split('/').filter((part) => part !== '')
  return { path: parts.length === 0 ? ['activity'] : parts.map(decode), query: new URLSearchParams(query) }
}

/** The address of a place. */
export function href(path: readonly string[], query: Query = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => (entry[1] ?? '') !== '')
  const search = new URLSearchParams(given).toString()
  return `#/${path.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`
}

/** A place's query with some of it replaced. */
export const changed = (query: URLSearchParams, changes: Query): Query => ({ ...Object.fromEntries(query), ...changes })
