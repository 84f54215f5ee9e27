/** Events. */
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'

/** Defines `trackEvents`. */
export function defineEvents(builder: Builder) {
  const EventInput = builder.inputType('EventInput', {
    description: 'Something that a contact did, or that happened in your service.',
    fields: (t) => ({
      name: t.string({ required: true, description: 'Name of the event: 1-255 characters.' }),
      contact: t.id({
        description: 'externalId of the contact; an unknown one is created. Required unless the event is global.',
      }),
      isGlobal: t.boolean({ defaultValue: false, description: 'Whether it concerns the service as a whole and no contact.' }),
      params: t.field({ type: 'JSONObject', description: 'Properties of the event: for segments, and as `data` of campaigns.' }),
      segmentationKeys: t.stringList({
        description: 'Keys of `params` that segments can use, at most 100; default: all of them.',
      }),
      occurredAt: t.field({ type: 'DateTime', description: 'When it happened; default: now. At most 5 minutes in the future.' }),
    }),
  })
  const TrackPayload = builder.objectRef<{ acceptedCount: number }>('TrackPayload').implement({
    description: 'Result of tracking events.',
    fields: (t) => ({ acceptedCount: t.exposeInt('acceptedCount', { description: 'How many events were stored.' }) }),
  })
  builder.mutationFields((t) => ({
    trackEvents: t.field({
      type: TrackPayload,
      description:
        'Stores events: all of them or none. Segments can use them, and campaigns that are scheduled on an event are sent. ' +
        'Errors: BAD_INPUT with the index, TOO_LARGE, BATCH_TOO_LARGE.',
      args: { events: t.arg({ type: [EventInput], required: true, description: 'The events, 1-1,000.' }) },
      resolve: async (_root, { events }, context) => ({
        acceptedCount: await context.carillon.events.track(projectOf(context).id, events),
      }),
    }),
  }))
}
