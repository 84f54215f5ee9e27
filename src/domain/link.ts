/** Links in messages that come back to this server: signed, so that nobody can make one for somebody else. */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** What an unsubscribe link speaks of. */
export interface UnsubscribeTarget {
  readonly projectId: string
  readonly contactId: string
  readonly templateId: string
}

/** Makes and reads links. */
export interface Links {
  unsubscribe(target: UnsubscribeTarget): string
  /** null: it is not one of ours */
  readUnsubscribe(token: string): UnsubscribeTarget | null
}

const BYTES = 16

/** Makes links below `publicUrl`, signed with `key`. The same target always has the same link. */
export function createLinks(publicUrl: string, key: Uint8Array): Links {
  const sign = (body: string): Buffer => createHmac('sha256', key).update(`unsubscribe\n${body}`).digest().subarray(0, BYTES)
  return {
    unsubscribe({ projectId, contactId, templateId }) {
      const body = Buffer.from([projectId, contactId, templateId].join('').replaceAll('-', ''), 'hex').toString('base64url')
      return `${publicUrl}/unsubscribe/${body}.${sign(body).toString('base64url')}`
    },
    readUnsubscribe(token) {
      const [body = '', signature = ''] = token.split('.')
      const given = Buffer.from(signature, 'base64url')
      if (given.length !== BYTES || !timingSafeEqual(given, sign(body))) return null
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
