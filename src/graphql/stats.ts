/** Statistics. */

import type { ChannelRow } from '../db/stats.ts'
import type { DayStats as Day } from '../domain/activity.ts'
import type { Channel as ChannelName } from '../domain/words.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { Context } from './context.ts'
import type { Enums } from './enums.ts'

interface Asked {
  readonly projectId: string
  readonly last: number
  readonly template: string | null
  readonly channel: ChannelName | null
}

/** Adds them. */
export function defineStats(builder: Builder, { Channel }: Pick<Enums, 'Channel'>) {
  const TemplateStats = builder.objectRef<{ template: string; count: number }>('TemplateStats').implement({
    description: 'How often a template was used on a day.',
    fields: (t) => ({
      template: t.exposeID('template', { description: 'Key of the template.' }),
      count: t.exposeInt('count', { description: 'Notifications.' }),
    }),
  })
  const ChannelStats = builder.objectRef<Omit<ChannelRow, 'day'>>('ChannelStats').implement({
    description: 'What became of the notifications of a day on one channel.',
    fields: (t) => ({
      channel: t.expose('channel', { type: Channel, description: 'The channel.' }),
      sent: t.exposeInt('sent', { description: 'Taken by a provider; in-app: put into the feed.' }),
      delivered: t.exposeInt('delivered', { description: 'Known to have arrived.' }),
      failed: t.exposeInt('failed', { description: 'Failed for good.' }),
      seen: t.exposeInt('seen', { description: 'Seen.' }),
      read: t.exposeInt('read', { description: 'Read.' }),
    }),
  })
  const DayStats = builder.objectRef<Day>('DayStats').implement({
    description:
      'The notifications that were accepted on one UTC day, and what became of them. Each counts once, whatever its channels.',
    fields: (t) => ({
      date: t.field({ type: 'Date', description: 'The day.', resolve: ({ day }) => day }),
      count: t.exposeInt('count', { description: 'Notifications accepted.' }),
      sent: t.exposeInt('sent', { description: 'Of these: sent on at least one channel.' }),
      delivered: t.exposeInt('delivered', { description: 'Known to have arrived on at least one channel.' }),
      failed: t.exposeInt('failed', { description: 'Failed on at least one channel.' }),
      seen: t.exposeInt('seen', { description: 'Seen in the feed.' }),
      read: t.exposeInt('read', { description: 'Read in the feed.' }),
      templates: t.field({
        type: [TemplateStats],
        description: 'By template, most used first.',
        resolve: ({ templates }) => [...templates],
      }),
      channels: t.field({ type: [ChannelStats], description: 'By channel.', resolve: ({ channels }) => [...channels] }),
    }),
  })
  const totals = ({ projectId, template, channel }: Asked, { domain }: Context) =>
    domain.activity.totals(projectId, template, channel)
  const Stats = builder.objectRef<Asked>('Stats').implement({
    description: 'How much was sent.',
    fields: (t) => ({
      weeklySent: t.int({
        description: 'Notifications that went out on at least one channel in the last 7 days.',
        resolve: async (asked, _args, context) => (await totals(asked, context)).weekly,
      }),
      monthlySent: t.int({
        description: 'The same for the last month.',
        resolve: async (asked, _args, context) => (await totals(asked, context)).monthly,
      }),
      yearlySent: t.int({
        description: 'The same for the last year.',
        resolve: async (asked, _args, context) => (await totals(asked, context)).yearly,
      }),
      days: t.field({
        type: [DayStats],
        description: 'One for each day, newest first, days without a notification included.',
        resolve: ({ projectId, last, template, channel }, _args, { domain }) =>
          domain.activity.days(projectId, last, template, channel),
      }),
    }),
  })
  builder.queryFields((t) => ({
    stats: t.field({
      type: Stats,
      description: 'How much was sent, and what became of it. Errors: BAD_INPUT, TEMPLATE_NOT_FOUND.',
      args: {
        last: t.arg.int({ defaultValue: 32, description: 'How many days `days` goes back, today included: 1-400.' }),
        template: t.arg.id({ description: 'Only this template, by key.' }),
        channel: t.arg({ type: Channel, description: 'Only notifications on this channel, and what became of them there.' }),
      },
      resolve: (_root, { last, template, channel }, context) => ({
        projectId: projectOf(context).id,
        last: last ?? 32,
        template: template ?? null,
        channel: channel ?? null,
      }),
    }),
  }))
}
