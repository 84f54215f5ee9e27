/** A chat service, for tests of one kind. */
import type { RenderedChat } from '../../src/channels/provider.ts'
import { type KindName, openProvider } from '../../src/channels/registry.ts'
import { chat } from './hooks.ts'
import { startVendor, type VendorAnswer } from './vendor-http.ts'

/** Sends one message to a service that answers so. @returns the request, and the receipt or the error */
export async function post(kind: KindName, answer: VendorAnswer, changes: Partial<RenderedChat> = {}) {
  const vendor = await startVendor(() => answer)
  const provider = openProvider(kind, {}, { allowPrivateHosts: true })
  try {
    const message = chat({ address: `${vendor.url}/hook`, ...changes })
    const outcome = await provider.send(message, new AbortController().signal).catch((error: unknown) => error)
    const [request] = vendor.requests
    if (request === undefined) throw new Error('Nothing was sent.', { cause: outcome })
    return { outcome, path: request.path, body: request.body }
  } finally {
    await vendor.close()
    await provider.close()
  }
}
