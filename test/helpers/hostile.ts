/** Random values as callers' data brings them: names, texts, addresses, numbers, locales and zones, valid, unusual and hostile. */

/** A source of random numbers that a seed repeats. */
export interface Random {
  /** from 0 to below 1 */
  next(): number
  int(below: number): number
  pick<T>(list: readonly T[]): T
  /** true once in so many times */
  once(every: number): boolean
}

/** Mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (below: number): number => Math.floor(next() * below)
  return {
    next,
    int,
    pick: (list) => list[int(list.length)] as (typeof list)[number],
    once: (every) => int(every) === 0,
  }
}

const pieces = [
  'Ana',
  'Tux, Eberhard',
  "O'Neill",
  '"Bob"',
  '<b>',
  'a@b.example',
  '; x',
  '(c)',
  ':',
  '\\',
  '\r\nBcc: evil@example.com',
  '\n',
  '\t',
  '\u2028',
  '\u0085',
  '\u00a0',
  '\u200b',
  '\u202e',
  '\ufeff',
  '김영수',
  '山田　太郎',
  'Ελένη',
  'שרה',
  'محمد',
  'Zoë',
  'Zoe\u0308',
  '👩‍👩‍👧‍👦',
  '🇰🇷',
  '€[]{}~^|',
  '{{ x }}',
  '{% raw %}',
  '&amp;',
  '<!channel>',
  '@everyone',
  '*bold* _it_',
  '[a](https://e.example)',
  '=?utf-8?q?x?=',
  '.',
  '%00',
  '#{number}',
  'x',
  ' ',
]

/** A text of such pieces; sometimes empty, sometimes very long. */
export function hostileText(random: Random, longest = 3_000): string {
  if (random.once(15)) return ''
  if (random.once(20)) return random.pick(['   ', '\n\n', '\u200b', '.', '0'])
  if (random.once(12)) return random.pick(['a', '한', '😀', 'é ', '<>', '\\"']).repeat(1 + random.int(longest))
  return Array.from({ length: 1 + random.int(5) }, () => random.pick(pieces)).join(random.pick(['', ' ', ' ']))
}

/** Valid, if unusual, seven times of eight: a message has several of them, and most messages should be accepted. */
const mostly = <T>(random: Random, valid: readonly T[], hostile: readonly T[]): T => random.pick(random.once(8) ? hostile : valid)

/** An e-mail address. */
export const hostileEmail = (random: Random, n: number): string =>
  mostly(
    random,
    [
      `ana-${n}@example.com`,
      `Ana.${n}+tag@Example.COM`,
      `o'neill-${n}@example.com`,
      `ana${n}@bücher.example`,
      `ana${n}@xn--bcher-kva.example`,
      `${n}@example.co.uk`,
      `a.-${n}@example.com`,
      `a${n}@localhost`,
    ],
    [
      `ana${n}@example.com/path`,
      `ana ${n}@example.com`,
      `Ana <ana${n}@example.com>`,
      `ana${n}@`,
      `ana${n}@[127.0.0.1]`,
      `"a b"${n}@example.com`,
      `ana${n}@example..com`,
      `aña${n}@example.com`,
      `${'a'.repeat(65)}${n}@example.com`,
      `a${n}@example.com, b@example.com`,
      `-a${n}@example.com`,
      `a${n}.@example.com`,
    ],
  )

/** A phone number. Of the valid ones, vendors of one country dial some. */
export const hostilePhone = (random: Random, n: number): string => {
  const four = String(1000 + (n % 9000))
  return mostly(
    random,
    [
      `+82 10-1234-${four}`,
      `+8210123${four}0`,
      `010-1234-${four}`,
      `+1 (555) 010-${four}`,
      `+1 415 555 ${four}`,
      `+39 (0)6 1234 ${four}`,
      `+49 151 2345${four}`,
      `+44 20 7946 ${four}`,
      `+82 2-123-${four}`,
      `０１０１２３４${four}`,
    ],
    ['+1 (555)', '0151-123', '+999 123 456 789', `tel:+8210${four}0000`, '114', `+82-10-1234-${four} ext. 5`],
  )
}

/** A language tag. */
export const hostileLocale = (random: Random): string =>
  mostly(
    random,
    ['en', 'EN-us', 'ko_KR', 'ko', 'zh_Hant_TW', 'zh-Hans', 'pt-BR', 'sr-Latn-RS', 'de-CH-1996', 'en-u-ca-buddhist'],
    ['x-klingon', 'english', 'e', 'de--DE', 'xx-YY'],
  )

/** A time zone. */
export const hostileZone = (random: Random): string =>
  mostly(
    random,
    ['Asia/Seoul', 'europe/berlin', 'UTC', 'US/Eastern', 'America/Argentina/Buenos_Aires', '+09:00'],
    ['Mars/Base', 'GMT+25', ''],
  )

/** A value where a template expects a text. */
export function hostileValue(random: Random): unknown {
  return random.once(5)
    ? random.pick<unknown>([
        null,
        0,
        -1,
        1e21,
        0.1,
        true,
        false,
        [],
        ['a', 'b'],
        {},
        { a: { b: 1 } },
        '2026-03-29T02:30:00Z',
        1_774_751_400,
      ])
    : hostileText(random)
}
