/** Secrets of providers: encrypted for their place, shown to nobody, and refused in any form that only the server makes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { ConfigureProviders, GetNotification, Send, TestProvider, UpsertTemplates } from '../helpers/operations.ts'
import { GetProviderSettings, GetReach, SetCredentials } from '../helpers/operations-vendors.ts'
import { startVendor, type Vendor } from '../helpers/vendor-http.ts'

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
let app: TestApp
let receiver: Vendor
let project: TestProject
beforeAll(async () => {
  receiver = await startVendor(() => ({ status: 200, body: 'thanks' }))
  app = await startTestApp()
  project = await app.project()
})
afterAll(async () => {
  await app?.stop()
  await receiver?.close()
})

const configure = (settings: Record<string, unknown>, more: object = {}, of = project) =>
  of.api.ask(ConfigureProviders, { providers: [{ key: 'hook', channel: 'WEBHOOK', kind: 'webhook', settings, ...more }] })
const storedOf = async (of = project, key = 'hook') => {
  const row = await app.app.prisma.provider.findUniqueOrThrow({ where: { projectId_key: { projectId: of.id, key } } })
  return { ...row, settings: Object(row.settings) }
}
const shownOf = async (of = project) => (await of.api.do(GetProviderSettings, {})).providers.map(({ settings }) => settings)
const test = async (to: string, of = project, provider = 'hook') => (await of.api.do(TestProvider, { provider, to })).testProvider

describe('a stored secret', () => {
  const url = (): string => `${receiver.url}/own?token=abc`
  const settings = () => ({ secret, authorization: 'Bearer top', headers: { 'X-Key': 'deep', 'X-Two': 'deeper' }, url: url() })

  it('is encrypted, headers too, and shown to nobody', async () => {
    expect((await configure(settings())).codes).toEqual([])
    const stored = JSON.stringify((await storedOf()).settings)
    for (const text of [secret, 'Bearer top', 'deep']) expect(stored).not.toContain(text)
    expect(stored.match(/sealed:v2:/g)).toHaveLength(4)
    expect(await shownOf()).toEqual([
      {
        secret: 'set',
        authorization: 'set',
        headers: { 'X-Key': 'set', 'X-Two': 'set' },
        url: `${receiver.url}/own?token=…`,
      },
    ])
  })

  it('stays when what is shown is given back, whole or in part', async () => {
    const [shown] = await shownOf()
    expect((await configure({ ...shown, headers: { 'X-Key': 'set', 'X-Three': 'new' } })).codes).toEqual([])
    expect((await storedOf()).settings.url).toBe(url())
    expect(await test('')).toMatchObject({ ok: true })
    expect(receiver.requests.at(-1)).toMatchObject({
      path: '/own?token=abc',
      headers: { authorization: 'Bearer top', 'x-key': 'deep', 'x-three': 'new' },
    })
    expect(receiver.requests.at(-1)?.headers).not.toHaveProperty('x-two')
    expect((await configure({ ...shown, headers: 'set' })).codes).toEqual([])
    expect(await test('')).toMatchObject({ ok: true })
    expect(receiver.requests.at(-1)?.headers).toMatchObject({ 'x-key': 'deep', 'x-three': 'new' })
  })

  it('is removed when it is left out, as every setting is: settings are given whole', async () => {
    await configure(settings())
    expect((await configure({ secret: 'set', url: url() })).codes).toEqual([])
    expect(await shownOf()).toEqual([{ secret: 'set', url: `${receiver.url}/own?token=…` }])
    expect((await configure({ url: url() })).errors[0]?.extensions).toMatchObject({ code: 'BAD_INPUT', field: 'settings.secret' })
    await configure(settings())
  })

  it('goes to no address of a contact, and the signature does', async () => {
    expect(await test(`${receiver.url}/in`)).toMatchObject({ ok: true })
    const headers = receiver.requests.at(-1)?.headers
    expect(headers).toHaveProperty('webhook-signature')
    for (const name of ['authorization', 'x-key', 'x-three']) expect(headers).not.toHaveProperty(name)
  })

  it('opens in no other project, provider or setting', async () => {
    const { settings: taken } = await storedOf()
    const other = await app.project()
    await configure({ secret }, {}, other)
    const { id } = await storedOf(other)
    const put = (changes: object) =>
      app.app.prisma.provider.update({
        where: { id },
        data: { settings: { secret: taken.secret, url: `${receiver.url}/other`, ...changes } },
      })
    await put({})
    const before = receiver.requests.length
    expect(await test('', other)).toMatchObject({ ok: false, error: { code: 'PROVIDER_REFUSED' } })
    // A setting that is no secret is never decrypted, even where the value belongs to the project.
    await configure(settings())
    const own = await storedOf()
    await app.app.prisma.provider.update({
      where: { id: own.id },
      data: { settings: { ...own.settings, authorization: own.settings.secret } },
    })
    expect(await test('')).toMatchObject({ ok: false, error: { code: 'PROVIDER_REFUSED' } })
    expect(receiver.requests).toHaveLength(before)
  })

  it.each(['sealed:', 'sealed:v1:junk', 'sealed:v2:AAAAAAAA:junk', 'sealed:v9:x'])(
    'that is junk (%s) is an error of the provider, says what to do, and can be replaced',
    async (junk) => {
      await configure(settings())
      const { id, settings: stored } = await storedOf()
      await app.app.prisma.provider.update({ where: { id }, data: { settings: { ...stored, authorization: junk } } })
      const outcome = await test('')
      expect(outcome).toMatchObject({ ok: false, error: { code: 'PROVIDER_REFUSED' } })
      expect(outcome.error?.message).toMatch(/authorization can't be decrypted.*again/)
      expect(await shownOf()).toMatchObject([{ authorization: 'set' }])
      const [shown] = await shownOf()
      const kept = await configure(Object(shown))
      expect(kept.codes).toEqual(['BAD_INPUT'])
      expect(kept.errors[0]?.extensions).toMatchObject({ field: 'settings.authorization' })
      const off = { providers: [{ key: 'hook', active: false }] }
      expect((await project.api.ask(ConfigureProviders, off)).codes).toEqual([])
      expect((await configure({ ...Object(shown), authorization: 'Bearer new' }, { active: true })).codes).toEqual([])
      expect(await test('')).toMatchObject({ ok: true })
      expect(receiver.requests.at(-1)?.headers).toMatchObject({ authorization: 'Bearer new' })
    },
  )
})

describe('a value that looks encrypted', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['in a secret', { secret, authorization: 'sealed:v1:x' }, 'settings.authorization'],
    ['in another secret', { secret: 'sealed:v2:a:b' }, 'settings.secret'],
    ['in what is no secret', { secret, url: 'sealed:https://example.com' }, 'settings.url'],
    ['deeper', { secret, headers: { 'x-a': 'sealed:v2:a:b' } }, 'settings.headers.x-a'],
    ['in a setting that is not there', { secret, more: [{ deep: 'sealed:' }] }, 'settings.more.0.deep'],
  ])('is refused %s', async (_, settings, field) => {
    const answer = await configure(settings, { key: 'new' })
    expect(answer.codes).toEqual(['BAD_INPUT'])
    expect(answer.errors[0]?.extensions).toMatchObject({ field, index: 0 })
  })
  it('is refused in every kind', async () => {
    const settings = { host: '127.0.0.1', from: 'a@example.com', user: 'u', password: (await storedOf()).settings.secret }
    const answer = await project.api.ask(ConfigureProviders, {
      providers: [{ key: 'mail', channel: 'EMAIL', kind: 'smtp', settings }],
    })
    expect(answer.errors[0]?.extensions).toMatchObject({ code: 'BAD_INPUT', field: 'settings.password' })
  })
})

describe('an address that authorizes', () => {
  it('is shown without what authorizes, everywhere, is used whole, and stays when it is given back', async () => {
    await configure({ secret })
    await project.api.do(UpsertTemplates, { templates: [{ key: 'call', webhook: [{ body: { n: '{{ n }}' } }] }] })
    await project.api.do(Send, { messages: [{ template: 'call', contact: { externalId: 'ann' }, channels: [] }] })
    const whole = `${receiver.url}/hooks/T0/verysecret?sig=verysecret`
    const shown = `${receiver.url}/…?…`
    await project.api.do(SetCredentials, { contact: 'ann', provider: 'hook', webhookUrl: whole })
    const credentials = async () => (await project.api.do(GetReach, { contact: 'ann' })).contact?.credentials
    expect(await credentials()).toMatchObject([{ webhookUrl: shown }])
    await project.api.do(SetCredentials, { contact: 'ann', provider: 'hook', webhookUrl: shown })
    const { sendMessages } = await project.api.do(Send, {
      messages: [{ template: 'call', contact: { externalId: 'ann' }, data: { n: 1 } }],
      wait: 'SENT',
    })
    const id = sendMessages.results[0]?.notification?.id ?? ''
    const answer = await project.api.do(GetNotification, { id })
    expect(answer.notification?.messages).toMatchObject([{ status: 'SENT', address: shown }])
    expect(JSON.stringify(answer)).not.toContain('verysecret')
    expect(receiver.requests.at(-1)?.path).toBe('/hooks/T0/verysecret?sig=verysecret')
  })
})
