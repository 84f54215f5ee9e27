/** What a message adds to providers' requests, `overrides.providers`: checked when it is accepted, by the rules of each provider's kind. */
import { CarillonError } from '../errors.ts'
import type { Channel, JsonObject, Overrides } from '../words.ts'

/**
 * Checks what a message adds to the requests of a provider of this kind. `field`: the path of `extra` in the input.
 * @throws CarillonError BAD_INPUT with a field that the kind does not accept on that channel
 */
export type CheckExtra = (kind: string, channel: Channel, field: string, extra: JsonObject) => void

const NONE: readonly string[] = []

/** Keys of the providers that a message adds something for. */
export const extraKeys = (overrides: Overrides | null): readonly string[] => {
  const added = overrides?.providers
  return added === null || added === undefined ? NONE : Object.keys(added)
}

/**
 * Checks all that a message adds. `find`: the project's providers by key, active or not
 * @throws BAD_INPUT with the field: no such provider, or a field that it does not accept
 */
export function checkExtras(
  check: CheckExtra,
  overrides: Overrides,
  find: (key: string) => { readonly kind: string; readonly channel: Channel } | undefined,
): void {
  for (const [key, extra] of Object.entries(overrides.providers ?? {})) {
    const field = `overrides.providers.${key}`
    const provider = find(key)
    if (provider === undefined) throw new CarillonError('BAD_INPUT', { field, message: `${field}: there is no such provider.` })
    // Anything but an object has been refused before.
    if (typeof extra === 'object' && extra !== null && !Array.isArray(extra)) {
      check(provider.kind, provider.channel, field, extra as JsonObject)
    }
  }
}
