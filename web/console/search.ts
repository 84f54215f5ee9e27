/** A search field whose value goes into the URL when typing pauses. */
import type { Deps } from './page.ts'
import { changed, type Route } from './router.ts'

const TYPING_MS = 250

/** `name` is the query parameter. */
export function createSearch({ replace, update }: Pick<Deps, 'replace' | 'update'>, route: () => Route, name = 'q') {
  let typing: ReturnType<typeof setTimeout> | null = null
  let pending: string | null = null
  const stop = (): void => {
    if (typing !== null) clearTimeout(typing)
    typing = null
  }
  function apply(): void {
    stop()
    if (pending === null) return
    const value = pending
    pending = null
    replace(route().path, changed(route().query, { [name]: value, after: null, before: null }))
  }
  return {
    value: (): string => pending ?? route().query.get(name) ?? '',
    type(value: string): void {
      pending = value
      stop()
      typing = setTimeout(apply, TYPING_MS)
      update()
    },
    apply,
    stop,
  }
}
