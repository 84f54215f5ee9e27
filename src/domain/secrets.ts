/** Keys that are derived from the server's secrets, the encryption of providers' secrets, and the hashing of credentials. */
import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes } from 'node:crypto'

/** Where a sealed text is stored: it can be unsealed there and nowhere else. None of these changes while the provider is there. */
export interface SealPlace {
  readonly projectId: string
  readonly providerId: string
  /** the setting's name; `headers.NAME` for one of several */
  readonly setting: string
}

/** Keys of one use, one of each secret: the first signs, all verify. */
export type Keys = readonly [Uint8Array, ...Uint8Array[]]

/** The uses of the secrets; each has keys of its own. */
export interface Secrets {
  /** sign tokens (HS256) */
  readonly tokenKeys: Keys
  /** sign cursors */
  readonly cursorKeys: Keys
  /** sign unsubscribe links */
  readonly linkKeys: Keys
  /** sign signals between processes */
  readonly signalKeys: Keys
  /** sign the cookies of people who sign in */
  readonly cookieKeys: Keys
  /** Encrypts a text (AES-256-GCM) for a place, with the first secret. */
  seal(text: string, place: SealPlace): string
  /** Decrypts a text. @throws UnsealError when it was encrypted with a secret that is not here or for another place, or changed since */
  unseal(sealed: string, place: SealPlace): string
  /** Whether a text was encrypted with the first secret, in the present form. */
  isCurrent(sealed: string): boolean
}

/** Thrown for a text that can't be decrypted. */
export class UnsealError extends Error {
  override readonly name = 'UnsealError'
}

/** How every encrypted text begins. No caller's value may begin with it. */
export const SEALED = 'sealed:'
/** Encrypted texts of earlier versions: neither their secret nor their place is named in them. */
const V1 = `${SEALED}v1:`
const V2 = `${SEALED}v2:`

/** Whether a text is, or claims to be, an encrypted one. */
export const isSealed = (value: unknown): value is string => typeof value === 'string' && value.startsWith(SEALED)

/** Derives the keys. `secrets`: 32 bytes or more each; the first one signs and encrypts. */
export function createSecrets([first, ...others]: readonly [string, ...string[]]): Secrets {
  const keysOf = (use: string): Keys => {
    const derive = (secret: string): Uint8Array => new Uint8Array(hkdfSync('sha256', secret, 'carillon', use, 32))
    return [derive(first), ...others.map(derive)]
  }
  const sealKeys = keysOf('seal')
  // Names a secret without revealing anything of it: derived like a key, and cut.
  const ids = keysOf('key id').map((key) => Buffer.from(key).subarray(0, 6).toString('base64url'))
  const current = `${V2}${ids[0]}:`

  function open(key: Uint8Array, text: string, aad: Buffer | null): string {
    const bytes = Buffer.from(text, 'base64url')
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 })
    if (aad !== null) decipher.setAAD(aad)
    decipher.setAuthTag(bytes.subarray(12, 28))
    return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
  }

  return {
    tokenKeys: keysOf('token'),
    cursorKeys: keysOf('cursor'),
    linkKeys: keysOf('link'),
    signalKeys: keysOf('signal'),
    cookieKeys: keysOf('cookie'),
    seal(text, place) {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', sealKeys[0], iv).setAAD(aadOf(place))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return current + Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')
    },
    unseal(sealed, place) {
      const [, id = '', body = ''] = sealed.startsWith(V2) ? sealed.slice(V2.length - 1).split(':') : []
      const tries = sealed.startsWith(V1)
        ? sealKeys.map((key) => () => open(key, sealed.slice(V1.length), null))
        : sealKeys.filter((_, index) => ids[index] === id).map((key) => () => open(key, body, aadOf(place)))
      let cause: unknown
      for (const attempt of tries) {
        try {
          return attempt()
        } catch (error) {
          cause = error
        }
      }
      throw new UnsealError(`The setting ${place.setting} can't be decrypted with the secrets of this server.`, { cause })
    },
    isCurrent: (sealed) => sealed.startsWith(current),
  }
}

const aadOf = ({ projectId, providerId, setting }: SealPlace): Buffer =>
  Buffer.from(JSON.stringify([projectId, providerId, setting]), 'utf8')

/** Creates a credential: 256 random bits, with a prefix for its kind. */
export const newCredential = (prefix: string): string => `${prefix}_${randomBytes(32).toString('base64url')}`

/** Whether a text has the form of a credential that `newCredential` created. */
export const isCredential = (text: string): boolean => /^[a-z]{2}_[\w-]{43}$/.test(text)

/** The hash of a credential, as it is stored. Credentials are random, so a fast hash is enough. */
export const hashOf = (credential: string): Buffer => hash('sha256', credential, 'buffer')
