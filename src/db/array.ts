/** Array literals of PostgreSQL. To pass one takes a fraction of the time that `pg` takes to pass an array. */

/** Of ids, numbers, times, or names of ours: they need no quoting. */
export const plainArray = (list: readonly (string | number | null)[]): string =>
  `{${list.map((item) => item ?? 'NULL').join(',')}}`

/** Of any texts. */
export const textArray = (list: readonly (string | null | undefined)[]): string => `{${list.map(quoted).join(',')}}`

const quoted = (text: string | null | undefined): string => {
  if (text === null || text === undefined) return 'NULL'
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`
}
