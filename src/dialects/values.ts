/** Values that the bodies of several dialects have. */
import { z } from 'zod'
import type { Problem } from '../errors.ts'
import type { JsonObject } from '../words.ts'

/** A JSON object with anything in it, whose contents are checked by the operation that takes it. */
export const jsonObject = z
  .custom<JsonObject>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'must be an object')
  .meta({ type: 'object' })

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)

/** A JSON object, also as PHP writes an empty one: as a list. */
export const jsonObjectOfPhp = z
  .custom<JsonObject | readonly []>(
    (value) => typeof value === 'object' && value !== null && (!isList(value) || value.length === 0),
    'must be an object',
  )
  .meta({ type: 'object' })
  .transform((value): JsonObject => (isList(value) ? {} : value))

/** A text that may be left out, null, or empty, as clients send what they do not have. */
export const optionalText = z
  .string()
  .nullish()
  .transform((text) => (text === null || text === undefined || text.trim() === '' ? undefined : text))

/** A date and time by ISO 8601, or a date alone. */
export const isoTime = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], { error: 'must be a time by ISO 8601' })
  .transform((text) => new Date(text))

/** Those of the values that are given; undefined: none is. */
export function given<V>(values: Readonly<Record<string, V | undefined>>): Record<string, V> | undefined {
  const entries = Object.entries(values).filter((entry): entry is [string, V] => entry[1] !== undefined)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

/** The message of a problem, with the field by the name that its caller knows. `names`: theirs, by ours, of the field or what it is in. */
export function worded({ message, field }: Pick<Problem, 'message' | 'field'>, names: Readonly<Record<string, string>>): string {
  if (field === null || !message.startsWith(field)) return message
  const ours = Object.hasOwn(names, field) ? field : field.replace(/\..*$/s, '')
  const theirs = Object.hasOwn(names, ours) ? names[ours] : undefined
  return theirs === undefined ? message : `${theirs}${message.slice(ours.length)}`
}

/** Runs for each item, at most `limit` at a time. @returns what became of each, in their order */
export async function settledInTurns<T, R>(
  items: readonly T[],
  limit: number,
  run: (item: T) => Promise<R>,
): Promise<PromiseSettledResult<R>[]> {
  const results: PromiseSettledResult<R>[] = []
  const waiting = items.entries()
  const worker = async (): Promise<void> => {
    // One iterator for all: each takes the next item that nobody has.
    for (const [index, item] of waiting) {
      const [settled] = await Promise.allSettled([run(item)])
      results[index] = settled
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
  return results
}
