/** Where a message can go, and through which provider: from the contact's fields, its credentials, and the project's providers. */
import type { Channel, ContactInfo, CredentialInfo, Route } from './words.ts'

/** One way to hand a message over. */
export interface Target {
  readonly providerId: string
  /** the provider's key */
  readonly provider: string
  /** empty: the provider's own */
  readonly address: string
  /** of a chat service */
  readonly channelName: string | null
}

/** What there is of ways. */
export interface Targets {
  /** the preferred one first */
  readonly targets: readonly Target[]
  /** where it goes first; null: nowhere */
  readonly address: string | null
  /** the project has a provider for the channel */
  readonly isConfigured: boolean
}

type Addressed = Exclude<Channel, 'IN_APP'>
interface Ways {
  readonly contact: ContactInfo | null
  readonly address: string | null
  readonly credentials: readonly CredentialInfo[]
}

/** Which address a contact has for a provider; several for one with several devices. */
const addressesFor = {
  EMAIL: ({ contact, address }) => (contact === null ? address : contact.email),
  SMS: phone,
  ALIMTALK: phone,
  FRIENDTALK: phone,
  PUSH: devices,
  WEB_PUSH: devices,
  CHAT: ({ credentials }, route) => credentialOf(credentials, route)?.webhookUrl ?? null,
  WEBHOOK: ({ credentials }, route) => credentialOf(credentials, route)?.webhookUrl ?? (route.hasAddress ? '' : null),
} satisfies Record<Addressed, (ways: Ways, route: Route) => string | null | readonly string[]>

function phone({ contact, address }: Ways): string | null {
  return contact === null ? address : contact.phone
}
function devices({ credentials }: Ways, route: Route): readonly string[] {
  return credentialOf(credentials, route)?.deviceTokens ?? []
}
const credentialOf = (credentials: readonly CredentialInfo[], route: Route): CredentialInfo | undefined =>
  credentials.find((one) => one.providerId === route.id)

/** A route for what goes to a field of the contact, where there is no provider yet. */
const NOWHERE: Route = { id: '', key: '', hasAddress: false }

/** Finds all ways. Several devices are all told; of anything else the first way that works is taken. */
export function targetsOf(
  channel: Addressed,
  { contact, address, credentials, routes }: Ways & { readonly routes: ReadonlyMap<Channel, readonly Route[]> },
): Targets {
  const ways = { contact, address, credentials }
  const configured = routes.get(channel) ?? []
  const targets = configured.flatMap((route) =>
    listOf(addressesFor[channel](ways, route)).map((one) => ({
      providerId: route.id,
      provider: route.key,
      address: one,
      channelName: channel === 'CHAT' ? (credentialOf(credentials, route)?.channelName ?? null) : null,
    })),
  )
  const [first = targets[0]?.address] = configured.length > 0 ? [] : listOf(addressesFor[channel](ways, NOWHERE))
  return { targets, address: first ?? null, isConfigured: configured.length > 0 }
}

const listOf = (found: string | null | readonly string[]): readonly string[] =>
  found === null ? [] : typeof found === 'string' ? [found] : found

/** Channels whose messages go to every address of the contact, not to the first that works. */
export const goesToAll = (channel: Channel): boolean => channel === 'PUSH' || channel === 'WEB_PUSH'

/** Channels that are reached by credentials, not by a field of the contact. */
export const needsCredentials = (channel: Channel): boolean =>
  channel === 'PUSH' || channel === 'WEB_PUSH' || channel === 'CHAT' || channel === 'WEBHOOK'
