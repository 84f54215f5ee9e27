/** The provider `slack`: messages to Slack's incoming webhooks. The channel is the webhook's own. */
import { z } from 'zod'
import { type ChatFailure, chatKind } from './chat.ts'
import { cutText, inAddress, isInAngles } from './chat-text.ts'
import { readExtra } from './extra.ts'

/** Slack's limit of a text. */
const MAX_LENGTH = 40_000

/** What `overrides.providers` may set for one message. */
const extra = z.strictObject({
  mrkdwn: z.boolean().optional(),
  unfurl_links: z.boolean().optional(),
  unfurl_media: z.boolean().optional(),
})

/** Escapes the three characters of Slack's markup for links and mentions, such as `<!channel>`. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const gone: ChatFailure = { code: 'ADDRESS_INVALID', about: 'address', addressDead: true }

/** Slack's error texts. An archived channel may be restored, and so may a workspace: neither ends the address. */
const failures: ReadonlyMap<string, ChatFailure> = new Map([
  ['no_service', gone],
  ['no_service_id', gone],
  ['no_active_hooks', gone],
  ['no_team', gone],
  ['invalid_token', gone],
  ['channel_not_found', gone],
  ['user_not_found', gone],
  ['channel_is_archived', { code: 'ADDRESS_INVALID', about: 'address' }],
  ['team_disabled', { code: 'ADDRESS_INVALID', about: 'address' }],
  ['msg_too_long', { code: 'TOO_LARGE', about: 'message' }],
])

/** The kind `slack`. */
export const slack = chatKind({
  kind: 'slack',
  title: 'Slack',
  extra,
  escape: (value, before) => escaped(isInAngles(before) ? inAddress(value) : value),
  cut: (text) => cutText(text, MAX_LENGTH),
  requestOf: (message) => ({
    body: {
      text: message.body,
      ...readExtra(extra, message.extra),
    },
  }),
  failureOf: ({ status, text }) => (status >= 400 && status < 500 ? (failures.get(text.trim()) ?? null) : null),
})
