/** Finds things one by one for resolvers, in one call for all that are asked for in the same moment. */

/** @returns a function that finds one thing by its id; undefined: there is none. A statement for each would cost more than all else */
export function together<T>(
  findAll: (ids: readonly string[]) => Promise<ReadonlyMap<string, T>>,
): (id: string) => Promise<T | undefined> {
  let batch: { readonly ids: Set<string>; readonly found: Promise<ReadonlyMap<string, T>> } | null = null
  return async (id) => {
    if (batch === null) {
      const ids = new Set<string>()
      const found = new Promise<void>((resolve) => process.nextTick(resolve)).then(() => {
        batch = null
        return findAll([...ids])
      })
      batch = { ids, found }
    }
    batch.ids.add(id)
    return (await batch.found).get(id)
  }
}
