/** Parts of the console that are files of their own, loaded when they are first needed. */

/** @param file of the same folder as the console's script @returns what loads it: once, or again after a failure */
export function createPart<T>(file: string): () => Promise<T> {
  let part: Promise<T> | null = null
  return () => {
    part ??= import(new URL(`./${file}`, import.meta.url).href).catch((error: unknown) => {
      part = null
      throw error
    })
    return part
  }
}
