/** Links, as templates have them and as messages carry them. */
import { describe, expect, it } from 'vitest'
import { isWebUrl, type LinkUse, readLink, readWebAddress } from '../../src/values/link.ts'

const uses: readonly LinkUse[] = ['web', 'app', 'picture']
/** What each use makes of a text; one result stands for all of them. */
const rows: readonly [
  text: string,
  results: string | null | readonly [web: string | null, app: string | null, picture: string | null],
][] = [
  ['https://example.com/orders/1?a=b#c', 'https://example.com/orders/1?a=b#c'],
  ['http://example.com', 'http://example.com'],
  ['HTTPS://EXAMPLE.COM/A', 'HTTPS://EXAMPLE.COM/A'],
  ['https://example.com:8443/x', 'https://example.com:8443/x'],
  ['https://пример.рф/заказ', 'https://пример.рф/заказ'],
  ['https://例え.テスト/', 'https://例え.テスト/'],
  ['https://[2001:db8::1]/x', 'https://[2001:db8::1]/x'],
  ['/orders/1', '/orders/1'],
  ['orders/1', 'orders/1'],
  ['?a=1', '?a=1'],
  ['#top', '#top'],
  // White space: around it is what a template's line breaks leave, within it what a value has.
  ['  https://example.com/x \n', 'https://example.com/x'],
  ['https://example.com/?name=Ana Lee', 'https://example.com/?name=Ana%20Lee'],
  ['/people/Ana Lee', '/people/Ana%20Lee'],
  ['https://example.com/a\nb', null],
  ['https://example.com/a\tb', null],
  ['java\nscript:alert(1)', null],
  ['https://example.com/\0', null],
  ['https://example.com/\ud800', null],
  // By another scheme than a page's.
  ['mailto:ana@example.com', ['mailto:ana@example.com', 'mailto:ana@example.com', null]],
  ['tel:+15550100', ['tel:+15550100', 'tel:+15550100', null]],
  ['shop://orders/1', [null, 'shop://orders/1', null]],
  ['com.example.shop:/orders', [null, 'com.example.shop:/orders', null]],
  ['sms:+15550100', [null, 'sms:+15550100', null]],
  ['javascript:alert(1)', null],
  ['JavaScript:alert(1)', null],
  [' javascript:alert(1)', null],
  ['vbscript:x', null],
  ['data:text/html,<script>x</script>', null],
  ['data:image/png;base64,AAAA', null],
  ['file:///etc/passwd', null],
  ['blob:https://example.com/1', null],
  ['filesystem:https://example.com/x', null],
  ['content://com.android.contacts/1', null],
  // To another host than it seems.
  ['//evil.example/x', null],
  ['\\\\evil.example\\x', null],
  ['/\\evil.example', null],
  [' //evil.example', null],
  ['https://bank.example@evil.example/', null],
  ['https://user:secret@example.com/', null],
  // To no host.
  ['https://', null],
  ['https:///', null],
  ['http://exa mple.com/', null],
  ['https://example.com:99999/', null],
  ['https://%00/', null],
  ['', null],
  ['   ', null],
  [`https://example.com/${'a'.repeat(2_028)}`, `https://example.com/${'a'.repeat(2_028)}`],
  [`https://example.com/${'a'.repeat(2_029)}`, null],
]

describe('readLink', () => {
  it.each(rows)('reads %j', (text, results) => {
    const expected = typeof results === 'string' || results === null ? [results, results, results] : results
    expect(uses.map((use) => readLink(text, use))).toEqual(expected)
  })

  it('reads what it has read in the same way', () => {
    for (const [text] of rows) {
      for (const use of uses) {
        const link = readLink(text, use)
        if (link !== null) expect(readLink(link, use)).toBe(link)
      }
    }
  })
})

describe('isWebUrl', () => {
  it.each([
    ['https://example.com/a.png', true],
    ['http://example.com/', true],
    ['https://bücher.example/ü.png', true],
    ['/a.png', false],
    ['mailto:a@example.com', false],
    ['https://u@example.com/a.png', false],
    ['https://example.com/a b.png', false],
    [' https://example.com/', false],
    ['javascript:x', false],
    ['', false],
  ])('%j: %s', (text, is) => expect(isWebUrl(text)).toBe(is))
})

describe('readWebAddress', () => {
  const read = (text: string, allowPrivateHosts: boolean): string | null => {
    const result = readWebAddress(text, { allowPrivateHosts })
    return 'wrong' in result ? null : result.href
  }

  it.each([
    [
      'https://hooks.slack.com/services/T0/B0/x',
      'https://hooks.slack.com/services/T0/B0/x',
      'https://hooks.slack.com/services/T0/B0/x',
    ],
    ['https://example.com/h?a=1#part', 'https://example.com/h?a=1', 'https://example.com/h?a=1'],
    ['https://пример.рф/x', 'https://xn--e1afmkfd.xn--p1ai/x', 'https://xn--e1afmkfd.xn--p1ai/x'],
    ['http://example.com/h', null, 'http://example.com/h'],
    ['https://example.com:8443/h', null, 'https://example.com:8443/h'],
    ['https://example.com:443/h', 'https://example.com/h', 'https://example.com/h'],
    ['http://127.0.0.1:8080/h', null, 'http://127.0.0.1:8080/h'],
    ['https://u:p@example.com/', null, null],
    ['https://example.com/a b', null, null],
    ['https://example.com/\n', null, null],
    [' https://example.com/', null, null],
    ['example.com/h', null, null],
    ['/h', null, null],
    ['#general', null, null],
    ['ftp://example.com/', null, null],
    ['javascript:x', null, null],
    ['', null, null],
    [
      `https://example.com/${'a'.repeat(1_980)}`,
      `https://example.com/${'a'.repeat(1_980)}`,
      `https://example.com/${'a'.repeat(1_980)}`,
    ],
    [`https://example.com/${'a'.repeat(1_981)}`, null, null],
  ])('reads %j', (text, strict, open) => expect([read(text, false), read(text, true)]).toEqual([strict, open]))

  it('says what is wrong without repeating the address', () => {
    for (const text of ['http://example.com/secret', 'https://example.com:9/secret', 'secret']) {
      const result = readWebAddress(text, { allowPrivateHosts: false })
      expect('wrong' in result ? result.wrong : 'secret').not.toContain('secret')
      if (text !== 'secret') expect(result).toHaveProperty('wrong', expect.stringContaining('CARILLON_ALLOW_PRIVATE_HOSTS'))
    }
  })
})
