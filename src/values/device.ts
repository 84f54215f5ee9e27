/** Addresses of devices: each reader says why a text is none, in words that do not repeat it. */
import { ECDH } from 'node:crypto'

/** Why a text can't be a registration token of Firebase; null: it can. */
export const wrongFcmToken = (text: string): string | null =>
  /^[\x21-\x7e]{1,4096}$/.test(text)
    ? null
    : 'is not a registration token of Firebase: 1 to 4,096 printable ASCII characters without spaces.'

/** Why a text can't be a device token of Apple; null: it can. */
export const wrongAppleToken = (text: string): string | null =>
  /^(?:[0-9A-Fa-f]{2}){32,100}$/.test(text)
    ? null
    : 'is not a device token of Apple: 64 to 200 hexadecimal digits, and nothing else.'

/** A browser's subscription to push messages. `p256dh`: an uncompressed point of 65 bytes; `auth`: 16 bytes. */
export interface BrowserSubscription {
  readonly endpoint: URL
  readonly keys: { readonly p256dh: Uint8Array; readonly auth: Uint8Array }
}

const LENGTH_MAX = 10_000
const ENDPOINT_MAX = 2_000

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function objectOf(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null // not JSON
  }
}

/** Browsers give base64url; some libraries pad it, or give base64: all of them are read. null: it is neither, or has another length. */
function bytesOf(value: unknown, length: number): Uint8Array | null {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_+/-]{1,200}={0,2}$/.test(value)) return null
  const bytes = Buffer.from(value, 'base64url')
  return bytes.length === length ? bytes : null
}

function isPoint(bytes: Uint8Array): boolean {
  try {
    ECDH.convertKey(bytes, 'prime256v1')
    return true
  } catch {
    return false // not on the curve
  }
}

/**
 * Reads a browser's subscription: the JSON text of its `PushSubscription`. `allowHttp`: of a push service in a private network.
 * @returns the subscription; or why it is none
 */
export function readSubscription(text: string, allowHttp: boolean): BrowserSubscription | { readonly wrong: string } {
  const given = text.length > LENGTH_MAX ? null : objectOf(text)
  if (given === null) return { wrong: 'is not the JSON of a Web Push subscription, as JSON.stringify(subscription) writes it.' }
  const { endpoint: address, keys } = given
  const endpoint =
    typeof address === 'string' && address.length <= ENDPOINT_MAX && !/\s/.test(address) ? URL.parse(address) : null
  const isWeb = endpoint?.protocol === 'https:' || (allowHttp && endpoint?.protocol === 'http:')
  if (endpoint === null || !isWeb || endpoint.username + endpoint.password !== '')
    return { wrong: 'has no endpoint that is an https address without a user, of at most 2,000 characters.' }
  if (!isObject(keys)) return { wrong: 'has no keys: the page must subscribe with an applicationServerKey.' }
  const p256dh = bytesOf(keys['p256dh'], 65)
  const auth = bytesOf(keys['auth'], 16)
  if (p256dh === null || auth === null)
    return { wrong: "has keys that are not a browser's: p256dh must be 65 bytes and auth 16 bytes, as base64url." }
  if (!isPoint(p256dh)) return { wrong: 'has a key p256dh that is not a point of the curve P-256.' }
  return { endpoint, keys: { p256dh, auth } }
}
