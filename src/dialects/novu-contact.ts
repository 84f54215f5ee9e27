/** Novu's subscribers: what a request says of one, how that is applied, and how one is shown. */
import { z } from 'zod'
import type { UpsertInput } from '../domain/contact.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import { channelTraits, type JsonObject } from '../words.ts'
import { type Call, projectOf } from './dialect.ts'
import { clearableText, mayRead, notFound, tenantIds, tenantOf } from './novu-values.ts'
import { jsonObject } from './values.ts'

/** Novu's ids of the providers that take credentials. */
const credentialProviders = [
  ...['slack', 'discord', 'msteams', 'mattermost', 'ryver', 'zulip', 'grafana-on-call', 'getstream', 'rocket-chat'],
  ...['whatsapp-business', 'fcm', 'apns', 'expo', 'one-signal', 'pushpad', 'push-webhook', 'pusher-beams'],
]

/** Credentials of a subscriber, as requests have them. */
export const credentials = z
  .object({
    providerId: z
      .string()
      .meta({ description: "Key of your provider, or its kind: then it is the project's first one of this kind." }),
    integrationIdentifier: z.string().nullish().meta({ description: 'Key of your provider, if there are several of a kind.' }),
    credentials: z.object({
      deviceTokens: z.array(z.string()).max(1_000).nullish(),
      webhookUrl: clearableText,
      channel: clearableText.meta({ description: 'Channel of the chat service.' }),
    }),
  })
  .meta({ description: 'How a provider reaches a subscriber.' })
export type Credentials = z.output<typeof credentials>

/** Credentials of one subscriber in a request: more than there are vendors that take any. */
const CHANNELS_MAX = 20

/** The fields of a subscriber that a request sets. */
export const subscriberFields = {
  email: clearableText,
  firstName: clearableText,
  lastName: clearableText,
  phone: clearableText,
  avatar: clearableText.meta({ description: 'URL of a picture, http or https.' }),
  locale: clearableText,
  data: jsonObject.nullish().meta({
    description:
      'Your own properties, whatever their names; those that are not named stay. Templates have them in `subscriber.data`.',
  }),
  channels: z.array(credentials).max(CHANNELS_MAX).nullish(),
}

/** A subscriber, as requests name one with its fields. */
export const subscriberInput = z.object({
  subscriberId: z.string().min(1).meta({ description: 'Your own id.' }),
  ...subscriberFields,
})
export type SubscriberInput = z.output<typeof subscriberInput>

/** A subscriber, as answers have it. */
export const subscriber = z
  .object({
    _id: z.string(),
    subscriberId: z.string().meta({ description: 'Your own id.' }),
    ...tenantIds,
    firstName: z.string().optional(),
    lastName: z.string().optional(),
    email: z.string().optional(),
    phone: z.string().optional(),
    avatar: z.string().optional(),
    locale: z.string().optional(),
    data: jsonObject.optional().meta({ description: 'Your own properties.' }),
    channels: z
      .array(
        z.object({
          providerId: z.string(),
          integrationIdentifier: z.string(),
          _integrationId: z.string(),
          credentials: z.object({
            deviceTokens: z.array(z.string()).optional(),
            webhookUrl: z.string().optional().meta({ description: '`…` replaces what in it may authorize.' }),
            channel: z.string().optional(),
          }),
        }),
      )
      .optional(),
    topics: z.array(z.string()).optional().meta({ description: 'Keys of its topics, if they were asked for; at most 1,000.' }),
    isOnline: z.boolean().optional(),
    lastOnlineAt: z.string().optional(),
    deleted: z.boolean().meta({ description: 'Always false: deleting is erasing.' }),
    createdAt: z.string(),
    updatedAt: z.string(),
    __v: z.int(),
  })
  .meta({ description: 'A subscriber. A key without the scope READ is shown only whose it is.' })

