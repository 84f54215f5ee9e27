/** What the doors ask of the rest of the server, and what they tell it. */
import type { Caller, Outlet } from './context.ts'

/** Who is let in, and what they are given. `C` is the resolvers' context. */
export interface Gate<C extends object> {
  /**
   * Finds who is asking. `null` is nobody: `{ kind: 'none' }`.
   * @throws CarillonError UNAUTHENTICATED for a credential that is wrong
   */
  authenticate(authorization: string | null, remoteAddress: string): Promise<Caller>
  /** Makes what the resolvers of one operation get. */
  createContext(caller: Caller, outlet: Outlet, remoteAddress: string): C
  /** Those of the API keys that are revoked by now. Asked each second while connections with API keys are open. */
  isRevoked(keyIds: readonly string[]): Promise<ReadonlySet<string>>
}

/** What the doors count. Times are in seconds. */
export interface Meter {
  request(route: string, status: number, seconds: number): void
  /** `code`: `OK`, or the code of the first error */
  operation(transport: 'http' | 'websocket' | 'sse', code: string): void
  socketOpened(): void
  socketClosed(code: number): void
}

/** Counts nothing. */
export const silentMeter: Meter = { request() {}, operation() {}, socketOpened() {}, socketClosed() {} }

/** Whether a caller may be asked from a page of this origin. Only contact tokens live in pages; an empty list lets every page use them. */
export const mayComeFrom = (caller: Caller, origin: string | undefined): boolean =>
  caller.kind !== 'contact' ||
  origin === undefined ||
  caller.project.allowedOrigins.length === 0 ||
  caller.project.allowedOrigins.includes(origin)
