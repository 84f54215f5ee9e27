/** Notifuse's API of 2016: `contacts.upsert`. */
import { z } from 'zod'
import { envelope, operations, textIn, upsertContacts, upsertOf } from './notifuse-v2-values.ts'
import { defineRoute, listOf } from './route.ts'
import { isoTime, worded } from './values.ts'

const CONTACTS_MAX = 50

const contact = z.object({
  id: z.string().min(1).meta({ description: 'Your own id.' }),
  profile: operations.nullish(),
  createdAt: isoTime.nullish().meta({ description: 'When it was created; used when the contact is inserted.' }),
})

/** Inserts or updates contacts, in one transaction. */
export const contactsUpsert = defineRoute({
  method: 'POST',
  path: '/v2/contacts.upsert',
  operation: 'upsertContacts',
  summary: 'Inserts or updates up to 50 contacts.',
  body: z.object({ contacts: listOf(contact, CONTACTS_MAX) }),
  alone: 'contacts',
  answers: {
    200: {
      description: 'Each contact is in one of the lists, once.',
      schema: z.object({
        ...envelope,
        success: z.boolean().meta({ description: 'false: all of them failed.' }),
        inserted: z.array(z.string()),
        updated: z.array(z.string()),
        failed: z
          .array(z.string())
          .meta({ description: 'Ids of contacts that were not changed; of one without an id, an empty text.' }),
        errors: z
          .array(z.object({ id: z.string(), message: z.string() }))
          .optional()
          .meta({ description: 'Why contacts failed; left out if none has.' }),
      }),
    },
  },
  example: {
    body: {
      contacts: [
        {
          id: '123',
          profile: {
            $set: { firstName: 'Justin', lastName: 'Bieber', email: 'justin.bieber@yopmail.com' },
            $push: { tags: 'customer' },
            $inc: { totalOrders: 1 },
          },
          createdAt: '2016-02-04T22:44:30.652Z',
        },
      ],
    },
    answer: { statusCode: 200, success: true, inserted: ['123'], updated: [], failed: [] },
  },
  items: ({ body }) => body.contacts.length,
  async handle({ body, refused }, call) {
    const errors = new Map(refused.map(({ value, error }) => [textIn(value, 'id') ?? '', error.message]))
    // One that comes twice is changed by both, or by neither.
    const contacts = body.contacts.filter(({ id }) => !errors.has(id))
    const { inserted, updated, failed } = await upsertContacts(
      call,
      contacts.map(({ id, profile, createdAt }) => upsertOf(id, profile, createdAt)),
    )
    for (const { externalId, error } of failed) errors.set(externalId, worded(error, { externalId: 'id' }))
    return {
      status: 200,
      body: {
        statusCode: 200,
        success: inserted.length + updated.length > 0,
        inserted,
        updated,
        failed: [...errors.keys()],
        ...(errors.size === 0 ? {} : { errors: [...errors].map(([id, text]) => ({ id, message: text })) }),
      },
    }
  },
})
