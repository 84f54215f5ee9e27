/** The provider `slack`: messages to Slack's incoming webhooks. The channel is the webhook's own. */
import { z } from 'zod'
import { type ChatFailure, chatKind } from './chat.ts'
import { cutText } from './chat-text.ts'
import { readExtra } from './extra.ts'

/** What Slack takes of a text, after escaping. */
const MAX_LENGTH = 40_000

/** What `overrides.providers` may set for one message. */
const extra = z.strictObject({
  mrkdwn: z.boolean().optional(),
  unfurl_links: z.boolean().optional(),
  unfurl_media: z.boolean().optional(),
})

/** The three characters by which Slack marks links and mentions, `<!channel>` among them. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const gone: ChatFailure = { code: 'ADDRESS_INVALID', addressDead: true }

/** What Slack says in words. An archived channel may be opened again, and a workspace may come back. */
const failures: ReadonlyMap<string, ChatFailure> = new Map([
  ['no_service', gone],
  ['no_service_id', gone],
  ['no_active_hooks', gone],
  ['no_team', gone],
  ['invalid_token', gone],
  ['channel_not_found', gone],
  ['user_not_found', gone],
  ['channel_is_archived', { code: 'ADDRESS_INVALID' }],
  ['team_disabled', { code: 'ADDRESS_INVALID' }],
  ['msg_too_long', { code: 'TOO_LARGE' }],
])

/** The kind `slack`. */
export const slack = chatKind({
  kind: 'slack',
  name: 'Slack',
  extra,
  requestOf: (message) => ({
    body: {
      text: escaped(cutText(message.body, MAX_LENGTH, (part) => escaped(part).length)),
      ...readExtra(extra, message.extra),
    },
  }),
  failureOf: ({ status, text }) => (status >= 400 && status < 500 ? (failures.get(text.trim()) ?? null) : null),
})
