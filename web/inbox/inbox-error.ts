/** A failed operation. `code` is the server's ErrorCode, `NETWORK` if the server could not be reached, or `TOKEN` if the page could not supply a token. */
export class InboxError extends Error {
  readonly code: string
  /** position of the rejected item in the list that was sent */
  readonly index: number | null
  readonly retryAfterMs: number | null
  constructor(code: string, message: string, details: { index?: number; retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, { cause: details.cause })
    this.name = 'InboxError'
    this.code = code
    this.index = details.index ?? null
    this.retryAfterMs = details.retryAfterMs ?? null
  }
}
