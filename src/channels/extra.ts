/** The vendor options of one message, `overrides.providers`: read in the same way by every vendor. */
import { z } from 'zod'
import { wanted } from '../values/wanted.ts'
import type { JsonObject } from '../words.ts'
import { ProviderError } from './provider.ts'

/** For kinds that allow no additions. */
export const noExtra = z.strictObject({})

/** The first error in the vendor options: its dotted path, and why; null: the kind accepts all of them. */
export function wrongExtra(
  schema: z.ZodType<object>,
  extra: JsonObject,
): { readonly path: string; readonly reason: string } | null {
  const parsed = schema.safeParse(extra, { error: wanted })
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
 * Parses the vendor options of one message by the kind's strict schema.
 * @throws ProviderError refused, BAD_INPUT, naming the first field that the kind does not accept
 */
export function readExtra<Extra extends object>(schema: z.ZodType<Extra>, extra: JsonObject = {}): Extra {
  const parsed = schema.safeParse(extra, { error: wanted })
  if (parsed.success) return parsed.data
  const { path, reason } = firstOf(parsed.error)
  throw new ProviderError('refused', 'BAD_INPUT', `extra.${path}: ${reason}`, { about: 'message' })
}
