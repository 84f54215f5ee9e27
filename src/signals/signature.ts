/**
 * Signatures of the messages between processes: SHA-512/256 over a secret key, the channel's name and the text, cut to 128 bits, in front of the
 * text. This hash shows only half of its state, so that a key in front of the text makes it a MAC, at half the cost of an HMAC. A signature can't be
 * made without the server's secret, nor moved to another channel. A repeat is possible and harmless: a signal is a hint, after which the database is read.
 */
import { hash, timingSafeEqual } from 'node:crypto'

/** Keys: the first signs, all verify. */
export type SignalKeys = readonly [Uint8Array, ...Uint8Array[]]

/** Signs messages, and verifies those of other processes. */
export interface Signer {
  /** @returns the text with its signature in front */
  sign(channel: string, text: string): string
  /** @returns the text without its signature; null: it was not made with one of the keys, or for another channel */
  verify(channel: string, message: string): string | null
}

/** The length of a signature, in characters. */
export const SIGNATURE_LENGTH = 22

/** All keys have the same length: where a key ends and a channel's name begins is never in doubt. */
const KEY_BYTES = 32

/** @throws when a key has not 32 bytes */
export function createSigner(keys: SignalKeys): Signer {
  const prefixes = keys.map((key) => {
    if (key.length !== KEY_BYTES) throw new Error(`A key of signals has ${KEY_BYTES} bytes, not ${key.length}`)
    return Buffer.from(key).toString('hex')
  })
  const [first = ''] = prefixes
  const signatureOf = (prefix: string, channel: string, text: string): string =>
    hash('sha512-256', `${prefix}${channel}\n${text}`, 'base64url').slice(0, SIGNATURE_LENGTH)

  return {
    sign: (channel, text) => signatureOf(first, channel, text) + text,
    verify(channel, message) {
      const given = Buffer.from(message.slice(0, SIGNATURE_LENGTH), 'latin1')
      if (given.length < SIGNATURE_LENGTH) return null
      const text = message.slice(SIGNATURE_LENGTH)
      const isValid = prefixes.some((prefix) => timingSafeEqual(given, Buffer.from(signatureOf(prefix, channel, text), 'latin1')))
      return isValid ? text : null
    },
  }
}
