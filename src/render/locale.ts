/** Which language a notification speaks. */

/** Locales to look for, best first: the contact's own, its language, the project's, its language. */
export function localesFor(contact: string | null, project: string): string[] {
  const wanted: string[] = []
  for (const locale of contact === null ? [project] : [contact, project]) {
    const language = locale.split('-')[0] ?? locale
    for (const tag of [locale, language]) if (!wanted.includes(tag)) wanted.push(tag)
  }
  return wanted
}

/** The first of the wanted locales that there is, or null. */
export function pickLocale(available: readonly string[], contact: string | null, project: string): string | null {
  return localesFor(contact, project).find((locale) => available.includes(locale)) ?? null
}
