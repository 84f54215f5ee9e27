/** The caller of an operation, and the context of its resolvers. */
import type { Carillon } from '../carillon.ts'
import type { Caller } from '../domain/caller.ts'

export type { Caller }

/** The budget of bytes that may wait for one reader, shared by all operations of one connection. */
export interface SendBuffer {
  /** Bytes that can still be reserved. For a caller that can come back later with what does not fit. */
  room(): number
  /** Reserves bytes. False when they don't fit: the connection is then being closed (a socket with 4413). */
  reserve(bytes: number): boolean
  /** Releases bytes, once the reader has them. */
  release(bytes: number): void
}

/** Created once per operation. */
export interface Context {
  readonly caller: Caller
  readonly carillon: Carillon
  readonly sendBuffer: SendBuffer
  /** address of the client; of a trusted proxy, the one that it forwards */
  readonly remoteAddress: string
  /** Does something that only waits (for a transaction, a vendor): other operations have their turn meanwhile. */
  pause<T>(work: () => Promise<T>): Promise<T>
}
