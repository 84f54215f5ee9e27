/** The provider `msteams`: messages to Microsoft Teams by a workflow that begins with a webhook. The channel is the workflow's own. */
import { z } from 'zod'
import { type ChatFailure, chatKind } from './chat.ts'
import { breakLinks, cutText, jsonBytes } from './chat-text.ts'
import { noExtra, readExtra } from './extra.ts'
import { type HttpAnswer, jsonOf } from './http.ts'

/** Teams takes 28 KB with the card around the text. */
const TEXT_BYTES = 27_000

const refusal = z.object({ error: z.object({ code: z.string() }) })

function failureOf({ status, text }: HttpAnswer): ChatFailure | null {
  // Webhooks of the older kind answer 200 and say in words what Teams said.
  const inner = /returned HTTP error (\d{3})/.exec(text)?.[1]
  if (status === 200 && inner !== undefined) return innerFailureOf(Number(inner))
  if (status === 410) return { code: 'ADDRESS_INVALID', addressDead: true }
  if (status === 401 || status === 403) return { code: 'ADDRESS_INVALID' }
  if (status !== 404) return null
  const code = refusal.safeParse(jsonOf(text)).data?.error.code
  return { code: 'ADDRESS_INVALID', addressDead: code === 'WorkflowNotFound' }
}

function innerFailureOf(status: number): ChatFailure {
  if (status === 429) return { outcome: 'retryable', code: 'RATE_LIMITED' }
  if (status >= 500) return { outcome: 'unknown', code: 'OUTCOME_UNKNOWN' }
  if (status === 413) return { code: 'TOO_LARGE' }
  return { code: 'PROVIDER_REFUSED' }
}

/** The kind `msteams`. Nobody is mentioned: a card would have to name whom. */
export const msteams = chatKind({
  kind: 'msteams',
  name: 'Microsoft Teams',
  extra: noExtra,
  requestOf(message) {
    readExtra(noExtra, message.extra)
    const text = cutText(breakLinks(message.body), TEXT_BYTES, jsonBytes)
    const content = {
      $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
      type: 'AdaptiveCard',
      version: '1.4',
      body: [{ type: 'TextBlock', text, wrap: true }],
    }
    const contentType = 'application/vnd.microsoft.card.adaptive'
    return { body: { type: 'message', attachments: [{ contentType, contentUrl: null, content }] } }
  },
  failureOf,
})
