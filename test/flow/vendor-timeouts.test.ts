/** Vendors that take a message and never answer. All kinds at once: each is waited for as long as its provider waits. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { until } from '../helpers/until.ts'
import { openVendor } from '../helpers/vendor-flow.ts'
import { vendorCases } from '../helpers/vendors.ts'

let app: TestApp
const flows = new Map<string, Awaited<ReturnType<typeof openVendor>> & { id: string }>()
beforeAll(async () => {
  app = await startTestApp()
  for (const of of vendorCases) {
    const flow = await openVendor(app, of)
    await flow.reach(1)
    flow.vendor.be('hang')
    flows.set(of.name, { ...flow, id: (await flow.send(1)).id })
  }
})
afterAll(async () => {
  for (const flow of flows.values()) await flow.close()
  await app.stop()
})

// The longest wait is that for a mail server, 30 s, after which a message that may have arrived may be tried again at once.
it.each(vendorCases)(
  '$name: a vendor that is silent is given up in time, and has the message once',
  async ({ name, foldsRepeats }) => {
    const flow = flows.get(name)
    if (flow === undefined) throw new Error('It was not sent.')
    const message = await until(
      'the wait is over',
      async () => {
        const message = await flow.find(flow.id)
        return message.attempts.length > 0 ? message : null
      },
      50_000,
    )
    const [attempt] = message.attempts
    expect(attempt).toMatchObject({ number: 1, ok: false, error: { code: 'OUTCOME_UNKNOWN' }, provider: { key: 'main' } })
    expect(attempt?.error?.message).toMatch(/in time|longer than|silent|timed? ?out/i)
    expect(attempt?.durationMs).toBeLessThan(35_000)
    if (!foldsRepeats) {
      expect(message.status).toBe('UNKNOWN')
      expect(flow.vendor.received()).toHaveLength(1)
    } else expect(['QUEUED', 'SENDING']).toContain(message.status)
  },
  60_000,
)
