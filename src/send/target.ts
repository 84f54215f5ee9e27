/** Where a message can go, and through which provider: from the contact's fields, its credentials, and the project's providers. */
import { readDialled } from '../values/dialling.ts'
import { dialled } from '../values/phone.ts'
import type { Channel, ContactInfo, CredentialInfo, Route } from '../words.ts'
import type { BareAddresses } from './intent.ts'

/** An address of a contact, and the provider to send through. */
export interface Target {
  readonly providerId: string
  /** the provider's key */
  readonly provider: string
  readonly kind: string
  /** empty: the provider's own */
  readonly address: string
  /** the channel of a chat service */
  readonly channelName: string | null
}

/** The targets of a message. */
export interface Targets {
  /** the preferred one first; without those whose provider does not dial the number */
  readonly targets: readonly Target[]
  /** where it goes first; null: nowhere */
  readonly address: string | null
  /** why the preferred provider does not dial the number; null: it does, or the message goes to no number */
  readonly undialled: string | null
  /** the project has a provider for the channel */
  readonly isConfigured: boolean
}

type Addressed = Exclude<Channel, 'IN_APP'>
interface Recipient {
  readonly contact: ContactInfo | null
  readonly bare: BareAddresses | null
  readonly credentials: readonly CredentialInfo[]
}

/** Which address a contact has for a provider; several for one with several devices. */
const addressesFor = {
  EMAIL: ({ contact, bare }) => (contact ?? bare)?.email ?? null,
  SMS: phone,
  ALIMTALK: phone,
  FRIENDTALK: phone,
  PUSH: devices,
  WEB_PUSH: devices,
  CHAT: ({ credentials }, route) => credentialOf(credentials, route)?.webhookUrl ?? null,
  WEBHOOK: ({ credentials }, route) => credentialOf(credentials, route)?.webhookUrl ?? (route.hasAddress ? '' : null),
} satisfies Record<Addressed, (recipient: Recipient, route: Route) => string | null | readonly string[]>

function phone({ contact, bare }: Recipient): string | null {
  if (contact === null) return bare?.phone ?? null
  return contact.phone === null ? null : dialled(contact.phone, contact.country)
}
function devices({ credentials }: Recipient, route: Route): readonly string[] {
  return credentialOf(credentials, route)?.deviceTokens ?? []
}
const credentialOf = (credentials: readonly CredentialInfo[], route: Route): CredentialInfo | undefined =>
  credentials.find((one) => one.providerId === route.id)

/** Stands in for a route where the project has no provider yet, to find an address that is a field of the contact. */
const NOWHERE: Route = { id: '', key: '', kind: '', hasAddress: false, dials: null }

/** Finds all targets of a message. Channels that reach every address use all of them, others the first that accepts the message. */
export function targetsOf(
  channel: Addressed,
  { contact, bare, credentials, routes }: Recipient & { readonly routes: ReadonlyMap<Channel, readonly Route[]> },
): Targets {
  const recipient = { contact, bare, credentials }
  const configured = routes.get(channel) ?? []
  const isConfigured = configured.length > 0
  if (!isConfigured) {
    const [address = null] = listOf(addressesFor[channel](recipient, NOWHERE))
    return { targets: [], address, undialled: null, isConfigured }
  }
  const targets: Target[] = []
  let first: { readonly address: string; readonly refusal: string | null } | null = null
  for (const route of configured) {
    const channelName = channel === 'CHAT' ? (credentialOf(credentials, route)?.channelName ?? null) : null
    for (const address of listOf(addressesFor[channel](recipient, route))) {
      const refusal = refusalOf(route, address)
      first ??= { address, refusal }
      if (refusal === null) targets.push({ providerId: route.id, provider: route.key, kind: route.kind, address, channelName })
    }
  }
  return { targets, address: first?.address ?? null, undialled: first?.refusal ?? null, isConfigured }
}

/** Why a provider does not dial a number; null: it does, or is given every address. */
function refusalOf({ dials }: Route, address: string): string | null {
  const read = dials === null ? null : readDialled(address, dials)
  return typeof read === 'string' ? read : null
}

const listOf = (found: string | null | readonly string[]): readonly string[] =>
  found === null ? [] : typeof found === 'string' ? [found] : found
