/** Topics. */
import type { Prisma } from '../db/generated/client.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { type Connection, type createConnections, pageById, selectionOfNodes } from './connection.ts'

/** What deleting answers with. */
export type DeletePayloadRef = ReturnType<typeof defineTopics>['DeletePayload']

/** Adds them, and what deletes. */
export function defineTopics(builder: Builder, connections: ReturnType<typeof createConnections>) {
  const DeletePayload = builder.objectRef<{ deletedCount: number }>('DeletePayload').implement({
    description: 'What deleting did.',
    fields: (t) => ({
      deletedCount: t.exposeInt('deletedCount', { description: 'How many there were. What was not there is not counted.' }),
    }),
  })
  const Topic = builder.prismaObject('Topic', {
    description: 'A named set of contacts.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      key: t.exposeID('key', { description: 'Its name in calls.' }),
      name: t.exposeString('name', { description: 'Its name for people.' }),
      contactCount: t.relationCount('members', { description: 'How many contacts are in it.' }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    }),
  })
  const TopicConnection = connections.of('Topic', Topic)
  builder.prismaObjectField('Contact', 'topics', (t) =>
    t.field({
      type: [Topic],
      description: 'The topics that it is in, by key.',
      select: { memberships: { include: { topic: true } } },
      resolve: ({ memberships }) => memberships.map((one) => one.topic).sort((a, b) => (a.key < b.key ? -1 : 1)),
    }),
  )

  builder.queryFields((t) => ({
    topic: t.prismaField({
      type: 'Topic',
      nullable: true,
      description: 'One topic; null when there is none.',
      args: { key: t.arg.id({ required: true, description: 'Its key.' }) },
      resolve: (query, _root, { key }, context) =>
        key.includes('\0')
          ? null
          : context.domain.prisma.topic.findUnique({
              ...query,
              where: { projectId_key: { projectId: projectOf(context).id, key } },
            }),
    }),
    topics: t.field({
      type: TopicConnection,
      description: 'Topics, oldest first. Errors: BAD_INPUT, BAD_CURSOR.',
      args: connections.args,
      resolve: (_root, page, context, info): Promise<Connection<Prisma.TopicGetPayload<object>>> => {
        const { prisma } = context.domain
        const projectId = projectOf(context).id
        const query = selectionOfNodes<Prisma.TopicFindManyArgs>(context, info, 'Topic')
        return pageById(
          context,
          'topics',
          projectId,
          page,
          'oldest-first',
          ({ where, ...order }) => prisma.topic.findMany({ ...query, where: { projectId, ...where }, ...order }),
          () => prisma.topic.count({ where: { projectId } }),
        )
      },
    }),
  }))

  const TopicInput = builder.inputType('TopicInput', {
    description: 'A topic.',
    fields: (t) => ({
      key: t.id({ required: true, description: 'Its name in calls: 1-255 characters.' }),
      name: t.string({ description: 'Its name for people; default: the key.' }),
    }),
  })
  const ContactSelector = builder.inputType('ContactSelector', {
    description: 'Who is meant: exactly one of these.',
    isOneOf: true,
    fields: (t) => ({
      externalId: t.id({ description: 'The contact with this externalId.' }),
      email: t.string({ description: 'All contacts with this e-mail address; case does not matter.' }),
      phone: t.string({ description: 'All contacts with exactly this phone number, as it was given.' }),
    }),
  })
  builder.mutationFields((t) => {
    const members = {
      topic: t.arg.id({ required: true, description: 'Key of the topic.' }),
      contacts: t.arg.idList({ required: true, description: 'externalIds of the contacts, 1-1,000.' }),
    }
    return {
      upsertTopics: t.field({
        type: [Topic],
        description:
          'Makes or renames up to 1,000 topics: all of them or none. One that is named twice is changed in order, and answered as it is in the ' +
          'end. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
        args: { topics: t.arg({ type: [TopicInput], required: true, description: 'The topics, 1-1,000.' }) },
        resolve: (_root, { topics }, context) => context.domain.topics.upsert(projectOf(context).id, topics),
      }),
      deleteTopics: t.field({
        type: DeletePayload,
        description: 'Deletes topics; their contacts stay. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
        args: { keys: t.arg.idList({ required: true, description: 'Keys of the topics, 1-1,000.' }) },
        resolve: async (_root, { keys }, context) => ({
          deletedCount: await context.domain.topics.remove(projectOf(context).id, keys),
        }),
      }),
      subscribeToTopic: t.field({
        type: Topic,
        description:
          'Adds contacts: all of them or none. Errors: NOT_FOUND, CONTACT_NOT_FOUND with the index, BAD_INPUT, BATCH_TOO_LARGE.',
        args: members,
        resolve: (_root, { topic, contacts }, context) => context.domain.topics.subscribe(projectOf(context).id, topic, contacts),
      }),
      unsubscribeFromTopic: t.field({
        type: Topic,
        description:
          'Takes contacts out; those that are not in it are left alone. Errors: NOT_FOUND, BAD_INPUT, BATCH_TOO_LARGE.',
        args: members,
        resolve: (_root, { topic, contacts }, context) =>
          context.domain.topics.unsubscribe(projectOf(context).id, topic, contacts),
      }),
      deleteContacts: t.field({
        type: DeletePayload,
        description:
          'Erases contacts: profile, feed, credentials, and what was said to them; what waits for them is canceled, counts stay. All who match ' +
          'are erased and counted. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
        args: { contacts: t.arg({ type: [ContactSelector], required: true, description: 'Whom to erase, 1-1,000.' }) },
        resolve: async (_root, { contacts }, context) => ({
          deletedCount: await context.domain.contacts.erase(projectOf(context).id, contacts),
        }),
      }),
      deleteProviders: t.field({
        type: DeletePayload,
        description:
          'Deletes providers. What went through them stays, and so does what waits: another provider takes it. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
        args: { keys: t.arg.idList({ required: true, description: 'Keys of the providers, 1-1,000.' }) },
        resolve: async (_root, { keys }, context) => ({
          deletedCount: await context.domain.providers.remove(projectOf(context).id, keys),
        }),
      }),
    }
  })
  return { DeletePayload }
}
