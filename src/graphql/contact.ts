/** Contacts. */
import type { Prisma } from '../db/generated/client.ts'
import type { UpsertResult } from '../domain/contact.ts'
import { type JsonObject, profileOf } from '../domain/words.ts'
import type { Problem } from '../errors.ts'
import { contactOf, projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { type Connection, type createConnections, pageById, selectionOfNodes } from './connection.ts'
import type { Enums } from './enums.ts'
import type { Problems } from './problem.ts'

/** Adds them. */
export function defineContacts(
  builder: Builder,
  enums: Pick<Enums, 'UpsertMode'>,
  { Problem }: Problems,
  connections: ReturnType<typeof createConnections>,
) {
  const MonthlyReceived = builder.objectRef<{ year: number; month: number; count: number }>('MonthlyReceived').implement({
    description: 'How many notifications reached a contact in one month.',
    fields: (t) => ({
      year: t.exposeInt('year', { description: 'The year, UTC.' }),
      month: t.exposeInt('month', { description: 'The month, 1-12.' }),
      count: t.exposeInt('count', { description: 'Notifications that reached at least one channel.' }),
    }),
  })

  const Contact = builder.prismaObject('Contact', {
    description: 'A person who can be notified.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id on this server; you should never need it.' }),
      externalId: t.exposeID('externalId', { description: 'Its id in your own system: what every argument `contact` takes.' }),
      project: t.relation('project', { description: 'The project that it belongs to.' }),
      email: t.exposeString('email', { nullable: true, description: 'E-mail address.' }),
      phone: t.exposeString('phone', { nullable: true, description: 'Phone number, as it was given.' }),
      locale: t.exposeString('locale', { nullable: true, description: 'Language, BCP 47.' }),
      timezone: t.exposeString('timezone', { nullable: true, description: 'Time zone, IANA.' }),
      firstName: t.exposeString('firstName', { nullable: true, description: 'First name.' }),
      lastName: t.exposeString('lastName', { nullable: true, description: 'Last name.' }),
      photoUrl: t.exposeString('photoUrl', { nullable: true, description: 'Address of a picture.' }),
      country: t.exposeString('country', { nullable: true, description: 'Country, ISO 3166 alpha-2.' }),
      profile: t.field({
        type: 'JSONObject',
        description:
          'All that is known: the fields above under their own names, your own properties, and `externalId` as `id` too.',
        resolve: ({ properties, ...contact }) => profileOf({ ...contact, properties: properties as JsonObject }),
      }),
      monthlyReceived: t.field({
        type: [MonthlyReceived],
        description: 'How many notifications reached it, by UTC month, oldest first.',
        resolve: ({ projectId, id }, _args, { domain }) => domain.monthly(projectId, [id]),
      }),
      isOnline: t.exposeBoolean('isOnline', { description: 'Whether it is online.' }),
      lastOnlineAt: t.expose('lastOnlineAt', { type: 'DateTime', nullable: true, description: 'When it was last online.' }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made, or the time you gave for that.' }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
    }),
  })
  const ContactConnection = connections.of('Contact', Contact)

  const ContactFilter = builder.inputType('ContactFilter', {
    description: 'Narrows a list of contacts; each part narrows further.',
    fields: (t) => ({
      search: t.string({
        description: 'Part of an externalId, a name, an e-mail address or a phone number; case does not matter.',
      }),
      email: t.string({ description: 'Exactly this e-mail address; case does not matter.' }),
      phone: t.string({ description: 'Exactly this phone number, as it was given.' }),
      topic: t.id({ description: 'In this topic, by key.' }),
      segment: t.id({ description: 'In this segment, by key.' }),
    }),
  })

  builder.queryFields((t) => ({
    contact: t.prismaField({
      type: 'Contact',
      nullable: true,
      description: 'One contact; null when there is none.',
      args: { externalId: t.arg.id({ required: true, description: 'Its id in your own system.' }) },
      resolve: (query, _root, { externalId }, context) =>
        externalId.includes('\0')
          ? null
          : context.domain.prisma.contact.findUnique({
              ...query,
              where: { projectId_externalId: { projectId: projectOf(context).id, externalId } },
            }),
    }),
    contacts: t.field({
      type: ContactConnection,
      description: 'Contacts, oldest first. Errors: BAD_INPUT, BAD_CURSOR.',
      args: { filter: t.arg({ type: ContactFilter, description: 'Narrows the list.' }), ...connections.args },
      resolve: async (_root, { filter, ...page }, context, info): Promise<Connection<Prisma.ContactGetPayload<object>>> => {
        const { prisma } = context.domain
        const projectId = projectOf(context).id
        const audience = await context.domain.segments.audience(projectId, filter ?? {})
        const query = selectionOfNodes<Prisma.ContactFindManyArgs>(context, info, 'Contact')
        return pageById(
          context,
          'contacts',
          projectId,
          page,
          'oldest-first',
          async ({ where: { id = {} }, orderBy, take: limit }) => {
            const range = { after: id.gt ?? null, before: id.lt ?? null, ascending: orderBy.id === 'asc', limit }
            return prisma.contact.findMany({ ...query, where: { projectId, id: { in: await audience.find(range) } }, orderBy })
          },
          audience.count,
        )
      },
    }),
  }))

  const ProfileOperations = builder.inputType('ProfileOperations', {
    description:
      'Operations on a profile. Keys are dotted paths; `$email` and `$phone_number` stand for `email` and `phone`. ' +
      'Two operations on one path are refused. All of one contact apply, or none.',
    fields: (t) => ({
      set: t.field({ type: 'JSONObject', description: 'Path → value to set.' }),
      setMissing: t.field({ type: 'JSONObject', description: 'Path → value to set where there is none.' }),
      push: t.field({ type: 'JSONObject', description: 'Path → value to add to the end of a list; a missing list is made.' }),
      inc: t.field({ type: 'JSONObject', description: 'Path → number to add; a missing number is 0.' }),
      unset: t.stringList({ description: 'Paths to remove.' }),
    }),
  })
  const UpsertContactInput = builder.inputType('UpsertContactInput', {
    description: 'A contact to make or to change.',
    fields: (t) => ({
      externalId: t.id({ required: true, description: 'Its id in your own system: 1-255 characters.' }),
      email: t.string({ description: 'E-mail address.' }),
      phone: t.string({ description: 'Phone number, international; kept as it is given.' }),
      locale: t.string({ description: 'Language, BCP 47.' }),
      timezone: t.string({ description: 'Time zone, IANA.' }),
      firstName: t.string({ description: 'First name.' }),
      lastName: t.string({ description: 'Last name.' }),
      photoUrl: t.string({ description: 'Address of a picture, http or https.' }),
      country: t.string({ description: 'Country, ISO 3166 alpha-2.' }),
      mode: t.field({
        type: enums.UpsertMode,
        defaultValue: 'FILL_MISSING',
        description: 'What happens to the fields above that are there.',
      }),
      profile: t.field({
        type: ProfileOperations,
        description: 'Operations on the whole profile; they mean what they say, whatever the mode.',
      }),
      createdAt: t.field({ type: 'DateTime', description: 'When it was made; counts only when the contact is new.' }),
    }),
  })

  const ContactFailure = builder.objectRef<{ externalId: string; error: Problem }>('ContactFailure').implement({
    description: 'A contact that could not be made or changed.',
    fields: (t) => ({
      externalId: t.exposeID('externalId', { description: 'Its externalId.' }),
      error: t.field({ type: Problem, description: 'Why.', resolve: ({ error }) => error }),
    }),
  })
  const UpsertContactsPayload = builder.objectRef<UpsertResult>('UpsertContactsPayload').implement({
    description: 'What became of the contacts, by externalId. Each is named once.',
    fields: (t) => ({
      inserted: t.idList({ description: 'They were new.', resolve: ({ inserted }) => [...inserted] }),
      updated: t.idList({ description: 'They were there.', resolve: ({ updated }) => [...updated] }),
      failed: t.field({ type: [ContactFailure], description: 'They are as they were.', resolve: ({ failed }) => [...failed] }),
    }),
  })

  builder.mutationFields((t) => ({
    upsertContacts: t.field({
      type: UpsertContactsPayload,
      description: 'Makes or changes up to 1,000 contacts. A bad one fails alone. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
      args: {
        contacts: t.arg({
          type: [UpsertContactInput],
          required: true,
          description: 'The contacts, 1-1,000; one that is there twice is applied in order.',
        }),
      },
      resolve: (_root, { contacts }, context) => context.domain.contacts.upsert(projectOf(context).id, contacts),
    }),
    setOnline: t.prismaField({
      type: 'Contact',
      description: 'Says whether a contact is online; going offline sets `lastOnlineAt`. Errors: CONTACT_NOT_FOUND.',
      args: {
        contact: t.arg.id({ description: 'externalId of the contact; left out with a contact token.' }),
        isOnline: t.arg.boolean({ required: true, description: 'Whether it is online.' }),
      },
      resolve: async (query, _root, { contact, isOnline }, context) => {
        const key = await contactOf(context, contact)
        const id = await context.domain.contacts.setOnline(key, isOnline)
        return context.domain.prisma.contact.findUniqueOrThrow({
          ...query,
          where: { projectId_id: { projectId: key.projectId, id } },
        })
      },
    }),
  }))
}
