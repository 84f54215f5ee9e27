/** What chat services have in common: a message is JSON, posted to the URL of an incoming webhook, which is the only credential. */
import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { hostOfUrl } from '../values/host.ts'
import type { EscapeValue } from '../values/marked-text.ts'
import { createHttpClient, excerpt, type HttpAnswer, retryAfterMs } from './http.ts'
import {
  type Concern,
  type FailureOutcome,
  type Provider,
  type ProviderDeps,
  ProviderError,
  type ProviderKind,
  type RenderedChat,
} from './provider.ts'
import { relayUrl } from './settings.ts'
import { aimedAt, readWebAddress, wrongWebAddress } from './webhook-address.ts'

const settings = z.strictObject({ baseUrl: relayUrl })

/** Settings of a chat provider. */
export type ChatSettings = z.output<typeof settings>

/** What an answer means, if the service is more specific than the HTTP status. */
export interface ChatFailure {
  readonly code: ErrorCode
  /** default: refused */
  readonly outcome?: FailureOutcome
  readonly addressDead?: boolean
  readonly about: Exclude<Concern, 'provider'>
  readonly retryAfterMs?: number | null
}

/** One chat service. */
export interface ChatService {
  readonly kind: string
  /** its name as its vendor writes it */
  readonly title: string
  /** what `overrides.providers` may set for one message */
  readonly extra: z.ZodType<object>
  /** Escapes a value of a template within the service's markup, which the template's author may use */
  readonly escape: EscapeValue
  /** Cuts a text to the service's limit, its values escaped */
  cut(text: string): string
  /** The request for a text that was cut. @throws ProviderError refused, BAD_INPUT for an `extra` that it does not accept */
  requestOf(message: RenderedChat): { readonly body: object; readonly query?: string }
  /** null: decided by the HTTP status */
  failureOf(answer: HttpAnswer): ChatFailure | null
  /** the service's id of the message, where it gives one */
  idOf?(answer: HttpAnswer): string | null
}

/** The provider kind of a chat service. */
export function chatKind(service: ChatService): ProviderKind<ChatSettings> {
  return {
    kind: service.kind,
    title: service.title,
    channels: ['CHAT'],
    settings,
    wrongAddress: wrongWebAddress,
    escape: service.escape,
    cut: service.cut,
    // A text is cut, and what is added was checked when the message was accepted.
    carries: () => true,
    extra: () => service.extra,
    create: (given, deps) => createChat(service, given, deps),
  }
}

function createChat(service: ChatService, given: ChatSettings, deps: ProviderDeps): Provider {
  // None of these services recognizes a repeat.
  const limits = { concurrency: 50, foldsRepeats: false }
  const http = createHttpClient({ ...deps, ...limits })
  return {
    kind: service.kind,
    limits,
    hostOf: hostOfUrl,
    async send(message, signal) {
      if (message.channel !== 'CHAT') {
        throw new ProviderError('refused', 'CHANNEL_UNSUPPORTED', `${service.title} can't carry ${message.channel}.`, {
          about: 'message',
        })
      }
      const url = readWebAddress(message.address, deps)
      const { body, query } = service.requestOf({ ...message, body: service.cut(message.body) })
      // Appended unchanged: the URL's signature may cover the rest of its query.
      if (query !== undefined) url.search += `${url.search === '' ? '?' : '&'}${query}`
      const answer = await http.send(
        {
          // A relay that can't be reached is the provider's; what comes through it is the service's.
          host: given.baseUrl === undefined ? 'host' : 'provider',
          method: 'POST',
          url: aimedAt(url, given.baseUrl),
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        },
        signal,
      )
      const failure = service.failureOf(answer) ?? plainFailureOf(answer)
      if (failure !== null) throw errorOf(service, answer, failure, hostOfUrl(url.href) ?? '')
      return {
        providerMessageId: service.idOf?.(answer) ?? null,
        response: excerpt(`${answer.status} ${answer.text}`.trim()),
      }
    },
    close: () => http.close(),
  }
}

/** The failure by status alone; null for a success. A contact's hook may be anywhere, so nothing that it answers counts against the provider. */
function plainFailureOf({ status }: HttpAnswer): ChatFailure | null {
  if (status >= 200 && status < 300) return null
  // Slack, Discord and Teams limit each webhook by itself.
  if (status === 429) return { outcome: 'retryable', code: 'RATE_LIMITED', about: 'address' }
  if (status === 503) return { outcome: 'retryable', code: 'HOST_UNREACHABLE', about: 'host' }
  // The service or a gateway failed, perhaps after accepting the message.
  if (status >= 500) return { outcome: 'unknown', code: 'OUTCOME_UNKNOWN', about: 'host' }
  if (status === 413) return { code: 'TOO_LARGE', about: 'message' }
  return { code: 'PROVIDER_REFUSED', about: 'address' }
}

function errorOf(
  { title }: ChatService,
  { status, headers, text }: HttpAnswer,
  failure: ChatFailure,
  host: string,
): ProviderError {
  const { outcome = 'refused', code } = failure
  const wait = outcome === 'refused' ? null : (failure.retryAfterMs ?? retryAfterMs(headers['retry-after']))
  const more = { ...failure, retryAfterMs: wait, response: excerpt(text) }
  return new ProviderError(outcome, code, excerpt(`${title} at ${host} answered ${status}: ${text}`), more)
}
