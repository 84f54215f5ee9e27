/** Two texts side by side, line by line: what is the same, removed and added. */
import { diffLines } from 'diff'
import { html, type TemplateResult } from 'lit'

/** A line on each side; undefined: there is none opposite. */
export interface LinePair {
  readonly kind: 'same' | 'changed' | 'skipped'
  readonly before: string | undefined
  readonly after: string | undefined
}

/** Lines of context around those that differ. */
const CONTEXT = 3
/** Lines that are compared; a longer text is shown as one change. */
const LINES_MAX = 20_000

const linesOf = (text: string): string[] => (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')

/** The lines of two texts next to each other; those far from any change are skipped. */
export function pairsOf(before: string, after: string): LinePair[] {
  const isLong = before.length + after.length > LINES_MAX * 80
  const parts = isLong
    ? [
        { value: before, removed: true, added: false },
        { value: after, removed: false, added: true },
      ]
    : diffLines(before, after, { stripTrailingCr: true })
  const pairs: LinePair[] = []
  let removed: string[] = []
  const flush = (added: readonly string[]): void => {
    for (let place = 0; place < Math.max(removed.length, added.length); place++)
      pairs.push({ kind: 'changed', before: removed[place], after: added[place] })
    removed = []
  }
  for (const part of parts) {
    const lines = part.value === '' ? [] : linesOf(part.value)
    if (part.removed) removed = lines
    else if (part.added) flush(lines)
    else {
      flush([])
      for (const line of lines) pairs.push({ kind: 'same', before: line, after: line })
    }
  }
  flush([])
  return narrowed(pairs)
}

/** The pairs near a change; a run of others becomes one that is skipped. */
function narrowed(pairs: readonly LinePair[]): LinePair[] {
  const isNear = pairs.map((_pair, place) =>
    pairs.slice(Math.max(0, place - CONTEXT), place + CONTEXT + 1).some(({ kind }) => kind === 'changed'),
  )
  return pairs.flatMap((pair, place): LinePair[] => {
    if (isNear[place] === true) return [pair]
    return isNear[place - 1] === true || place === 0 ? [{ kind: 'skipped', before: undefined, after: undefined }] : []
  })
}

const cell = (text: string | undefined, kind: LinePair['kind'], tag: 'del' | 'ins'): TemplateResult => {
  if (kind !== 'changed') return html`<td>${text ?? ''}</td>`
  if (text === undefined) return html`<td class="none"></td>`
  return tag === 'del' ? html`<td class="was"><del>${text}</del></td>` : html`<td class="is"><ins>${text}</ins></td>`
}

/** Shows two texts side by side. `heads`: what each side is. */
export const sideBySide = (before: string, after: string, heads: readonly [string, string]): TemplateResult => html`
  <table class="sides">
    <thead>
      <tr><th scope="col">${heads[0]}</th><th scope="col">${heads[1]}</th></tr>
    </thead>
    <tbody>
      ${pairsOf(before, after).map((pair) =>
        pair.kind === 'skipped'
          ? html`<tr class="skipped"><td colspan="2" aria-label="Lines that are the same">…</td></tr>`
          : html`<tr>${cell(pair.before, pair.kind, 'del')}${cell(pair.after, pair.kind, 'ins')}</tr>`,
      )}
    </tbody>
  </table>
`

/** A value as text: JSON that is not a text is indented. */
export const shownValue = (value: unknown): string =>
  value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value, null, 2)

/** A field that differs. */
export interface FieldChange {
  readonly path: string
  readonly before?: unknown
  readonly after?: unknown
}

/** Shows the fields that differ, one after the other. */
export const fieldChanges = (changes: readonly FieldChange[], heads: readonly [string, string]): TemplateResult =>
  html`${changes.map(
    ({ path, before, after }) => html`<section class="compared" aria-label=${path}>
      <h3 class="mono">${path}</h3>
      ${sideBySide(shownValue(before), shownValue(after), heads)}
    </section>`,
  )}`
