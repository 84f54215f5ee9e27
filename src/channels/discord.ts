/** The provider `discord`: messages to Discord's webhooks. The channel is the webhook's own. */
import { z } from 'zod'
import { isWebUrl } from '../values/link.ts'
import { type ChatFailure, chatKind } from './chat.ts'
import { breakMarks, breakMentions, cutText, escapeMarkdown } from './chat-text.ts'
import { readExtra } from './extra.ts'
import { type HttpAnswer, jsonOf, retryAfterMs } from './http.ts'

const MAX_LENGTH = 2_000

/** What `overrides.providers` may set for one message. */
const extra = z.strictObject({
  username: z.string().min(1).max(80).optional(),
  avatar_url: z.string().max(2_000).refine(isWebUrl, { error: 'must be an http or https address without a user' }).optional(),
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
    // Each webhook has its own limit. The global limit, and a ban (not answered in JSON), apply to our IP address.
    const about = !parsed.success || parsed.data.global === true ? 'host' : 'address'
    return { outcome: 'retryable', code: 'RATE_LIMITED', retryAfterMs: retryAfterMs(wait), about }
  }
  const code = parsed.data?.code
  return code === UNKNOWN_WEBHOOK || code === INVALID_WEBHOOK_TOKEN
    ? { code: 'ADDRESS_INVALID', about: 'address', addressDead: true }
    : null
}

const taken = z.object({ id: z.string() })

/** The kind `discord`. */
export const discord = chatKind({
  kind: 'discord',
  title: 'Discord',
  extra,
  escape: (value, before) => breakMarks(breakMentions(escapeMarkdown(value, before), before)),
  cut: (text) => cutText(text, MAX_LENGTH),
  requestOf(message) {
    const { thread_id, ...shown } = readExtra(extra, message.extra)
    return {
      // With `wait`, Discord answers after posting, with the message's id.
      query: thread_id === undefined ? 'wait=true' : `wait=true&thread_id=${thread_id}`,
      // Those of the template's author: a value can't mention anybody.
      body: { content: message.body, ...shown, allowed_mentions: { parse: ['users', 'roles', 'everyone'] } },
    }
  },
  failureOf,
  idOf: ({ text }) => taken.safeParse(jsonOf(text)).data?.id ?? null,
})
