/** The budget of outgoing bytes of one connection: what may wait for its reader. */
import type { Transport } from '../graphql/transport.ts'

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

/** A class, so that ten thousand connections share its methods. */
class BoundedBuffer implements SendBuffer {
  readonly #maxBytes: number
  readonly #transport: Transport
  #held = 0
  #releases = 0

  constructor(maxBytes: number, transport: Transport) {
    this.#maxBytes = maxBytes
    this.#transport = transport
  }

  room(): number {
    return Math.max(0, this.#maxBytes - this.#held - this.#transport.buffered())
  }

  reserve(bytes: number): boolean {
    const waiting = this.#held + this.#transport.buffered()
    // A single message larger than the limit still goes to a reader that has nothing waiting.
    if (waiting > 0 && waiting + bytes > this.#maxBytes) {
      this.#transport.overflow()
      return false
    }
    this.#held += bytes
    return true
  }

  release(bytes: number): void {
    this.#held -= bytes
    this.#releases += 1
  }

  held(): number {
    return this.#held
  }

  progress(): number {
    return this.#releases
  }
}

/** Creates the send buffer of one connection. `transport`: what the bytes go through, which ends the connection when they don't fit */
export const createSendBuffer = (maxBytes: number, transport: Transport): SendBuffer => new BoundedBuffer(maxBytes, transport)
