/** Who is asking, and what a resolver is given. */
import type { Project } from '../db/generated/client.ts'
import type { Domain } from '../domain/domain.ts'

/** The credential behind a request or a socket. */
export type Caller =
  | { readonly kind: 'none' }
  | { readonly kind: 'operator' }
  /** `keyId`: the API key, or null for an access token */
  | { readonly kind: 'project'; readonly project: Project; readonly keyId: string | null; readonly expiresAt: Date | null }
  | {
      readonly kind: 'contact'
      readonly project: Project
      readonly contactId: string
      readonly externalId: string
      readonly expiresAt: Date
    }

/** What a subscription's queue may hold for its reader, shared by all operations of one socket. */
export interface Outlet {
  /** Takes room for `bytes`; false: there is none, and the socket is being closed with 4413. */
  take(bytes: number): boolean
  /** Gives room back, once the reader has it. */
  give(bytes: number): void
}

/** Made once per operation. */
export interface Context {
  readonly caller: Caller
  readonly domain: Domain
  readonly outlet: Outlet
  /** address of the client, as far as it is believed */
  readonly remoteAddress: string
}
