/** Each kind of provider end to end: from the mutation to the request, and each class of failure back to the message. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { topicOf } from '../../src/channels/web-push.ts'
import { createTestClock, startTestApp, type TestApp } from '../helpers/app.ts'
import { DeleteProviders, ListProviders, ListSuppressions, TestProvider } from '../helpers/operations.ts'
import { GetReach } from '../helpers/operations-vendors.ts'
import { rowsOf } from '../helpers/project-rows.ts'
import { openVendor, PUBLIC_URL } from '../helpers/vendor-flow.ts'
import { type Received, vendorCases } from '../helpers/vendors.ts'

const clock = createTestClock()
let app: TestApp
beforeAll(async () => {
  app = await startTestApp({ clock, env: { CARILLON_PUBLIC_URL: PUBLIC_URL } })
})
afterAll(() => app.stop())

describe.each(vendorCases)('$name', (of) => {
  const { channel, foldsRepeats } = of
  const isDevice = channel === 'PUSH' || channel === 'WEB_PUSH'
  let flow: Awaited<ReturnType<typeof openVendor>>
  beforeAll(async () => {
    flow = await openVendor(app, of)
  })
  afterAll(() => flow.close())

  it('brings a message from the mutation to the vendor, and stores the outcome', async () => {
    await flow.reach(1)
    const { id } = await flow.send(1)
    const message = await flow.reaches(id, 'SENT', 'FAILED', 'SKIPPED')
    expect(message).toMatchObject({ channel, status: 'SENT', error: null, provider: { key: 'main' }, deliveredAt: null })
    expect(message.sentAt).not.toBeNull()
    expect(message.attempts).toMatchObject([{ number: 1, ok: true, error: null, provider: { key: 'main' } }])
    expect(message.history.map((one) => one.status)).toEqual(['QUEUED', 'SENDING', 'SENT'])
    const wanted = of.vendorId === 'message' ? message.id : of.vendorId
    if (wanted instanceof RegExp) expect(message.providerMessageId).toMatch(wanted)
    else expect(message.providerMessageId).toBe(wanted)
    const { path, headers = {}, body } = of.expected({ messageId: message.id, n: 1, callbackUrl: flow.callbackUrl })
    const [received, ...others] = flow.vendor.received()
    expect(others).toEqual([])
    expect(received?.path).toEqual(path)
    expect(received?.headers).toMatchObject(headers)
    if (body !== undefined) expect(received?.body).toEqual(body)
  })

  it('waits as long as the vendor asks, and then goes out', async () => {
    await flow.reach(2)
    const before = flow.vendor.received().length
    flow.vendor.be('busy')
    const { id } = await flow.send(2)
    const waiting = await flow.tried(id, 1)
    expect(waiting).toMatchObject({ status: 'QUEUED', error: { code: of.busy }, sentAt: null })
    expect(waiting.attempts).toMatchObject([{ ok: false, error: { code: of.busy } }])
    flow.vendor.be('take')
    let held: string | null = null
    if (of.retryAfterSeconds !== null) {
      clock.advance((of.retryAfterSeconds - 5) * 1000)
      // What is accepted later is worked off: the one that waits would have been, had it been due.
      await flow.reach(3)
      const later = await flow.send(3)
      // A host that the address names has asked for all that goes to it; the others for the message alone.
      if (['web-push', 'webhook', 'mattermost', 'discord'].includes(of.kind)) {
        held = later.id
        expect(await flow.find(later.id)).toMatchObject({ attempts: [] })
        expect(flow.vendor.received()).toHaveLength(before + 1)
      } else {
        await flow.reaches(later.id, 'SENT')
        expect(flow.vendor.received()).toHaveLength(before + 2)
      }
      expect(await flow.find(id)).toMatchObject({ status: 'QUEUED', attempts: [{ number: 1 }] })
    }
    clock.advance(10_000)
    const sent = await flow.reaches(id, 'SENT')
    expect(sent).toMatchObject({ error: null, attempts: [{ ok: false }, { number: 2, ok: true }] })
    expect(sent.history.map((one) => one.status)).toEqual(['QUEUED', 'SENDING', 'QUEUED', 'SENDING', 'SENT'])
    // What waited with it goes out as well, before the next test counts.
    if (held !== null) {
      clock.advance(10_000)
      await flow.reaches(held, 'SENT')
    }
  })

  it('fails with the words of a vendor that refuses it, and is not tried again', async () => {
    await flow.reach(4)
    const before = flow.vendor.received().length
    flow.vendor.be('refuse')
    const { id } = await flow.send(4)
    const failed = await flow.reaches(id, 'FAILED', 'SENT')
    expect(failed).toMatchObject({ status: 'FAILED', error: { code: of.refusal.code }, sentAt: null })
    expect(failed.error?.message).toMatch(of.refusal.says)
    expect(failed.attempts).toMatchObject([{ ok: false, error: { code: of.refusal.code } }])
    expect(failed.history.map((one) => one.status)).toEqual(['QUEUED', 'SENDING', 'FAILED'])
    flow.vendor.be('take')
    clock.advance(24 * 3_600_000)
    await flow.reach(5)
    await flow.reaches((await flow.send(5)).id, 'SENT')
    expect(flow.vendor.received()).toHaveLength(before + 2)
    // A refusal of one message gives nobody up.
    const again = await flow.reaches((await flow.send(4)).id, 'SENT', 'FAILED', 'SKIPPED')
    expect(again.status).toBe('SENT')
  })

  it.runIf(of.dead !== null)('gives up an address that the vendor calls dead', async () => {
    await flow.reach(6)
    const before = flow.vendor.received().length
    flow.vendor.be('dead')
    const { id } = await flow.send(6)
    expect(await flow.reaches(id, 'FAILED', 'SENT')).toMatchObject({ status: 'FAILED', error: { code: of.dead } })
    flow.vendor.be('take')
    const { contact } = await flow.project.api.do(GetReach, { contact: 'anna-6' })
    const { suppressions } = await flow.project.api.do(ListSuppressions, { first: 10 })
    if (isDevice) {
      expect(contact?.credentials).toMatchObject([{ provider: 'main', deviceTokens: [] }])
      expect(suppressions.nodes).toEqual([])
    } else {
      expect(suppressions.nodes).toMatchObject([{ channel, reason: 'HARD_BOUNCE' }])
    }
    const next = await flow.reaches((await flow.send(6)).id, 'SKIPPED', 'SENT', 'FAILED')
    const code = isDevice ? 'ADDRESS_MISSING' : 'SUPPRESSED'
    expect(next).toMatchObject({ status: 'SKIPPED', error: { code }, attempts: [] })
    expect(flow.vendor.received()).toHaveLength(before + 1)
  })

  it(`${foldsRepeats ? 'sends again' : 'leaves UNKNOWN'} what the vendor may have taken, and never through another provider`, async () => {
    const spare = await of.start()
    try {
      await flow.configure('spare', spare, 1)
      await flow.reach(7)
      // Devices get it through every provider that has some; anything else goes to the other provider where the first did not take it.
      if (!isDevice) await flow.reach(7, 'spare', spare)
      const before = flow.vendor.received().length
      flow.vendor.be('reset')
      const { id } = await flow.send(7)
      const lost = await flow.tried(id, 1)
      flow.vendor.be('take')
      expect(lost).toMatchObject({
        status: foldsRepeats ? 'QUEUED' : 'UNKNOWN',
        error: { code: 'OUTCOME_UNKNOWN' },
        attempts: [{ ok: false, error: { code: 'OUTCOME_UNKNOWN' }, provider: { key: 'main' } }],
      })
      clock.advance(3_600_000)
      if (foldsRepeats) {
        const sent = await flow.reaches(id, 'SENT')
        expect(sent.attempts.map((one) => one.provider?.key)).toEqual(['main', 'main'])
        const [first, second, ...more] = flow.vendor.received().slice(before)
        expect(more).toEqual([])
        expect(foldedBy(first)).toBe(channel === 'WEB_PUSH' ? topicOf(sent.id) : sent.id)
        expect(foldedBy(second)).toBe(foldedBy(first))
      } else {
        await flow.reach(8)
        await flow.reaches((await flow.send(8)).id, 'SENT')
        expect(await flow.find(id)).toMatchObject({ status: 'UNKNOWN', attempts: [{ number: 1 }] })
        expect(flow.vendor.received()).toHaveLength(before + 2)
      }
      expect(spare.received()).toEqual([])
    } finally {
      await flow.project.api.do(DeleteProviders, { keys: ['spare'] })
      await spare.close()
    }
  })

  it('is tested by one message, and its secrets are sealed in the record and never shown', async () => {
    flow.vendor.be('take')
    const to = flow.vendor.credentials(9)
    const address = { EMAIL: 'ops@example.com', SMS: '+821012345678', ALIMTALK: '+821012345678', FRIENDTALK: '+821012345678' }
    const target = to?.webhookUrl ?? to?.deviceTokens?.[0] ?? address[channel as keyof typeof address]
    const before = flow.vendor.received().length
    const { testProvider } = await flow.project.api.do(TestProvider, { provider: 'main', to: target })
    expect(testProvider).toMatchObject({ ok: true, error: null })
    expect(flow.vendor.received()).toHaveLength(before + 1)
    flow.vendor.be('refuse')
    const refused = (await flow.project.api.do(TestProvider, { provider: 'main', to: target })).testProvider
    expect(refused).toMatchObject({ ok: false, providerMessageId: null, error: { code: of.refusal.code } })
    flow.vendor.be('take')

    const { providers } = await flow.project.api.do(ListProviders, {})
    const main = providers.find((one) => one.key === 'main')
    expect(main).toMatchObject({ kind: of.kind, channel, active: true })
    for (const name of of.secrets) expect(main?.settings).toHaveProperty(name, 'set')
    const shown = JSON.stringify(providers)
    const sealed = (await rowsOf(app.databaseUrl, flow.project.id)).join('\n')
    for (const name of of.secrets) {
      const secret = String(flow.vendor.settings[name])
      for (const text of [shown, sealed]) {
        expect(text).not.toContain(secret)
        expect(text).not.toContain(JSON.stringify(secret).slice(1, -1))
      }
    }
  })
})

/** What a receiver folds repeats by: the topic of a Web Push, and the message's id, wherever the vendor gets it. */
function foldedBy(received: Received | undefined): unknown {
  const text = JSON.stringify(received?.headers) + (received?.raw.toString('utf8') ?? '')
  return received?.headers['topic'] ?? /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/.exec(text)?.[0]
}
