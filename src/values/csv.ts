/** Lines of CSV as RFC 4180 has it, safe to be opened in a spreadsheet. */

/** What a spreadsheet would take for a formula. */
const FORMULA = /^[=+\-@\t\r]/
const SPECIAL = /[",\r\n]/

/** A value of a cell. Times are written as ISO 8601 in UTC, objects as JSON, and what is missing as nothing. */
export type Cell = string | number | boolean | Date | object | null | undefined

const textOf = (value: Cell): string => {
  if (value === null || value === undefined) return ''
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** One cell: quoted where it has to be, and with an apostrophe before what would begin a formula. Numbers are none. */
export function csvCell(value: Cell): string {
  const text = textOf(value)
  const safe = typeof value !== 'number' && FORMULA.test(text) ? `'${text}` : text
  return SPECIAL.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** One line, with its end. */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(',')}\r\n`
