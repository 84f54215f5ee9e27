/** Statistics. */

import type { ActivityFilter, DayStats as Day, ResultStats as Results } from '../domain/activity.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { Enums } from './enums.ts'

interface StatsArgs {
  readonly projectId: string
  readonly last: number
  readonly filter: ActivityFilter
}

/** Defines statistics. */
export function defineStats(builder: Builder, { Channel }: Pick<Enums, 'Channel'>) {
  const TemplateStats = builder.objectRef<{ template: string; count: number }>('TemplateStats').implement({
    description: 'How often a template was used on a day.',
    fields: (t) => ({
      template: t.exposeID('template', { description: 'Key of the template.' }),
      count: t.exposeInt('count', { description: 'Notifications.' }),
    }),
  })
  const ChannelStats = builder.objectRef<Results['channels'][number]>('ChannelStats').implement({
    description: 'Results on one channel of the notifications of a day, a campaign or a send to many.',
    fields: (t) => ({
      channel: t.expose('channel', { type: Channel, description: 'The channel.' }),
      sent: t.exposeInt('sent', { description: 'Accepted by a provider; in-app: added to the feed.' }),
      delivered: t.exposeInt('delivered', { description: 'Delivered, as far as known.' }),
      failed: t.exposeInt('failed', { description: 'Failed permanently.' }),
      seen: t.exposeInt('seen', { description: 'Seen.' }),
      read: t.exposeInt('read', { description: 'Read.' }),
    }),
  })
  const DayStats = builder.objectRef<Day>('DayStats').implement({
    description:
      'The notifications that were accepted on one UTC day, and their results. Each is counted once, however many channels it has.',
    fields: (t) => ({
      date: t.field({ type: 'Date', description: 'The day.', resolve: ({ day }) => day }),
      count: t.int({ description: 'Notifications accepted.', resolve: async ({ whole }) => (await whole()).count }),
      sent: t.int({ description: 'Of these, sent on at least one channel.', resolve: async ({ whole }) => (await whole()).sent }),
      delivered: t.int({
        description: 'Of these, delivered on at least one channel, as far as known.',
        resolve: async ({ whole }) => (await whole()).delivered,
      }),
      failed: t.int({
        description: 'Of these, failed on at least one channel.',
        resolve: async ({ whole }) => (await whole()).failed,
      }),
      seen: t.int({ description: 'Of these, seen in the feed.', resolve: async ({ whole }) => (await whole()).seen }),
      read: t.int({ description: 'Of these, read in the feed.', resolve: async ({ whole }) => (await whole()).read }),
      templates: t.field({
        type: [TemplateStats],
        description: 'By template, most used first.',
        resolve: async ({ templates }) => [...(await templates())],
      }),
      channels: t.field({
        type: [ChannelStats],
        description: 'By channel.',
        resolve: async ({ channels }) => [...(await channels())],
      }),
    }),
  })
  const Stats = builder.objectRef<StatsArgs>('Stats').implement({
    description: 'Statistics of notifications. They are exact at every moment, and only what is selected is read.',
    fields: (t) => ({
      weeklySent: t.int({
        description: 'Notifications sent on at least one channel in the last 7 days, to the minute.',
        resolve: ({ projectId, filter }, _args, { carillon }) => carillon.activity.sent(projectId, 'week', filter),
      }),
      monthlySent: t.int({
        description: 'Notifications sent on at least one channel in the last month, to the minute.',
        resolve: ({ projectId, filter }, _args, { carillon }) => carillon.activity.sent(projectId, 'month', filter),
      }),
      yearlySent: t.int({
        description: 'Notifications sent on at least one channel in the last year, whose first UTC day is counted whole.',
        resolve: ({ projectId, filter }, _args, { carillon }) => carillon.activity.sent(projectId, 'year', filter),
      }),
      days: t.field({
        type: [DayStats],
        description: 'One entry for each day, newest first, including days without notifications.',
        resolve: ({ projectId, last, filter }, _args, { carillon }) => carillon.activity.days(projectId, last, filter),
      }),
    }),
  })
  builder.queryFields((t) => ({
    stats: t.field({
      type: Stats,
      description: 'Statistics of notifications and their results. Errors: BAD_INPUT, TEMPLATE_NOT_FOUND.',
      args: {
        last: t.arg.int({ defaultValue: 32, description: 'How many days `days` has, including today: 1-400.' }),
        template: t.arg.id({ description: 'Only this template, by key.' }),
        channel: t.arg({ type: Channel, description: 'Only notifications on this channel, with their results there.' }),
      },
      resolve: (_root, { last, template, channel }, context) => ({
        projectId: projectOf(context).id,
        last: last ?? 32,
        filter: { template: template ?? null, channel: channel ?? null },
      }),
    }),
  }))

  const ResultStats = builder.objectRef<Results>('ResultStats').implement({
    description:
      'Notifications of a campaign or a send to many, of all time, and their results. Each is counted once, however many channels it has.',
    fields: (t) => ({
      count: t.exposeInt('count', { description: 'Notifications accepted.' }),
      sent: t.exposeInt('sent', { description: 'Of these, sent on at least one channel.' }),
      delivered: t.exposeInt('delivered', { description: 'Of these, delivered on at least one channel, as far as known.' }),
      failed: t.exposeInt('failed', { description: 'Of these, failed on at least one channel.' }),
      seen: t.exposeInt('seen', { description: 'Of these, seen in the feed.' }),
      read: t.exposeInt('read', { description: 'Of these, read in the feed.' }),
      channels: t.field({ type: [ChannelStats], description: 'By channel.', resolve: ({ channels }) => [...channels] }),
    }),
  })
  return { ResultStats }
}

/** The types of statistics that others use. */
export type StatsTypes = ReturnType<typeof defineStats>
