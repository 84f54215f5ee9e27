/** Campaigns. */
import type { Schedule } from '../domain/schedule.ts'
import { campaignDispatches, channels } from '../words.ts'
import { byOf, projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { type createConnections, loadingOfNodes } from './connection.ts'
import type { DeletePayloadRef } from './delete-payload.ts'
import { type Enums, valuesOf } from './enums.ts'
import type { StatsTypes } from './stats.ts'
import type { TransactionTypes } from './transaction.ts'

/** Defines campaigns, and their operations. */
export function defineCampaigns(
  builder: Builder,
  { Channel }: Pick<Enums, 'Channel'>,
  { ResultStats }: StatsTypes,
  { TransactionConnection }: TransactionTypes,
  connections: ReturnType<typeof createConnections>,
  DeletePayload: DeletePayloadRef,
) {
  const CampaignDispatch = builder.enumType('CampaignDispatch', {
    description: 'What starts a campaign.',
    values: valuesOf(campaignDispatches, {
      API: 'Calls of `triggerCampaign`, for the recipients that they list.',
      SEGMENT: 'Its schedule, for the contacts of its segment.',
    }),
  })
  const CampaignSchedule = builder.objectRef<Schedule>('CampaignSchedule').implement({
    description: 'When a campaign runs: exactly one of `at`, `cron` and `onEvent`.',
    fields: (t) => ({
      at: t.expose('at', { type: 'DateTime', nullable: true, description: 'Once, at this time.' }),
      cron: t.exposeString('cron', { nullable: true, description: 'Repeatedly: a cron pattern with five fields.' }),
      timezone: t.exposeString('timezone', { description: 'Time zone of `cron`, IANA.' }),
      onEvent: t.exposeString('onEvent', {
        nullable: true,
        description: 'On each event with this name. Sent to the contact of the event, if it is in the segment.',
      }),
    }),
  })
  const Campaign = builder.prismaObject('Campaign', {
    description: 'A stored use of a template, sent by API calls or on a schedule.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Id on this server.' }),
      key: t.exposeID('key', { description: 'Key, unique in the project: its name in calls.' }),
      name: t.exposeString('name', { description: 'Display name.' }),
      active: t.exposeBoolean('active', { description: 'Whether it is sent.' }),
      dispatch: t.field({
        type: CampaignDispatch,
        description: 'What starts it.',
        resolve: ({ dispatch }) => (dispatch === 'SEGMENT' ? dispatch : 'API'),
      }),
      channel: t.field({
        type: Channel,
        description: 'Its channel. A campaign without one is sent on all channels of its template; this is the first of them.',
        select: { channel: true, template: { select: { contents: { select: { channel: true } } } } },
        resolve: ({ channel, template }) =>
          channel ?? channels.find((one) => template.contents.some((content) => content.channel === one)) ?? 'IN_APP',
      }),
      onlyChannel: t.expose('channel', {
        type: Channel,
        nullable: true,
        description: 'The only channel that it is sent on; null: all channels of its template.',
      }),
      template: t.relation('template', { description: 'The template.' }),
      segment: t.relation('segment', { nullable: true, description: 'Its audience; null for dispatch API.' }),
      schedule: t.field({
        type: CampaignSchedule,
        nullable: true,
        description: 'When it runs; null for dispatch API.',
        resolve: (campaign, _args, { carillon }) => carillon.campaigns.scheduleOf(campaign),
      }),
      nextRunAt: t.expose('nextRunAt', {
        type: 'DateTime',
        nullable: true,
        description: 'When it runs next, by `at` or `cron`; null: no run is planned.',
      }),
      stats: t.field({
        type: ResultStats,
        description: 'How much it has sent, and what became of it.',
        resolve: ({ projectId, id }, _args, { carillon }) => carillon.activity.ofCampaign(projectId, id),
      }),
      runs: t.field({
        type: TransactionConnection,
        description:
          'Its runs for its segment, newest first; what events and `triggerCampaign` start is not in it. Errors: BAD_INPUT, BAD_CURSOR.',
        args: connections.args,
        resolve: ({ projectId, id }, page, { carillon }) => carillon.transactions.runs(projectId, id, page),
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
    }),
  })
  const CampaignConnection = connections.of('Campaign', Campaign)

  builder.queryFields((t) => ({
    campaign: t.prismaField({
      type: 'Campaign',
      nullable: true,
      description: 'One campaign; null if it does not exist.',
      args: { key: t.arg.id({ required: true, description: 'Its key.' }) },
      resolve: (query, _root, { key }, context) => context.carillon.campaigns.find(projectOf(context).id, key, query),
    }),
    campaigns: t.field({
      type: CampaignConnection,
      description: 'Campaigns, oldest first. Errors: BAD_INPUT, BAD_CURSOR.',
      args: {
        ...connections.args,
        search: t.arg.string({
          description: 'Only those whose key or name contains this, without regard to case: at most 255 characters.',
        }),
      },
      resolve: (_root, page, context, info) =>
        context.carillon.campaigns.list(projectOf(context).id, page, loadingOfNodes(context, info, 'Campaign')),
    }),
  }))

  const CampaignScheduleInput = builder.inputType('CampaignScheduleInput', {
    description: 'When a campaign runs: exactly one of `at`, `cron` and `onEvent`.',
    fields: (t) => ({
      at: t.field({ type: 'DateTime', description: 'Once, at this time; up to 5 minutes in the past means now.' }),
      cron: t.string({
        description:
          'Repeatedly: a cron pattern with five fields. If several runs are missed because no worker is running, one run makes up for all of them.',
      }),
      timezone: t.string({ defaultValue: 'UTC', description: 'Time zone of `cron`, IANA.' }),
      onEvent: t.string({ description: 'On each event with this name.' }),
    }),
  })
  const CampaignInput = builder.inputType('CampaignInput', {
    description: 'A campaign to create or update. A field that is left out is not changed; null removes its value.',
    fields: (t) => ({
      key: t.id({ required: true, description: 'Key, unique in the project: 1-255 characters.' }),
      name: t.string({ description: 'Display name; default: the key.' }),
      active: t.boolean({ description: 'Whether it is sent; default: true.' }),
      dispatch: t.field({ type: CampaignDispatch, description: 'What starts it; default: API.' }),
      channel: t.field({
        type: Channel,
        description: 'The only channel that it is sent on; default: all channels of its template.',
      }),
      template: t.id({ description: 'Key of the template; required for a new campaign.' }),
      segment: t.id({ description: 'Key of the segment that is its audience; only for dispatch SEGMENT.' }),
      schedule: t.field({ type: CampaignScheduleInput, description: 'When it runs; only for dispatch SEGMENT.' }),
    }),
  })
  builder.mutationFields((t) => ({
    upsertCampaigns: t.prismaField({
      type: ['Campaign'],
      description:
        'Creates or updates up to 1,000 campaigns: all of them or none. Errors, with the index: BAD_INPUT, TEMPLATE_NOT_FOUND, NOT_FOUND for ' +
        'a segment; BATCH_TOO_LARGE.',
      args: { campaigns: t.arg({ type: [CampaignInput], required: true, description: 'The campaigns, 1-1,000.' }) },
      resolve: async (query, _root, { campaigns }, context) => {
        const projectId = projectOf(context).id
        const ids = await context.carillon.campaigns.upsert(projectId, campaigns, byOf(context))
        return context.carillon.campaigns.withIds(projectId, ids, query)
      },
    }),
    deleteCampaigns: t.field({
      type: DeletePayload,
      description:
        'Deletes campaigns. Notifications that they have sent or scheduled are kept. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
      args: { keys: t.arg.idList({ required: true, description: 'Keys of the campaigns, 1-1,000.' }) },
      resolve: async (_root, { keys }, context) => ({
        deletedCount: await context.carillon.campaigns.remove(projectOf(context).id, keys, byOf(context)),
      }),
    }),
  }))
}
