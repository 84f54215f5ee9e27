/** The result of mutations that delete. */
import type { Erased } from '../domain/erasure.ts'
import type { Builder } from './builder.ts'

/** The type, for the mutations that return it. */
export type DeletePayloadRef = ReturnType<typeof defineDeletePayload>

/** Defines the type. */
export function defineDeletePayload(builder: Builder) {
  const ErasurePayload = builder.objectRef<Erased>('ErasurePayload').implement({
    description: 'What `deleteContacts` erased besides contacts.',
    fields: (t) => ({
      notificationCount: t.int({
        description: 'Notifications to the contacts and addresses: emptied, and kept for the counts.',
        resolve: ({ notifications }) => notifications,
      }),
      messageCount: t.int({ description: 'Messages of these, on all channels.', resolve: ({ messages }) => messages }),
      rewrittenCount: t.int({
        description: 'Messages to others from which the contacts were removed as the actor.',
        resolve: ({ rewritten }) => rewritten,
      }),
      idCount: t.int({
        description: 'Ids and transactionIds of which only a hash is kept, so that a repetition is still found.',
        resolve: ({ ids }) => ids,
      }),
      suppressionCount: t.int({
        description: 'Suppressed addresses of which only a hash is kept, so that nothing is sent to them.',
        resolve: ({ suppressions }) => suppressions,
      }),
      keptContacts: t.idList({
        description:
          'externalIds of contacts that have one of `addresses` and were not erased, because they were not selected; at most 1,000.',
        resolve: ({ keptContacts }) => [...keptContacts],
      }),
      isComplete: t.exposeBoolean('isComplete', {
        description:
          'Whether it has ended. If not, only the search for the addresses in ids and transactionIds of others is left, which a worker does.',
      }),
    }),
  })
  return builder.objectRef<{ deletedCount: number; erasure?: Erased }>('DeletePayload').implement({
    description: 'The result of deleting.',
    fields: (t) => ({
      deletedCount: t.exposeInt('deletedCount', { description: 'How many were deleted; what did not exist is not counted.' }),
      erasure: t.field({
        type: ErasurePayload,
        nullable: true,
        description: 'What `deleteContacts` erased besides the contacts; null for the other mutations.',
        resolve: ({ erasure }) => erasure ?? null,
      }),
    }),
  })
}
