/** Names of months and weekdays, and the usual form of a date, in a language. Pure. */

/** How a language writes dates. */
export interface DateNames {
  /** of a month, from 0; in a date many languages inflect it: `29 марта`, and alone `март` */
  month(index: number, length: 'long' | 'short', isInDate: boolean): string
  /** of a weekday; 0: Sunday */
  weekday(index: number, length: 'long' | 'short'): string
  /** the date, the time or both of a moment, by the clock of UTC, in digits */
  usual(shown: Date, parts: 'date' | 'time' | 'both'): string
  upperCase(text: string): string
}

const MONTHS = 'January February March April May June July August September October November December'.split(' ')
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')
const nameOf = (names: readonly string[], index: number, length: 'long' | 'short'): string =>
  (names[index] ?? '').slice(0, length === 'short' ? 3 : undefined)

/** The calendar and the digits are those of all other directives, whatever else the language has. */
const COMMON = { timeZone: 'UTC', calendar: 'gregory', numberingSystem: 'latn' } as const
const DATE = { year: 'numeric', month: 'numeric', day: 'numeric' } as const
const TIME = { hour: 'numeric', minute: 'numeric', second: 'numeric' } as const
const USUAL = { date: DATE, time: TIME, both: { ...DATE, ...TIME } } as const

const isSupported = (locale: string): boolean => {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(locale).length > 0
  } catch {
    return false // an earlier version may have stored what is no tag
  }
}

/** The names of a language; of English where it is not known. */
export function createDateNames(locale: string): DateNames {
  const language = isSupported(locale) ? locale : 'en'
  const kept = new Map<string, Intl.DateTimeFormat>()
  const formatOf = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
    const key = Object.entries(options).join()
    const format = kept.get(key) ?? new Intl.DateTimeFormat(language, { ...COMMON, ...options })
    kept.set(key, format)
    return format
  }
  const partOf = (type: 'month' | 'weekday', date: Date, options: Intl.DateTimeFormatOptions): string =>
    formatOf(options)
      .formatToParts(date)
      .find((part) => part.type === type)?.value ?? ''
  const isEnglish = /^en(-|$)/.test(language)

  return {
    month(index, length, isInDate) {
      // The short names of some English-speaking countries have another length ("Sept"): those that `strftime` knows stay.
      if (isEnglish) return nameOf(MONTHS, index, length)
      const date = new Date(Date.UTC(2026, index, 1))
      const inDate = isInDate ? partOf('month', date, { month: length, day: 'numeric' }) : ''
      // Some languages have the month's name in a date as a number, and a word after it.
      return /\p{L}/u.test(inDate) ? inDate : formatOf({ month: length }).format(date)
    },
    weekday(index, length) {
      // The first of February 2026 is a Sunday.
      return isEnglish
        ? nameOf(DAYS, index, length)
        : partOf('weekday', new Date(Date.UTC(2026, 1, 1 + index)), { weekday: length })
    },
    usual: (shown, parts) => formatOf(USUAL[parts]).format(shown),
    upperCase: (text) => text.toLocaleUpperCase(language),
  }
}
