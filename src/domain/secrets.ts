/** Keys made from the one secret of the server, and what is done with them: hashing credentials, sealing providers' secrets. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

/** What the secret is used for; each use has a key of its own. */
export interface Secrets {
  /** signs tokens (HS256) */
  readonly tokenKey: Uint8Array
  /** signs cursors */
  readonly cursorKey: Uint8Array
  /** signs unsubscribe links */
  readonly linkKey: Uint8Array
  /** Encrypts a text for the record (AES-256-GCM). */
  seal(text: string): string
  /** @throws Error when it was sealed with another secret, or changed since */
  unseal(sealed: string): string
}

const PREFIX = 'sealed:v1:'

/** Tells whether a setting is a sealed text. */
export const isSealed = (value: unknown): value is string => typeof value === 'string' && value.startsWith(PREFIX)

/** Derives the keys. `secret`: 32 bytes or more. */
export function createSecrets(secret: string): Secrets {
  const derive = (use: string): Uint8Array => new Uint8Array(hkdfSync('sha256', secret, 'carillon', use, 32))
  const sealKey = derive('seal')
  return {
    tokenKey: derive('token'),
    cursorKey: derive('cursor'),
    linkKey: derive('link'),
    seal(text) {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', sealKey, iv)
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return PREFIX + Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')
    },
    unseal(sealed) {
      const bytes = Buffer.from(sealed.slice(PREFIX.length), 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', sealKey, bytes.subarray(0, 12))
      decipher.setAuthTag(bytes.subarray(12, 28))
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
    },
  }
}

/** Makes a credential: 256 random bits, with a prefix that tells what it is. */
export const newCredential = (prefix: string): string => `${prefix}_${randomBytes(32).toString('base64url')}`

/** The hash of a credential, as the record keeps it. Credentials are random, so a fast hash is enough. */
export const hashOf = (credential: string): Buffer => createHash('sha256').update(credential).digest()
