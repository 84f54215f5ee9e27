/** Web Push messages: encryption by RFC 8291 (aes128gcm, RFC 8188), identification by RFC 8292 (VAPID). */
import { createCipheriv, createECDH, createPrivateKey, type ECDH, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import type { BrowserSubscription } from '../values/device.ts'

const CURVE = 'prime256v1'
const RECORD_BYTES = 4_096
const DELIMITER_OF_LAST_RECORD = Buffer.of(2)

/** What encryption adds to a text: salt 16, record size 4, key length 1, key 65, delimiter 1, tag 16. */
export const OVERHEAD_BYTES = 103

/**
 * Encrypts a text of at most 3,993 bytes for a browser. `own` and `salt`: fresh for every message; given by tests alone.
 */
export function encrypt(
  text: Uint8Array,
  keys: BrowserSubscription['keys'],
  own: ECDH = freshKey(),
  salt: Uint8Array = randomBytes(16),
): Buffer {
  const ownPublic = own.getPublicKey()
  const shared = own.computeSecret(keys.p256dh)
  const keyInfo = Buffer.concat([Buffer.from('WebPush: info\0'), keys.p256dh, ownPublic])
  const input = hkdf(shared, keys.auth, keyInfo, 32)
  const key = hkdf(input, salt, 'Content-Encoding: aes128gcm\0', 16)
  const nonce = hkdf(input, salt, 'Content-Encoding: nonce\0', 12)
  const cipher = createCipheriv('aes-128-gcm', key, nonce)
  const sizes = Buffer.alloc(5)
  sizes.writeUInt32BE(RECORD_BYTES)
  sizes.writeUInt8(ownPublic.length, 4)
  const sealed = [cipher.update(text), cipher.update(DELIMITER_OF_LAST_RECORD), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat([salt, sizes, ownPublic, ...sealed])
}

const hkdf = (input: Uint8Array, salt: Uint8Array, info: string | Uint8Array, bytes: number): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', input, salt, info, bytes))

function freshKey(): ECDH {
  const own = createECDH(CURVE)
  own.generateKeys()
  return own
}

/** Whether two base64url texts are the halves of one key pair of the curve. */
export function isKeyPair(publicKey: string, privateKey: string): boolean {
  try {
    const pair = createECDH(CURVE)
    pair.setPrivateKey(Buffer.from(privateKey, 'base64url'))
    return pair.getPublicKey().equals(Buffer.from(publicKey, 'base64url'))
  } catch {
    return false // not a key pair
  }
}

/** The `Authorization` header of a request to an origin. */
export type Identification = (origin: string) => Promise<string>

const LIFE_MS = 12 * 3_600_000
/** Renewed an hour before it expires: a push service's clock may differ from ours. */
const RENEW_AFTER_MS = LIFE_MS - 3_600_000
const ORIGINS_KEPT = 100

/** Identifies the sender to push services: one signed token for each origin, used until shortly before it expires. */
export function createIdentification(
  vapid: { readonly publicKey: string; readonly privateKey: string; readonly subject: string },
  now: () => number,
): Identification {
  const kept = new LRUCache<string, { readonly value: Promise<string>; readonly renewAt: number }>({ max: ORIGINS_KEPT })
  const key = signingKey(vapid.publicKey, vapid.privateKey)

  async function sign(origin: string, at: number): Promise<string> {
    const token = await new SignJWT()
      .setProtectedHeader({ typ: 'JWT', alg: 'ES256' })
      .setAudience(origin)
      .setExpirationTime(Math.floor((at + LIFE_MS) / 1000))
      .setSubject(vapid.subject)
      .sign(key)
    return `vapid t=${token}, k=${vapid.publicKey}`
  }

  return (origin) => {
    const at = now()
    const found = kept.get(origin)
    if (found !== undefined && at < found.renewAt) return found.value
    const value = sign(origin, at)
    kept.set(origin, { value, renewAt: at + RENEW_AFTER_MS })
    return value
  }
}

function signingKey(publicKey: string, privateKey: string): KeyObject {
  const point = Buffer.from(publicKey, 'base64url')
  const x = point.subarray(1, 33).toString('base64url')
  const y = point.subarray(33).toString('base64url')
  return createPrivateKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', d: privateKey, x, y } })
}