/** A contact with what belongs to it. */
type Described = Awaited<ReturnType<Call['carillon']['contacts']['described']>>[number]

function channelsOf({ carillon }: Call, { credentials: stored }: Described) {
  return stored.flatMap(({ provider, providerId, deviceTokens, webhookUrl, channelName }) => {
    if (deviceTokens.length === 0 && webhookUrl === null) return []
    const name = [provider.key, provider.kind].find((one) => credentialProviders.includes(one)) ?? 'push-webhook'
    const isPush = channelTraits[provider.channel].address === 'device'
    const shownUrl = carillon.shownAddress(provider.channel, webhookUrl)
    return [
      {
        providerId: name,
        integrationIdentifier: provider.key,
        _integrationId: providerId,
        credentials: {
          ...(isPush ? { deviceTokens } : {}),
          ...(shownUrl === null ? {} : { webhookUrl: shownUrl }),
          ...(channelName === null ? {} : { channel: channelName }),
        },
      },
    ]
  })
}

const dataOf = (properties: unknown): JsonObject => {
  const parsed = z.object({ data: jsonObject }).safeParse(properties)
  return parsed.success ? parsed.data.data : {}
}

/** How a contact is shown. `topics`: keys of its topics, if they were asked for */
export function shownSubscriber(contact: Described, call: Call, topics?: string[]): z.input<typeof subscriber> {
  const { id, externalId, createdAt, updatedAt } = contact
  const named = {
    _id: id,
    subscriberId: externalId,
    ...tenantOf(call),
    deleted: false,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
    __v: 0,
  }
  if (!mayRead(call)) return named
  return {
    ...named,
    firstName: contact.firstName ?? undefined,
    lastName: contact.lastName ?? undefined,
    email: contact.email ?? undefined,
    phone: contact.phone ?? undefined,
    avatar: contact.photoUrl ?? undefined,
    locale: contact.locale ?? undefined,
    data: dataOf(contact.properties),
    channels: channelsOf(call, contact),
    topics,
    isOnline: contact.isOnline,
    lastOnlineAt: contact.lastOnlineAt?.toISOString(),
  }
}

/** The subscriber with this id, as it is shown. @throws CONTACT_NOT_FOUND */
export async function showSubscriber(call: Call, subscriberId: string, withTopics = false): Promise<z.input<typeof subscriber>> {
  const { contacts, topics } = call.carillon
  const { id } = projectOf(call)
  const [contact] = await contacts.described(id, [subscriberId])
  if (contact === undefined) throw new CarillonError('CONTACT_NOT_FOUND')
  return shownSubscriber(contact, call, withTopics ? await topics.keysOf(id, contact.id) : undefined)
}

/** What it costs to apply what a request says of a subscriber, in items: credentials are set one by one. */
export const itemsFor = ({ channels }: Pick<SubscriberInput, 'channels'>): number => 1 + (channels?.length ?? 0)

/** Whether a request says anything of a subscriber but its id. */
export const saysSomething = ({ subscriberId: _id, ...fields }: SubscriberInput): boolean =>
  Object.values(fields).some((value) => value !== undefined)

const upsertOf = ({ subscriberId, avatar, data, channels: _channels, ...fields }: SubscriberInput): UpsertInput => ({
  externalId: subscriberId,
  mode: 'OVERWRITE',
  ...fields,
  photoUrl: avatar,
  // In a property of its own: a name in it may be that of a field, or look like a path.
  profile: data === null || data === undefined ? null : { merge: { data } },
})

/** The project's providers, listed once, when they are needed. */
export type ProviderList = () => Promise<readonly Provider[]>

/** Such a list. */
export function listedProviders(call: Call): ProviderList {
  let listed: Promise<readonly Provider[]> | null = null
  return () => {
    listed ??= call.carillon.providers.list(projectOf(call).id)
    return listed
  }
}

/**
 * Creates subscribers, or overwrites what is given of them, with their credentials.
 * @returns those that did not exist, and why it failed, by subscriberId
 */
