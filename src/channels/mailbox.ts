/** E-mail addresses as the wire takes them: one mailbox each, checked again right before it goes out. */
import { domainToASCII } from 'node:url'
import { ProviderError } from './provider.ts'

/** One mailbox. */
export interface Mailbox {
  /** null: none was given */
  readonly name: string | null
  /** `local@domain`, ASCII only: an international domain is in its punycode form */
  readonly address: string
  readonly domain: string
}

const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
const LOCAL = new RegExp(`^(?!-)${ATOM}(?:\\.${ATOM})*$`)
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
const DOMAIN = new RegExp(`^(?:${LABEL}\\.)*${LABEL}$`)
const NAMED = /^([^<>]*)<([^<>]*)>$/
const QUOTED = /^"((?:[^"\\]|\\.)*)"$/s
const CONTROL = /\p{Cc}/u

const invalid = (what: string, value: unknown): ProviderError =>
  new ProviderError(
    'refused',
    'ADDRESS_INVALID',
    `${what} is not one e-mail address: ${JSON.stringify(String(value).slice(0, 100))}`,
  )

/**
 * Reads one bare address. A name, a list, a group, a comment, a quoted local part, an IP literal and a non-ASCII local part are refused:
 * each of them is a way to say something else to a mail server than to a reader, and hardly anybody has such an address.
 * `what`: how the error calls it.
 * @throws ProviderError refused, ADDRESS_INVALID
 */
export function parseAddress(what: string, value: string): Mailbox {
  // Data of a template may bring an object to where the types promise a text.
  if (typeof value !== 'string' || value.length > 320) throw invalid(what, value)
  const at = value.lastIndexOf('@')
  const local = value.slice(0, at)
  if (at < 1 || local.length > 64 || !LOCAL.test(local)) throw invalid(what, value)
  const domain = asciiDomain(value.slice(at + 1))
  if (domain === null || local.length + 1 + domain.length > 254) throw invalid(what, value)
  return { name: null, address: `${local}@${domain}`, domain }
}

/**
 * Reads `local@domain` or `Name <local@domain>`, the name quoted or not.
 * @throws ProviderError refused, ADDRESS_INVALID
 */
export function parseMailbox(what: string, value: string): Mailbox {
  if (typeof value !== 'string' || value.length > 998 || CONTROL.test(value)) throw invalid(what, value)
  const named = NAMED.exec(value.trim())
  if (named === null) return parseAddress(what, value.trim())
  const [, rawName = '', address = ''] = named
  const trimmed = rawName.trim()
  const quoted = QUOTED.exec(trimmed)
  const name = quoted === null ? trimmed : (quoted[1] ?? '').replace(/\\(.)/gs, '$1')
  // An unquoted comma, colon or at-sign would be a list, a group or a second address to another reader.
  if (quoted === null && /[,;:@"\\]/.test(name)) throw invalid(what, value)
  return { ...parseAddress(what, address), name: name === '' ? null : name }
}

/** The ASCII form of a host name, or null when it is none (an IP address is none). */
function asciiDomain(domain: string): string | null {
  // domainToASCII reads its argument as part of a URL: it would take off a path, undo percent signs, and turn 127.1 into an address.
  if (!/^[\p{L}\p{N}\p{M}.-]+$/u.test(domain)) return null
  const ascii = /^\p{ASCII}*$/u.test(domain) ? domain : domainToASCII(domain)
  return ascii.length <= 253 && DOMAIN.test(ascii) && !/(?:^|\.)\d+$/.test(ascii) ? ascii : null
}
