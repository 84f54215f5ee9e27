/** Campaigns. */
import type { Prisma } from '../db/generated/client.ts'
import { campaignDispatches, scheduleOf } from '../domain/campaign.ts'
import type { Schedule } from '../domain/schedule.ts'
import { channels } from '../domain/words.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { type Connection, type createConnections, pageById, selectionOfNodes } from './connection.ts'
import { type Enums, valuesOf } from './enums.ts'
import type { DeletePayloadRef } from './topic.ts'

/** Adds them. */
export function defineCampaigns(
  builder: Builder,
  { Channel }: Pick<Enums, 'Channel'>,
  connections: ReturnType<typeof createConnections>,
  DeletePayload: DeletePayloadRef,
) {
  const CampaignDispatch = builder.enumType('CampaignDispatch', {
    description: 'What sends a campaign.',
    values: valuesOf(campaignDispatches, {
      API: 'Calls of `triggerCampaign`, to the recipients that they name.',
      SEGMENT: 'Its schedule, to the contacts of its segment.',
    }),
  })
  const CampaignSchedule = builder.objectRef<Schedule>('CampaignSchedule').implement({
    description: 'When a campaign runs: exactly one of `at`, `cron` and `onEvent`.',
    fields: (t) => ({
      at: t.expose('at', { type: 'DateTime', nullable: true, description: 'Once, at this time.' }),
      cron: t.exposeString('cron', { nullable: true, description: 'Again and again: a cron pattern of five fields.' }),
      timezone: t.exposeString('timezone', { description: 'The time zone in which `cron` is meant, IANA.' }),
      onEvent: t.exposeString('onEvent', {
        nullable: true,
        description: 'Whenever a contact does this: name of an event. Sent to that contact, where it is in the segment.',
      }),
    }),
  })
  const Campaign = builder.prismaObject('Campaign', {
    description: 'A stored use of a template, with the rule by which it goes out.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      key: t.exposeID('key', { description: 'Its name in calls.' }),
      name: t.exposeString('name', { description: 'Its name for people.' }),
      active: t.exposeBoolean('active', { description: 'Whether it goes out at all.' }),
      dispatch: t.field({
        type: CampaignDispatch,
        description: 'What sends it.',
        resolve: ({ dispatch }) => (dispatch === 'SEGMENT' ? dispatch : 'API'),
      }),
      channel: t.field({
        type: Channel,
        description: "Its channel. One that was given none goes out on all of its template's, and this is the first of them.",
        select: { channel: true, template: { select: { contents: { select: { channel: true } } } } },
        resolve: ({ channel, template }) =>
          channel ?? channels.find((one) => template.contents.some((content) => content.channel === one)) ?? 'IN_APP',
      }),
      template: t.relation('template', { description: 'What it says.' }),
      segment: t.relation('segment', { nullable: true, description: 'Whom it tells; null for a campaign that calls trigger.' }),
      schedule: t.field({
        type: CampaignSchedule,
        nullable: true,
        description: 'When it runs; null for a campaign that calls trigger.',
        resolve: (campaign) => scheduleOf(campaign),
      }),
      nextRunAt: t.expose('nextRunAt', { type: 'DateTime', nullable: true, description: 'When it runs next, if by the clock.' }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last was changed.' }),
    }),
  })
  const CampaignConnection = connections.of('Campaign', Campaign)

  builder.queryFields((t) => ({
    campaign: t.prismaField({
      type: 'Campaign',
      nullable: true,
      description: 'One campaign; null when there is none.',
      args: { key: t.arg.id({ required: true, description: 'Its key.' }) },
      resolve: (query, _root, { key }, context) =>
        key.includes('\0')
          ? null
          : context.domain.prisma.campaign.findUnique({
              ...query,
              where: { projectId_key: { projectId: projectOf(context).id, key } },
            }),
    }),
    campaigns: t.field({
      type: CampaignConnection,
      description: 'Campaigns, oldest first. Errors: BAD_INPUT, BAD_CURSOR.',
      args: connections.args,
      resolve: (_root, page, context, info): Promise<Connection<Prisma.CampaignGetPayload<object>>> => {
        const { prisma } = context.domain
        const projectId = projectOf(context).id
        const query = selectionOfNodes<Prisma.CampaignFindManyArgs>(context, info, 'Campaign')
        return pageById(
          context,
          'campaigns',
          projectId,
          page,
          'oldest-first',
          ({ where, ...order }) => prisma.campaign.findMany({ ...query, where: { projectId, ...where }, ...order }),
          () => prisma.campaign.count({ where: { projectId } }),
        )
      },
    }),
  }))

  const CampaignScheduleInput = builder.inputType('CampaignScheduleInput', {
    description: 'When a campaign runs: exactly one of `at`, `cron` and `onEvent`.',
    fields: (t) => ({
      at: t.field({ type: 'DateTime', description: 'Once, at this time; up to 5 minutes ago means now.' }),
      cron: t.string({
        description:
          'Again and again: a cron pattern of five fields. Runs that fall into a time when no worker was there are made up for by one.',
      }),
      timezone: t.string({ defaultValue: 'UTC', description: 'The time zone in which `cron` is meant, IANA.' }),
      onEvent: t.string({ description: 'Whenever a contact does this: name of an event.' }),
    }),
  })
  const CampaignInput = builder.inputType('CampaignInput', {
    description: 'A campaign. A field left out stays as it is, null removes it.',
    fields: (t) => ({
      key: t.id({ required: true, description: 'Its name in calls: 1-255 characters.' }),
      name: t.string({ description: 'Its name for people; default: the key.' }),
      active: t.boolean({ description: 'Whether it goes out at all; default: true.' }),
      dispatch: t.field({ type: CampaignDispatch, description: 'What sends it; default: API.' }),
      channel: t.field({ type: Channel, description: "The one channel that it goes out on; default: all of its template's." }),
      template: t.id({ description: 'Key of the template; a new campaign must have one.' }),
      segment: t.id({ description: 'Key of the segment, for dispatch SEGMENT alone: whom it tells.' }),
      schedule: t.field({ type: CampaignScheduleInput, description: 'When it runs, for dispatch SEGMENT alone.' }),
    }),
  })
  builder.mutationFields((t) => ({
    upsertCampaigns: t.prismaField({
      type: ['Campaign'],
      description:
        'Makes or changes up to 1,000 campaigns: all of them or none. Errors, with the index: BAD_INPUT, TEMPLATE_NOT_FOUND, NOT_FOUND for ' +
        'a segment; BATCH_TOO_LARGE.',
      args: { campaigns: t.arg({ type: [CampaignInput], required: true, description: 'The campaigns, 1-1,000.' }) },
      resolve: async (query, _root, { campaigns }, context) => {
        const projectId = projectOf(context).id
        const ids = await context.domain.campaigns.upsert(projectId, campaigns)
        const rows = await context.domain.prisma.campaign.findMany({ ...query, where: { projectId, id: { in: ids } } })
        const byId = new Map(rows.map((row) => [row.id, row]))
        return ids.flatMap((id) => byId.get(id) ?? [])
      },
    }),
    deleteCampaigns: t.field({
      type: DeletePayload,
      description:
        'Deletes campaigns. What they have sent stays, and so does what of it still waits. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
      args: { keys: t.arg.idList({ required: true, description: 'Keys of the campaigns, 1-1,000.' }) },
      resolve: async (_root, { keys }, context) => ({
        deletedCount: await context.domain.campaigns.remove(projectOf(context).id, keys),
      }),
    }),
  }))
}
