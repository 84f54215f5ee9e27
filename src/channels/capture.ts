/** The provider `capture`: sends nothing, and keeps what would have been sent. For development and for trying out templates. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { channels } from '../words.ts'
import { type Provider, type ProviderDeps, ProviderError, type ProviderKind, Rehearsed, type Rendered } from './provider.ts'

const KEPT = 1_000

/** A message that would have been sent. */
export interface Captured {
  readonly message: Rendered
  readonly at: Date
}

/** A provider that keeps its messages. */
export interface CaptureProvider extends Provider {
  readonly kind: 'capture'
  /** the last 1,000, oldest first */
  kept(): readonly Captured[]
}

const settings = z.strictObject({
  delayMs: z.number().int().min(0).max(60_000).default(0).meta({
    title: 'Delay',
    description: 'How long each send takes, in milliseconds: to try out a slow vendor.',
  }),
})

/** Whether a provider is of the kind `capture`, and so has kept its messages. */
export const isCapture = (provider: Provider): provider is CaptureProvider => provider.kind === 'capture' && 'kept' in provider

/** The kind `capture`, for every channel that needs a provider. */
export const capture = {
  kind: 'capture',
  channels: channels.filter((channel) => channel !== 'IN_APP'),
  title: 'Capture',
  settings,
  carries: () => true,
  // It takes the place of any vendor, so it accepts the options of all of them.
  extra: () => z.looseObject({}),
  create: createCapture,
} satisfies ProviderKind<z.output<typeof settings>>

/** @returns a provider that sends nothing and keeps its latest messages in memory */
export function createCapture({ delayMs }: z.output<typeof settings>, { rehearses }: ProviderDeps): CaptureProvider {
  const ring: Captured[] = []
  let next = 0
  return {
    kind: 'capture',
    // Its messages are lost with the process, so one that is sent again after a crash is never there twice.
    limits: { concurrency: 1_000, foldsRepeats: true },
    hostOf: () => null,
    async send(message, signal) {
      if (rehearses === true) throw new Rehearsed()
      try {
        signal.throwIfAborted()
        if (delayMs > 0) await sleep(delayMs, undefined, { signal })
      } catch (cause) {
        throw new ProviderError('retryable', 'PROVIDER_TIMEOUT', 'The attempt was stopped.', { about: 'provider', cause })
      }
      ring[next % KEPT] = { message, at: new Date() }
      next++
      return { providerMessageId: message.messageId, response: 'captured' }
    },
    kept: () => (next <= KEPT ? [...ring] : [...ring.slice(next % KEPT), ...ring.slice(0, next % KEPT)]),
    async close() {},
  }
}
