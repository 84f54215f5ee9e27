/**
 * Signatures of the messages between processes: HMAC-SHA256 over the channel's name and the bytes, cut to 128 bits, in front of the bytes. One
 * can't be made without the server's secret, nor moved to another channel. A repeat is possible and harmless: a signal is a hint, after which
 * the database is read.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** Keys: the first signs, all verify. */
export type SignalKeys = readonly [Uint8Array, ...Uint8Array[]]

/** The length of a signature, in bytes and in characters. */
export const SIGNATURE_LENGTH = 22

const sign = (key: Uint8Array, channel: string, body: string | Buffer): string =>
  createHmac('sha256', key).update(`${channel}\n`).update(body).digest('base64url').slice(0, SIGNATURE_LENGTH)

/** A message with its signature. */
export const signed = ([key]: SignalKeys, channel: string, body: string): string => sign(key, channel, body) + body

/** The bytes of a message without its signature; null: it was not made with one of the keys, or for another channel. */
export function verified(keys: SignalKeys, channel: string, message: Buffer): Buffer | null {
  const body = message.subarray(SIGNATURE_LENGTH)
  const given = message.subarray(0, SIGNATURE_LENGTH)
  if (given.length < SIGNATURE_LENGTH) return null
  return keys.some((key) => timingSafeEqual(given, Buffer.from(sign(key, channel, body)))) ? body : null
}
