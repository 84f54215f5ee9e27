/** The provider `mattermost`: messages to Mattermost's incoming webhooks, in the webhook's channel or in one that the contact names. */
import { z } from 'zod'
import { isWebUrl } from '../values/link.ts'
import { type ChatFailure, chatKind } from './chat.ts'
import { breakMentions, cutText, escapeMarkdown, inAddress, isInAngles } from './chat-text.ts'
import { readExtra } from './extra.ts'
import { type HttpAnswer, jsonOf } from './http.ts'

/** Mattermost's limit of one post; it would split a longer text into several. */
const MAX_LENGTH = 16_383

const text = z.string().min(1).max(200)

/** What `overrides.providers` may set for one message. Mattermost ignores what its administrator does not allow. */
const extra = z.strictObject({
  username: text.optional(),
  icon_url: z.string().max(2_000).refine(isWebUrl, { error: 'must be an http or https address without a user' }).optional(),
  icon_emoji: text.optional(),
})

/** Incoming webhooks also interpret Slack's markup: `<!channel>`, `<@user>`, `<address|text>`. Runs in linear time. */
function breakSlackMarks(body: string): string {
  const [rest = '', ...closed] = body
    .replace(/<(?=[!@])/g, '<\u200b')
    .split('>')
    .reverse()
  return [rest, ...closed.map(withoutBars)].reverse().join('>')
}

/** `text` ends before a `>`: after the first `<` of its last line, a bar would separate a URL from its label. */
function withoutBars(text: string): string {
  const start = text.indexOf('<', text.lastIndexOf('\n') + 1)
  return start === -1 ? text : text.slice(0, start) + text.slice(start).replaceAll('|', '\uff5c')
}

const failures: ReadonlyMap<string, ChatFailure> = new Map([
  // Answered for an unknown webhook, but also when the lookup failed: so it does not end the address.
  ['web.incoming_webhook.invalid.app_error', { code: 'ADDRESS_INVALID', about: 'address' }],
  ['web.incoming_webhook.channel.app_error', { code: 'ADDRESS_INVALID', about: 'address' }],
  ['web.incoming_webhook.channel_locked.app_error', { code: 'ADDRESS_INVALID', about: 'address' }],
  ['web.incoming_webhook.user.app_error', { code: 'ADDRESS_INVALID', about: 'address' }],
  ['web.incoming_webhook.text.length.app_error', { code: 'TOO_LARGE', about: 'message' }],
  // Has status 501, and nothing was posted.
  ['web.incoming_webhook.disabled.app_error', { code: 'PROVIDER_REFUSED', about: 'address' }],
])

const refusal = z.object({ id: z.string() })

function failureOf({ status, text: reply }: HttpAnswer): ChatFailure | null {
  if (status < 400) return null
  // A server of one's own limits us, not the webhook.
  if (status === 429) return { outcome: 'retryable', code: 'RATE_LIMITED', about: 'host' }
  return failures.get(refusal.safeParse(jsonOf(reply)).data?.id ?? '') ?? null
}

/** The kind `mattermost`. */
export const mattermost = chatKind({
  kind: 'mattermost',
  title: 'Mattermost',
  extra,
  escape: (value, before) =>
    isInAngles(before) ? inAddress(value) : breakMentions(breakSlackMarks(escapeMarkdown(value, before)), before),
  cut: (body) => cutText(body, MAX_LENGTH),
  requestOf: ({ body, channelName, extra: given }) => ({
    body: {
      text: body,
      ...(channelName === null ? {} : { channel: channelName }),
      ...readExtra(extra, given),
    },
  }),
  failureOf,
})
