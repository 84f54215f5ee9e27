/** What may go wrong between a provider and any vendor that is spoken to over HTTP/1.1: one suite for all of those. */
import { afterEach, describe, expect, it } from 'vitest'
import type { Provider, Rendered } from '../../src/channels/provider.ts'
import { until } from './until.ts'
import { startVendor, type VendorAnswer } from './vendor-http.ts'

/** Runs the suite. `open`: creates the provider, for a vendor at that address. */
export function describeFaults(message: Rendered, open: (url: string, allowPrivateHosts: boolean) => Provider): void {
  const cleanUps: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })

  async function start(answer: VendorAnswer, allowPrivateHosts = true) {
    const vendor = await startVendor(() => answer)
    cleanUps.push(() => vendor.close())
    const provider = open(vendor.url, allowPrivateHosts)
    // The provider waits for what is under way, which a vendor that hangs ends only when it is closed itself.
    cleanUps.push(async () => {
      await vendor.close()
      await provider.close()
    })
    return { vendor, provider }
  }
  const never = () => new AbortController().signal

  describe('on the way', () => {
    it('leaves the outcome open when the vendor hangs, and sends nothing again', async () => {
      const { vendor, provider } = await start('hang')
      const stop = new AbortController()
      const sending = provider.send(message, stop.signal).catch((error: unknown) => error)
      await until('the request came', () => vendor.requests.length === 1)
      stop.abort()
      expect(await sending).toMatchObject({ name: 'ProviderError', outcome: 'unknown', code: 'OUTCOME_UNKNOWN' })
      expect(vendor.requests).toHaveLength(1)
    })
    it('leaves the outcome open when the connection is reset after the request, and sends nothing again', async () => {
      const { vendor, provider } = await start('reset')
      await expect(provider.send(message, never())).rejects.toMatchObject({ outcome: 'unknown', code: 'OUTCOME_UNKNOWN' })
      expect(vendor.requests).toHaveLength(1)
    })
    it('may try again when nothing listens there', async () => {
      const { vendor, provider } = await start('hang')
      await vendor.close()
      await expect(provider.send(message, never())).rejects.toMatchObject({
        outcome: 'retryable',
        code: 'PROVIDER_UNREACHABLE',
      })
    })
    it('reads no more than 64 KB of an answer, and keeps 1,000 characters', async () => {
      const { provider } = await start({ status: 200, body: `{"header":"${'x'.repeat(5_000_000)}"}` })
      const error = await provider.send(message, never()).catch((caught: unknown) => caught)
      expect(error).toMatchObject({ outcome: 'unknown', code: 'OUTCOME_UNKNOWN' })
      expect(error).toHaveProperty('response.length', 1_000)
    })
    it('leaves the outcome open when something else answers with 200', async () => {
      for (const body of ['<html>Welcome</html>', '', '[]', 'null', '{}']) {
        const { provider } = await start({ status: 200, body })
        await expect(provider.send(message, never()), body).rejects.toMatchObject({ outcome: 'unknown' })
      }
    })
    it('connects to no private address unless that is allowed', async () => {
      const { vendor, provider } = await start({ status: 200, body: {} }, false)
      await expect(provider.send(message, never())).rejects.toMatchObject({ outcome: 'refused', code: 'PROVIDER_REFUSED' })
      expect(vendor.requests).toHaveLength(0)
    })
    it('follows no redirect', async () => {
      const { vendor, provider } = await start({ status: 302, headers: { location: '/elsewhere' } })
      await expect(provider.send(message, never())).rejects.toMatchObject({ outcome: 'refused', about: 'provider' })
      expect(vendor.requests).toHaveLength(1)
    })
    it('waits as long as the vendor asks', async () => {
      const waits: [string, number | null][] = [
        ['30', 30_000],
        ['999999999', 24 * 3_600_000],
        ['-1', null],
      ]
      for (const [value, retryAfterMs] of waits) {
        const { provider } = await start({ status: 429, headers: { 'retry-after': value } })
        const error = provider.send(message, never())
        await expect(error, value).rejects.toMatchObject({ outcome: 'retryable', code: 'RATE_LIMITED', about: 'provider' })
        if (retryAfterMs !== null) await expect(error, value).rejects.toMatchObject({ retryAfterMs })
      }
      const { provider } = await start({ status: 503, headers: { 'retry-after': '7' } })
      await expect(provider.send(message, never())).rejects.toMatchObject({ outcome: 'retryable', retryAfterMs: 7_000 })
    })
    it('leaves the outcome open when the vendor fails inside', async () => {
      for (const status of [500, 502, 504]) {
        const { provider } = await start({ status, body: 'Bad gateway' })
        await expect(provider.send(message, never())).rejects.toMatchObject({ outcome: 'unknown', code: 'OUTCOME_UNKNOWN' })
      }
    })
  })
}
