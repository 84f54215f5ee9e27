/** Contacts. */
import type { UpsertResult } from '../domain/contact.ts'
import type { Problem } from '../errors.ts'
import { byContactField, type JsonObject, profileOf } from '../words.ts'
import { byOf, contactOf, projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { type createConnections, loadingOfNodes } from './connection.ts'
import { contactFieldDescription, contactInputDescription } from './contact-fields.ts'
import type { DeletePayloadRef } from './delete-payload.ts'
import type { Enums } from './enums.ts'
import type { Problems } from './problem.ts'

export function defineContacts(
  builder: Builder,
  enums: Pick<Enums, 'UpsertMode'>,
  { Problem }: Problems,
  connections: ReturnType<typeof createConnections>,
  DeletePayload: DeletePayloadRef,
) {
  const MonthlyReceived = builder.objectRef<{ year: number; month: number; count: number }>('MonthlyReceived').implement({
    description: 'How many notifications reached a contact in one UTC month.',
    fields: (t) => ({
      year: t.exposeInt('year', { description: 'The year, UTC.' }),
      month: t.exposeInt('month', { description: 'The month, 1-12.' }),
      count: t.exposeInt('count', { description: 'Notifications that reached at least one channel.' }),
    }),
  })

  const Contact = builder.prismaObject('Contact', {
    description: 'A person who can be notified.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Id on this server; calls take `externalId` instead.' }),
      externalId: t.exposeID('externalId', { description: 'Id in your own system: what every argument `contact` takes.' }),
      project: t.relation('project', { description: 'The project that it belongs to.' }),
      ...byContactField((field) => t.exposeString(field, { nullable: true, description: contactFieldDescription(field) })),
      profile: t.field({
        type: 'JSONObject',
        description:
          'All properties: the fields above under their own names, your own properties, and `externalId`, also as `id`.',
        resolve: ({ properties, ...contact }) => profileOf({ ...contact, properties: properties as JsonObject }),
      }),
      monthlyReceived: t.field({
        type: [MonthlyReceived],
        description: 'How many notifications reached it in each UTC month, oldest first.',
        resolve: ({ projectId, id }, _args, { carillon }) => carillon.monthly(projectId, [id]),
      }),
      isOnline: t.exposeBoolean('isOnline', { description: 'Whether it is online.' }),
      lastOnlineAt: t.expose('lastOnlineAt', { type: 'DateTime', nullable: true, description: 'When it was last online.' }),
      createdAt: t.expose('createdAt', {
        type: 'DateTime',
        description: 'When it was created, or the time that was given for it.',
      }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
    }),
  })
  const ContactConnection = connections.of('Contact', Contact)

  const ContactFilter = builder.inputType('ContactFilter', {
    description: 'Filters a list of contacts; all conditions have to hold.',
    fields: (t) => ({
      search: t.string({
        description: 'Part of an externalId, name, e-mail address or phone number; case-insensitive.',
      }),
      email: t.string({ description: 'Exactly this e-mail address; case-insensitive.' }),
      phone: t.string({ description: 'This phone number, in any usual spelling, with its calling code or without.' }),
      topic: t.id({ description: 'Members of this topic, by key.' }),
      segment: t.id({ description: 'Contacts in this segment, by key.' }),
    }),
  })

  builder.queryFields((t) => ({
    contact: t.prismaField({
      type: 'Contact',
      nullable: true,
      description: 'One contact; null if it does not exist.',
      args: { externalId: t.arg.id({ required: true, description: 'Id in your own system.' }) },
      resolve: (query, _root, { externalId }, context) =>
        context.carillon.contacts.find(projectOf(context).id, externalId, query),
    }),
    contacts: t.field({
      type: ContactConnection,
      description: 'Contacts, oldest first. Errors: BAD_INPUT, BAD_CURSOR.',
      args: { filter: t.arg({ type: ContactFilter, description: 'Filters the list.' }), ...connections.args },
      resolve: (_root, { filter, ...page }, context, info) =>
        context.carillon.contacts.list(projectOf(context).id, filter ?? {}, page, loadingOfNodes(context, info, 'Contact')),
    }),
  }))

  const ProfileOperations = builder.inputType('ProfileOperations', {
    description:
      'Operations on a profile. Keys are dotted paths; `$email` and `$phone_number` are aliases of `email` and `phone`. ' +
      'Two operations on the same path are refused. Either all operations of a contact are applied or none.',
    fields: (t) => ({
      set: t.field({ type: 'JSONObject', description: 'Path → value to set.' }),
      setMissing: t.field({ type: 'JSONObject', description: 'Path → value to set if there is none.' }),
      push: t.field({ type: 'JSONObject', description: 'Path → value to append to a list; a missing list is created.' }),
      inc: t.field({ type: 'JSONObject', description: 'Path → number to add; a missing number counts as 0.' }),
      unset: t.stringList({ description: 'Paths to remove.' }),
    }),
  })
  const UpsertContactInput = builder.inputType('UpsertContactInput', {
    description: 'A contact to create or update.',
    fields: (t) => ({
      externalId: t.id({ required: true, description: 'Id in your own system: 1-255 characters.' }),
      ...byContactField((field) => t.string({ description: contactInputDescription(field) })),
      mode: t.field({
        type: enums.UpsertMode,
        defaultValue: 'FILL_MISSING',
        description: 'What happens to the fields above that already have a value.',
      }),
      profile: t.field({
        type: ProfileOperations,
        description: 'Operations on the whole profile; `mode` does not affect them.',
      }),
      createdAt: t.field({ type: 'DateTime', description: 'When it was created; used only if the contact is new.' }),
    }),
  })

  const ContactFailure = builder.objectRef<{ externalId: string; error: Problem }>('ContactFailure').implement({
    description: 'A contact that could not be created or updated.',
    fields: (t) => ({
      externalId: t.exposeID('externalId', { description: 'Its externalId.' }),
      error: t.field({ type: Problem, description: 'Why.', resolve: ({ error }) => error }),
    }),
  })
  const UpsertContactsPayload = builder.objectRef<UpsertResult>('UpsertContactsPayload').implement({
    description: 'Results by externalId, each of which is listed once.',
    fields: (t) => ({
      inserted: t.idList({ description: 'Contacts that were created.', resolve: ({ inserted }) => [...inserted] }),
      updated: t.idList({ description: 'Contacts that already existed.', resolve: ({ updated }) => [...updated] }),
      failed: t.field({
        type: [ContactFailure],
        description: 'Contacts that were not changed, and why.',
        resolve: ({ failed }) => [...failed],
      }),
    }),
  })

  const ContactSelector = builder.inputType('ContactSelector', {
    description: 'Selects contacts: exactly one of these fields.',
    isOneOf: true,
    fields: (t) => ({
      externalId: t.id({ description: 'The contact with this externalId.' }),
      email: t.string({ description: 'All contacts with this e-mail address; case-insensitive.' }),
      phone: t.string({ description: 'All contacts with exactly this phone number, as it was provided.' }),
    }),
  })
  builder.mutationFields((t) => ({
    deleteContacts: t.field({
      type: DeletePayload,
      description:
        'Erases contacts: profile, feed, credentials, events, and the content of messages to them; and what was sent to bare addresses. They ' +
        'are removed as the actor from messages to others. Pending messages are canceled; counts are kept; ids and suppressed addresses are ' +
        'kept as hashes. All contacts who match are erased and counted. Give `contacts`, `addresses` or both. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
      args: {
        contacts: t.arg({ type: [ContactSelector], description: 'Contacts to erase, 1-1,000.' }),
        addresses: t.arg.stringList({
          description:
            'Bare addresses, 1-1,000: erases what was sent to them without a contact. E-mail is compared without case, phone numbers in any ' +
            'spelling; device tokens and webhook addresses are removed from suppressions. Contacts who have one of them are not erased, but named.',
        }),
      },
      resolve: async (_root, { contacts, addresses }, context) => {
        const erasure = await context.carillon.erasure.erase(
          projectOf(context).id,
          { selectors: contacts ?? null, addresses: addresses ?? null },
          byOf(context),
        )
        return { deletedCount: erasure.contacts, erasure }
      },
    }),
    upsertContacts: t.field({
      type: UpsertContactsPayload,
      description:
        'Creates or updates up to 1,000 contacts. An invalid contact does not affect the others. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
      args: {
        contacts: t.arg({
          type: [UpsertContactInput],
          required: true,
          description: 'The contacts, 1-1,000; one that is listed twice is changed in order.',
        }),
        dryRun: t.arg.boolean({
          required: true,
          defaultValue: false,
          description: 'Changes nothing: the result says what would be created, updated and refused.',
        }),
      },
      resolve: (_root, { contacts, dryRun }, context) =>
        context.carillon.contacts.upsert(projectOf(context).id, contacts, { isDryRun: dryRun }),
    }),
    setOnline: t.prismaField({
      type: 'Contact',
      description: 'Sets whether a contact is online; going offline sets `lastOnlineAt`. Errors: CONTACT_NOT_FOUND.',
      args: {
        contact: t.arg.id({ description: 'externalId of the contact. Left out with a contact token, which has its own.' }),
        isOnline: t.arg.boolean({ required: true, description: 'Whether it is online.' }),
      },
      resolve: async (query, _root, { contact, isOnline }, context) => {
        const key = await contactOf(context, contact)
        await context.carillon.contacts.setOnline(key, isOnline)
        return context.carillon.contacts.withId(key, query)
      },
    }),
  }))
}
