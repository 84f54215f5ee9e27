/** Two JSON values side by side: what was added, removed and replaced, and of long texts the lines that differ. */
import { html, type TemplateResult } from 'lit'

/** A part of a value that differs. `undefined`: it is not there. */
export interface Difference {
  /** empty: the whole value */
  readonly path: string
  readonly before: string | undefined
  readonly after: string | undefined
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const textOf = (value: unknown): string | undefined =>
  value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value, null, 2)

/** The parts that differ, in the order of the names. What is null on one side has no parts there. */
export function differences(before: unknown, after: unknown, path = ''): readonly Difference[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  const [was, is] = [before ?? undefined, after ?? undefined]
  const isNested = (isObject(was) || was === undefined) && (isObject(is) || is === undefined) && (isObject(was) || isObject(is))
  if (!isNested) return [{ path, before: textOf(before), after: textOf(after) }]
  const names = [...new Set([...Object.keys(isObject(was) ? was : {}), ...Object.keys(isObject(is) ? is : {})])].sort()
  return names.flatMap((name) =>
    differences(
      isObject(was) ? was[name] : undefined,
      isObject(is) ? is[name] : undefined,
      path === '' ? name : `${path} › ${name}`,
    ),
  )
}

/** Lines of context around those that differ. */
const CONTEXT = 2

/** The lines of two texts that differ, with a few around them; texts of one line are shown whole. */
function narrowed(before: string, after: string): readonly [string, string] {
  const [a, b] = [before.split('\n'), after.split('\n')]
  let start = 0
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start += 1
  let end = 0
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1
  const from = Math.max(0, start - CONTEXT)
  const cut = (lines: readonly string[]): string => {
    const to = Math.min(lines.length, lines.length - end + CONTEXT)
    return [...(from > 0 ? ['…'] : []), ...lines.slice(from, to), ...(to < lines.length ? ['…'] : [])].join('\n')
  }
  return [cut(a), cut(b)]
}

/** Shows what differs. */
export function shownDifferences(found: readonly Difference[]): TemplateResult {
  const part = ({ path, before, after }: Difference): TemplateResult => {
    const [was, is] = before === undefined || after === undefined ? [before, after] : narrowed(before, after)
    return html`<div class="change">
      ${path === '' ? '' : html`<h3 class="mono">${path}</h3>`}
      ${was === undefined ? '' : html`<del><span class="unseen">Before: </span>${was}</del>`}
      ${is === undefined ? '' : html`<ins><span class="unseen">After: </span>${is}</ins>`}
    </div>`
  }
  return html`<div class="changes">${found.map(part)}</div>`
}
