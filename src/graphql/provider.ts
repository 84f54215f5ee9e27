/** Providers. */
import { shownSettings, type TestResult } from '../domain/provider.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { Enums } from './enums.ts'
import { type Problems, storedProblem } from './problem.ts'

/** How far back a provider's health looks, in attempts. */
const HEALTH_ATTEMPTS = 50
const HEALTH_MS = 24 * 3_600_000

interface Health {
  readonly state: 'HEALTHY' | 'DEGRADED' | 'OPEN' | 'UNUSED'
  readonly successRate: number | null
  readonly latencyMs: number | null
  readonly lastError: string | null
  readonly checkedAt: Date | null
}

/** Adds them. */
export function defineProviders(
  builder: Builder,
  { Channel, ProviderState }: Pick<Enums, 'Channel' | 'ProviderState'>,
  { Problem }: Problems,
) {
  const ProviderHealth = builder.objectRef<Health>('ProviderHealth').implement({
    description:
      `How a provider fares: its last ${HEALTH_ATTEMPTS} attempts of the last 24 hours. OPEN: it fails and is left alone; one message after another ` +
      'tries whether it works again.',
    fields: (t) => ({
      state: t.expose('state', { type: ProviderState, description: 'In a word.' }),
      successRate: t.exposeFloat('successRate', { nullable: true, description: 'Share of attempts that succeeded, 0-1.' }),
      latencyMs: t.exposeFloat('latencyMs', {
        nullable: true,
        description: 'How long an attempt takes on average, milliseconds.',
      }),
      lastError: t.exposeString('lastError', { nullable: true, description: 'The latest failure, for people.' }),
      checkedAt: t.expose('checkedAt', { type: 'DateTime', nullable: true, description: 'When the latest attempt began.' }),
    }),
  })
  const Provider = builder.prismaObject('Provider', {
    description: 'One vendor that a project sends through on one channel.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      key: t.exposeID('key', { description: 'Its name in calls.' }),
      channel: t.expose('channel', { type: Channel, description: 'The channel that it carries.' }),
      kind: t.exposeString('kind', {
        description:
          'Which vendor: `capture`, `smtp`, `twilio`, `nhn-sms`, `nhn-kakao`, `solapi`, `fcm`, `apns`, `web-push`, `slack`, `discord`, `mattermost`, `msteams`, `webhook`.',
      }),
      settings: t.field({
        type: 'JSONObject',
        description: 'Its settings. Secrets are never shown: each that is there reads `"set"`.',
        resolve: ({ settings }) => shownSettings(settings),
      }),
      priority: t.exposeInt('priority', { description: 'Lowest first.' }),
      ratePerSecond: t.exposeInt('ratePerSecond', {
        nullable: true,
        description: 'At most so many a second from one worker; null: no limit.',
      }),
      active: t.exposeBoolean('active', { description: 'Whether it is used.' }),
      health: t.field({
        type: ProviderHealth,
        description: 'How it fares.',
        resolve: async ({ projectId, id, openUntil }, _args, { domain }): Promise<Health> => {
          const attempts = await domain.prisma.attempt.findMany({
            where: { projectId, providerId: id, startedAt: { gte: new Date(domain.clock.now().getTime() - HEALTH_MS) } },
            orderBy: { startedAt: 'desc' },
            take: HEALTH_ATTEMPTS,
          })
          const [latest] = attempts
          // Until a probe succeeds, whether it is left alone at this moment or a probe is due.
          const isOpen = openUntil !== null
          if (latest === undefined)
            return { state: isOpen ? 'OPEN' : 'UNUSED', successRate: null, latencyMs: null, lastError: null, checkedAt: null }
          const succeeded = attempts.filter((one) => one.ok).length
          const failure = attempts.find((one) => !one.ok)
          return {
            state: isOpen ? 'OPEN' : succeeded === attempts.length ? 'HEALTHY' : 'DEGRADED',
            successRate: succeeded / attempts.length,
            latencyMs: attempts.reduce((sum, one) => sum + (one.durationMs ?? 0), 0) / attempts.length,
            lastError: failure?.errorMessage ?? null,
            checkedAt: latest.startedAt,
          }
        },
      }),
    }),
  })

  const Attempt = builder.prismaObject('Attempt', {
    description: 'One try to hand a message to a provider.',
    fields: (t) => ({
      number: t.exposeInt('number', {
        description: 'The first is 1. There are at most 8 rounds, each of which tries every provider or device once.',
      }),
      provider: t.relation('provider', { nullable: true, description: 'The provider; null when it was removed since.' }),
      startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it began.' }),
      durationMs: t.exposeFloat('durationMs', { nullable: true, description: 'How long it took, milliseconds.' }),
      ok: t.exposeBoolean('ok', { description: 'Whether the provider took the message.' }),
      error: t.field({ type: Problem, nullable: true, description: 'Why not.', resolve: storedProblem }),
      response: t.exposeString('response', { nullable: true, description: "The provider's answer, at most 1,000 characters." }),
    }),
  })

  builder.queryFields((t) => ({
    providers: t.prismaField({
      type: ['Provider'],
      description: 'All providers of the project, by channel and priority.',
      resolve: (query, _root, _args, context) =>
        context.domain.prisma.provider.findMany({
          ...query,
          where: { projectId: projectOf(context).id },
          orderBy: [{ channel: 'asc' }, { priority: 'asc' }, { key: 'asc' }],
        }),
    }),
  }))

  const ProviderInput = builder.inputType('ProviderInput', {
    description: 'A provider. A field that is left out stays as it is; a new one needs `channel` and `kind`.',
    fields: (t) => ({
      key: t.id({ required: true, description: 'Its name in calls: 1-255 characters.' }),
      channel: t.field({ type: Channel, description: 'The channel that it carries; any but IN_APP, which needs no provider.' }),
      kind: t.string({ description: 'Which vendor; `capture` keeps what would go out. See `Provider.kind`.' }),
      settings: t.field({
        type: 'JSONObject',
        description:
          'Settings of the kind. `capture`: `delayMs`. `smtp`: `host`, `from`, `port` (587), `secure` (false), `requireTls` (false), `user`, ' +
          '`password`, `tlsVerify` (true), `maxConnections` (10), `ratePerSecond`. `twilio`: `accountSid`, `authToken`, `from` or ' +
          '`messagingServiceSid`, `countries`. `nhn-sms`: `appKey`, `secretKey`, `from`, `webhookSignature`, `countries` (KR). `nhn-kakao`: ' +
          '`appKey`, `secretKey`, `senderKey`, `webhookSignature`, `countries` (KR). `solapi`: `apiKey`, `apiSecret`, `from`, `pfId`, ' +
          '`friendtalk` (BMS_FREE), `webhookSecret`, `countries` (KR). `fcm`: `serviceAccount`. `apns`: `teamId`, `keyId`, `privateKey`, ' +
          '`topic`. `web-push`: `publicKey`, `privateKey`, `subject`, `ttlSeconds` (86400), `urgency` (normal). `webhook`: `secret`, `url`, ' +
          '`authorization`, `headers`. All but the first two also `baseUrl`, which is all that the chat services take. ' +
          'A secret given as `"set"` stays as it is.',
      }),
      priority: t.int({ description: 'Lowest first, 0-1,000; default: 0.' }),
      ratePerSecond: t.int({ description: 'At most so many a second from one worker, 1-100,000; null: no limit.' }),
      active: t.boolean({ description: 'Whether it is used; default: true.' }),
    }),
  })
  const TestProviderPayload = builder.objectRef<TestResult>('TestProviderPayload').implement({
    description: 'What a test of a provider gave.',
    fields: (t) => ({
      ok: t.exposeBoolean('ok', { description: 'Whether the provider took the message.' }),
      error: t.field({ type: Problem, nullable: true, description: 'Why not.', resolve: ({ error }) => error }),
      providerMessageId: t.exposeString('providerMessageId', {
        nullable: true,
        description: "The provider's own id of the message.",
      }),
      durationMs: t.exposeFloat('durationMs', { description: 'How long it took, milliseconds.' }),
    }),
  })
  builder.mutationFields((t) => ({
    configureProviders: t.field({
      type: [Provider],
      description:
        "Makes or changes up to 1,000 providers: all of them or none; an error names the index. Settings are checked against the kind's; " +
        'secrets are encrypted at rest. Errors: BAD_INPUT, BATCH_TOO_LARGE, CHANNEL_UNSUPPORTED.',
      args: { providers: t.arg({ type: [ProviderInput], required: true, description: 'The providers, 1-1,000.' }) },
      resolve: (_root, { providers }, context) => context.domain.providers.configure(projectOf(context).id, providers),
    }),
    testProvider: t.field({
      type: TestProviderPayload,
      description: 'Sends one test message through a provider, and tells what it said. Errors: NOT_FOUND.',
      args: {
        provider: t.arg.id({ required: true, description: 'Key of the provider.' }),
        to: t.arg.string({ required: true, description: 'Where the message goes: an address of its channel.' }),
      },
      resolve: (_root, { provider, to }, context) => context.domain.providers.test(projectOf(context).id, provider, to),
    }),
  }))
  return { Attempt }
}

export type Providers = ReturnType<typeof defineProviders>
