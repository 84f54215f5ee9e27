/** What the filters of lists share: they are kept in the URL, so that a view can be shared. */
import type { Deps } from './page.ts'
import { changed, type Route } from './router.ts'
import { instantOf } from './time.ts'

/** How long typing must pause before the filter is applied, ms. */
const TYPING_MS = 250

/** A field in the query of a URL, without spaces around it; empty: it is not given. */
export const textOf = (query: URLSearchParams, name: string): string => query.get(name)?.trim() ?? ''

/** The field `from` or `to` in the query of a URL, in the zone that is shown, as ISO 8601; undefined: it is empty, or no date. */
export function dateOf(query: URLSearchParams, name: 'from' | 'to'): string | undefined {
  return instantOf(textOf(query, name)) ?? undefined
}

/** The fields of a form of filters. @param names the query parameters of the URL */
export function createUrlFilter<Name extends string>(
  { replace, update }: Pick<Deps, 'replace' | 'update'>,
  route: () => Route,
  names: readonly Name[],
) {
  let typing: ReturnType<typeof setTimeout> | null = null
  let pending: Partial<Record<Name, string>> = {}
  const stop = (): void => {
    if (typing !== null) clearTimeout(typing)
    typing = null
  }
  const given = (name: Name): string => pending[name] ?? route().query.get(name) ?? ''
  function apply(): void {
    stop()
    const changes = pending
    pending = {}
    replace(route().path, changed(route().query, { ...changes, after: null, before: null }))
  }
  const keep = (name: Name, value: string): void => {
    pending = { ...pending, [name]: value }
  }
  return {
    given,

    /** Applies what was typed. */
    apply,

    /** A field that is applied when typing pauses. */
    typed: (name: Name) => (value: string) => {
      keep(name, value)
      stop()
      typing = setTimeout(apply, TYPING_MS)
      update()
    },

    /** A field that is applied at once. */
    chosen: (name: Name) => (value: string) => {
      keep(name, value)
      apply()
    },

    /** How many of some fields are used. */
    used: (some: readonly Name[]): number => some.filter((name) => given(name) !== '').length,

    isEmpty: (): boolean => names.every((name) => given(name) === ''),

    clear(): void {
      stop()
      pending = {}
      replace(route().path)
    },
    stop,
  }
}
