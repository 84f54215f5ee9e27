/** The time zone that times are shown in: one choice for all pages, kept in this browser. */

/** Which zone. */
export type ZoneChoice = 'browser' | 'project' | 'utc'

/** The choices, with their labels. */
export const zoneLabels = { browser: 'Browser time', project: 'Project time', utc: 'UTC' } satisfies Record<ZoneChoice, string>

const NAME = 'carillon:zone'
const isChoice = (value: string | null): value is ZoneChoice => value !== null && Object.hasOwn(zoneLabels, value)

/** What was chosen; the browser's zone by default. */
export function readZone(): ZoneChoice {
  try {
    const kept = localStorage.getItem(NAME)
    return isChoice(kept) ? kept : 'browser'
  } catch {
    return 'browser'
  }
}

/** Keeps a choice. @returns it; the browser's zone for what is none */
export function keepZone(value: string): ZoneChoice {
  const choice = isChoice(value) ? value : 'browser'
  try {
    localStorage.setItem(NAME, choice)
  } catch {
    // Storage is disabled: the choice lasts until the page is reloaded.
  }
  return choice
}

/** The IANA name of a choice; undefined: the browser's own. `project`: the project's zone */
export const zoneOf = (choice: ZoneChoice, project: string | null): string | undefined =>
  choice === 'utc' ? 'UTC' : choice === 'project' ? (project ?? undefined) : undefined
