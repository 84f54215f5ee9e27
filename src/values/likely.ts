/** The name that somebody meant who wrote another one. */

const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

/** How many letters have to be changed, added or taken away to make one text the other (Levenshtein); more than `max` counts as Infinity. */
function distance(one: string, other: string, max: number): number {
  if (Math.abs(one.length - other.length) > max) return Number.POSITIVE_INFINITY
  let before = Array.from({ length: other.length + 1 }, (_unused, index) => index)
  for (let row = 1; row <= one.length; row++) {
    const line = [row]
    for (let column = 1; column <= other.length; column++) {
      const change = (before[column - 1] ?? 0) + (one[row - 1] === other[column - 1] ? 0 : 1)
      line.push(Math.min(change, (before[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1))
    }
    before = line
  }
  const found = before[other.length] ?? Number.POSITIVE_INFINITY
  return found <= max ? found : Number.POSITIVE_INFINITY
}

const LETTERS_PER_CHANGE = 5
const CHARS_MAX = 100

/**
 * The known name that is nearest to one that is not known: in another case or with other separators, or with few letters changed (one in
 * five). null: none is near.
 * @param more changes that are allowed in addition
 */
export function likelyName(name: string, known: readonly string[], more = 0): string | null {
  const given = plain(name)
  if (given === '' || given.length > CHARS_MAX) return null
  let best: { readonly name: string; readonly changes: number } | null = null
  for (const one of known) {
    const changes = distance(given, plain(one), Math.floor(plain(one).length / LETTERS_PER_CHANGE) + more)
    if (changes < (best?.changes ?? Number.POSITIVE_INFINITY)) best = { name: one, changes }
  }
  return best?.name ?? null
}
