/** How language tags are read, and which language a contact gets. */
import { describe, expect, it } from 'vitest'
import { canonicalLocale, checkLocale, localesFor, pickLocale } from '../../src/values/locale.ts'
import { refusalOf } from '../helpers/refusal.ts'

describe('a language tag', () => {
  it.each([
    ['en', 'en'],
    ['EN-us', 'en-US'],
    ['en_US', 'en-US'],
    ['zh_Hant_TW', 'zh-Hant-TW'],
    ['ZH-HANT_tw', 'zh-Hant-TW'],
    ['es-419', 'es-419'],
    ['kok', 'kok'],
    ['und', 'und'],
    ['qaa', 'qaa'],
    ['iw', 'he'],
    ['in_ID', 'id-ID'],
    ['sh', 'sr-Latn'],
    ['ko-KR-u-ca-buddhist', 'ko-KR-u-ca-buddhist'],
    ['en-u-nu-latn-ca-gregory', 'en-u-ca-gregory-nu-latn'],
    ['de-1996', 'de-1996'],
    ['sl_rozaj_biske', 'sl-biske-rozaj'],
    ['en-x-twain', 'en-x-twain'],
    ['art-lojban', 'jbo'],
    ['i-klingon', 'tlh'],
    ['en-GB-oed', 'en-GB-oxendict'],
    ['sgn_BE_FR', 'sfb'],
    ['zh-min-nan', 'nan'],
    ['zh-yue-HK', 'yue-HK'],
    ['zh-cmn-Hans-CN', 'zh-Hans-CN'],
  ])('reads %s as %s', (text, canonical) => {
    expect(canonicalLocale(text)).toBe(canonical)
    expect(canonicalLocale(canonical)).toBe(canonical)
  })

  it.each([
    ['a name', 'english'],
    ['another one', 'German'],
    ['a country', 'jp'],
    ['another one, with its script', 'cn-Hans'],
    ['private use alone', 'x-klingon'],
    ['a registered tag without successor', 'i-default'],
    ['a locale of POSIX', 'ko_KR.UTF-8'],
    ['a locale of POSIX with a modifier', 'sr_RS@latin'],
    ["Android's folder", 'pt-r'],
    ['two separators', 'zh__TW'],
    ['a separator at the end', 'en-'],
    ['one at the beginning', '_en'],
    ['a blank around it', ' en'],
    ['a variant twice', 'de-1996-1996'],
    ['an extension twice', 'en-a-bbb-a-ccc'],
    ['digits', '12'],
    ['letters of another script', 'кo'],
    ['nothing', ''],
    ['four letters', 'root'],
    ['the locale C', 'C'],
    ['256 characters', `en-x${'-abcdefg'.repeat(32)}`],
  ])('is not %s: %s', (_title, text) => {
    expect(canonicalLocale(text)).toBeNull()
    expect(refusalOf(() => checkLocale('contact.locale', text))).toEqual(['BAD_INPUT', 'contact.locale'])
  })
})

describe('the look-up', () => {
  it.each([
    ['zh-Hant-TW', 'en-GB', ['zh-Hant-TW', 'zh-Hant', 'zh', 'en-GB', 'en']],
    ['ko-KR-u-ca-buddhist', 'ko', ['ko-KR-u-ca-buddhist', 'ko-KR-u-ca', 'ko-KR', 'ko']],
    [
      'zh-Hant-CN-x-private1-private2',
      'en',
      ['zh-Hant-CN-x-private1-private2', 'zh-Hant-CN-x-private1', 'zh-Hant-CN', 'zh-Hant', 'zh', 'en'],
    ],
    ['en-a-bbb-x-a-ccc', 'fr', ['en-a-bbb-x-a-ccc', 'en-a-bbb', 'en', 'fr']],
    ['de-CH-1996', 'de', ['de-CH-1996', 'de-CH', 'de']],
    [null, 'pt_br', ['pt-BR', 'pt']],
  ])('of %s in a project in %s is %j', (contact, project, ranges) => {
    expect(localesFor(contact, project)).toEqual(ranges)
  })

  it.each([
    [['en', 'zh-Hant'], 'zh-Hant-TW', 'en', 'zh-Hant'],
    [['en', 'zh-Hans'], 'zh-Hant-TW', 'en', 'en'],
    [['en', 'sr-Cyrl', 'sr'], 'sr-Latn-RS', 'en', 'sr'],
    [['en', 'ko-KR'], 'ko-KR-u-nu-latn', 'en', 'ko-KR'],
    [['en', 'es-419'], 'es-419-x-shop', 'en', 'es-419'],
    [['en', 'zh_Hant'], 'zh-Hant-TW', 'en', 'zh_Hant'],
    [['en', 'PT-br'], 'pt-BR', 'en', 'PT-br'],
    [['en', 'pt-BR'], 'pt_br', 'en', 'pt-BR'],
    [['english', 'fr'], null, 'english', 'english'],
    [['fr'], 'de', 'fr-CA-u-ca-gregory', 'fr'],
    [['fr'], 'de', 'en', null],
  ])('of %j for %s in a project in %s finds %s, stored in whatever spelling', (available, contact, project, found) => {
    expect(pickLocale(available, contact, project)).toBe(found)
  })
})
