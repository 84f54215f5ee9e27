/** Unsubscribe links. */
import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { createLinks } from '../../src/domain/link.ts'

const target = {
  projectId: '01900000-0000-7000-8000-00000000000a',
  contactId: '01900000-0000-7000-8000-00000000000b',
  templateId: '01900000-0000-7000-8000-00000000000c',
}
const links = createLinks('https://n.example.com', [Buffer.alloc(32, 1)])
const link = links.unsubscribe(target)
const token = link.slice(link.lastIndexOf('/') + 1)

it('is always the same for the same target, and leads back to it', () => {
  expect(link).toMatch(/^https:\/\/n\.example\.com\/unsubscribe\/[\w-]+\.[\w-]+$/)
  expect(links.unsubscribe(target)).toBe(link)
  expect(links.readUnsubscribe(token)).toEqual(target)
})
const [body = '', signature = ''] = token.split('.')
const other =
  links
    .unsubscribe({ ...target, contactId: target.projectId })
    .split('/')
    .at(-1) ?? ''
it('is signed with 16 bytes of an HMAC-SHA-256', () => {
  const hmac = createHmac('sha256', Buffer.alloc(32, 1)).update(`unsubscribe\n${body}`).digest()
  expect(signature).toBe(hmac.subarray(0, 16).toString('base64url'))
})
it.each<[string, string]>([
  ['empty', ''],
  ['a word', 'unsubscribe'],
  ['a dot', '.'],
  ['without its signature', body],
  ['with an empty signature', `${body}.`],
  ['with a cut signature', `${body}.${signature.slice(0, -2)}`],
  ['with a longer signature', `${body}.${signature}AAAA`],
  ['with the signature of another', `${other.split('.')[0]}.${signature}`],
  ['with a cut body', `${body.slice(0, -4)}.${signature}`],
  [
    'of one that signs with another key',
    createLinks('', [Buffer.alloc(32, 2)])
      .unsubscribe(target)
      .slice('/unsubscribe/'.length),
  ],
  ['10 KB', `${'x'.repeat(10_000)}.${signature}`],
])('is none of ours when it is %s', (_title, text) => {
  expect(links.readUnsubscribe(text)).toBeNull()
})
