/** The provider `msteams`: messages to Microsoft Teams by a workflow that begins with a webhook. The channel is the workflow's own. */
import { z } from 'zod'
import { type ChatFailure, chatKind } from './chat.ts'
import { breakLinks, cutText, inAddress, isInParentheses, jsonBytes } from './chat-text.ts'
import { noExtra, readExtra } from './extra.ts'
import { type HttpAnswer, jsonOf } from './http.ts'

/** Teams accepts 28 KB, card included. */
const TEXT_BYTES = 27_000

const refusal = z.object({ error: z.object({ code: z.string() }) })

function failureOf({ status, text }: HttpAnswer): ChatFailure | null {
  // Legacy webhooks answer 200, with Teams' own status in the text.
  const inner = /returned HTTP error (\d{3})/.exec(text)?.[1]
  if (status === 200 && inner !== undefined) return innerFailureOf(Number(inner))
  if (status === 410) return { code: 'ADDRESS_INVALID', about: 'address', addressDead: true }
  if (status === 401 || status === 403) return { code: 'ADDRESS_INVALID', about: 'address' }
  if (status !== 404) return null
  const code = refusal.safeParse(jsonOf(text)).data?.error.code
  return { code: 'ADDRESS_INVALID', about: 'address', addressDead: code === 'WorkflowNotFound' }
}

function innerFailureOf(status: number): ChatFailure {
  if (status === 429) return { outcome: 'retryable', code: 'RATE_LIMITED', about: 'address' }
  if (status >= 500) return { outcome: 'unknown', code: 'OUTCOME_UNKNOWN', about: 'host' }
  if (status === 413) return { code: 'TOO_LARGE', about: 'message' }
  return { code: 'PROVIDER_REFUSED', about: 'address' }
}

/** The kind `msteams`. A text can't mention anyone: cards list mentions separately. */
export const msteams = chatKind({
  kind: 'msteams',
  title: 'Microsoft Teams',
  extra: noExtra,
  // Not every client of Teams reads backslashes: formatting is left to values, hidden addresses are not.
  escape: (value, before) => (isInParentheses(before) ? inAddress(value) : breakLinks(value)),
  cut: (text) => cutText(text, TEXT_BYTES, jsonBytes),
  requestOf(message) {
    readExtra(noExtra, message.extra)
    const content = {
      $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
      type: 'AdaptiveCard',
      version: '1.4',
      body: [{ type: 'TextBlock', text: message.body, wrap: true }],
    }
    const contentType = 'application/vnd.microsoft.card.adaptive'
    return { body: { type: 'message', attachments: [{ contentType, contentUrl: null, content }] } }
  },
  failureOf,
})
