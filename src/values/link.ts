/** Links and addresses of the web: which ones there may be, where a template, a setting, a contact or a message has one. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
const LONE_SURROGATE = /\p{Surrogate}/u
const LENGTH_MAX = 2_048
/** An address that is sent to: vendors and servers take no longer ones. */
const ADDRESS_LENGTH_MAX = 2_000

/**
 * Where a link leads. `web`: to a page, by https or http, to a mailbox or a phone, or relative to the page that shows it. `app`: also by an
 * app's own scheme. `picture`: to what is loaded where it is shown, by https or http, or relative to the page.
 */
export type LinkUse = 'web' | 'app' | 'picture'

/** Schemes that run code or read what is on the device. */
const DANGEROUS = /^(javascript|data|vbscript|file|filesystem|blob|about|content)$/
const allowed: Readonly<Record<LinkUse, (scheme: string) => boolean>> = {
  web: (scheme) => /^(https?|mailto|tel)$/.test(scheme),
  app: (scheme) => !DANGEROUS.test(scheme),
  picture: (scheme) => /^https?$/.test(scheme),
}

const schemeOf = (text: string): string | undefined => /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase()

/** An http or https URL that names a host and no user, who would be shown where a reader looks for the host; null: it is none. */
function webUrlOf(text: string): URL | null {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.username + url.password === '' ? url : null
}

/**
 * Reads a link of a message. White space around it is removed, and a space in it is encoded: not every app can open one that has spaces.
 * @returns null for one that is empty or not allowed
 */
export function readLink(text: string, use: LinkUse): string | null {
  const link = text.trim().replaceAll(' ', '%20')
  if (link === '' || link.length > LENGTH_MAX || CONTROL.test(link) || LONE_SURROGATE.test(link)) return null
  const scheme = schemeOf(link)
  // Two slashes of either kind lead to another host, by whatever scheme the page has.
  if (scheme === undefined) return /^[\\/]{2}/.test(link) ? null : link
  if (!allowed[use](scheme)) return null
  return /^https?$/.test(scheme) && webUrlOf(link) === null ? null : link
}

/** Whether a text that is not a template is a link: one that a template's author writes. It may be empty, which is none. */
export const isLinkOrNone = (text: string, use: LinkUse): boolean => text === '' || readLink(text, use) !== null

/** Whether a text is the http or https address of a picture or page, in full, as it is stored or sent to a vendor. */
export const isWebUrl = (text: string): boolean => readLink(text, 'picture') === text && webUrlOf(text) !== null

/** How what only a private network has is allowed. */
const OPEN_NETWORK = 'The operator of this server can allow it with CARILLON_ALLOW_PRIVATE_HOSTS=on.'

/**
 * Reads the address of a webhook, without its fragment, which is never sent. Where private hosts are allowed, also http, and any port;
 * else https, on port 443 or 80. Where its host may point is decided when connecting.
 * @returns the address; or why it is none, in words that do not repeat it: it may be all that is needed to post there
 */
export function readWebAddress(
  text: string,
  { allowPrivateHosts }: { readonly allowPrivateHosts: boolean },
): URL | { readonly wrong: string } {
  // The URL parser strips line breaks, tabs and outer spaces: what was checked would differ from what was given.
  const isPlain = text.length <= ADDRESS_LENGTH_MAX && !/[^\x21-\x7e\u00a1-\uffff]/.test(text) && !LONE_SURROGATE.test(text)
  const url = isPlain ? webUrlOf(text) : null
  if (url === null)
    return { wrong: `is not an http or https address without a user, of at most ${ADDRESS_LENGTH_MAX} characters.` }
  url.hash = ''
  if (allowPrivateHosts) return url
  if (url.protocol !== 'https:') return { wrong: `is not an https address. ${OPEN_NETWORK}` }
  return url.port === '' || url.port === '80' ? url : { wrong: `has a port other than 80 or 443. ${OPEN_NETWORK}` }
}
