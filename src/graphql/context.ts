/** Who is asking, and what a resolver is given. */
import type { Domain } from '../domain/domain.ts'
import type { Caller } from '../domain/project.ts'

export type { Caller }

/** What a subscription's queue may hold for its reader, shared by all operations of one socket. */
export interface Outlet {
  /** Room that is left, bytes. Who can come back later for what does not fit asks before it takes. */
  room(): number
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
