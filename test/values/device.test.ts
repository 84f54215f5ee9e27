/** Addresses of devices, as apps and pages report them. */
import { createECDH } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { readSubscription, wrongAppleToken, wrongFcmToken } from '../../src/values/device.ts'

describe('a registration token of Firebase', () => {
  it.each([
    ['c'.repeat(163), true],
    ['fcm:APA91b-_x', true],
    ['x'.repeat(4_096), true],
    ['x'.repeat(4_097), false],
    ['', false],
    ['two words', false],
    ['token\n', false],
    ['토큰', false],
    ['null', true],
  ])('%j: %s', (text, is) => expect(wrongFcmToken(text) === null).toBe(is))
})

describe('a device token of Apple', () => {
  it.each([
    ['0a'.repeat(32), true],
    ['0A'.repeat(80), true],
    ['0a'.repeat(100), true],
    ['0a'.repeat(31), false],
    ['0a'.repeat(101), false],
    ['a'.repeat(65), false],
    ['g'.repeat(64), false],
    // As the description of NSData had it.
    [`<${'0a1b2c3d '.repeat(8).trim()}>`, false],
    [`${'0a'.repeat(32)}\n`, false],
    ['CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK', false],
    ['', false],
  ])('%j: %s', (text, is) => expect(wrongAppleToken(text) === null).toBe(is))
})

const key = createECDH('prime256v1').generateKeys()
const auth = Buffer.alloc(16, 7)
const keys = { p256dh: key.toString('base64url'), auth: auth.toString('base64url') }
const endpoint = 'https://fcm.googleapis.com/fcm/send/abc'
const isRead = (given: unknown, allowHttp = false): boolean => !('wrong' in readSubscription(JSON.stringify(given), allowHttp))

describe('a subscription of a browser', () => {
  it.each([
    ['as a browser writes it', { endpoint, expirationTime: null, keys }],
    ['with padded base64url', { endpoint, keys: { p256dh: `${keys.p256dh}=`, auth: `${keys.auth}==` } }],
    ['with base64', { endpoint, keys: { p256dh: key.toString('base64'), auth: auth.toString('base64') } }],
    ['with fields of its own', { endpoint, keys, userAgent: 'x', contentEncoding: 'aes128gcm' }],
    ['of a push service with an international name', { endpoint: 'https://пример.рф/x', keys }],
  ])('is read %s', (_what, given) => {
    expect(readSubscription(JSON.stringify(given), false)).toMatchObject({ keys: { p256dh: key, auth } })
  })

  it.each([
    ['a list', [endpoint]],
    ['a text', endpoint],
    ['null', null],
    ['nothing', {}],
    ['no keys', { endpoint }],
    ['keys that are null, as of a page without an applicationServerKey', { endpoint, keys: null }],
    ['keys at the top', { endpoint, ...keys }],
    ['a key that is too short', { endpoint, keys: { ...keys, p256dh: key.subarray(1).toString('base64url') } }],
    ['a compressed key', { endpoint, keys: { ...keys, p256dh: key.subarray(0, 33).toString('base64url') } }],
    ['a key that is no point of the curve', { endpoint, keys: { ...keys, p256dh: Buffer.alloc(65, 4).toString('base64url') } }],
    ['a secret that is too long', { endpoint, keys: { ...keys, auth: Buffer.alloc(17).toString('base64url') } }],
    ['a secret that is not base64', { endpoint, keys: { ...keys, auth: '!'.repeat(22) } }],
    ['a key that is a number', { endpoint, keys: { ...keys, p256dh: 1 } }],
    ['an endpoint by http', { endpoint: 'http://push.example/1', keys }],
    ['an endpoint with a user', { endpoint: 'https://u:p@push.example/1', keys }],
    ['an endpoint with a space', { endpoint: 'https://push.example/a b', keys }],
    ['an endpoint that is relative', { endpoint: '/1', keys }],
    ['an endpoint that is too long', { endpoint: `${endpoint}${'a'.repeat(2_000)}`, keys }],
  ])('is none with %s', (_what, given) => expect(isRead(given)).toBe(false))

  it.each(['', 'not json', '{', '{"endpoint":', 'undefined', '[object PushSubscription]', `{"a":"${'x'.repeat(10_000)}"}`])(
    'is not the text %j',
    (text) => expect('wrong' in readSubscription(text, true)).toBe(true),
  )

  it('may be of a push service by http where private networks are allowed', () => {
    expect(isRead({ endpoint: 'http://127.0.0.1:9/1', keys }, true)).toBe(true)
  })
})
