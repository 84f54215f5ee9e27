/** The provider `capture`: sends nothing, and keeps what would have gone out. For developing, and for trying templates. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { channels } from '../domain/words.ts'
import { type Provider, type ProviderDeps, ProviderError, type ProviderKind, type Rendered } from './provider.ts'

const KEPT = 1_000

/** Something that would have been sent. */
export interface Captured {
  readonly message: Rendered
  readonly at: Date
}

/** A provider that can be asked what it was given. */
export interface CaptureProvider extends Provider {
  readonly kind: 'capture'
  /** the last 1,000, oldest first */
  kept(): readonly Captured[]
}

const settings = z.strictObject({
  /** how long each send takes, ms */
  delayMs: z.number().int().min(0).max(60_000).default(0),
})

/** Whether a provider keeps what it is given. */
export const isCapture = (provider: Provider): provider is CaptureProvider => provider.kind === 'capture' && 'kept' in provider

/** The kind `capture`, for every channel that goes out. */
export const capture = {
  kind: 'capture',
  channels: channels.filter((channel) => channel !== 'IN_APP'),
  settings,
  secrets: [],
  // It stands for any vendor, and shows what that one would have been given.
  extra: () => z.looseObject({}),
  create: createCapture,
} satisfies ProviderKind<z.output<typeof settings>>

/** Makes a provider that keeps in memory what it is given. */
export function createCapture({ delayMs }: z.output<typeof settings>, _deps: ProviderDeps): CaptureProvider {
  const ring: Captured[] = []
  let next = 0
  return {
    kind: 'capture',
    // What was kept is gone with the process, so a message that goes out again after a crash is never there twice.
    limits: { concurrency: 1_000, foldsRepeats: true },
    async send(message, signal) {
      try {
        signal.throwIfAborted()
        if (delayMs > 0) await sleep(delayMs, undefined, { signal })
      } catch (cause) {
        throw new ProviderError('retryable', 'PROVIDER_TIMEOUT', 'The attempt was stopped.', { cause })
      }
      ring[next % KEPT] = { message, at: new Date() }
      next++
      return { providerMessageId: message.messageId, response: 'captured' }
    },
    kept: () => (next <= KEPT ? [...ring] : [...ring.slice(next % KEPT), ...ring.slice(0, next % KEPT)]),
    async close() {},
  }
}
