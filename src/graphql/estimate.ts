/** `estimate`. */
import type { Estimate as Shape } from '../send/estimate.ts'
import type { ChannelTally, Unreached as UnreachedShape } from '../send/tally.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { Enums } from './enums.ts'
import type { Problems } from './problem.ts'
import type { Sending } from './send.ts'
import type { TriggerTypes } from './trigger.ts'

/** Defines `estimate`. */
export function defineEstimate(
  builder: Builder,
  { Channel }: Pick<Enums, 'Channel'>,
  { Problem }: Problems,
  { ContactInput, OverridesInput }: Sending,
  { RecipientInput }: TriggerTypes,
) {
  const Unreached = builder.objectRef<UnreachedShape>('Unreached').implement({
    description: 'Why some are not reached.',
    fields: (t) => ({
      reason: t.field({ type: Problem, description: 'The reason, as `preview` gives it.', resolve: ({ reason }) => reason }),
      count: t.exposeInt('count', { description: 'How many.' }),
      examples: t.idList({
        description: 'Up to 5 of them: externalIds, or the addresses of recipients that were named by them.',
        resolve: ({ examples }) => [...examples],
      }),
    }),
  })
  const ChannelEstimate = builder.objectRef<ChannelTally>('ChannelEstimate').implement({
    description: 'Whom a channel would reach.',
    fields: (t) => ({
      channel: t.expose('channel', { type: Channel, description: 'The channel.' }),
      reached: t.exposeInt('reached', { description: 'Those to whom a message would be sent on it.' }),
      unreached: t.field({
        type: [Unreached],
        description: 'The others, by reason, the most frequent one first.',
        resolve: ({ unreached }) => [...unreached],
      }),
    }),
  })
  const Estimate = builder.objectRef<Shape>('Estimate').implement({
    description: 'Whom a message to many would reach.',
    fields: (t) => ({
      audience: t.exposeInt('audience', { description: 'Contacts of the audience, or recipients that were given.' }),
      isExact: t.exposeBoolean('isExact', {
        description:
          'Whether it was decided for all of them, as for up to 10,000. false: for a random sample, from which all numbers are projected; `audience` ' +
          'is counted nevertheless, unless that takes longer than 2 seconds.',
      }),
      decided: t.exposeInt('decided', {
        description: 'For how many it was decided: for `audience` of them, or for the sample, about 4,000-8,000.',
      }),
      reached: t.exposeInt('reached', { description: 'Those reached on at least one channel.' }),
      unreached: t.field({
        type: [Unreached],
        description: 'Those reached on no channel, by the reason on their first one; the most frequent one first.',
        resolve: ({ unreached }) => [...unreached],
      }),
      duplicates: t.exposeInt('duplicates', {
        description: 'Recipients with the address of an earlier one, to whom nothing more is sent; 0 for an audience.',
      }),
      channels: t.field({ type: [ChannelEstimate], description: 'By channel.', resolve: ({ channels }) => [...channels] }),
    }),
  })
  const EstimateInput = builder.inputType('EstimateInput', {
    description: 'What is to be sent to many: a broadcast, a run of a campaign, or `triggerCampaign`.',
    fields: (t) => ({
      template: t.id({ description: 'Key of the template of a broadcast.' }),
      segment: t.id({ description: 'Key of a segment: its contacts are the audience. Without it and `topic`: all contacts.' }),
      topic: t.id({ description: 'Key of a topic: its members are the audience; instead of `segment`.' }),
      data: t.field({ type: 'JSONObject', description: 'Variables of the template; it is checked as when sending.' }),
      actor: t.field({ type: ContactInput, description: 'The contact who caused it; it is not created.' }),
      sendAt: t.field({ type: 'DateTime', description: 'When to send it. Contacts are decided for as they are now.' }),
      overrides: t.field({ type: OverridesInput, description: 'Replaces content of the template.' }),
      campaign: t.id({
        description: 'Key of a campaign, instead of all of the above; it need not be active if it has dispatch SEGMENT.',
      }),
      recipients: t.field({
        type: [RecipientInput],
        description: 'Of a campaign with dispatch API: the recipients of `triggerCampaign`, 1-1,000.',
      }),
    }),
  })
  builder.queryFields((t) => ({
    estimate: t.field({
      type: Estimate,
      description:
        'Whom a message to many would reach if it were sent now, by channel, and why not the others. Decided by the code that decides when it is sent; ' +
        'nothing is stored. What only rendering shows, a rule that is checked when a message is due, and what the vendor alone knows is not known. It ' +
        'takes a few seconds at most: larger audiences than 10,000 are estimated by a sample. Errors: what sending it would be refused with; OVERLOADED ' +
        "if the audience can't be read in time.",
      args: { input: t.arg({ type: EstimateInput, required: true, description: 'What is to be sent.' }) },
      resolve: (_root, { input }, context) => context.carillon.estimate(projectOf(context), input),
    }),
  }))
}
