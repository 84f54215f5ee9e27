import { Agent, createServer, get } from 'node:http'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createAddressGuard, guardRefusal, isPrivateAddress, isPrivateName } from '../../src/channels/address-guard.ts'
import { ProviderError } from '../../src/channels/provider.ts'

describe('which addresses are private', () => {
  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '100.100.100.200',
    '100.127.255.255',
    '168.63.129.16',
    '::ffff:168.63.129.16',
    '::ffff:a83f:8110',
    '64:ff9b::a83f:8110',
    '64:ff9b::6464:64c8',
    'fd00:ec2::254',
    'fe80::1%eth0',
    '2002:a9fe:a9fe::',
    '2606:4700::5efe:10.0.0.1',
    '192.0.0.192',
    '192.0.2.1',
    '203.0.113.1',
    '239.255.255.250',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::808:808',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '2001::1',
    'not an address',
    '',
  ])('%s is', (address) => expect(isPrivateAddress(address)).toBe(true))

  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.32.0.1',
    '100.128.0.1',
    '168.63.129.17',
    '100.63.255.255',
    '2606:4700::1111',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
  ])('%s is not', (address) => expect(isPrivateAddress(address)).toBe(false))
})

describe('the guard', () => {
  const strict = createAddressGuard({ allowPrivateHosts: false })
  const open = createAddressGuard({ allowPrivateHosts: true })

  it('refuses hosts that are private addresses, brackets or not, and lets names to the lookup', () => {
    for (const host of ['127.0.0.1', '::1', '[::1]', '[::ffff:10.0.0.1]']) {
      expect(() => strict.checkHost(host)).toThrow(ProviderError)
      expect(() => open.checkHost(host)).not.toThrow()
    }
    for (const host of ['8.8.8.8', 'example.com', '127.1']) expect(() => strict.checkHost(host)).not.toThrow()
  })

  it.each([
    'localhost',
    'LOCALHOST.',
    'a.localhost',
    'metadata.google.internal',
    'Metadata.Google.Internal.',
    'metadata.goog',
    'metadata.azure.com',
    'metadata.azure.internal',
    'instance-data.ec2.internal',
    'instance-data',
    'printer.local',
  ])('refuses the name %s, before and in the lookup, whatever it resolves to', async (host) => {
    expect(isPrivateName(host)).toBe(true)
    expect(() => strict.checkHost(host)).toThrow(ProviderError)
    await expect(promisify(strict.lookup)(host, {})).rejects.toMatchObject({ outcome: 'refused', code: 'PROVIDER_REFUSED' })
  })

  it.each(['2130706433', '0x7f.1', '0177.0.0.1', '127.1', '127.0.0.1.'])(
    'refuses %s, another spelling of 127.0.0.1, where it resolves at all',
    async (host) => {
      const error = await promisify(strict.lookup)(host, {}).catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(Error)
      if (guardRefusal(error) === null) expect(error).toMatchObject({ syscall: 'getaddrinfo' })
    },
  )

  it('refuses names that resolve to nothing else, whichever way they are asked for', async () => {
    for (const all of [true, false]) {
      const lookup = promisify(strict.lookup)
      await expect(lookup('localhost', { all })).rejects.toMatchObject({ outcome: 'refused', code: 'PROVIDER_REFUSED' })
      await expect(promisify(open.lookup)('localhost', { all })).resolves.toBeTruthy()
    }
    await expect(promisify(strict.lookup)('does-not-exist.invalid', {})).rejects.toMatchObject({ syscall: 'getaddrinfo' })
  })

  it('holds for an HTTP agent, whose error leads back to the refusal', async () => {
    const server = createServer((_, response) => response.end('secret'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const address = server.address()
      const port = typeof address === 'object' ? address?.port : undefined
      const ask = (lookup: typeof strict.lookup) =>
        new Promise<number | undefined>((resolve, reject) => {
          get({ host: 'localhost', port, agent: new Agent({ lookup }) }, (response) => resolve(response.resume().statusCode)).on(
            'error',
            reject,
          )
        })
      await expect(ask(open.lookup)).resolves.toBe(200)
      const error = await ask(strict.lookup).catch((caught: unknown) => caught)
      expect(guardRefusal(error)).toMatchObject({
        outcome: 'refused',
        message:
          'The host "localhost" points at a private address. The operator of this server can allow that with CARILLON_ALLOW_PRIVATE_HOSTS=on.',
      })
      expect(guardRefusal(new TypeError('fetch failed', { cause: error }))).not.toBeNull()
      expect(guardRefusal(new Error('other'))).toBeNull()
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  })
})
