/** Mail that comes in: whether it would come here. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { type NameServer, startNameServer } from '../helpers/dns.ts'
import { UpdateProject } from '../helpers/operations.ts'
import { InboundParse } from '../helpers/operations-care.ts'
import { times } from '../helpers/setup.ts'

let dns: NameServer
let app: TestApp
beforeAll(async () => {
  dns = await startNameServer({
    'here.example.com': ['backup.example.net', 'Mail.Example.COM'],
    'xn--mnchen-3ya.example': ['mail.example.com'],
    'elsewhere.example.com': ['mail.example.com.evil.example', 'notmail.example.com'],
    'none.example.com': [],
    'null.example.com': ['.'],
    'broken.example.com': { rcode: 2 },
    'garbage.example.com': 'garbage',
    'silent.example.com': 'silence',
  })
  app = await startTestApp({ env: { CARILLON_INBOUND_HOST: 'mail.example.com' }, dnsServers: [dns.address] })
})
afterAll(async () => {
  await app.stop()
  await dns.close()
})

const isConfigured = async (inboundDomain: string | null, on: TestApp = app): Promise<boolean> => {
  const project = await on.project()
  await project.api.do(UpdateProject, { input: { inboundDomain } })
  return (await project.api.do(InboundParse, {})).inboundParse.mxRecordConfigured
}

it('NV-10, NV-11: an MX record of the inbound domain that names our host is a yes, whatever its case and rank', async () => {
  expect(await isConfigured('here.example.com')).toBe(true)
  expect(await isConfigured('münchen.example')).toBe(true)
})

it.each([
  [null],
  ['elsewhere.example.com'],
  ['none.example.com'],
  ['null.example.com'],
  ['missing.example.com'],
  ['broken.example.com'],
  ['garbage.example.com'],
  ['silent.example.com'],
])('NV-11: says no while there is any doubt: %s', async (domain) => {
  const begun = performance.now()
  expect(await isConfigured(domain)).toBe(false)
  expect(performance.now() - begun).toBeLessThan(8_000)
})

it('NV-11: says no where no host is set or no name server answers', async () => {
  const unset = await app.another({ CARILLON_INBOUND_HOST: '' })
  expect(await isConfigured('here.example.com', unset)).toBe(false)
  const deaf = await startNameServer({})
  await deaf.close()
  const away = await app.another({}, { dnsServers: [deaf.address] })
  expect(await isConfigured('here.example.com', away)).toBe(false)
})

it('NV-11: remembers the answer for a moment: many who ask at once cost one look-up', async () => {
  const project = await app.project()
  await project.api.do(UpdateProject, { input: { inboundDomain: 'once.example.com' } })
  await Promise.all(times(10, () => project.api.do(InboundParse, {})))
  expect(dns.asked.filter((name) => name === 'once.example.com')).toHaveLength(1)
})
