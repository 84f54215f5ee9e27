/**
 * The address of the server, without a slash at the end: as given, which may be relative to the page, or where this script is. Its path counts:
 * the server may be below one.
 */
export function serverAddress(given: string | undefined): string {
  const url = given === undefined ? new URL('./', import.meta.url) : new URL(given, globalThis.location?.href)
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}
