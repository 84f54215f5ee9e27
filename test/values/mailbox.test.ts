/** Addresses, mailboxes and lists of them: what is read, what is refused, and what values can't do. */
import { describe, expect, it } from 'vitest'
import {
  addressKey,
  checkEmail,
  formatMailbox,
  type Piece,
  readAddress,
  readMailbox,
  readMailboxes,
} from '../../src/values/mailbox.ts'
import { refusalOf } from '../helpers/refusal.ts'

const x = (count: number): string => 'x'.repeat(count)

describe('one address', () => {
  it.each<[string, string, string?]>([
    ['plain', 'anna@example.com'],
    ['with a tag', 'anna+shop@example.com'],
    ['with signs', "a!#$%&'*+/=?^_`{|}~z@example.com"],
    ['with a dash inside', 'a-b@example.com'],
    ['at the machine itself', 'anna@localhost'],
    ['with a local part of 64 characters', `${x(64)}@example.com`],
    ['with a label of 63 characters', `a@${x(63)}.com`],
    ['with 254 characters', `a@${x(63)}.${x(63)}.${x(63)}.${x(56)}.com`],
    ['at an international domain', 'anna@bücher.example', 'anna@xn--bcher-kva.example'],
    ['at an international domain with its own full stop', 'anna@例え。テスト', 'anna@xn--r8jz45g.xn--zckzah'],
    ['at a domain with a middle dot', 'anna@paral·lel.cat', 'anna@xn--parallel-koa.cat'],
    ['at a domain with a mark of abbreviation', 'anna@נ״ע.co.il', 'anna@xn--lebe7c.co.il'],
    ['at a domain in capitals', 'Anna@EXAMPLE.com', 'Anna@example.com'],
    ['at a domain with a joiner, as Persian words have', 'anna@نامه\u200cای.com', 'anna@xn--mgba3gch31f060k.com'],
    ['at a domain with a letter that was mapped once', 'anna@faß.de', 'anna@xn--fa-hia.de'],
    ['at a domain in A-labels', 'anna@xn--bcher-kva.example'],
    ['with a slash in its local part', 'an/na@example.com'],
  ])('is %s', (_title, text, kept = text) => {
    expect(readAddress(text)?.address).toBe(kept)
  })
  it.each<[string, string]>([
    ['nothing', ''],
    ['a word', 'anna'],
    ['no local part', '@example.com'],
    ['no domain', 'anna@'],
    ['a domain of one label', 'anna@example'],
    ['a local part of 65 characters', `${x(65)}@example.com`],
    ['a label of 64 characters', `a@${x(64)}.com`],
    ['255 characters', `a@${x(63)}.${x(63)}.${x(63)}.${x(57)}.com`],
    ['two addresses', 'a@example.com,b@example.com'],
    ['a group', 'g: a@example.com;'],
    ['a name before it', 'Anna <anna@example.com>'],
    ['angle brackets', '<anna@example.com>'],
    ['a quoted local part', '"a b"@example.com'],
    ['a comment', 'anna(work)@example.com'],
    ['an address literal', 'anna@[127.0.0.1]'],
    ['an IP address', 'anna@127.0.0.1'],
    ['a domain that ends in a number', 'anna@example.1'],
    ['a dot at its beginning', '.anna@example.com'],
    ['two dots', 'an..na@example.com'],
    ['a dot before the at', 'anna.@example.com'],
    ['a dot at its end', 'anna@example.com.'],
    ['two dots in its domain', 'anna@example..com'],
    ['what sendmail would take for an option', '-oQ/tmp@example.com'],
    ['a blank', 'an na@example.com'],
    ['a line break and another recipient', 'a@example.com\r\nBcc: b@example.com'],
    ['a NUL', 'a\0@example.com'],
    ['a local part beyond ASCII', 'ännä@example.com'],
    ['a domain with a soft hyphen', 'a@exam\u00adple.com'],
    ['a domain with a space without width', 'a@exam\u200bple.com'],
    ['a domain with a mark that turns the direction', 'a@\u202eexample.com'],
    ['a full-width at', 'a＠example.com'],
    ['a full-width slash', 'a@example.com／x'],
    ['100,000 characters', `a@${'b.'.repeat(50_000)}com`],
    ['an encoded word', '=?UTF-8?B?TA==?=@example.com'],
    ['two ats', 'a@b@example.com'],
    ['an underscore in its domain', 'a@ex_ample.com'],
    ['a dash at the end of a label', 'a@example-.com'],
  ])('is not %s', (_title, text) => {
    expect(readAddress(text)).toBeNull()
    expect(refusalOf(() => checkEmail('email', text))).toEqual(['ADDRESS_INVALID', 'email'])
  })
  it.each([
    ['a line break at its end', 'a@example.com\n'],
    ['a tab in its domain', 'a@exam\tple.com'],
    ['a path', 'a@example.com/x'],
    ['a query', 'a@example.com?x'],
    ['a fragment', 'a@example.com#x'],
    ['a backslash', 'a@example.com\\x'],
    ['a percent sign in its domain', 'a@ex%61mple.com'],
  ])('is not %s', (_title, text) => {
    expect(readAddress(text)).toBeNull()
  })
  it('is kept as it was written', () => {
    expect(checkEmail('email', 'Anna@BÜCHER.example')).toBe('Anna@BÜCHER.example')
  })
})

