/** Language tags of BCP 47: how one is read, and which of the languages that there are a contact gets. Pure. */
import { CarillonError } from '../errors.ts'

/** The languages of two letters (ISO 639-1), with those that were replaced: a country's code is often taken for one of them. */
const TWO_LETTERS = new Set(
  (
    'aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi ' +
    'fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik in io is it iu iw ja ji jv jw ka kg ki kj kk kl km kn ko kr ' +
    'ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mo mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps ' +
    'pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ' +
    've vi vo wa wo xh yi yo za zh zu'
  ).split(' '),
)

/** The registered tags that have another form than today's, and that have a successor. `Intl` knows those of today's form. */
const REPLACED = new Map([
  ['en-gb-oed', 'en-GB-oxendict'],
  ['i-ami', 'ami'],
  ['i-bnn', 'bnn'],
  ['i-hak', 'hak'],
  ['i-klingon', 'tlh'],
  ['i-lux', 'lb'],
  ['i-navajo', 'nv'],
  ['i-pwn', 'pwn'],
  ['i-tao', 'tao'],
  ['i-tay', 'tay'],
  ['i-tsu', 'tsu'],
  ['sgn-be-fr', 'sfb'],
  ['sgn-be-nl', 'vgt'],
  ['sgn-ch-de', 'sgg'],
  ['zh-min-nan', 'nan'],
])

/** A Chinese language written as an extension of `zh`: the canonical tag is the language alone. */
const CHINESE = /^zh-(?=(?:cdo|cjy|cmn|cnp|cpx|csp|czh|czo|gan|hak|hsn|mnp|nan|wuu|yue)(?:-|$))/

const LENGTH_MAX = 255

/**
 * Reads a language tag in whatever case, with `_` or `-` between its subtags. @returns its canonical spelling (`zh_hant_tw`: `zh-Hant-TW`;
 * `iw`: `he`); null: it is none. A language has two letters, and is registered, or three: `english`, `jp` and tags of private use alone
 * name no language.
 */
export function canonicalLocale(text: string): string | null {
  if (text.length > LENGTH_MAX) return null
  const tag = text.replaceAll('_', '-').toLowerCase()
  const given = REPLACED.get(tag) ?? tag.replace(CHINESE, '')
  const [language = ''] = given.split('-')
  if (language.length > 3 || (language.length === 2 && !TWO_LETTERS.has(language))) return null
  try {
    return new Intl.Locale(given).toString()
  } catch {
    return null
  }
}

/** A language tag, in its canonical spelling. @throws BAD_INPUT that names the field */
export function checkLocale(field: string, text: string): string {
  const locale = canonicalLocale(text)
  if (locale !== null) return locale
  throw new CarillonError('BAD_INPUT', {
    field,
    message: `${field}: is not a language tag such as "en", "pt-BR" or "zh-Hant-TW".`,
  })
}

/** A tag in the usual form, which needs no reading. */
const USUAL = /^[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|\d{3}))?$/

/** The spelling by which a tag that is stored is compared: an earlier version may have stored it, in another one. */
const comparable = (stored: string): string =>
  USUAL.test(stored) ? stored : (canonicalLocale(stored) ?? stored.replaceAll('_', '-').toLowerCase())

/** A tag and its ranges, each without the last subtag of the one before, as in the look-up of RFC 4647. */
function rangesOf(locale: string): string[] {
  const subtags = comparable(locale).split('-')
  const ranges: string[] = []
  while (subtags.length > 0) {
    ranges.push(subtags.join('-'))
    subtags.pop()
    // A subtag of one letter introduces the one after it, and says nothing alone.
    while (subtags.at(-1)?.length === 1) subtags.pop()
  }
  return ranges
}

/** Locales to look for, best first: the contact's own and shorter ones, the project's and shorter ones. Canonical, once each. */
export const localesFor = (contact: string | null, project: string): string[] => [
  ...new Set([...(contact === null ? [] : rangesOf(contact)), ...rangesOf(project)]),
]

/** What was picked of a list, by the wanted ones: a send to many asks for each contact. */
const picked = new WeakMap<readonly string[], Map<string, string | null>>()
const PICKED_MAX = 64

/** The first of the wanted locales that there is, as it is spelt in `available`, which does not change; null: there is none. */
export function pickLocale(available: readonly string[], contact: string | null, project: string): string | null {
  const kept = picked.get(available) ?? new Map<string, string | null>()
  const wanted = `${contact ?? ''} ${project}`
  const known = kept.get(wanted)
  if (known !== undefined) return known
  const found = findLocale(available, contact, project)
  if (kept.size < PICKED_MAX) picked.set(available, kept.set(wanted, found))
  return found
}

function findLocale(available: readonly string[], contact: string | null, project: string): string | null {
  const bySpelling = new Map(available.map((locale) => [comparable(locale), locale]))
  for (const wanted of localesFor(contact, project)) {
    const found = bySpelling.get(wanted)
    if (found !== undefined) return found
  }
  return null
}
