/** Segments. */
import type { ConditionInput } from '../domain/condition.ts'
import { conditionOperators, type ConditionOperator as Operator } from '../words.ts'
import { byOf, projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { type createConnections, loadingOfNodes } from './connection.ts'
import type { DeletePayloadRef } from './delete-payload.ts'
import { valuesOf } from './enums.ts'

const operatorTexts = {
  EQUALS: 'Equal to the value. An e-mail address or phone number of the contact is, however either is spelled.',
  NOT_EQUALS: 'Not equal to the value (see EQUALS), or missing.',
  LESS_THAN: 'A smaller number, an earlier date, or a string that sorts before the value.',
  AT_MOST: 'LESS_THAN, or equal.',
  GREATER_THAN: 'A greater number, a later date, or a string that sorts after the value.',
  AT_LEAST: 'GREATER_THAN, or equal.',
  CONTAINS: 'A string that contains the value, or a list that has it as an item.',
  STARTS_WITH: 'A string that starts with the value.',
  IN: 'Equal to one of the values (see EQUALS).',
  EXISTS: 'Present and not null.',
  MISSING: 'Absent, or null.',
} satisfies Record<Operator, string>

/** Defines segments, and their operations. */
export function defineSegments(
  builder: Builder,
  connections: ReturnType<typeof createConnections>,
  DeletePayload: DeletePayloadRef,
) {
  const Segment = builder.prismaObject('Segment', {
    description: 'A stored condition over contacts and their events.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Id on this server.' }),
      key: t.exposeID('key', { description: 'Key, unique in the project: its name in calls.' }),
      name: t.exposeString('name', { description: 'Display name.' }),
      where: t.field({
        type: 'JSONObject',
        description: 'The condition, in the form of `SegmentCondition`.',
        resolve: ({ condition }) => condition,
      }),
      contactCount: t.int({
        description: 'How many contacts match it now; counted only if it is selected.',
        resolve: (segment, _args, { carillon }) => carillon.segments.count(segment.projectId, segment),
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
    }),
  })
  const SegmentConnection = connections.of('Segment', Segment)

  builder.queryFields((t) => ({
    segment: t.prismaField({
      type: 'Segment',
      nullable: true,
      description: 'One segment; null if it does not exist.',
      args: { key: t.arg.id({ required: true, description: 'Its key.' }) },
      resolve: (query, _root, { key }, context) => context.carillon.segments.find(projectOf(context).id, key, query),
    }),
    segments: t.field({
      type: SegmentConnection,
      description: 'Segments, oldest first. Errors: BAD_INPUT, BAD_CURSOR.',
      args: {
        ...connections.args,
        search: t.arg.string({
          description: 'Only those whose key or name contains this, without regard to case: at most 255 characters.',
        }),
      },
      resolve: (_root, page, context, info) =>
        context.carillon.segments.list(projectOf(context).id, page, loadingOfNodes(context, info, 'Segment')),
    }),
  }))

  const ConditionOperator = builder.enumType('ConditionOperator', {
    description:
      'How the property at a path is compared with a value. Numbers, strings and dates are compared only with their own kind.',
    values: valuesOf(conditionOperators, operatorTexts),
  })
  const ProfileCondition = builder.inputType('ProfileCondition', {
    description: "A condition on a contact's profile.",
    fields: (t) => ({
      path: t.string({
        required: true,
        description:
          'Dotted path: a field of the contact under its own name, or one of your own properties (`plan`, `address.city`). ' +
          'A number is an index into a list.',
      }),
      is: t.field({ type: ConditionOperator, required: true, description: 'The comparison.' }),
      value: t.field({
        type: 'JSON',
        description:
          'The value to compare with: a list for IN, left out for EXISTS and MISSING. Two strings that are both RFC 3339 dates or times are compared as such.',
      }),
    }),
  })
  const EventCondition = builder.inputType('EventCondition', {
    description: 'A condition on what a contact did.',
    fields: (t) => ({
      name: t.string({ required: true, description: 'Name of the event.' }),
      withinSeconds: t.int({ description: 'Only events of the last N seconds.' }),
      atLeast: t.int({ defaultValue: 1, description: 'How many such events there must be at least: 1-10,000.' }),
      params: t.field({
        type: 'JSONObject',
        description:
          'Only events whose params have these values under these keys. Of an event that was tracked with `segmentationKeys`, only those keys are compared.',
      }),
    }),
  })
  const SegmentCondition = builder.inputRef<ConditionInput>('SegmentCondition').implement({
    description:
      'A condition: exactly one of these fields. At most 10 levels deep, with at most 100 conditions on profile and events.',
    isOneOf: true,
    fields: (t) => ({
      all: t.field({ type: [SegmentCondition], description: 'All of these conditions hold.' }),
      any: t.field({ type: [SegmentCondition], description: 'At least one of these conditions holds.' }),
      not: t.field({ type: SegmentCondition, description: 'This condition does not hold.' }),
      profile: t.field({ type: ProfileCondition, description: 'A condition on the profile.' }),
      event: t.field({ type: EventCondition, description: 'A condition on the events.' }),
    }),
  })
  const SegmentInput = builder.inputType('SegmentInput', {
    description: 'A segment to create or update. A field that is left out is not changed.',
    fields: (t) => ({
      key: t.id({ required: true, description: 'Key, unique in the project: 1-255 characters.' }),
      name: t.string({ description: 'Display name; default: the key.' }),
      where: t.field({ type: SegmentCondition, description: 'The condition; required for a new segment.' }),
    }),
  })
  builder.mutationFields((t) => ({
    upsertSegments: t.field({
      type: [Segment],
      description:
        'Creates or updates up to 1,000 segments: all of them or none. A segment that is listed twice is changed in order, and its final state is ' +
        'returned. Errors: BAD_INPUT with the index, and with `max` for a condition that is too deep or too long; BATCH_TOO_LARGE.',
      args: { segments: t.arg({ type: [SegmentInput], required: true, description: 'The segments, 1-1,000.' }) },
      resolve: (_root, { segments }, context) => context.carillon.segments.upsert(projectOf(context).id, segments, byOf(context)),
    }),
    deleteSegments: t.field({
      type: DeletePayload,
      description:
        'Deletes segments: all of them or none. Errors: BAD_INPUT with the index of one that a campaign uses, BATCH_TOO_LARGE.',
      args: { keys: t.arg.idList({ required: true, description: 'Keys of the segments, 1-1,000.' }) },
      resolve: async (_root, { keys }, context) => ({
        deletedCount: await context.carillon.segments.remove(projectOf(context).id, keys, byOf(context)),
      }),
    }),
  }))
}