export async function applySubscribers(
  call: Call,
  given: readonly SubscriberInput[],
  listed: ProviderList = listedProviders(call),
): Promise<{ readonly inserted: readonly string[]; readonly failed: ReadonlyMap<string, Problem> }> {
  if (given.length === 0) return { inserted: [], failed: new Map() }
  const { id } = projectOf(call)
  const problems = new Map<string, Problem>()
  // What names a provider that is not there fails before anything of it is written.
  const providers = given.some(({ channels }) => (channels ?? []).length > 0) ? await listed() : []
  for (const { subscriberId, channels } of given) {
    if ((channels ?? []).some((one) => providerIn(providers, one) === null))
      problems.set(subscriberId, problem('NOT_FOUND', 'There is no such provider.', 'provider'))
  }
  const inputs = given.filter(({ subscriberId }) => !problems.has(subscriberId)).map(upsertOf)
  const { inserted, failed } =
    inputs.length === 0 ? { inserted: [], failed: [] } : await call.carillon.contacts.upsert(id, inputs)
  for (const { externalId, error } of failed) problems.set(externalId, error)
  for (const { subscriberId, channels } of given) {
    for (const one of channels ?? []) {
      if (problems.has(subscriberId)) continue
      try {
        await setCredentials(call, subscriberId, one, false, listed)
      } catch (error) {
        if (!(error instanceof CarillonError)) throw error
        problems.set(subscriberId, problem(error.code, error.message, error.details.field ?? null))
      }
    }
  }
  return { inserted, failed: problems }
}

/** Throws a problem as an error. */
export const raise = ({ code, message, field }: Problem): never => {
  throw new CarillonError(code, { message, ...(field === null ? {} : { field }) })
}

type Provider = Awaited<ReturnType<Call['carillon']['providers']['list']>>[number]
type Named = Pick<Credentials, 'providerId' | 'integrationIdentifier'>

/** The provider that a request names: by its key, or the first of a kind; null: there is none. */
function providerIn(providers: readonly Provider[], { providerId, integrationIdentifier }: Named): Provider | null {
  const key = integrationIdentifier ?? providerId
  return (
    providers.find((one) => one.key === key) ??
    providers.filter((one) => one.kind === providerId).sort((a, b) => a.priority - b.priority)[0] ??
    null
  )
}

/** The same. @throws NOT_FOUND */
export const providerNamed = async (listed: ProviderList, named: Named): Promise<Provider> =>
  providerIn(await listed(), named) ?? notFound('provider')

/**
 * Sets a subscriber's credentials. `isAdded`: what is stored stays, and device tokens are added.
 * @throws as carillon.credentials.set, CONTACT_NOT_FOUND
 */
export async function setCredentials(
  call: Call,
  subscriberId: string,
  given: Credentials,
  isAdded: boolean,
  listed: ProviderList = listedProviders(call),
): Promise<void> {
  call.permit('setCredentials')
  const { deviceTokens, webhookUrl, channel } = given.credentials
  const key = await call.carillon.contacts.keyOf(projectOf(call).id, subscriberId)
  const provider = await providerNamed(listed, given)
  const isPush = channelTraits[provider.channel].address === 'device'
  // What is left out is removed, unless it is to stay. Clients name what they remove by empty device tokens, of chat as well.
  const kept = isAdded ? undefined : null
  const tokens = deviceTokens ?? (isAdded ? undefined : [])
  const input = isPush
    ? { deviceTokens: tokens, webhookUrl: webhookUrl ?? undefined, channelName: channel ?? undefined }
    : {
        deviceTokens: deviceTokens === null || deviceTokens?.length === 0 ? undefined : deviceTokens,
        webhookUrl: webhookUrl ?? kept,
        channelName: channel ?? kept,
      }
  await call.carillon.credentials.set(key, provider.key, input, isAdded)
}
