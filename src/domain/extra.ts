/** What a message adds for providers, `overrides.providers`: checked when it is asked for, by what the wire says of each provider's kind. */
import { CarillonError } from '../errors.ts'
import type { Channel, JsonObject, Overrides } from './words.ts'

/**
 * What the wire knows of the requests of a kind of provider. `field`: where `extra` stands in the input
 * @throws CarillonError BAD_INPUT with the field that the kind does not take on that channel
 */
export type CheckExtra = (kind: string, channel: Channel, field: string, extra: JsonObject) => void

const NONE: readonly string[] = []

/** Keys of the providers that a message adds something for; mostly none, and then it costs nothing. */
export const extraKeys = (overrides: Overrides | null): readonly string[] => {
  const added = overrides?.providers
  return added === null || added === undefined ? NONE : Object.keys(added)
}

/**
 * Checks all that a message adds. `find`: the project's providers by key, active or not
 * @throws BAD_INPUT with the field: no such provider, or something that it does not take
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
    // Anything but an object was refused before it came here.
    if (typeof extra === 'object' && extra !== null && !Array.isArray(extra)) {
      check(provider.kind, provider.channel, field, extra as JsonObject)
    }
  }
}
