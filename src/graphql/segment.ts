/** Segments. */
import type { Prisma } from '../db/generated/client.ts'
import type { ConditionInput } from '../domain/condition.ts'
import { conditionOperators, type ConditionOperator as Operator } from '../domain/words.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { type Connection, type createConnections, pageById, selectionOfNodes } from './connection.ts'
import { valuesOf } from './enums.ts'
import type { DeletePayloadRef } from './topic.ts'

const operatorTexts = {
  EQUALS: 'It is exactly this.',
  NOT_EQUALS: 'It is something else, or missing.',
  LESS_THAN: 'It is a smaller number, an earlier date, or a text that stands before this one.',
  AT_MOST: 'The same, or equal.',
  GREATER_THAN: 'It is a greater number, a later date, or a text that stands after this one.',
  AT_LEAST: 'The same, or equal.',
  CONTAINS: 'It is a text with this part, or a list with this item.',
  STARTS_WITH: 'It is a text that begins so.',
  IN: 'It is one of these values.',
  EXISTS: 'There is something.',
  MISSING: 'There is nothing, or null.',
} satisfies Record<Operator, string>

/** Adds them. */
export function defineSegments(
  builder: Builder,
  connections: ReturnType<typeof createConnections>,
  DeletePayload: DeletePayloadRef,
) {
  const Segment = builder.prismaObject('Segment', {
    description: 'A stored condition over contacts and their events.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      key: t.exposeID('key', { description: 'Its name in calls.' }),
      name: t.exposeString('name', { description: 'Its name for people.' }),
      where: t.field({
        type: 'JSONObject',
        description: 'The condition, as `SegmentCondition` has it.',
        resolve: ({ condition }) => condition,
      }),
      contactCount: t.int({
        description: 'How many contacts are in it now; counted when asked for.',
        resolve: (segment, _args, { domain }) => domain.segments.count(segment.projectId, segment),
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
    }),
  })
  const SegmentConnection = connections.of('Segment', Segment)

  builder.queryFields((t) => ({
    segment: t.prismaField({
      type: 'Segment',
      nullable: true,
      description: 'One segment; null when there is none.',
      args: { key: t.arg.id({ required: true, description: 'Its key.' }) },
      resolve: (query, _root, { key }, context) =>
        key.includes('\0')
          ? null
          : context.domain.prisma.segment.findUnique({
              ...query,
              where: { projectId_key: { projectId: projectOf(context).id, key } },
            }),
    }),
    segments: t.field({
      type: SegmentConnection,
      description: 'Segments, oldest first. Errors: BAD_INPUT, BAD_CURSOR.',
      args: connections.args,
      resolve: (_root, page, context, info): Promise<Connection<Prisma.SegmentGetPayload<object>>> => {
        const { prisma } = context.domain
        const projectId = projectOf(context).id
        const query = selectionOfNodes<Prisma.SegmentFindManyArgs>(context, info, 'Segment')
        return pageById(
          context,
          'segments',
          projectId,
          page,
          'oldest-first',
          ({ where, ...order }) => prisma.segment.findMany({ ...query, where: { projectId, ...where }, ...order }),
          () => prisma.segment.count({ where: { projectId } }),
        )
      },
    }),
  }))

  const ConditionOperator = builder.enumType('ConditionOperator', {
    description: 'How what is at a path compares with a value. Numbers, texts and dates compare with their own kind alone.',
    values: valuesOf(conditionOperators, operatorTexts),
  })
  const ProfileCondition = builder.inputType('ProfileCondition', {
    description: "A condition on a contact's profile.",
    fields: (t) => ({
      path: t.string({
        required: true,
        description:
          'Dotted path: a field of the contact under its own name, or one of your own properties (`plan`, `address.city`). ' +
          'A number stands for a place in a list.',
      }),
      is: t.field({ type: ConditionOperator, required: true, description: 'How it compares.' }),
      value: t.field({
        type: 'JSON',
        description:
          'With what. A list for IN; nothing for EXISTS and MISSING. Two texts that are both RFC 3339 dates or times compare as such.',
      }),
    }),
  })
  const EventCondition = builder.inputType('EventCondition', {
    description: 'A condition on what a contact did.',
    fields: (t) => ({
      name: t.string({ required: true, description: 'Name of the event.' }),
      withinSeconds: t.int({ description: 'Only what happened in the last so many seconds.' }),
      atLeast: t.int({ defaultValue: 1, description: 'So many times or more, 1-10,000.' }),
      params: t.field({
        type: 'JSONObject',
        description:
          'Only events whose params have these values under these keys. An event that was told with `segmentationKeys` is looked at under those alone.',
      }),
    }),
  })
  const SegmentCondition = builder.inputRef<ConditionInput>('SegmentCondition').implement({
    description: 'A condition: exactly one of these. At most 10 levels deep, with at most 100 conditions on profile and events.',
    isOneOf: true,
    fields: (t) => ({
      all: t.field({ type: [SegmentCondition], description: 'All of these hold.' }),
      any: t.field({ type: [SegmentCondition], description: 'At least one of these holds.' }),
      not: t.field({ type: SegmentCondition, description: 'This does not hold.' }),
      profile: t.field({ type: ProfileCondition, description: 'Something about the profile.' }),
      event: t.field({ type: EventCondition, description: 'Something about the events.' }),
    }),
  })
  const SegmentInput = builder.inputType('SegmentInput', {
    description: 'A segment. A field left out stays as it is.',
    fields: (t) => ({
      key: t.id({ required: true, description: 'Its name in calls: 1-255 characters.' }),
      name: t.string({ description: 'Its name for people; default: the key.' }),
      where: t.field({ type: SegmentCondition, description: 'The condition; a new segment must have one.' }),
    }),
  })
  builder.mutationFields((t) => ({
    upsertSegments: t.field({
      type: [Segment],
      description:
        'Makes or changes up to 1,000 segments: all of them or none. One that is named twice is changed in order, and answered as it is in the ' +
        'end. Errors: BAD_INPUT with the index, and `max` for a condition that is too deep or too long; BATCH_TOO_LARGE.',
      args: { segments: t.arg({ type: [SegmentInput], required: true, description: 'The segments, 1-1,000.' }) },
      resolve: (_root, { segments }, context) => context.domain.segments.upsert(projectOf(context).id, segments),
    }),
    deleteSegments: t.field({
      type: DeletePayload,
      description:
        'Deletes segments: all of them or none. Errors: BAD_INPUT with the index of one that a campaign uses, BATCH_TOO_LARGE.',
      args: { keys: t.arg.idList({ required: true, description: 'Keys of the segments, 1-1,000.' }) },
      resolve: async (_root, { keys }, context) => ({
        deletedCount: await context.domain.segments.remove(projectOf(context).id, keys),
      }),
    }),
  }))
}
