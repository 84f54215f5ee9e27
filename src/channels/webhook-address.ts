/** URLs of webhooks, as contacts bring them: read before any connection is made. */
import { readWebAddress as readAddress } from '../values/link.ts'
import { ProviderError } from './provider.ts'

/** Whether hosts in private networks may be sent to. */
interface Hosts {
  readonly allowPrivateHosts: boolean
}

/** Why a text is no address of a webhook; null: it is one. */
export function wrongWebAddress(text: string, hosts: Hosts): string | null {
  const read = readAddress(text, hosts)
  return 'wrong' in read ? read.wrong : null
}

/** Reads the address of a webhook. @throws ProviderError refused, ADDRESS_INVALID */
export function readWebAddress(text: string, hosts: Hosts): URL {
  const read = readAddress(text, hosts)
  if ('wrong' in read) throw new ProviderError('refused', 'ADDRESS_INVALID', `The address ${read.wrong}`, { about: 'address' })
  return read
}

/** Where a request goes: to the address, or by a relay that takes the place of its origin. */
export const aimedAt = (url: URL, relay: string | undefined): string =>
  relay === undefined ? url.href : `${relay}${url.pathname}${url.search}`
