/** What chat services have in common: a message is JSON, posted to the address of an incoming webhook, which is all the credential. */
import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { baseUrl } from './extra.ts'
import { createHttpClient, excerpt, type HttpAnswer, retryAfterMs } from './http.ts'
import {
  type FailureOutcome,
  type Provider,
  type ProviderDeps,
  ProviderError,
  type ProviderKind,
  type RenderedChat,
} from './provider.ts'
import { aimedAt, readWebAddress } from './webhook-address.ts'

const settings = z.strictObject({
  /** requests go here instead of the origin of the webhook's address (a relay) */
  baseUrl: baseUrl.optional(),
})

/** Settings of a chat provider. */
export type ChatSettings = z.output<typeof settings>

/** What an answer means, where the service says more than HTTP does. */
export interface ChatFailure {
  readonly code: ErrorCode
  /** default: refused */
  readonly outcome?: FailureOutcome
  readonly addressDead?: boolean
  readonly aboutProvider?: boolean
  readonly retryAfterMs?: number | null
}

/** One chat service. */
export interface ChatService {
  readonly kind: string
  /** as its makers write it */
  readonly name: string
  /** what `overrides.providers` may set for one message */
  readonly extra: z.ZodType<object>
  /** @throws ProviderError refused, BAD_INPUT for an `extra` that it does not take */
  requestOf(message: RenderedChat): { readonly body: object; readonly query?: string }
  /** null: as its HTTP status says */
  failureOf(answer: HttpAnswer): ChatFailure | null
  /** the service's id of the message, where it gives one */
  idOf?(answer: HttpAnswer): string | null
}

/** Makes the kind of a chat service. */
export function chatKind(service: ChatService): ProviderKind<ChatSettings> {
  return {
    kind: service.kind,
    channels: ['CHAT'],
    settings,
    secrets: [],
    extra: () => service.extra,
    create: (given, deps) => createChat(service, given, deps),
  }
}

function createChat(service: ChatService, given: ChatSettings, deps: ProviderDeps): Provider {
  // A repeat is a second message: none of these services can be told otherwise.
  const limits = { concurrency: 50, foldsRepeats: false }
  const http = createHttpClient({ ...deps, ...limits })
  return {
    kind: service.kind,
    limits,
    async send(message, signal) {
      if (message.channel !== 'CHAT') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `${service.name} can't carry ${message.channel}.`)
      }
      const url = readWebAddress(message.address, deps)
      const { body, query } = service.requestOf(message)
      // Appended as it is: an address may be signed over the rest of its query.
      if (query !== undefined) url.search += `${url.search === '' ? '?' : '&'}${query}`
      const answer = await http.send(
        {
          method: 'POST',
          url: aimedAt(url, given.baseUrl),
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        },
        signal,
      )
      const failure = service.failureOf(answer) ?? plainFailureOf(answer)
      if (failure !== null) throw errorOf(service, answer, failure)
      return {
        providerMessageId: service.idOf?.(answer) ?? null,
        response: excerpt(`${answer.status} ${answer.text}`.trim()),
      }
    },
    close: () => http.close(),
  }
}

/** What the status alone says; null for a success. */
function plainFailureOf({ status }: HttpAnswer): ChatFailure | null {
  if (status >= 200 && status < 300) return null
  if (status === 429) return { outcome: 'retryable', code: 'RATE_LIMITED', aboutProvider: false }
  if (status === 503) return { outcome: 'retryable', code: 'PROVIDER_UNREACHABLE' }
  // What failed inside, or on the way there, does not say how far the message came.
  if (status >= 500) return { outcome: 'unknown', code: 'OUTCOME_UNKNOWN' }
  if (status === 413) return { code: 'TOO_LARGE' }
  return { code: 'PROVIDER_REFUSED' }
}

function errorOf({ name }: ChatService, { status, headers, text }: HttpAnswer, failure: ChatFailure): ProviderError {
  const { outcome = 'refused', code } = failure
  const wait = outcome === 'refused' ? null : (failure.retryAfterMs ?? retryAfterMs(headers['retry-after']))
  const more = { ...failure, retryAfterMs: wait, response: excerpt(text) }
  return new ProviderError(outcome, code, excerpt(`${name} answered ${status}: ${text}`), more)
}
