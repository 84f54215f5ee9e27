/** The times to which a message is snoozed from its menu. */
import { html } from 'lit'
import type { MenuItem } from './menu.ts'
import type { InboxTexts } from './texts.ts'

const HOUR = 9
const MAX_DAYS = 365

/** The start of a working day, so many days from today, in the contact's own time. */
function morning(now: Date, days: number): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, HOUR)
}

/** As `datetime-local` takes it: in the contact's own time, to the minute. */
const localOf = (date: Date): string => new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)

/** @param onChoose shows the form of `snoozeForm` */
export function snoozeItems(texts: InboxTexts, now: Date, onSnooze: (until: Date) => void, onChoose: () => void): MenuItem[] {
  // The next Monday, and never today.
  const toMonday = ((8 - now.getDay()) % 7) + (now.getDay() === 1 ? 7 : 0)
  return [
    { label: texts.snoozeHour, onSelect: () => onSnooze(new Date(now.getTime() + 3_600_000)) },
    { label: texts.snoozeTomorrow, onSelect: () => onSnooze(morning(now, 1)) },
    { label: texts.snoozeWeek, onSelect: () => onSnooze(morning(now, toMonday)) },
    { label: texts.snoozeChoose, onSelect: onChoose },
  ]
}

/** A form that asks for the time. */
export const snoozeForm = (texts: InboxTexts, onSnooze: (until: Date) => void) => {
  const now = new Date()
  const onSubmit = (event: Event): void => {
    event.preventDefault()
    if (!(event.currentTarget instanceof HTMLFormElement)) return
    onSnooze(new Date(String(new FormData(event.currentTarget).get('until'))))
  }
  return html`<form @submit=${onSubmit}>
    <label>${texts.snoozeUntil}
      <input type="datetime-local" name="until" required .value=${localOf(morning(now, 1))} min=${localOf(new Date(now.getTime() + 120_000))}
        max=${localOf(morning(now, MAX_DAYS))}>
    </label>
    <button type="submit" class="action primary">${texts.snooze}</button>
  </form>`
}
