/** The budget of outgoing bytes of one connection: what may wait for its reader. */

/** The send buffer of one connection. It counts bytes; the values themselves stay in the queues of those that reserve. */
export interface SendBuffer {
  /** Bytes that can still be reserved. For a caller that can come back later with what does not fit. */
  room(): number
  /** Reserves bytes. False when they don't fit: the connection is then being closed. */
  reserve(bytes: number): boolean
  /** Releases bytes, once the reader has them. */
  release(bytes: number): void
  /** bytes reserved and not released */
  held(): number
  /** changes whenever bytes are released: when it stays the same, the reader has stalled */
  progress(): number
}

/**
 * Creates the send buffer of one connection.
 * @param buffered bytes that the transport itself still holds
 * @param onFull called when a reservation does not fit; must end the connection
 */
export function createSendBuffer(maxBytes: number, buffered: () => number, onFull: () => void): SendBuffer {
  let held = 0
  let releases = 0
  return {
    room: () => Math.max(0, maxBytes - held - buffered()),
    reserve(bytes) {
      const waiting = held + buffered()
      // A single message larger than the limit still goes to a reader that has nothing waiting.
      if (waiting > 0 && waiting + bytes > maxBytes) {
        onFull()
        return false
      }
      held += bytes
      return true
    },
    release(bytes) {
      held -= bytes
      releases += 1
    },
    held: () => held,
    progress: () => releases,
  }
}