it.each([
  ['Anna@Example.COM', 'anna@example.com'],
  ['anna@BÜCHER.example', 'anna@xn--bcher-kva.example'],
  ['anna@bu\u0308cher.example', 'anna@bücher.example'],
  ['anna@例え。テスト', 'anna@xn--r8jz45g.xn--zckzah'],
  ['ANNA', 'anna'],
])('%s and %s are compared as one', (one, other) => {
  expect(addressKey(one)).toBe(addressKey(other))
})

const namesOf = (field: string | readonly Piece[]) => readMailboxes(field)?.map(({ name, address }) => [name, address]) ?? null
const shop = 'shop@example.com'

describe('a list of mailboxes', () => {
  it.each<[string, string, [string | null, string][]]>([
    ['nothing', '', []],
    ['empty items', ' , ,\n', []],
    [
      'bare addresses',
      'a@x.example,b@x.example',
      [
        [null, 'a@x.example'],
        [null, 'b@x.example'],
      ],
    ],
    [
      'lines',
      'a@x.example,\r\n\tB <b@x.example>\n',
      [
        [null, 'a@x.example'],
        ['B', 'b@x.example'],
      ],
    ],
    ['a name', 'Shop <shop@example.com>', [['Shop', shop]]],
    ['angle brackets alone', '<shop@example.com>', [[null, shop]]],
    ['a quoted name with a comma', '"Tux, Eberhard" <shop@example.com>', [['Tux, Eberhard', shop]]],
    ['a quoted name with signs', '"A \\"B\\" \\\\ <c@d.e>" <shop@example.com>', [['A "B" \\ <c@d.e>', shop]]],
    ['an initial, which has a dot', 'J. R. Tux <shop@example.com>', [['J. R. Tux', shop]]],
    ['a name in another script', '감사 가게 <shop@example.com>', [['감사 가게', shop]]],
    ['a quoted word among others', '"Mark" Twain <shop@example.com>', [['Mark Twain', shop]]],
    ['parentheses in a name', 'Shop (Berlin) <shop@example.com>', [['Shop (Berlin)', shop]]],
    ['an encoded name', '=?UTF-8?B?TMOkZGVu?= <shop@example.com>', [['Läden', shop]]],
    ['a name in two encoded words', '=?utf-8?q?L=C3=A4?= =?ISO-8859-1?Q?den_=E9?= <shop@example.com>', [['Läden é', shop]]],
    ['an encoded name with a comma', '=?UTF-8?Q?Tux=2C_Eberhard?= <shop@example.com>', [['Tux, Eberhard', shop]]],
    ['an encoded name with a line break', '=?UTF-8?Q?a=0D=0ABcc=3A_b?= <shop@example.com>', [['a Bcc: b', shop]]],
    ['an unknown character set', '=?x-none?B?TA==?= <shop@example.com>', [['=?x-none?B?TA==?=', shop]]],
    ['an encoded word in quotation marks, which is none', '"=?UTF-8?B?TA==?=" <shop@example.com>', [['=?UTF-8?B?TA==?=', shop]]],
    ['an international domain', 'Laden <post@müller.example>', [['Laden', 'post@xn--mller-kva.example']]],
  ])('may be %s', (_title, text, expected) => {
    expect(namesOf(text)).toEqual(expected)
  })
  it.each<[string, string]>([
    ['an address and more', 'a@x.example b@x.example'],
    ['two addresses for one name', 'A <a@x.example> <b@x.example>'],
    ['text after an address', 'A <a@x.example> b'],
    ['an address as a plain name', 'a@x.example <evil@x.example>'],
    ['a plain name with a comma', 'Tux, Eberhard <shop@example.com>'],
    ['a group', 'team: a@x.example, b@x.example;'],
    ['an empty group', 'undisclosed-recipients:;'],
    ['semicolons', 'a@x.example; b@x.example'],
    ['a comment', 'a@x.example (Anna)'],
    ['a route', '<@relay.example:a@x.example>'],
    ['a quotation that does not end', '"A <a@x.example>'],
    ['a backslash at the end', '"A\\'],
    ['an angle bracket that does not end', 'A <a@x.example'],
    ['an angle bracket alone', 'a@x.example>'],
    ['nobody', '<>'],
    ['a name alone', 'Anna'],
    ['a quoted name alone', '"a@x.example"'],
    ['a quoted local part', '"a b"@x.example'],
    ['a placeholder that is none', '{ email }'],
    ['101 mailboxes', 'a@x.example,'.repeat(101)],
    ['a huge text', 'x'.repeat(1_000_000)],
  ])('may not be %s', (_title, text) => {
    expect(readMailboxes(text)).toBeNull()
    expect(readMailbox(text)).toBeNull()
  })
  it('is one where one is wanted', () => {
    expect(readMailbox('a@x.example, b@x.example')).toBeNull()
    expect(readMailbox('')).toBeNull()
    expect(readMailbox('A <a@x.example>')).toEqual({ name: 'A', address: 'a@x.example', domain: 'x.example' })
  })
})

