/** Links in messages that lead to this server. They are signed, so that they can't be forged. */
import { timingSafeEqual } from 'node:crypto'
import { createMac, type Mac } from './mac.ts'
import type { Keys } from './secrets.ts'

/** The contact and template of an unsubscribe link. */
export interface UnsubscribeTarget {
  readonly projectId: string
  readonly contactId: string
  readonly templateId: string
}

/** Creates and reads links. */
export interface Links {
  unsubscribe(target: UnsubscribeTarget): string
  /** The target of a link, from the end of its path; null: it is not valid */
  readUnsubscribe(token: string): UnsubscribeTarget | null
}

const BYTES = 16

/**
 * Creates links below `publicUrl`, signed with the first of `keys`; those signed with another are valid too. The same target always has
 * the same link.
 */
export function createLinks(publicUrl: string, keys: Keys): Links {
  const macs = keys.map(createMac)
  const first = createMac(keys[0])
  const sign = (body: string, mac: Mac): Buffer => Buffer.from(mac(`unsubscribe\n${body}`), 'base64url').subarray(0, BYTES)
  return {
    unsubscribe({ projectId, contactId, templateId }) {
      const body = Buffer.from([projectId, contactId, templateId].join('').replaceAll('-', ''), 'hex').toString('base64url')
      return `${publicUrl}/unsubscribe/${body}.${sign(body, first).toString('base64url')}`
    },
    readUnsubscribe(token) {
      const [body = '', signature = ''] = token.split('.')
      const given = Buffer.from(signature, 'base64url')
      if (given.length !== BYTES || !macs.some((mac) => timingSafeEqual(given, sign(body, mac)))) return null
      const hex = Buffer.from(body, 'base64url').toString('hex')
      const [projectId, contactId, templateId] = (hex.match(/.{32}/g) ?? []).map((id) =>
        id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
      )
      return projectId === undefined || contactId === undefined || templateId === undefined
        ? null
        : { projectId, contactId, templateId }
    },
  }
}
