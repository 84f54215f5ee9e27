/** Arrays as parameters of PostgreSQL. To pass one as a literal takes a fraction of the time that `pg` takes to pass an array. */

/** Of ids, numbers, times, or names of ours: they need no quoting. */
export const plainArray = (list: readonly (string | number | null)[]): string =>
  `{${list.map((item) => item ?? 'NULL').join(',')}}`

/** Of any texts. */
export const textArray = (list: readonly (string | null | undefined)[]): string => `{${list.map(quoted).join(',')}}`

const quoted = (text: string | null | undefined): string => {
  if (text === null || text === undefined) return 'NULL'
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`
}

/** The OID of `uuid`, and the bytes of one. */
const [UUID, UUID_BYTES] = [2950, 16]
/** The bytes of a binary array before its items, and of an item's length. */
const [HEAD_BYTES, LENGTH_BYTES] = [20, 4]

/**
 * Of many ids, in PostgreSQL's binary format, which it reads in a tenth of the time: a literal of a thousand keeps the connection busy for a
 * millisecond. It takes longer to make, though: for what is made while the database does something else.
 */
export function uuidArray(ids: readonly string[]): Buffer {
  const bytes = Buffer.from(ids.join('').replaceAll('-', ''), 'hex')
  const array = Buffer.alloc(HEAD_BYTES + ids.length * (LENGTH_BYTES + UUID_BYTES))
  // One dimension, without NULLs, whose first index is 1.
  array.writeInt32BE(1, 0)
  array.writeInt32BE(UUID, 8)
  array.writeInt32BE(ids.length, 12)
  array.writeInt32BE(1, 16)
  for (let place = 0; place < ids.length; place++) {
    const at = HEAD_BYTES + place * (LENGTH_BYTES + UUID_BYTES)
    array.writeInt32BE(UUID_BYTES, at)
    bytes.copy(array, at + LENGTH_BYTES, place * UUID_BYTES, (place + 1) * UUID_BYTES)
  }
  return array
}
