/** Push messages, and the keys that vendors' settings take, made for one test run. */
import { createECDH, generateKeyPairSync, randomBytes } from 'node:crypto'
import type { RenderedPush } from '../../src/channels/provider.ts'

/** A push that any provider of its channel takes, with what a test wants otherwise. */
export const push = (changes: Partial<RenderedPush> = {}): RenderedPush => ({
  channel: 'PUSH',
  messageId: '0199c1de-0000-7000-8000-000000000003',
  address: 'a1'.repeat(32),
  title: 'Hello',
  body: 'Hello Anna',
  imageUrl: null,
  url: null,
  data: {},
  createdAt: new Date('2026-01-02T03:04:05Z'),
  ...changes,
})

/** A private key as PKCS8 text, and its public half. */
export function keyPair(kind: 'rsa' | 'ec') {
  const { privateKey, publicKey } =
    kind === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return { pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), publicKey }
}

/** A service account's key file, its tokens fetched from `url`. */
export const serviceAccount = (url: string, pem: string, changes: object = {}): string =>
  JSON.stringify({
    type: 'service_account',
    project_id: 'demo-1',
    private_key_id: 'k1',
    private_key: pem,
    client_email: 'push@demo-1.iam.example',
    token_uri: `${url}/token`,
    ...changes,
  })

/** A VAPID key pair as base64url. */
export function vapidKeys(): { publicKey: string; privateKey: string } {
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  // Node leaves out leading zeros, which one key in 256 has.
  const privateKey = Buffer.concat([Buffer.alloc(32), pair.getPrivateKey()]).subarray(-32)
  return { publicKey: pair.getPublicKey('base64url'), privateKey: privateKey.toString('base64url') }
}

/** A browser that subscribed at `endpoint`: what it gives the page, and how it reads what it is sent. */
export function browser(endpoint: string) {
  const pair = createECDH('prime256v1')
  const p256dh = pair.generateKeys()
  const auth = randomBytes(16)
  const keys = { p256dh: p256dh.toString('base64url'), auth: auth.toString('base64url') }
  return { pair, auth, address: JSON.stringify({ endpoint, expirationTime: null, keys }) }
}
