/** The provider `mattermost`: messages to Mattermost's incoming webhooks, in the webhook's channel or in one that the contact names. */
import { z } from 'zod'
import { type ChatFailure, chatKind } from './chat.ts'
import { breakLinks, breakMentions, cutText } from './chat-text.ts'
import { readExtra } from './extra.ts'
import { type HttpAnswer, jsonOf } from './http.ts'

/** What one post holds; Mattermost would make several of a longer one. */
const MAX_LENGTH = 16_383

const text = z.string().min(1).max(200)

/** What `overrides.providers` may set for one message. Mattermost ignores what its administrator does not allow. */
const extra = z.strictObject({
  username: text.optional(),
  icon_url: z
    .string()
    .max(2_000)
    .regex(/^https?:\/\//)
    .optional(),
  icon_emoji: text.optional(),
})

/** Incoming webhooks also read Slack's marks: `<!channel>`, `<@user>`, `<address|text>`. In time that grows with the text alone. */
function breakSlackMarks(body: string): string {
  const [rest = '', ...closed] = body
    .replace(/<(?=[!@])/g, '<\u200b')
    .split('>')
    .reverse()
  return [rest, ...closed.map(withoutBars)].reverse().join('>')
}

/** What stands before a `>`: from the first `<` of its last line on, a bar would part an address from a text. */
function withoutBars(text: string): string {
  const start = text.indexOf('<', text.lastIndexOf('\n') + 1)
  return start === -1 ? text : text.slice(0, start) + text.slice(start).replaceAll('|', '\uff5c')
}

const failures: ReadonlyMap<string, ChatFailure> = new Map([
  // Said of a webhook that is not there, but as well when the server could not look it up: so it does not end the address.
  ['web.incoming_webhook.invalid.app_error', { code: 'ADDRESS_INVALID' }],
  ['web.incoming_webhook.channel.app_error', { code: 'ADDRESS_INVALID' }],
  ['web.incoming_webhook.channel_locked.app_error', { code: 'ADDRESS_INVALID' }],
  ['web.incoming_webhook.user.app_error', { code: 'ADDRESS_INVALID' }],
  ['web.incoming_webhook.text.length.app_error', { code: 'TOO_LARGE' }],
  // Comes with status 501, and surely nothing was posted.
  ['web.incoming_webhook.disabled.app_error', { code: 'PROVIDER_REFUSED' }],
])

const refusal = z.object({ id: z.string() })

function failureOf({ status, text: said }: HttpAnswer): ChatFailure | null {
  if (status < 400) return null
  return failures.get(refusal.safeParse(jsonOf(said)).data?.id ?? '') ?? null
}

/** The kind `mattermost`. */
export const mattermost = chatKind({
  kind: 'mattermost',
  name: 'Mattermost',
  extra,
  requestOf: ({ body, channelName, extra: given }) => ({
    body: {
      text: cutText(breakMentions(breakSlackMarks(breakLinks(body))), MAX_LENGTH),
      ...(channelName === null ? {} : { channel: channelName }),
      ...readExtra(extra, given),
    },
  }),
  failureOf,
})
