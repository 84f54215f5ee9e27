/** Routes in the hash: `#/contacts/ann/feed?status=FAILED`. Every view has a URL that can be shared. */

/** A parsed route. */
export interface Route {
  /** decoded, never empty */
  readonly path: readonly string[]
  readonly query: URLSearchParams
}

/** Query parameters; those that are null or empty are left out. */
export type Query = Readonly<Record<string, string | null | undefined>>

const decode = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Parses a hash. */
export function readRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  const parts = path.split('/').filter((part) => part !== '')
  return { path: parts.length === 0 ? ['activity'] : parts.map(decode), query: new URLSearchParams(query) }
}

/** The hash of a route. */
export function href(path: readonly string[], query: Query = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => (entry[1] ?? '') !== '')
  const search = new URLSearchParams(given).toString()
  return `#/${path.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`
}

/** A query with some parameters replaced. */
export const changed = (query: URLSearchParams, changes: Query): Query => ({ ...Object.fromEntries(query), ...changes })
