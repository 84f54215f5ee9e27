/** Addresses of the web as they may be shown. */
import { expect, it } from 'vitest'
import { impersonal, maskAddress } from '../../src/domain/mask.ts'

it.each([
  ['https://hooks.slack.com/services/T000/B000/abcdef', 'https://hooks.slack.com/…'],
  ['https://discord.com/api/webhooks/1/abc?wait=true', 'https://discord.com/…?…'],
  ['https://acme.webhook.office.com/webhookb2/abc@def/IncomingWebhook/1/2', 'https://acme.webhook.office.com/…'],
  ['https://prod-1.westeurope.logic.azure.com:443/workflows/a/triggers?sig=abc', 'https://prod-1.westeurope.logic.azure.com/…?…'],
  ['https://chat.example.com/hooks/abcdefg', 'https://chat.example.com/…'],
  ['https://user:pass@example.com/in', 'https://…@example.com/in'],
  ['https://token@example.com/', 'https://…@example.com/'],
  ['https://example.com/in?token=abc&page=1', 'https://example.com/in?token=…&page=…'],
  ['https://example.com/in?4f9c1b7a9e2d4f9c1b7a', 'https://example.com/in?…'],
  ['https://example.com/in/4f9c1b7a9e2d4f9c/done', 'https://example.com/in/…/done'],
  ['https://example.com/in#secret', 'https://example.com/in#…'],
  ['HTTPS://user:pass@Example.com/In', 'https://…@example.com/In'],
])('%s is shown as %s', (address, shown) => {
  expect(maskAddress(address)).toBe(shown)
  expect(maskAddress(shown)).toBe(shown)
})

it.each([
  'https://example.com/hook',
  'https://example.com',
  'http://127.0.0.1:4000/own/orders-of-today',
  'HTTP://Example.com/x',
  'ann@example.com',
  '+15005550006',
  'not an address https://user:pass@example.com',
])('%s is shown as it is', (address) => expect(maskAddress(address)).toBe(address))

it("hides the whole path of a chat service's webhook, wherever it is", () => {
  expect(maskAddress('https://chat.example.com/in', true)).toBe('https://chat.example.com/…')
  expect(maskAddress('https://chat.example.com/', true)).toBe('https://chat.example.com/')
})

it.each([
  ['The mail server answered 535 5.7.8 Error: authentication failed', null],
  ['The provider could not be reached: connect ECONNREFUSED 10.20.30.40:2525', null],
  ['The provider could not be reached: connect ECONNREFUSED 2001:db8:1234::25', null],
  ['The provider could not be reached: getaddrinfo ENOTFOUND smtp-2.eu-central-1.mail.example.com', null],
  ['PROVIDER_UNREACHABLE', null],
  ['450 4.1.0 <ann.b+x@example.com>: Sender refused', '450 4.1.0 <…>: Sender refused'],
  ['ANN@EXAMPLE.COM refused', '… refused'],
  ['{"code":20003,"to":"+1 (415) 555-0101"}', '{"code":20003,"to":"…"}'],
  ['from 010-1234-5678: blocked', 'from …: blocked'],
  ['account AC0123456789abcdef0123456789abcdef is suspended', 'account … is suspended'],
  ['Bearer eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl', 'Bearer …'],
  ['https://hooks.example.com/services/T0/x?k=1 answered 503', 'https://hooks.example.com answered 503'],
])('logs %s without what names a person or authorizes', (text, shown) => expect(impersonal(text)).toBe(shown ?? text))

it('cuts a long text', () => expect(impersonal('a '.repeat(1_000_000))).toHaveLength(300))
