/** Providers. */
import type { ProviderStats as Results } from '../domain/activity.ts'
import type { ProviderHealth as Health, ProviderKindInfo, TestResult } from '../domain/provider.ts'
import { storedProblem } from '../errors.ts'
import { byOf, projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { DeletePayloadRef } from './delete-payload.ts'
import type { Enums } from './enums.ts'
import type { Problems } from './problem.ts'

/** Defines providers, and their operations. */
export function defineProviders(
  builder: Builder,
  { Channel, ProviderState }: Pick<Enums, 'Channel' | 'ProviderState'>,
  { Problem }: Problems,
  DeletePayload: DeletePayloadRef,
) {
  const ProviderHealth = builder.objectRef<Health>('ProviderHealth').implement({
    description:
      'How the last 50 attempts of a provider went, of the last 24 hours. While its circuit is OPEN it is not used, but for one message at a ' +
      'time that probes whether it works again. What the host of an address does (a push service, a webhook, a receiving domain) says nothing of ' +
      'the provider: it is counted by itself.',
    fields: (t) => ({
      state: t.expose('state', { type: ProviderState, description: 'Summary.' }),
      successRate: t.exposeFloat('successRate', {
        nullable: true,
        description:
          'Share of attempts that succeeded, 0-1, without those that failed because of the recipient; null: there was none.',
      }),
      latencyMs: t.exposeFloat('latencyMs', {
        nullable: true,
        description: 'Average duration of these attempts, in milliseconds; null: there was none.',
      }),
      lastError: t.exposeString('lastError', {
        nullable: true,
        description: 'Error message of the latest failure of the provider.',
      }),
      recipientFailures: t.exposeInt('recipientFailures', {
        description:
          'How many of the attempts failed because of the host or the address that they went to, not because of the provider.',
      }),
      lastRecipientError: t.exposeString('lastRecipientError', {
        nullable: true,
        description: 'Error message of the latest of these failures.',
      }),
      checkedAt: t.expose('checkedAt', { type: 'DateTime', nullable: true, description: 'When the latest attempt was started.' }),
    }),
  })
  const ProviderStats = builder.objectRef<Results>('ProviderStats').implement({
    description: 'Messages for which a provider was the last to be tried, of all time, and their results.',
    fields: (t) => ({
      sent: t.exposeInt('sent', { description: 'Accepted by it, and not reported as failed since.' }),
      delivered: t.exposeInt('delivered', { description: 'Of these, delivered, as far as known.' }),
      failed: t.exposeInt('failed', { description: 'Failed permanently.' }),
    }),
  })
  const Provider = builder.prismaObject('Provider', {
    description: 'A configured vendor, or another service, that messages of one channel are sent through.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Id on this server.' }),
      key: t.exposeID('key', { description: 'Key, unique in the project: its name in calls.' }),
      channel: t.expose('channel', { type: Channel, description: 'Channel that it sends on.' }),
      kind: t.exposeString('kind', {
        description: 'Kind of provider, one of `providerKinds`.',
      }),
      settings: t.field({
        type: 'JSONObject',
        description:
          'Settings. Secrets are never shown: each one that is set reads `"set"`, and in an address `…` replaces what may authorize. Given back, ' +
          'both keep what is stored.',
        resolve: (provider, _args, { carillon }) => carillon.providers.shownSettings(provider),
      }),
      priority: t.exposeInt('priority', { description: 'Order in which providers of a channel are tried: lowest first.' }),
      ratePerSecond: t.exposeInt('ratePerSecond', {
        nullable: true,
        description: 'Most messages per second from one worker; null: no limit.',
      }),
      active: t.exposeBoolean('active', { description: 'Whether it is used.' }),
      health: t.field({
        type: ProviderHealth,
        description: 'How its recent attempts went.',
        resolve: (provider, _args, { carillon }) => carillon.providers.health(provider),
      }),
      stats: t.field({
        type: ProviderStats,
        description: 'How many messages it has sent, and what became of them.',
        resolve: ({ projectId, id }, _args, { carillon }) => carillon.activity.ofProvider(projectId, id),
      }),
    }),
  })

  const Attempt = builder.prismaObject('Attempt', {
    description: 'One attempt to send a message through a provider.',
    fields: (t) => ({
      number: t.exposeInt('number', {
        description:
          'Its number, from 1. There are at most 8 rounds (again after `retryMessages`); each tries providers until one accepts, or every device once.',
      }),
      provider: t.relation('provider', { nullable: true, description: 'The provider; null if it has been deleted since.' }),
      startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it was started.' }),
      durationMs: t.exposeFloat('durationMs', { nullable: true, description: 'How long it took, in milliseconds.' }),
      ok: t.exposeBoolean('ok', { description: 'Whether the provider accepted the message.' }),
      error: t.field({
        type: Problem,
        nullable: true,
        description: 'Why the provider did not accept it; null if it did.',
        resolve: storedProblem,
      }),
      response: t.exposeString('response', { nullable: true, description: "The provider's response, at most 1,000 characters." }),
    }),
  })

  const ProviderKind = builder.objectRef<ProviderKindInfo>('ProviderKind').implement({
    description: 'A vendor that a provider can send through, and the settings that it takes.',
    fields: (t) => ({
      kind: t.exposeString('kind', { description: 'Its name, as `ProviderInput.kind` takes it.' }),
      title: t.exposeString('title', { description: "The vendor's name, for people." }),
      channels: t.expose('channels', {
        type: [Channel],
        description: 'The channels that it can carry; a provider carries one of them.',
      }),
      settings: t.expose('settings', {
        type: 'JSONObject',
        description:
          'A JSON Schema (2020-12) of `ProviderInput.settings`: each setting with its `title`, `description` and default. Secrets are `writeOnly`, ' +
          'the text of a file has a `contentMediaType`, and what few providers need is `x-advanced`. The server checks more than a schema can say.',
      }),
    }),
  })

  builder.queryFields((t) => ({
    providerKinds: t.field({
      type: [ProviderKind],
      description: 'Every kind of provider, with the settings that it takes: what a form to configure one is built from.',
      resolve: (_root, _args, { carillon }) => carillon.providers.kinds(),
    }),
    providers: t.prismaField({
      type: ['Provider'],
      description: 'All providers of the project, by channel and priority.',
      resolve: (query, _root, _args, context) => context.carillon.providers.list(projectOf(context).id, query),
    }),
  }))

  const ProviderInput = builder.inputType('ProviderInput', {
    description:
      'A provider to create or update. A field that is left out is not changed; a new provider needs `channel` and `kind`.',
    fields: (t) => ({
      key: t.id({ required: true, description: 'Key, unique in the project: 1-255 characters.' }),
      channel: t.field({ type: Channel, description: 'Channel that it sends on; any except IN_APP, which needs no provider.' }),
      kind: t.string({
        description:
          'Kind of provider, one of `providerKinds`, in any case; `capture` stores what would be sent and sends nothing.',
      }),
      settings: t.field({
        type: 'JSONObject',
        description:
          'Settings of the kind, valid against its schema in `providerKinds`; others are refused. They are given whole: a setting that is left out gets its ' +
          'default, or is removed, secrets too. Without `settings`, all stay as they are. What `Provider.settings` shows can be given back: a secret given as ' +
          '`"set"` is not changed, nor is an address given as it is shown, with `…` in place of what may authorize. Numbers and switches may be ' +
          'text (`"587"`, `"true"`), and null or an empty text counts as left out. No text may begin with `sealed:`.',
      }),
      priority: t.int({ description: 'Order in which providers of a channel are tried, lowest first: 0-1,000; default: 0.' }),
      ratePerSecond: t.int({ description: 'Most messages per second from one worker, 1-100,000; null: no limit.' }),
      active: t.boolean({ description: 'Whether it is used; default: true.' }),
    }),
  })
  const TestProviderPayload = builder.objectRef<TestResult>('TestProviderPayload').implement({
    description: 'Result of testing a provider.',
    fields: (t) => ({
      ok: t.exposeBoolean('ok', { description: 'Whether the provider accepted the message.' }),
      error: t.field({
        type: Problem,
        nullable: true,
        description: 'Why the provider did not accept it; null if it did.',
        resolve: ({ error }) => error,
      }),
      providerMessageId: t.exposeString('providerMessageId', {
        nullable: true,
        description: "The provider's id of the message.",
      }),
      durationMs: t.exposeFloat('durationMs', { description: 'How long it took, in milliseconds.' }),
    }),
  })
  builder.mutationFields((t) => ({
    configureProviders: t.field({
      type: [Provider],
      description:
        'Creates or updates up to 1,000 providers: all of them or none; an error has the index. Settings are validated by the kind; ' +
        'secrets are encrypted at rest. Errors: BAD_INPUT, BATCH_TOO_LARGE, CHANNEL_UNSUPPORTED.',
      args: { providers: t.arg({ type: [ProviderInput], required: true, description: 'The providers, 1-1,000.' }) },
      resolve: (_root, { providers }, context) =>
        context.carillon.providers.configure(projectOf(context).id, providers, byOf(context)),
    }),
    deleteProviders: t.field({
      type: DeletePayload,
      description:
        'Deletes providers. Messages that were sent through them are kept; pending messages go through another provider. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
      args: { keys: t.arg.idList({ required: true, description: 'Keys of the providers, 1-1,000.' }) },
      resolve: async (_root, { keys }, context) => ({
        deletedCount: await context.carillon.providers.remove(projectOf(context).id, keys, byOf(context)),
      }),
    }),
    testProvider: t.field({
      type: TestProviderPayload,
      description: 'Sends one test message through a provider and returns the result. Errors: NOT_FOUND.',
      args: {
        provider: t.arg.id({ required: true, description: 'Key of the provider.' }),
        to: t.arg.string({ required: true, description: 'Address to send it to, of the kind that the channel takes.' }),
      },
      resolve: (_root, { provider, to }, context) => context.carillon.providers.test(projectOf(context).id, provider, to),
    }),
  }))
  return { Attempt }
}

/** The types of providers. */
export type Providers = ReturnType<typeof defineProviders>
