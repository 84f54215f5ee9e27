/** How contacts are reached beyond their own fields: devices, browsers, chat services and addresses of their own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  ConfigureProviders,
  DeleteProviders,
  ListNotifications,
  Send,
  SetOnline,
  UpsertContacts,
  UpsertTemplates,
} from '../helpers/operations.ts'
import { GetReach, PreviewPush, SetCredentials } from '../helpers/operations-vendors.ts'
import { browser, vapidKeys } from '../helpers/push.ts'
import { until } from '../helpers/until.ts'
import { openVendor } from '../helpers/vendor-flow.ts'
import { startVendor, type Vendor, type VendorAnswer } from '../helpers/vendor-http.ts'
import { contactOf, vendorCases } from '../helpers/vendors.ts'

const clock = createTestClock()
let app: TestApp
beforeAll(async () => {
  app = await startTestApp({ clock })
})
afterAll(() => app.stop())

const caseOf = (name: string) => {
  const found = vendorCases.find((one) => one.name === name)
  if (found === undefined) throw new Error(`There is no case ${name}.`)
  return found
}
const token = (digit: string): string => digit.repeat(64)

describe('devices', () => {
  let flow: Awaited<ReturnType<typeof openVendor>>
  beforeAll(async () => {
    flow = await openVendor(app, caseOf('apns'))
  })
  afterAll(() => flow.close())
  const own = async (n: number, deviceTokens: string[]) => {
    await flow.reach(n)
    await flow.project.api.do(SetCredentials, { contact: contactOf(n).externalId, provider: 'main', deviceTokens })
  }
  const devicesOf = async (n: number) =>
    (await flow.project.api.do(GetReach, { contact: contactOf(n).externalId })).contact?.credentials[0]?.deviceTokens
  const told = () => flow.vendor.received().map((one) => one.path.slice('/3/device/'.length))

  it('LY-50: all get one message, with an attempt for each; a dead one is removed, and it is SENT when one accepted it', async () => {
    await own(1, [token('a'), token('b'), token('c')])
    const before = told().length
    let asked = 0
    flow.vendor.be(() => (asked++ === 1 ? 'dead' : 'take'))
    const { id } = await flow.send(1)
    const message = await flow.reaches(id, 'SENT', 'FAILED')
    flow.vendor.be('take')
    expect(message).toMatchObject({ status: 'SENT', error: null })
    expect(message.attempts.map((one) => one.ok).sort()).toEqual([false, true, true])
    expect(message.attempts.map((one) => one.number)).toEqual([1, 2, 3])
    expect(message.attempts.find((one) => !one.ok)?.error?.code).toBe('ADDRESS_INVALID')
    const asked3 = told().slice(before)
    expect([...asked3].sort()).toEqual([token('a'), token('b'), token('c')])
    expect(await devicesOf(1)).toEqual([token('a'), token('b'), token('c')].filter((one) => one !== asked3[1]))
  })

  it('all get it though they exceed the concurrency of the provider, and the next message goes out as well', async () => {
    await own(
      40,
      Array.from({ length: 400 }, (_unused, n) => n.toString(16).padStart(64, '0')),
    )
    const { id } = await flow.send(40)
    const message = await flow.reaches(id, 'SENT', 'FAILED')
    expect([message.status, message.attempts.length]).toEqual(['SENT', 400])
    await own(41, [token('e')])
    expect((await flow.reaches((await flow.send(41)).id, 'SENT', 'FAILED')).status).toBe('SENT')
  })
  it('are FAILED when all are dead, and then there is none', async () => {
    await own(2, [token('d'), token('e')])
    flow.vendor.be('dead')
    const { id } = await flow.send(2)
    expect(await flow.reaches(id, 'FAILED', 'SENT')).toMatchObject({ status: 'FAILED', attempts: [{ ok: false }, { ok: false }] })
    flow.vendor.be('take')
    expect(await devicesOf(2)).toEqual([])
  })

  it('B7-11, LY-61: one that two contacts share gets a transaction once, and the next one again', async () => {
    await own(3, [token('1'), token('2')])
    await own(4, [token('2')])
    const before = told().length
    const send = async () => {
      const { sendMessages } = await flow.project.api.do(Send, {
        messages: [3, 4].map((n) => ({ template: 'order', contact: contactOf(n), data: { number: '7' } })),
      })
      const ids = sendMessages.results.map((one) => one.notification?.id ?? '')
      return Promise.all(ids.map((id) => flow.reaches(id, 'SENT', 'SKIPPED', 'FAILED')))
    }
    const [first, second] = await send()
    expect(told().slice(before).sort()).toEqual([token('1'), token('2')])
    expect(first?.status).toBe('SENT')
    if (second?.status === 'SKIPPED') expect(second).toMatchObject({ attempts: [], error: { code: 'ADDRESS_MISSING' } })
    expect((first?.attempts.length ?? 0) + (second?.attempts.length ?? 0)).toBe(2)
    await send()
    expect(told().slice(before).sort()).toEqual([token('1'), token('1'), token('2'), token('2')])
  })

  it('get it once through two providers that both have them, by the second where the first refuses for its own reasons', async () => {
    const spare = await caseOf('apns').start()
    try {
      await own(5, [token('7')])
      await flow.configure('spare', spare, 1)
      await flow.project.api.do(SetCredentials, {
        contact: contactOf(5).externalId,
        provider: 'spare',
        deviceTokens: [token('7')],
      })
      const before = told().length
      expect(await flow.reaches((await flow.send(5)).id, 'SENT')).toMatchObject({
        attempts: [{ ok: true, provider: { key: 'main' } }],
      })
      expect(spare.received()).toEqual([])
      flow.vendor.be('deny')
      const second = await flow.reaches((await flow.send(5)).id, 'SENT', 'FAILED')
      expect(second.attempts.map((one) => [one.provider?.key, one.ok])).toEqual([
        ['main', false],
        ['spare', true],
      ])
      expect(second.status).toBe('SENT')
      expect([told().length - before, spare.received().length]).toEqual([2, 1])
      // What the first may have taken, the second never has.
      flow.vendor.be('reset')
      const { id } = await flow.send(5)
      expect(await flow.tried(id, 1)).toMatchObject({ status: 'QUEUED', error: { code: 'OUTCOME_UNKNOWN' } })
      flow.vendor.be('deny')
      clock.advance(60_000)
      const third = await flow.reaches(id, 'SENT', 'FAILED')
      expect(third.status).toBe('FAILED')
      expect(third.attempts.map((one) => one.provider?.key)).toEqual(['main', 'main'])
      expect(spare.received()).toHaveLength(1)
    } finally {
      flow.vendor.be('take')
      await flow.project.api.do(DeleteProviders, { keys: ['spare'] })
      await spare.close()
    }
  })

  it('NV-56, NV-57: replace those that were there; none forgets them all; twice the same is one', async () => {
    const set = async (deviceTokens: string[]) =>
      (await flow.project.api.do(SetCredentials, { contact: contactOf(1).externalId, provider: 'main', deviceTokens }))
        .setCredentials.credentials
    const [x, y, z] = [token('1'), token('2'), token('3')]
    expect(await set([x, y, x])).toMatchObject([{ provider: 'main', channel: 'PUSH', deviceTokens: [x, y] }])
    expect(await set([z])).toMatchObject([{ deviceTokens: [z] }])
    expect(await set([])).toMatchObject([{ deviceTokens: [] }])
    const skipped = await flow.reaches((await flow.send(1)).id, 'SKIPPED', 'SENT', 'FAILED')
    expect(skipped).toMatchObject({ status: 'SKIPPED', error: { code: 'ADDRESS_MISSING' } })
  })

  it('NV-57: are refused for an unknown provider or contact, and where there is nothing to set', async () => {
    const { api } = flow.project
    await api.do(ConfigureProviders, { providers: [{ key: 'mail', channel: 'EMAIL', kind: 'capture', settings: {} }] })
    const contact = contactOf(1).externalId
    const wrong: [Parameters<typeof api.ask<unknown, object>>[1] & object, string][] = [
      [{ contact, provider: 'nobody', deviceTokens: ['x'] }, 'NOT_FOUND'],
      [{ contact: 'nobody', provider: 'main', deviceTokens: ['x'] }, 'CONTACT_NOT_FOUND'],
      [{ contact, provider: 'mail', deviceTokens: ['x'] }, 'CHANNEL_UNSUPPORTED'],
      [{ contact, provider: 'main', webhookUrl: 'https://example.com/x' }, 'BAD_INPUT'],
      [{ contact, provider: 'main', deviceTokens: [' '] }, 'ADDRESS_INVALID'],
      [{ contact, provider: 'main', deviceTokens: Array.from({ length: 1001 }, (_unused, n) => `t${n}`) }, 'BATCH_TOO_LARGE'],
      [{ contact, provider: 'main', deviceTokens: ['a\u0000'] }, 'BAD_INPUT'],
    ]
    for (const [variables, code] of wrong) {
      expect((await api.ask(SetCredentials, variables as never)).codes, JSON.stringify(variables).slice(0, 80)).toEqual([code])
    }
    const { contact: same } = await api.do(GetReach, { contact })
    expect(same?.credentials).toMatchObject([{ provider: 'main', deviceTokens: [] }])
  })

  it('NV-55: a contact shows its fields, its properties, its credentials and its presence', async () => {
    const { api } = flow.project
    const contact = {
      ...contactOf(9),
      lastName: 'Berg',
      locale: 'de',
      photoUrl: 'https://example.com/a.png',
      profile: { plan: 'pro' },
    }
    await api.do(Send, { messages: [{ template: 'order', contact, channels: [] }] })
    await api.do(SetCredentials, { contact: contact.externalId, provider: 'main', deviceTokens: [token('1')] })
    await api.do(SetOnline, { contact: contact.externalId, isOnline: true })
    const shown = (await api.do(GetReach, { contact: contact.externalId })).contact
    const { profile, ...fields } = contact
    expect(shown).toMatchObject({
      ...fields,
      profile,
      isOnline: true,
      credentials: [{ provider: 'main', deviceTokens: [token('1')] }],
    })
  })
})

describe('browsers', () => {
  it('LY-51: are reached by their subscription as JSON text; one that is none any more is refused, and the others get it', async () => {
    const flow = await openVendor(app, caseOf('web-push'))
    try {
      await flow.reach(1)
      const subscription = flow.vendor.credentials(1)?.deviceTokens?.[0] ?? ''
      // A subscription that was taken by an earlier version, before they were read when they are set.
      await app.app.prisma.credential.updateMany({
        where: { projectId: flow.project.id },
        data: { deviceTokens: ['no subscription', subscription] },
      })
      const message = await flow.reaches((await flow.send(1)).id, 'SENT', 'FAILED')
      expect(message.status).toBe('SENT')
      expect(message.attempts.map((one) => one.error?.code ?? null).sort()).toEqual(['ADDRESS_INVALID', null].sort())
      expect(flow.vendor.received()).toHaveLength(1)
    } finally {
      await flow.close()
    }
  })
})

describe('what a push says', () => {
  let project: TestProject
  beforeAll(async () => {
    project = await app.project()
    const apns = await caseOf('apns').start()
    await project.api.do(ConfigureProviders, {
      providers: [
        { key: 'apple', channel: 'PUSH', kind: 'apns', settings: apns.settings },
        { key: 'browsers', channel: 'WEB_PUSH', kind: 'web-push', settings: { ...vapidKeys(), subject: 'mailto:a@example.com' } },
      ],
    })
    await apns.close()
    const content = { title: 'Hi', body: '{{ text }}', url: '{{ url }}', data: {} }
    await project.api.do(UpsertTemplates, { templates: [{ key: 'push', push: [content], webPush: [content] }] })
    await project.api.do(Send, { messages: [{ template: 'push', contact: { externalId: 'p' }, channels: [] }] })
    await project.api.do(SetCredentials, { contact: 'p', provider: 'apple', deviceTokens: [token('a')] })
    await project.api.do(SetCredentials, {
      contact: 'p',
      provider: 'browsers',
      deviceTokens: [browser('https://push.example/1').address],
    })
  })

  it.each([
    ['short', 'Hello', false],
    ['long', '한글 '.repeat(3_000), true],
  ])('is cut where its platform cuts it, and `preview` says so: %s', async (_name, text, truncated) => {
    const message = { template: 'push', contact: { externalId: 'p' }, data: { text, url: 'app://x' } }
    const { preview } = await project.api.do(PreviewPush, { message })
    expect(preview.channels).toMatchObject([
      { channel: 'PUSH', wouldSend: true, provider: 'apple', address: token('a'), title: 'Hi', truncated },
      { channel: 'WEB_PUSH', wouldSend: true, provider: 'browsers', title: 'Hi', truncated },
    ])
    for (const { body } of preview.channels) {
      if (truncated) expect(body).toMatch(/…$/)
      else expect(body).toBe(text)
      expect(Buffer.byteLength(body ?? '')).toBeLessThan(4_096)
    }
  })

  it.each([
    ['slack', 'x'.repeat(40_000), false],
    ['slack', 'x'.repeat(40_001), true],
    // Three characters become fifteen.
    ['slack', '&'.repeat(8_001), true],
    ['discord', '가'.repeat(2_000), false],
    ['discord', '가'.repeat(2_001), true],
    ['mattermost', '👩‍👩‍👧'.repeat(2_100), true],
    ['msteams', '한글 '.repeat(3_000), false],
    ['msteams', '한글 '.repeat(4_000), true],
    ['capture', 'x'.repeat(50_000), false],
  ])('is cut where its chat service cuts it, and `preview` says so: %s', async (kind, text, truncated) => {
    await project.api.do(ConfigureProviders, { providers: [{ key: `${kind}-cut`, channel: 'CHAT', kind, priority: 0 }] })
    await project.api.do(UpsertTemplates, { templates: [{ key: 'chat', chat: [{ body: '{{ text }}' }] }] })
    const webhookUrl = 'https://chat.example/hooks/1'
    const contact = `on-${kind}`
    await project.api.do(UpsertContacts, { contacts: [{ externalId: contact }] })
    await project.api.do(SetCredentials, { contact, provider: `${kind}-cut`, webhookUrl })
    const message = { template: 'chat', contact: { externalId: contact }, data: { text } }
    const { preview } = await project.api.do(PreviewPush, { message })
    expect(preview.channels).toMatchObject([{ channel: 'CHAT', wouldSend: true, provider: `${kind}-cut`, truncated }])
    expect(preview.channels[0]?.body?.endsWith('…')).toBe(truncated)
  })

  it('opens an address of any scheme that runs nothing', async () => {
    const upsert = (url: string) =>
      project.api.ask(UpsertTemplates, { templates: [{ key: 'link', push: [{ title: 'Hi', body: 'x', url }] }] })
    for (const url of ['app://orders/7', 'https://example.com', 'intent:x', 'mailto:a@example.com', '/orders', 'myapp:x?y=z']) {
      expect((await upsert(url)).codes, url).toEqual([])
    }
    for (const url of [
      'javascript:alert(1)',
      ' JavaScript:x',
      'data:text/html,x',
      'vbscript:x',
      'file:///etc/passwd',
      'blob:x',
      '//evil.example',
    ]) {
      expect((await upsert(url)).codes, url).toEqual(['BAD_INPUT'])
    }
  })

  it('drops an address that a value makes invalid, and keeps a valid one', async () => {
    const flow = await openVendor(app, { ...caseOf('fcm'), content: { push: [{ title: 'Hi', body: 'x', url: '{{ url }}' }] } })
    try {
      await flow.reach(1)
      for (const url of ['javascript:alert(1)', 'app://orders/7', '']) {
        await flow.reaches((await flow.send(1, { data: { url } })).id, 'SENT')
      }
      const urls = flow.vendor.received().map((one) => (one.body as { message: { data: { url?: string } } }).message.data.url)
      expect(urls).toEqual([undefined, 'app://orders/7', undefined])
    } finally {
      await flow.close()
    }
  })
})

describe('chat services', () => {
  let hooks: Vendor
  let project: TestProject
  let answer: VendorAnswer = { status: 200, body: 'ok' }
  beforeAll(async () => {
    hooks = await startVendor(() => answer)
    project = await app.project()
    await project.api.do(ConfigureProviders, { providers: [{ key: 'team', channel: 'CHAT', kind: 'mattermost', settings: {} }] })
    await project.api.do(UpsertTemplates, { templates: [{ key: 'chat', chat: [{ body: 'Hi' }] }] })
  })
  afterAll(() => hooks.close())
  const set = async (more: { webhookUrl?: string | null; channelName?: string | null }) =>
    (await project.api.do(SetCredentials, { contact: 'c', provider: 'team', ...more })).setCredentials.credentials[0]

  it('NV-56, NV-57: take an address and a channel of theirs; what is left out stays, null removes', async () => {
    await project.api.do(Send, { messages: [{ template: 'chat', contact: { externalId: 'c' }, channels: [] }] })
    // Shown without its path, which may be a token.
    const webhookUrl = `${hooks.url}/…`
    expect(await set({ webhookUrl: `${hooks.url}/in` })).toMatchObject({ webhookUrl, channelName: null })
    expect(await set({ channelName: 'town-square' })).toMatchObject({ webhookUrl, channelName: 'town-square' })
    await project.api.do(Send, { messages: [{ template: 'chat', contact: { externalId: 'c' } }], wait: 'SENT' })
    expect(JSON.parse(hooks.requests[0]?.body ?? '')).toEqual({ text: 'Hi', channel: 'town-square' })
    expect(await set({ channelName: null })).toMatchObject({ webhookUrl, channelName: null })
    expect(await set({ webhookUrl: null })).toMatchObject({ webhookUrl: null })
    const wrong = await project.api.ask(SetCredentials, { contact: 'c', provider: 'team', webhookUrl: 'javascript:x' })
    expect(wrong.codes).toEqual(['ADDRESS_INVALID'])
    const tokens = await project.api.ask(SetCredentials, { contact: 'c', provider: 'team', deviceTokens: ['x'] })
    expect(tokens.codes).toEqual(['BAD_INPUT'])
  })

  it('NV-33: get what a message adds for their provider, as far as the kind accepts it; anything else is BAD_INPUT', async () => {
    answer = { status: 200, body: 'ok' }
    await set({ webhookUrl: `${hooks.url}/in` })
    const send = async (providers: Record<string, unknown>) =>
      (
        await project.api.do(Send, {
          messages: [{ template: 'chat', contact: { externalId: 'c' }, overrides: { providers } }],
          wait: 'SENT',
        })
      ).sendMessages.results[0]
    const before = hooks.requests.length
    expect(await send({ team: { username: 'Shop' } })).toMatchObject({ ok: true, channelErrors: [] })
    expect(JSON.parse(hooks.requests[before]?.body ?? '')).toEqual({ text: 'Hi', username: 'Shop' })
    for (const extra of [{ text: 'else' }, { channel: 'x' }, { username: '' }, 'text', 7, ['x']]) {
      expect(await send({ team: extra }), JSON.stringify(extra)).toMatchObject({ ok: false, error: { code: 'BAD_INPUT' } })
    }
    expect(hooks.requests).toHaveLength(before + 1)
  })
})

it('LY-112: a push sees the contact’s properties and the parameters of the call', async () => {
  const flow = await openVendor(app, {
    ...caseOf('fcm'),
    content: { push: [{ title: '{{ user["plan"] }}', body: '{{ event.number }}', data: { plan: '{{ plan }}' } }] },
  })
  try {
    await flow.reach(1)
    const { id } = await flow.send(1, { contact: { ...contactOf(1), profile: { plan: 'pro' } }, data: { number: 7 } })
    await flow.reaches(id, 'SENT')
    expect(flow.vendor.received()[0]?.body).toMatchObject({
      message: { notification: { title: 'pro', body: '7' }, data: { plan: 'pro' } },
    })
    await until('it is listed', async () => {
      const { notifications } = await flow.project.api.do(ListNotifications, { filter: { channels: ['PUSH'] } })
      return notifications.nodes.some((one) => one.id === id)
    })
  } finally {
    await flow.close()
  }
})
