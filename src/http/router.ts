/** Finds the route of a request in a table. */
import createFindMyWay from 'find-my-way'
import type { Method } from './route.ts'

/** What a method and path match. `pattern`: the path as the table has it. */
export type Match<R> =
  | { readonly pattern: string; readonly route: R; readonly params: Readonly<Record<string, string | undefined>> }
  /** the path has routes, but none with this method; `allow`: the value of the header */
  | { readonly pattern: string; readonly route: null; readonly allow: string }

/** A table of routes, ready to be searched. */
export interface Router<R> {
  /** @param path without its query string. @returns null when no route has this path */
  find(method: string, path: string): Match<R> | null
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
const isMethod = (method: string): method is (typeof methods)[number] => methods.some((known) => known === method)

/** Longer than any path within the server's limit on headers. */
const PARAM_CHARS_MAX = 65_536

/** Creates a router. @throws Error when two routes have the same method and path */
export function createRouter<R extends { readonly method: Method; readonly path: string }>(routes: readonly R[]): Router<R> {
  const table = createFindMyWay({ maxParamLength: PARAM_CHARS_MAX })
  // find-my-way stores one function per route. It serves as a key here, so that the route keeps its type.
  const routeOf = new Map<unknown, R>()
  for (const route of routes) {
    const key = (): void => {}
    routeOf.set(key, route)
    table.on(route.method === 'GET' ? ['GET', 'HEAD'] : route.method, route.path, key)
  }
  const lookUp = (method: (typeof methods)[number], path: string) => {
    const found = table.find(method, path)
    const route = routeOf.get(found?.handler)
    if (found === null || route === undefined) return null
    // find-my-way accepts an empty parameter at the end: `/things/` would match `/things/:id`.
    if (Object.entries(found.params).some(([name, value]) => value === '' && name !== '*')) return null
    return { pattern: route.path, route, params: found.params }
  }
  return {
    find(method, path) {
      // `*` and `http://host/path`, which find-my-way would make a path of.
      if (!path.startsWith('/')) return null
      const match = isMethod(method) ? lookUp(method, path) : null
      if (match !== null) return match
      const others = methods.flatMap((name) => {
        const found = lookUp(name, path)
        return found === null ? [] : { name, pattern: found.pattern }
      })
      const [first] = others
      if (first === undefined) return null
      return { pattern: first.pattern, route: null, allow: others.map(({ name }) => name).join(', ') }
    },
  }
}
