/** Where a message can go, and through which provider. */
import { describe, expect, it } from 'vitest'
import { targetsOf } from '../../src/send/target.ts'
import type { Channel, CredentialInfo, Route } from '../../src/words.ts'
import { contact, credentialOf, routeOf } from '../helpers/facts.ts'

type Addressed = Exclude<Channel, 'IN_APP'>
const find = (channel: Addressed, routes: readonly Route[], credentials: readonly CredentialInfo[] = [], who = contact) =>
  targetsOf(channel, { contact: who, bare: null, credentials, routes: new Map([[channel, routes]]) })
const pairs = (found: ReturnType<typeof targetsOf>) => found.targets.map(({ provider, address }) => [provider, address])

describe.each<[Addressed, string]>([
  ['EMAIL', 'anna@example.com'],
  ['SMS', '+14155550100'],
  ['ALIMTALK', '+14155550100'],
  ['FRIENDTALK', '+14155550100'],
])('%s goes to a field of the contact', (channel, address) => {
  it('through every provider, the preferred one first', () => {
    const found = find(channel, [routeOf('b'), routeOf('a')])
    expect(found).toMatchObject({ address, isConfigured: true })
    expect(pairs(found)).toEqual([
      ['key-b', address],
      ['key-a', address],
    ])
  })
  it('through none where none is configured, and the address is known all the same', () => {
    expect(find(channel, [])).toEqual({ targets: [], address, undialled: null, isConfigured: false })
  })
  it('nowhere where the contact has no such field, whatever its credentials', () => {
    const credentials = [credentialOf('a', { deviceTokens: ['x'], webhookUrl: 'https://example.com' })]
    const found = find(channel, [routeOf('a')], credentials, { ...contact, email: null, phone: null })
    expect(found).toEqual({ targets: [], address: null, undialled: null, isConfigured: true })
  })
  it('to a bare address where there is no contact', () => {
    const found = targetsOf(channel, {
      contact: null,
      bare: { email: 'bare', phone: 'bare' },
      credentials: [],
      routes: new Map([[channel, [routeOf('a')]]]),
    })
    expect(pairs(found)).toEqual([['key-a', 'bare']])
  })
})

describe.each<[Addressed]>([['PUSH'], ['WEB_PUSH']])('%s goes to devices', (channel) => {
  it("to each of a provider's devices, provider by provider", () => {
    const credentials = [credentialOf('b', { deviceTokens: ['3'] }), credentialOf('a', { deviceTokens: ['1', '2'] })]
    const found = find(channel, [routeOf('a'), routeOf('b')], credentials)
    expect(found.address).toBe('1')
    expect(pairs(found)).toEqual([
      ['key-a', '1'],
      ['key-a', '2'],
      ['key-b', '3'],
    ])
  })
  it('through a later provider where the first has no device', () => {
    const found = find(channel, [routeOf('a'), routeOf('b')], [credentialOf('b', { deviceTokens: ['3'] })])
    expect([found.address, pairs(found)]).toEqual(['3', [['key-b', '3']]])
  })
  it('nowhere without a device, without a provider, or with a device of another provider', () => {
    expect(find(channel, [routeOf('a')])).toEqual({ targets: [], address: null, undialled: null, isConfigured: true })
    expect(find(channel, [], [credentialOf('a', { deviceTokens: ['1'] })])).toEqual({
      targets: [],
      address: null,
      undialled: null,
      isConfigured: false,
    })
    expect(find(channel, [routeOf('a')], [credentialOf('b', { deviceTokens: ['1'] })]).targets).toEqual([])
  })
})

describe('CHAT', () => {
  it("goes to the contact's hook, and has the name of its channel", () => {
    const credentials = [credentialOf('a', { webhookUrl: 'https://example.com/h', channelName: '#ops' })]
    expect(find('CHAT', [routeOf('a')], credentials).targets).toEqual([
      { providerId: 'a', provider: 'key-a', kind: 'capture', address: 'https://example.com/h', channelName: '#ops' },
    ])
  })
  it('does not go to an address of the provider', () => {
    expect(find('CHAT', [routeOf('a', { hasAddress: true })]).address).toBeNull()
  })
})

describe('WEBHOOK', () => {
  const credentials = [credentialOf('a', { webhookUrl: 'https://example.com/h', channelName: '#ops' })]
  it.each<[string, Route, readonly CredentialInfo[], string | null]>([
    ["goes to the contact's hook", routeOf('a'), credentials, 'https://example.com/h'],
    [
      "goes to the contact's hook rather than to the provider's",
      routeOf('a', { hasAddress: true }),
      credentials,
      'https://example.com/h',
    ],
    ["goes to the provider's own address, written as none", routeOf('a', { hasAddress: true }), [], ''],
    ['goes nowhere where neither has one', routeOf('a'), [], null],
  ])('%s', (_title, route, given, expected) => {
    expect(find('WEBHOOK', [route], given).address).toBe(expected)
  })
  it('has no name of a channel', () => {
    expect(find('WEBHOOK', [routeOf('a')], credentials).targets[0]?.channelName).toBeNull()
  })
})
