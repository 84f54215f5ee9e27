/** The provider `discord`: messages to Discord's webhooks. The channel is the webhook's own. */
import { z } from 'zod'
import { type ChatFailure, chatKind } from './chat.ts'
import { breakLinks, cutText } from './chat-text.ts'
import { readExtra } from './extra.ts'
import { type HttpAnswer, jsonOf, retryAfterMs } from './http.ts'

const MAX_LENGTH = 2_000

/** What `overrides.providers` may set for one message. */
const extra = z.strictObject({
  username: z.string().min(1).max(80).optional(),
  avatar_url: z
    .string()
    .max(2_000)
    .regex(/^https?:\/\//)
    .optional(),
  /** a thread in the webhook's channel */
  thread_id: z
    .string()
    .regex(/^\d{1,20}$/)
    .optional(),
})

const refusal = z.object({ code: z.number().optional(), retry_after: z.number().optional(), global: z.boolean().optional() })

const UNKNOWN_WEBHOOK = 10_015
const INVALID_WEBHOOK_TOKEN = 50_027

function failureOf({ status, headers, text }: HttpAnswer): ChatFailure | null {
  if (status < 400 || status >= 500) return null
  const parsed = refusal.safeParse(jsonOf(text))
  if (status === 429) {
    const seconds = parsed.data?.retry_after
    const wait = seconds === undefined ? headers['retry-after'] : String(Math.ceil(seconds))
    // Each webhook has its own limit. The global one is on our address, and so is a ban, which does not answer in JSON.
    const aboutProvider = !parsed.success || parsed.data.global === true
    return { outcome: 'retryable', code: 'RATE_LIMITED', retryAfterMs: retryAfterMs(wait), aboutProvider }
  }
  const code = parsed.data?.code
  return code === UNKNOWN_WEBHOOK || code === INVALID_WEBHOOK_TOKEN ? { code: 'ADDRESS_INVALID', addressDead: true } : null
}

const taken = z.object({ id: z.string() })

/** The kind `discord`. */
export const discord = chatKind({
  kind: 'discord',
  name: 'Discord',
  extra,
  requestOf(message) {
    const { thread_id, ...shown } = readExtra(extra, message.extra)
    return {
      // Discord answers once the message is there, and with its id.
      query: thread_id === undefined ? 'wait=true' : `wait=true&thread_id=${thread_id}`,
      body: { content: cutText(breakLinks(message.body), MAX_LENGTH), ...shown, allowed_mentions: { parse: [] } },
    }
  },
  failureOf,
  idOf: ({ text }) => taken.safeParse(jsonOf(text)).data?.id ?? null,
})