const value = (text: string): Piece => ({ value: text })
const hostile = [
  'Tux, Eberhard',
  'A" <evil@x.example>, "B',
  '<evil@x.example>',
  'evil@x.example',
  'evil@x.example,',
  'team: x;',
  'a\r\nBcc: evil@x.example',
  'back\\',
  '"',
  '\u2028\u0085\0x',
  '=?UTF-8?B?PGV2aWxAeC5leGFtcGxlPg==?=',
  '김, 철수',
  '{{ data }}',
]
describe('a value', () => {
  it.each(hostile)('%j is a part of the name it stands in, plain or quoted', (text) => {
    const name = text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
    for (const [before, after] of [
      ['', ` <${shop}>`],
      ['"', `" <${shop}>`],
    ] as const) {
      expect(namesOf([before, value(text), after])).toEqual([[name, shop]])
      expect(namesOf([`a@x.example, ${before}`, value(text), ` via Shop${after}, b@x.example`])).toEqual([
        [null, 'a@x.example'],
        [`${name} via Shop`.trim(), shop],
        [null, 'b@x.example'],
      ])
    }
  })
  it.each(hostile)('%j is no address', (text) => {
    if (text === 'evil@x.example') return
    expect(readMailboxes(['A <', value(text), '>'])).toBeNull()
    expect(readMailboxes(['reply+', value(text), '@example.com'])).toBeNull()
  })
  it('is an address, or a part of one', () => {
    expect(namesOf(['A <', value('a@x.example'), '>'])).toEqual([['A', 'a@x.example']])
    expect(namesOf(['reply+', value('7'), '@example.com'])).toEqual([[null, 'reply+7@example.com']])
    expect(namesOf([value('a'), '@', value('x.example')])).toEqual([[null, 'a@x.example']])
  })
  it('that is all of an item may be a mailbox, or a list', () => {
    expect(namesOf([value('A <a@x.example>')])).toEqual([['A', 'a@x.example']])
    expect(namesOf(['c@x.example, ', value('a@x.example, "B, C" <b@x.example>')])).toEqual([
      [null, 'c@x.example'],
      [null, 'a@x.example'],
      ['B, C', 'b@x.example'],
    ])
    expect(namesOf([' ', value(' '), ','])).toEqual([])
  })
  it('that is empty leaves no name, and no mailbox without an address', () => {
    expect(namesOf([value(''), ` <${shop}>`])).toEqual([[null, shop]])
    expect(namesOf([value(''), ' <', value(''), '>'])).toEqual([])
    expect(readMailboxes([value('Anna'), ' <', value(''), '>'])).toBeNull()
  })
  it('of any length makes a name of at most 200 characters', () => {
    expect(readMailbox([value('가'.repeat(100_000)), ` <${shop}>`])?.name).toBe('가'.repeat(200))
  })
  it('that is not known yet is taken for a right one', () => {
    const later: Piece = { value: null }
    for (const field of [
      [later],
      [later, ' <', later, '>'],
      ['reply+', later, '@example.com'],
      ['a@', later],
      ['a@', later, '.example.com'],
      [later, '@', later],
      [later, later],
    ]) {
      expect(readMailboxes(field)).not.toBeNull()
    }
    for (const field of [
      [later, ' <', later],
      ['A, ', later, ' <', later, '>'],
      ['shop at ', later],
      [later, ' <shop@ex ample.com>'],
    ]) {
      expect(readMailboxes(field)).toBeNull()
    }
  })
})

it.each([null, 'Anna', 'Anna Lee', ...hostile, '', ' "x" ', 'J. R.', 'é'.repeat(200), 'A  B'])(
  'the name %j is read back as it was written',
  (name) => {
    const wanted = name === null ? null : readMailbox([value(name), ` <${shop}>`])?.name
    const text = formatMailbox({ name: wanted ?? null, address: shop })
    expect(namesOf(text)).toEqual([[wanted, shop]])
    expect(namesOf(`${text}, ${text}`)).toHaveLength(2)
  },
)
