/** Whose address is believed. */
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { createPeer, createRemoteAddress, networkOf } from '../../src/http/remote-address.ts'

const ask = async (trusted: readonly string[], header: string | undefined): Promise<string> => {
  const remoteAddress = createRemoteAddress(trusted, { warn() {} })
  const server = createServer((request, response) => void response.end(remoteAddress(request)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    return await new Promise((resolve, reject) => {
      const headers = header === undefined ? {} : { 'x-forwarded-for': header }
      get({ port, host: '127.0.0.1', headers, agent: false }, (response) => {
        let text = ''
        response.on('data', (chunk) => (text += chunk)).on('end', () => resolve(text))
      }).on('error', reject)
    })
  } finally {
    server.close()
  }
}

it.each([
  [[], '1.2.3.4', '127.0.0.1'],
  [['10.0.0.0/8'], '1.2.3.4', '127.0.0.1'],
  [['127.0.0.1/32'], undefined, '127.0.0.1'],
  [['127.0.0.1/32'], '1.2.3.4', '1.2.3.4'],
  [['127.0.0.1/32'], '6.6.6.6, 1.2.3.4', '1.2.3.4'],
  [['127.0.0.0/8', '10.0.0.0/8'], '6.6.6.6, 1.2.3.4, 10.1.1.1', '1.2.3.4'],
  [['127.0.0.0/8', '::1/128'], '2001:db8::1', '2001:db8::1'],
  [['127.0.0.0/8'], 'nonsense', '127.0.0.1'],
  [['127.0.0.0/8'], '::ffff:1.2.3.4', '1.2.3.4'],
])('with proxies %j and the header %j, it is %s', async (trusted, header, address) => {
  expect(await ask(trusted, header)).toBe(address)
})

it.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2::1', networkOf('2001:db8:1:2:ffff:ffff:ffff:ffff')],
  ['unknown', 'unknown'],
])('counts %s as the client %s', (address, client) => expect(networkOf(address)).toBe(client))

it('counts other 64 bits of an IPv6 address as another client', () => {
  expect(networkOf('2001:db8:1:3::1')).not.toBe(networkOf('2001:db8:1:2::1'))
})

it('counts the connections of a trusted proxy as nobody in particular', () => {
  const peerOf = createPeer(['10.0.0.0/8'])
  expect([peerOf('10.1.2.3'), peerOf('::ffff:10.1.2.3'), peerOf('192.0.2.7'), peerOf(undefined)]).toEqual([
    null,
    null,
    '192.0.2.7',
    'unknown',
  ])
})
