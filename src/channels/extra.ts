/** What every vendor's kind reads the same way: its base address, and what a caller adds to one request. */
import { z } from 'zod'
import type { JsonObject } from '../domain/words.ts'
import { ProviderError } from './provider.ts'

const isBase = (value: string): boolean => {
  if (!URL.canParse(value)) return false
  const { protocol, username, password, search, hash } = new URL(value)
  return (protocol === 'https:' || protocol === 'http:') && username + password + search + hash === ''
}

/** A setting: where the vendor's paths begin, without a slash at the end. */
export const baseUrl = z
  .string()
  .max(1_000)
  .refine(isBase, { error: 'must be an http or https address without user, query or fragment' })
  .transform((value) => value.replace(/\/+$/, ''))

/** What a kind takes that lets nothing be added to its requests. */
export const noExtra = z.strictObject({})

/** The first thing that is wrong with what a caller adds: its dotted path, and why; null: the kind takes all of it. */
export function wrongExtra(
  schema: z.ZodType<object>,
  extra: JsonObject,
): { readonly path: string; readonly reason: string } | null {
  const parsed = schema.safeParse(extra)
  return parsed.success ? null : firstOf(parsed.error)
}

function firstOf({ issues: [issue] }: z.ZodError): { readonly path: string; readonly reason: string } {
  if (issue === undefined) return { path: '', reason: 'is not valid' }
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  return {
    path: [...issue.path, ...unknown].join('.'),
    reason: unknown.length > 0 ? 'this provider does not take it' : issue.message,
  }
}

/**
 * What the caller adds to the request of one message, as the kind's own strict schema allows it.
 * @throws ProviderError refused, BAD_INPUT, naming the first field that the kind doesn't take
 */
export function readExtra<Extra extends object>(schema: z.ZodType<Extra>, extra: JsonObject = {}): Extra {
  const parsed = schema.safeParse(extra)
  if (parsed.success) return parsed.data
  const { path, reason } = firstOf(parsed.error)
  throw new ProviderError('refused', 'BAD_INPUT', `extra.${path}: ${reason}`)
}
