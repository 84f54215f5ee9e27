/** Names of hosts that contacts' addresses name: found without the threads that all share, cached, bounded, and guarded. */
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAddressGuard } from '../../src/channels/address-guard.ts'
import { createHostNames, type HostNamesDeps } from '../../src/channels/host-names.ts'
import { createHttpClient } from '../../src/channels/http.ts'
import { type NameServer, startNameServer, type ZoneAnswer } from '../helpers/dns.ts'

const zone: Record<string, ZoneAnswer> = {
  'good.test': { addresses: ['127.0.0.1'] },
  'both.test': { addresses: ['2001:db8::1', '192.0.2.1', '192.0.2.2'] },
  'six.test': { addresses: ['2001:db8::6'] },
  'empty.test': { addresses: [] },
  'broken.test': { rcode: 2 },
  'dead.test': 'silence',
  'mixed.test': { addresses: ['10.0.0.1', '192.88.99.1', '8.8.8.8'] },
  'inside.test': { addresses: ['169.254.169.254', '::1'] },
}
for (let n = 0; n < 50; n++) zone[`dead-${n}.test`] = 'silence'

let dns: NameServer
let receiver: Server
let port: number
beforeAll(async () => {
  dns = await startNameServer(zone)
  receiver = createServer((_request, response) => response.end('thanks'))
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  port = Object(receiver.address()).port
})
afterAll(async () => {
  await dns.close()
  receiver.closeAllConnections()
  await new Promise((resolve) => receiver.close(resolve))
})

const create = (more: Partial<HostNamesDeps> = {}) =>
  createHostNames({ allowPrivateHosts: false, servers: [dns.address], hostsFile: '/nowhere', ...more })
/** Only the name that nobody answers for has to be given up soon. */
const patience = (name: string): Partial<HostNamesDeps> => (name === 'dead.test' ? { timeoutMs: 300 } : {})
const askedFor = (name: string): number => dns.asked.filter((one) => one === name).length

it('finds the addresses of a name, IPv4 first, and asks once for many', async () => {
  const names = create()
  const found = await Promise.all(Array.from({ length: 20 }, () => names.find('Both.test.')))
  expect(found.map((addresses) => addresses.map(({ address }) => address))).toEqual(
    Array.from({ length: 20 }, () => ['192.0.2.1', '192.0.2.2', '2001:db8::1']),
  )
  expect(await names.find('both.test')).toHaveLength(3)
  expect(askedFor('both.test')).toBe(1)
  expect(await names.find('six.test')).toEqual([{ address: '2001:db8::6', family: 6 }])
})

it('asks again when an answer has expired, and soon where there was none', async () => {
  let now = 1
  for (const [name, ms] of [
    ['good.test', 60_000],
    ['nobody.test', 10_000],
    ['broken.test', 2_000],
    ['dead.test', 2_000],
  ] as const) {
    const names = create({ now: () => now, ...patience(name) })
    const asked = async (): Promise<number> => {
      await names.find(name).catch(() => {})
      return askedFor(name)
    }
    const first = await asked()
    now += ms - 1
    expect(await asked(), name).toBe(first)
    now += 2
    expect(await asked(), name).toBeGreaterThan(first)
  }
})

it.each([
  ['nobody.test', 'ENOTFOUND'],
  ['empty.test', 'ENOTFOUND'],
  ['broken.test', 'ESERVFAIL'],
  ['dead.test', 'ETIMEOUT'],
])('says of %s that its look-up failed: %s', async (name, code) => {
  await expect(create(patience(name)).find(name)).rejects.toMatchObject({ code })
})

it('reads the file of hosts first, and knows localhost without one', async () => {
  const hostsFile = join(tmpdir(), `carillon-hosts-${process.pid}`)
  await writeFile(
    hostsFile,
    '# names\n192.0.2.7\tListed.test other.test # comment\n2001:db8::7 listed.test\nnonsense listed.test\n',
  )
  const names = create({ hostsFile })
  expect((await names.find('listed.TEST')).map(({ address }) => address)).toEqual(['192.0.2.7', '2001:db8::7'])
  expect(askedFor('listed.test')).toBe(0)
  for (const name of ['localhost', 'a.localhost']) {
    expect((await names.find(name)).map(({ address }) => address)).toEqual(['127.0.0.1', '::1'])
  }
})

it('leaves names of the network to the system where private hosts are allowed', async () => {
  for (const [allowPrivateHosts, name, syscall] of [
    [true, 'no-such-machine.local', 'getaddrinfo'],
    [true, 'nobody.test', 'query'],
    [false, 'no-such-machine.local', 'query'],
  ] as const) {
    await expect(create({ allowPrivateHosts }).find(name)).rejects.toMatchObject({ code: 'ENOTFOUND', syscall })
  }
})

it('reaches a living host while fifty names are answered by nobody', async () => {
  const http = createHttpClient({ allowPrivateHosts: true, concurrency: 100, names: create({ allowPrivateHosts: true }) })
  const post = (host: string, signal: AbortSignal) =>
    http.send({ host: 'host', method: 'POST', url: `http://${host}:${port}/`, headers: {}, body: 'x' }, signal)
  const stop = new AbortController()
  let ended = 0
  const dead = Array.from({ length: 50 }, (_unused, n) =>
    post(`dead-${n}.test`, stop.signal)
      .catch((error: unknown) => error)
      .finally(() => ended++),
  )
  expect((await post('good.test', AbortSignal.timeout(30_000))).text).toBe('thanks')
  // What has to use a thread gets one: none waits for a name server.
  await promisify(createAddressGuard({ allowPrivateHosts: true }).lookup)('localhost', {})
  expect(ended).toBe(0)
  stop.abort()
  for (const error of await Promise.all(dead)) expect(error).toMatchObject({ outcome: 'retryable', code: 'HOST_UNREACHABLE' })
  await http.close()
})

describe('the address guard', () => {
  const look = (host: string, options = {}) =>
    promisify(createAddressGuard({ allowPrivateHosts: false, names: create() }).lookup)(host, options)

  it('lets through none but public addresses of a name, at every connection', async () => {
    for (let connection = 0; connection < 2; connection++) {
      expect(await look('mixed.test', { all: true })).toEqual([{ address: '8.8.8.8', family: 4 }])
    }
    for (const name of ['inside.test', 'good.test']) {
      await expect(look(name)).rejects.toMatchObject({ outcome: 'refused', code: 'PROVIDER_REFUSED' })
    }
  })

  it('checks what a name has become: an answer that changes is no way in', async () => {
    const turning: Record<string, ZoneAnswer> = { 'turning.test': { addresses: ['8.8.8.8'] } }
    const server = await startNameServer(turning)
    let now = 1
    const names = create({ servers: [server.address], now: () => now })
    const { lookup } = createAddressGuard({ allowPrivateHosts: false, names })
    expect(await promisify(lookup)('turning.test', { all: true })).toHaveLength(1)
    turning['turning.test'] = { addresses: ['127.0.0.1'] }
    now += 120_000
    await expect(promisify(lookup)('turning.test', { all: true })).rejects.toMatchObject({ outcome: 'refused' })
    await server.close()
  })

  it('gives the family that is asked for', async () => {
    const open = createAddressGuard({ allowPrivateHosts: true, names: create() })
    expect(await promisify(open.lookup)('both.test', { family: 6, all: true })).toEqual([{ address: '2001:db8::1', family: 6 }])
    await expect(promisify(open.lookup)('six.test', { family: 4 })).rejects.toMatchObject({ code: 'ENOTFOUND' })
  })
})
