/** The host that an address names. */
import { expect, it } from 'vitest'
import { canNotExist, domainOf, hostOfUrl } from '../../src/values/host.ts'

const urls: readonly [string, string | null][] = [
  ['https://push.example.com/send/1?x=2', 'push.example.com'],
  ['https://PUSH.Example.COM:443/a', 'push.example.com'],
  ['http://push.example.com:80', 'push.example.com'],
  ['https://push.example.com:8443/a', 'push.example.com:8443'],
  ['https://push.example.com./a', 'push.example.com'],
  ['https://bücher.example.com/', 'xn--bcher-kva.example.com'],
  ['https://[2001:db8::1]:8443/a', '[2001:db8::1]:8443'],
  ['https://0x7f.1/a', '127.0.0.1'],
  ['ftp://push.example.com/', null],
  ['push.example.com', null],
  ['', null],
  [`https://${'a'.repeat(100_000)}`, 'a'.repeat(100_000)],
]
it.each(urls)('of the URL %.60s is one, however it is written', (url, host) => expect(hostOfUrl(url)).toBe(host))

const mailboxes: readonly [string, string | null][] = [
  ['anna@example.com', 'example.com'],
  ['anna@EXAMPLE.com', 'example.com'],
  ['anna@example.com.', 'example.com'],
  ['Anna <anna@example.com>', 'example.com'],
  ['"a@b"@example.com', 'example.com'],
  ['anna@bücher.example', 'xn--bcher-kva.example'],
  ['아나@한국.kr', 'xn--3e0b707e.kr'],
  ['anna', null],
  ['anna@', null],
  ['', null],
]
it.each(mailboxes)('of the mailbox %s is its domain', (mailbox, domain) => expect(domainOf(mailbox)).toBe(domain))

const names: readonly [string, boolean][] = [
  ['push.invalid', true],
  ['PUSH.Invalid.', true],
  ['push.invalid:8443', true],
  ['push.example', true],
  ['abc.onion', true],
  ['name.alt', true],
  ['push.example.com', false],
  ['invalid.com', false],
  ['push.test', false],
  ['printer.local', false],
  ['127.0.0.1', false],
  ['[2001:db8::1]:8443', false],
  ['', false],
]
it.each(names)('%s can not exist: %j', (name, expected) => expect(canNotExist(name)).toBe(expected))
