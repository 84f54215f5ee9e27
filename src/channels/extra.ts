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

/**
 * What the caller adds to the request of one message, as the kind's own strict schema allows it.
 * @throws ProviderError refused, BAD_INPUT, naming the first field that the kind doesn't take
 */
export function readExtra<Extra>(schema: z.ZodType<Extra>, extra: JsonObject | undefined): Extra {
  const parsed = schema.safeParse(extra ?? {})
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const field = ['extra', ...(issue?.path ?? []), ...unknown].join('.')
  const reason = unknown.length > 0 ? 'this provider does not take it' : (issue?.message ?? 'is not valid')
  throw new ProviderError('refused', 'BAD_INPUT', `${field}: ${reason}`)
}
