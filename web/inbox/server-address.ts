/** The address of the server. */
import { InboxError } from './inbox-error.ts'

/** Where this script is; undefined in the npm package, where a bundler puts it anywhere. */
const script: string | undefined = import.meta.url

/**
 * The address of the server, without a slash at the end: as given, which may be relative to the page, or where this script is. Its path counts:
 * the server may be below one. @throws InboxError NO_SERVER
 */
export function serverAddress(given: string | undefined): string {
  // A whole address needs no URL, which React Native has in part only.
  const whole = /^(https?:\/\/[^/?#]+[^?#]*)/i.exec(given ?? '')?.[1]
  if (whole !== undefined) return whole.replace(/\/+$/, '')
  const base = given === undefined ? script : globalThis.location?.href
  if (base === undefined) throw new InboxError('NO_SERVER', '`server` must be the URL of the Carillon server.')
  const { origin, pathname } = new URL(given ?? './', base)
  return `${origin}${pathname}`.replace(/\/+$/, '')
}
