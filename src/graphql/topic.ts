/** Topics. */
import { byOf, projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { type createConnections, loadingOfNodes } from './connection.ts'
import type { DeletePayloadRef } from './delete-payload.ts'

/** Defines topics, and their operations. */
export function defineTopics(
  builder: Builder,
  connections: ReturnType<typeof createConnections>,
  DeletePayload: DeletePayloadRef,
) {
  const Topic = builder.prismaObject('Topic', {
    description: 'A named set of contacts.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Id on this server.' }),
      key: t.exposeID('key', { description: 'Key, unique in the project: its name in calls.' }),
      name: t.exposeString('name', { description: 'Display name.' }),
      contactCount: t.relationCount('members', { description: 'How many contacts are members.' }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    }),
  })
  const TopicConnection = connections.of('Topic', Topic)
  builder.prismaObjectField('Contact', 'topics', (t) =>
    t.field({
      type: [Topic],
      description: 'Topics that it is a member of, by key.',
      select: { memberships: { include: { topic: true } } },
      // Prisma reads one table after the other: the topic of a membership may be deleted in between, and is null then.
      resolve: ({ memberships }) =>
        memberships.flatMap(({ topic }) => (topic === null ? [] : [topic])).sort((a, b) => (a.key < b.key ? -1 : 1)),
    }),
  )

  builder.queryFields((t) => ({
    topic: t.prismaField({
      type: 'Topic',
      nullable: true,
      description: 'One topic; null if it does not exist.',
      args: { key: t.arg.id({ required: true, description: 'Its key.' }) },
      resolve: (query, _root, { key }, context) => context.carillon.topics.find(projectOf(context).id, key, query),
    }),
    topics: t.field({
      type: TopicConnection,
      description: 'Topics, oldest first. Errors: BAD_INPUT, BAD_CURSOR.',
      args: {
        ...connections.args,
        search: t.arg.string({
          description: 'Only those whose key or name contains this, without regard to case: at most 255 characters.',
        }),
      },
      resolve: (_root, page, context, info) =>
        context.carillon.topics.list(projectOf(context).id, page, loadingOfNodes(context, info, 'Topic')),
    }),
  }))

  const TopicInput = builder.inputType('TopicInput', {
    description: 'A topic to create or rename.',
    fields: (t) => ({
      key: t.id({ required: true, description: 'Key, unique in the project: 1-255 characters.' }),
      name: t.string({ description: 'Display name; default: the key.' }),
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
          'Creates or renames up to 1,000 topics: all of them or none. A topic that is listed twice is changed in order, and its final state is ' +
          'returned. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
        args: { topics: t.arg({ type: [TopicInput], required: true, description: 'The topics, 1-1,000.' }) },
        resolve: (_root, { topics }, context) => context.carillon.topics.upsert(projectOf(context).id, topics, byOf(context)),
      }),
      deleteTopics: t.field({
        type: DeletePayload,
        description: 'Deletes topics, but not their contacts. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
        args: { keys: t.arg.idList({ required: true, description: 'Keys of the topics, 1-1,000.' }) },
        resolve: async (_root, { keys }, context) => ({
          deletedCount: await context.carillon.topics.remove(projectOf(context).id, keys, byOf(context)),
        }),
      }),
      subscribeToTopic: t.field({
        type: Topic,
        description:
          'Adds contacts to a topic: all of them or none. Errors: NOT_FOUND, CONTACT_NOT_FOUND with the index, BAD_INPUT, BATCH_TOO_LARGE.',
        args: members,
        resolve: (_root, { topic, contacts }, context) =>
          context.carillon.topics.subscribe(projectOf(context).id, topic, contacts),
      }),
      unsubscribeFromTopic: t.field({
        type: Topic,
        description:
          'Removes contacts from a topic; those that are not members are ignored. Errors: NOT_FOUND, BAD_INPUT, BATCH_TOO_LARGE.',
        args: members,
        resolve: (_root, { topic, contacts }, context) =>
          context.carillon.topics.unsubscribe(projectOf(context).id, topic, contacts),
      }),
    }
  })
}
