/**
 * Text frames of a WebSocket server, made here: what many sockets receive alike is encoded once, and what one socket receives within a moment
 * leaves in one write. Frames are strings of bytes (`latin1`), which Node writes without a buffer of their own.
 */

/** The UTF-8 bytes of a text, one character each. */
export const bytesOf = (text: string): string =>
  Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1')

const TEXT = '\x81'
const { fromCharCode } = String

/** What is in front of a text frame's bytes: one frame for the whole message, not masked, as servers send them. */
export function headOf(length: number): string {
  if (length < 126) return TEXT + fromCharCode(length)
  if (length < 65_536) return `${TEXT}~${fromCharCode(length >> 8, length & 255)}`
  const high = Math.floor(length / 2 ** 32)
  const low = length >>> 0
  return `${TEXT}\x7f${fromCharCode(0, 0, high >>> 8, high & 255, low >>> 24, (low >> 16) & 255, (low >> 8) & 255, low & 255)}`
}
