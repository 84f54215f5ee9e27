/** The result of sending to a list of recipients. */
import type { Problem } from '../errors.ts'
import type { RecipientsResult } from '../send/recipients.ts'
import type { Builder } from './builder.ts'
import type { Problems } from './problem.ts'

/** The type, for the mutations that return it. */
export type DispatchPayloadRef = ReturnType<typeof defineDispatchPayload>

/** The argument `transactionId` of the mutations that answer with it. */
export const transactionIdText =
  'Names the transaction: 1-255 printable ASCII characters. Default: a generated one. Each can be used once.'

/** Defines the type. */
export function defineDispatchPayload(builder: Builder, { Problem }: Problems) {
  const SkippedRecipient = builder.objectRef<{ index: number; error: Problem }>('SkippedRecipient').implement({
    description: 'A recipient to whom nothing is sent.',
    fields: (t) => ({
      index: t.exposeInt('index', { description: 'Its index in the list of recipients, from 0.' }),
      error: t.expose('error', { type: Problem, description: 'Why.' }),
    }),
  })
  return builder.objectRef<RecipientsResult>('DispatchPayload').implement({
    description: 'Result of sending to a list of recipients: each is accepted, a duplicate or skipped.',
    fields: (t) => ({
      transactionId: t.exposeID('transactionId', { description: 'Shared by all notifications of the call.' }),
      acceptedCount: t.exposeInt('acceptedCount', { description: 'Recipients to whom a notification is sent.' }),
      duplicateCount: t.exposeInt('duplicateCount', {
        description: 'Recipients with the address of an earlier recipient of the call, to whom nothing more is sent.',
      }),
      skipped: t.field({
        type: [SkippedRecipient],
        description: 'Recipients who cannot be reached: unknown, without an address, opted out or suppressed.',
        resolve: ({ skipped }) => [...skipped],
      }),
    }),
  })
}
