/** What GraphQL is given by the HTTP server that it runs in. Nothing of `http/` is imported here. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Caller, SendBuffer } from './context.ts'

/** Authenticates callers, and limits how many are served at a time. */
export interface Admission {
  /** @throws CarillonError UNAUTHENTICATED for a wrong credential; FORBIDDEN for one that may not be used from this origin */
  authenticate(authorization: string | null, origin: string | undefined, remoteAddress: string): Promise<Caller>
  /**
   * Finds the person whose session the cookie of an upgrade is; null: there is no such cookie.
   * @param socketProject what the client gave as the project
   * @throws CarillonError UNAUTHENTICATED for a session that has ended; FORBIDDEN for a foreign page, or without a role in the project
   */
  resume(headers: IncomingHttpHeaders, socketProject: unknown): Promise<Caller | null>
  /**
   * Counts one operation as in flight.
   * @returns a function to call when it is done
   * @throws CarillonError OVERLOADED when too many are in flight
   */
  enter(): () => void
  /**
   * Counts one live connection of this caller.
   * @returns a function to call when it is closed; null when the contact has too many
   */
  connect(caller: Caller): (() => void) | null
}

/** The turn of one operation. */
export interface Turn {
  /** Does something that only waits; others have their turn meanwhile. */
  pause<T>(work: () => Promise<T>): Promise<T>
  /** Gives the turn up and waits for one of the few for operations that cost much. @throws CarillonError OVERLOADED when it waits for too long */
  grow(): Promise<void>
}

/** The turns of operations: so many are executed at a time. */
export interface Turns {
  /** Does the work of one operation when it is its turn. @throws CarillonError OVERLOADED when too many wait, or it waited for too long */
  run<T>(caller: Caller, remoteAddress: string, work: (turn: Turn) => Promise<T>): Promise<T>
}

/** Who spends: a caller, at an address. */
export interface Spender {
  readonly caller: Caller
  readonly remoteAddress: string
}

/** What an operation was charged with. */
export interface Charge {
  readonly requested: number
  /** what is left of the budget that is nearest to its end; null: no budget */
  readonly remaining: number | null
  readonly perSecond: number | null
}

/** The budgets of cost. */
export interface Budgets {
  /** @throws CarillonError RATE_LIMITED when a budget of this caller is overdrawn */
  check(spender: Spender): void
  /** Charges an operation, or refuses it. @throws CarillonError RATE_LIMITED with `retryAfterSeconds`, `max` and `got` */
  spend(spender: Spender, cost: number): Charge
  /** Corrects a charge: a positive number is charged as well, a negative one given back. @returns the charge as it is now */
  correct(spender: Spender, by: number): Charge
  /** Counts one introspection of a caller without a credential. @throws CarillonError RATE_LIMITED with `retryAfterSeconds` */
  introspect(spender: Spender): void
}

/** The rate limit of callers. */
export interface RateLimit {
  /** @throws CarillonError RATE_LIMITED with `retryAfterSeconds` */
  count(caller: Caller): void
}

/** Limits attempts of `authenticate`. */
export interface AuthenticationLimit {
  /** @param check checks a secret; a failure is UNAUTHENTICATED @throws CarillonError RATE_LIMITED, or what `check` threw */
  authenticate<T>(remoteAddress: string, accessKey: string, check: () => Promise<T>): Promise<T>
}

/** The send buffer of one connection, with what the heartbeat watches. */
export interface ConnectionBuffer extends SendBuffer {
  /** bytes reserved and not released */
  held(): number
  /** changes whenever bytes are released */
  progress(): number
}

/** A transport with a send buffer. */
export interface Transport {
  /** bytes that it still holds itself */
  buffered(): number
  /** Ends the connection: its reader is too slow. */
  overflow(): void
}

/** A live connection, as the heartbeat sees it. */
export interface LiveConnection {
  caller(): Caller
  /** bytes that wait for the reader */
  backlog(): number
  /** a value that changes whenever some of those bytes have left */
  progress(): number
  /** Pings the client. A connection whose last ping was not answered cuts itself off instead. */
  ping(): void
  end(reason: 'credential' | 'stalled'): void
}

/** Pings connections, and ends those whose reader has stalled or whose credential is no longer valid. */
export interface Heartbeat {
  add(connection: LiveConnection): void
  remove(connection: LiveConnection): void
}

/** Counts what goes over sockets. */
export interface SocketMeter {
  /** `code`: `OK`, or the code of the first error */
  operation(transport: 'websocket', code: string): void
  socketOpened(): void
  socketClosed(code: number): void
}
