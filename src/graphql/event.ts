/** Events. */
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'

/** Adds what tells them. */
export function defineEvents(builder: Builder) {
  const EventInput = builder.inputType('EventInput', {
    description: 'Something that a contact did, or that happened to the service.',
    fields: (t) => ({
      name: t.string({ required: true, description: 'What happened: 1-255 characters.' }),
      contact: t.id({
        description: 'externalId of the contact who did it; an unknown one is made. Must be given unless the event is global.',
      }),
      isGlobal: t.boolean({ defaultValue: false, description: 'It happened to the service, and is not tied to a contact.' }),
      params: t.field({ type: 'JSONObject', description: 'More about it: for segments, and for what campaigns say.' }),
      segmentationKeys: t.stringList({
        description: 'Keys of `params` that segments look at, at most 100; default: all of them.',
      }),
      occurredAt: t.field({ type: 'DateTime', description: 'When it happened; default: now. Not in the future.' }),
    }),
  })
  const TrackPayload = builder.objectRef<{ acceptedCount: number }>('TrackPayload').implement({
    description: 'What telling events did.',
    fields: (t) => ({ acceptedCount: t.exposeInt('acceptedCount', { description: 'How many are stored.' }) }),
  })
  builder.mutationField('trackEvents', (t) =>
    t.field({
      type: TrackPayload,
      description:
        'Stores what happened: all of it or nothing. Segments look at it, and campaigns with a schedule on an event answer it. ' +
        'Errors: BAD_INPUT with the index, TOO_LARGE, BATCH_TOO_LARGE.',
      args: { events: t.arg({ type: [EventInput], required: true, description: 'The events, 1-1,000.' }) },
      resolve: async (_root, { events }, context) => ({
        acceptedCount: await context.domain.events.track(projectOf(context).id, events),
      }),
    }),
  )
}
