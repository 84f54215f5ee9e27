/** Delivery reports, from the vendor's request to the message: accepted when signed, applied once, in whatever order they come. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import {
  ConfigureProviders,
  DeleteContacts,
  GetStats,
  ListSuppressions,
  NotificationChanged,
  RemoveSuppression,
  Send,
} from '../helpers/operations.ts'
import { type Report, reporters, type Said } from '../helpers/reporters.ts'
import { seeded } from '../helpers/seed.ts'
import { times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'
import { openVendor, PUBLIC_URL } from '../helpers/vendor-flow.ts'
import { contactOf, vendorCases } from '../helpers/vendors.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp({ env: { CARILLON_PUBLIC_URL: PUBLIC_URL } })
})
afterAll(() => app.stop())

/** Posts a report as the vendor does, to the server behind the public address. @returns the status */
async function post(callbackUrl: string, { headers, body }: Report): Promise<number> {
  const response = await fetch(callbackUrl.replace(PUBLIC_URL, app.url), { method: 'POST', headers, body })
  await response.text()
  return response.status
}

/** A random order; `random` gives numbers in [0, 1). */
function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((one) => ({ one, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ one }) => one)
}
describe.each(reporters)('$name', (reporter) => {
  const of = vendorCases.find((one) => one.name === reporter.name)
  if (of === undefined) throw new Error(`There is no case ${reporter.name}.`)
  let flow: Awaited<ReturnType<typeof openVendor>>
  beforeAll(async () => {
    flow = await openVendor(app, of)
  })
  afterAll(() => flow.close())
  const reportOf = (vendorId: string | null | undefined, said: Said): Report | null =>
    reporter.report(flow.callbackUrl, vendorId ?? '', said)
  const signed = (vendorId: string | null | undefined, said: Said): Report => {
    const report = reportOf(vendorId, said)
    if (report === null) throw new Error(`${reporter.name} does not say ${said}.`)
    return report
  }
  const sendOne = async (n: number) => {
    const { id } = await flow.send(n)
    return flow.reaches(id, 'SENT').then((message) => ({ id, message }))
  }

  it('makes a message DELIVERED, and publishes it', async () => {
    const watching = await flow.project.api.watch(NotificationChanged, {})
    const { id, message } = await sendOne(1)
    expect(await post(flow.callbackUrl, signed(message.providerMessageId, 'DELIVERED'))).toBe(200)
    const delivered = await flow.find(id)
    expect(delivered).toMatchObject({ status: 'DELIVERED', error: null, sentAt: message.sentAt, attempts: [{ ok: true }] })
    expect(delivered.deliveredAt).not.toBeNull()
    expect(delivered.history.map((one) => one.status)).toEqual(['QUEUED', 'SENDING', 'SENT', 'DELIVERED'])
    await until('it is told', () => watching.events.some((one) => one.notificationChanged.status === 'DELIVERED'))
    watching.close()
    const { stats } = await flow.project.api.do(GetStats, { last: 1 })
    expect(stats.days[0]).toMatchObject({ sent: 1, delivered: 1, failed: 0 })
  })

  it("makes a message FAILED, with the vendor's reason", async () => {
    const { id, message } = await sendOne(2)
    expect(await post(flow.callbackUrl, signed(message.providerMessageId, 'FAILED'))).toBe(200)
    const failed = await flow.find(id)
    expect(failed).toMatchObject({ status: 'FAILED', error: { code: reporter.failure.code }, deliveredAt: null })
    expect(failed.error?.message).toMatch(reporter.failure.says)
    // It is not sent again, and its address is not suppressed.
    const { suppressions } = await flow.project.api.do(ListSuppressions, { first: 10 })
    expect(suppressions.nodes).toEqual([])
  })

  it('leaves no words of the vendor behind where the contact was erased meanwhile', async () => {
    const { id, message } = await sendOne(77)
    await flow.project.api.do(DeleteContacts, { contacts: [{ externalId: contactOf(77).externalId }] })
    expect(await post(flow.callbackUrl, signed(message.providerMessageId, 'FAILED'))).toBe(200)
    const row = await app.app.prisma.message.findFirstOrThrow({
      where: { projectId: flow.project.id, notificationId: id },
    })
    expect(row).toMatchObject({ status: 'FAILED', errorCode: reporter.failure.code, errorMessage: null })
    expect((row.history as unknown[][]).every((entry) => entry[2] === null)).toBe(true)
  })

  it('is not believed without its signature, or with that of another body', async () => {
    const { id, message } = await sendOne(3)
    const report = signed(message.providerMessageId, 'DELIVERED')
    const bare = Object.fromEntries(Object.entries(report.headers).filter(([name]) => name === 'content-type'))
    expect(await post(flow.callbackUrl, reporter.forge(report, flow.callbackUrl))).toBe(401)
    expect(await post(flow.callbackUrl, { ...report, headers: bare })).toBe(401)
    if (reporter.name === 'twilio') {
      const other = reporter.report(flow.callbackUrl, message.providerMessageId ?? '', 'FAILED')
      expect(await post(flow.callbackUrl, { headers: report.headers, body: other?.body ?? '' })).toBe(401)
      // The same fields in another order are another raw body, and the same report.
      const reordered = [...new URLSearchParams(report.body)]
        .reverse()
        .map(([name, value]) => `${name}=${value}`)
        .join('&')
      expect(await post(`${flow.callbackUrl}?x=1`, report)).toBe(401)
      expect((await flow.find(id)).status).toBe('SENT')
      expect(await post(flow.callbackUrl, { ...report, body: reordered })).toBe(200)
      expect((await flow.find(id)).status).toBe('DELIVERED')
    } else expect((await flow.find(id)).status).toBe('SENT')
  })

  it('ends the same in whatever order the reports come, and however often', async () => {
    const random = seeded()
    const { sendMessages } = await flow.project.api.do(Send, {
      messages: times(46, (index) => ({ template: 'order', contact: contactOf(100 + index), data: { number: '7' } })),
    })
    const ends = await Promise.all(
      sendMessages.results.map(async ({ notification }, index) => {
        const { providerMessageId } = await flow.reaches(notification?.id ?? '', 'SENT')
        // Every other one never arrives.
        const all: Said[] = index % 2 === 0 ? ['SENT', 'FAILED', 'DELIVERED'] : ['SENT', 'FAILED', 'FAILED']
        const reports = shuffled([...all, ...all], random).flatMap((said) => reportOf(providerMessageId, said) ?? [])
        // Some all at once, the others one after the other.
        if (index % 3 === 0) await Promise.all(reports.map(async (one) => expect(await post(flow.callbackUrl, one)).toBe(200)))
        else for (const one of reports) expect(await post(flow.callbackUrl, one)).toBe(200)
        const { status, error, deliveredAt, history } = await flow.find(notification?.id ?? '')
        const said = history.map((one) => one.status)
        return {
          index,
          status,
          code: error?.code ?? null,
          isDelivered: deliveredAt !== null,
          isOnce: new Set(said).size === said.length,
        }
      }),
    )
    for (const { index, ...end } of ends) {
      const wanted =
        index % 2 === 0
          ? { status: 'DELIVERED', code: null, isDelivered: true, isOnce: true }
          : { status: 'FAILED', code: reporter.failure.code, isDelivered: false, isOnce: true }
      expect(end, `message ${index}`).toEqual(wanted)
    }
  })

  it('is kept when it comes before the message is known, and applied by the sweep', async () => {
    const next = reporter.idOf(flow.vendor.received().length + 1)
    expect(await post(flow.callbackUrl, signed(next, 'FAILED'))).toBe(200)
    expect(await post(flow.callbackUrl, signed(next, 'DELIVERED'))).toBe(200)
    expect(await post(flow.callbackUrl, signed(next, 'DELIVERED'))).toBe(200)
    expect(await app.app.carillon.reports.catchUp()).toBe(0)
    const { id } = await flow.send(4)
    const message = await flow.reaches(id, 'SENT', 'DELIVERED')
    expect(message.providerMessageId).toBe(next)
    await app.app.carillon.reports.catchUp()
    expect(await flow.reaches(id, 'DELIVERED')).toMatchObject({ error: null })
    expect(await app.app.carillon.reports.catchUp()).toBe(0)
  })

  it('gives up a number that is gone for good, as the vendor reports it', async () => {
    const { id, message } = await sendOne(5)
    const report = reportOf(message.providerMessageId, 'DEAD')
    if (report === null) return expect(['nhn-kakao ALIMTALK', 'solapi SMS']).toContain(reporter.name)
    expect(await post(flow.callbackUrl, report)).toBe(200)
    expect(await flow.find(id)).toMatchObject({ status: 'FAILED', error: { code: 'ADDRESS_INVALID' } })
    const { suppressions } = await flow.project.api.do(ListSuppressions, { first: 10 })
    expect(suppressions.nodes).toMatchObject([{ channel: of.channel, address: '+821012341005', reason: 'HARD_BOUNCE' }])
    const before = flow.vendor.received().length
    const next = await flow.reaches((await flow.send(5)).id, 'SKIPPED', 'SENT')
    expect(next).toMatchObject({ status: 'SKIPPED', error: { code: 'SUPPRESSED' } })
    expect(flow.vendor.received()).toHaveLength(before)
  })

  it('gives a number up once: neither again by a report that is repeated, nor by one that comes after it was delivered', async () => {
    const [first, second] = [await sendOne(51), await sendOne(52)]
    const dead = reportOf(first.message.providerMessageId, 'DEAD')
    const late = reportOf(second.message.providerMessageId, 'DEAD')
    if (dead === null || late === null) return expect(['nhn-kakao ALIMTALK', 'solapi SMS']).toContain(reporter.name)
    const givenUp = async () =>
      (await flow.project.api.do(ListSuppressions, { first: 10 })).suppressions.nodes.filter(({ address }) =>
        /05[12]$/.test(address),
      )
    expect(await post(flow.callbackUrl, dead)).toBe(200)
    const [suppression] = await givenUp()
    await flow.project.api.do(RemoveSuppression, { id: suppression?.id ?? '' })
    expect(await post(flow.callbackUrl, dead)).toBe(200)
    expect(await post(flow.callbackUrl, signed(second.message.providerMessageId, 'DELIVERED'))).toBe(200)
    expect(await post(flow.callbackUrl, late)).toBe(200)
    expect(await givenUp()).toEqual([])
  })

  it('concerns messages of its own provider alone, though another has the same secret', async () => {
    const other = await openVendor(app, of)
    try {
      const { id, message } = await sendOne(6)
      const report = reporter.report(other.callbackUrl, message.providerMessageId ?? '', 'DELIVERED')
      if (report === null) throw new Error('It reports what is delivered.')
      expect(await post(other.callbackUrl, report)).toBe(200)
      await app.app.carillon.reports.catchUp()
      expect((await flow.find(id)).status).toBe('SENT')
    } finally {
      await other.close()
    }
  })

  it('is taken from a provider that is switched off: it may still be about what went through it', async () => {
    const { id, message } = await sendOne(8)
    const { api } = flow.project
    await api.do(ConfigureProviders, { providers: [{ key: 'main', active: false }] })
    expect(await post(flow.callbackUrl, signed(message.providerMessageId, 'DELIVERED'))).toBe(200)
    expect((await flow.find(id)).status).toBe('DELIVERED')
    await api.do(ConfigureProviders, { providers: [{ key: 'main', active: true }] })
  })

  it('says nothing when it can not be read', async () => {
    const { headers } = signed('x', 'DELIVERED')
    if (reporter.name === 'twilio') return expect(await post(flow.callbackUrl, { headers, body: '{' })).toBe(401)
    for (const body of ['', '{', 'null', '[]', '"x"']) expect(await post(flow.callbackUrl, { headers, body })).toBe(200)
  })
})

describe('the endpoint of reports', () => {
  const report = { headers: { 'content-type': 'application/json' }, body: '[]' }
  it('answers 404 for an unknown provider, and for one whose vendor sends no reports', async () => {
    const project = await app.project()
    const { configureProviders } = await project.api.do(ConfigureProviders, {
      providers: [{ key: 'mail', channel: 'EMAIL', kind: 'capture', settings: {} }],
    })
    for (const id of ['', 'x', '01a21755-63fd-7003-90ed-4325d36c413e', configureProviders[0]?.id ?? '']) {
      expect(await post(`${PUBLIC_URL}/callbacks/${id}`, report), id).toBe(404)
    }
  })
  it('takes POST alone, and nothing that is too large', async () => {
    const path = `${app.url}/callbacks/01a21755-63fd-7003-90ed-4325d36c413e`
    expect((await fetch(path)).status).toBe(405)
    expect(await post(path, { ...report, body: 'x'.repeat(2_000_000) })).toBe(413)
  })
})
