/**
 * What can be known of a rendered text before it is rendered: that rendering it can't fail, how long it becomes at most, and whether there
 * is something to read in it. A text is analysed once; a message costs a look-up for each of its outputs.
 */
import { isBlank } from '../values/blank.ts'
import { filtersOf, isObject, listOf, operandsOf, type Path, pathOf, propertyOf } from './missing.ts'
import { ESCAPING } from './template-cost.ts'

/** The length of an output: at least `least`, otherwise `factor` times that of its value, and `more`. */
interface Term {
  /** null: it has no value, so it is `least` */
  readonly path: Path | null
  readonly factor: number
  readonly more: number
  readonly least: number
}

/** What is known of a text. */
export interface TextShape {
  /** rendering it does not fail, if all values can be made texts (see `areTexts`) */
  readonly isSafe: boolean
  /** its length: of what its author wrote, and of its outputs; null: unknown, as a loop makes it, or a filter that makes texts longer */
  readonly length: { readonly written: number; readonly terms: readonly Term[] } | null
  /** true: there is something to read in it; otherwise there is where one of these variables has */
  readonly says: true | readonly Path[]
  /** what it is made of, if that is texts and variables alone */
  readonly pieces: readonly (string | Path)[] | null
  readonly hasValues: boolean
}

type Fields = Readonly<Record<string, unknown>>

/** Filters that never fail, with how many arguments at most, and what they make of the length of their input; null: it is not known. */
const safeFilters: ReadonlyMap<string, readonly [args: number, lengthOf: (term: Term, args: readonly unknown[]) => Term | null]> =
  new Map([
    ['default', [1, (term, [fallback]) => atLeast(term, literalLength(fallback))]],
    ...of('escape escape_once', 0, (term) => times(term, 6)),
    [ESCAPING, [0, (term) => times(term, 6)]],
    // One character may become three: ΐ.
    ...of('upcase downcase capitalize', 0, (term) => times(term, 3)),
    ...of('raw strip lstrip rstrip strip_newlines', 0, (term) => term),
    ['truncate', [1, (term) => longer(term, 3)]],
    ...of('append prepend', 1, (term, [added]) => longer(term, literalLength(added))),
    ...of('size abs floor ceil', 0, () => constant(NUMBER_LENGTH)),
    ...of('round plus minus times divided_by modulo at_least at_most', 1, () => constant(NUMBER_LENGTH)),
    ['date', [1, (term, [format]) => atLeast(term, dateLength(format))]],
    ...of('newline_to_br join json jsonify first last reverse', 1, () => null),
  ])
/** These fail without their argument. */
const needing = new Set(['append', 'prepend'])

type LengthOf = (term: Term, args: readonly unknown[]) => Term | null
function of(names: string, args: number, lengthOf: LengthOf): [string, readonly [number, LengthOf]][] {
  return names.split(' ').map((name) => [name, [args, lengthOf]])
}

const NUMBER_LENGTH = 32
/** What a directive of a date becomes at most. */
const DIRECTIVE_LENGTH = 64
/** Not `increment` and `decrement`: what they count, they count in the variables that all texts of the message have. */
const safeTags = new Set('if unless case for assign capture comment raw # echo liquid cycle'.split(' '))
const silentTags = new Set(['comment', '#', 'assign', 'capture'])
const DEPTH_MAX = 50
const RANGE_MAX = 1_000
/** Parts of a node that are not in the template's tree. */
const outside = new Set(['liquid', 'tokenizer', 'token', 'input', 'templates', 'elseTemplates', 'branches'])

const constant = (least: number): Term => ({ path: null, factor: 0, more: 0, least })
const times = ({ path, factor, more, least }: Term, by: number): Term => ({
  path,
  factor: factor * by,
  more: more * by,
  least: least * by,
})
const longer = (term: Term, by: number | null): Term | null =>
  by === null ? null : { ...term, more: term.more + by, least: term.least + by }
const atLeast = (term: Term, least: number | null): Term | null =>
  least === null ? null : { ...term, least: Math.max(term.least, least) }

/** The content of a literal; undefined: it is none. */
const literalOf = (token: unknown): unknown => (isObject(token) && !Array.isArray(token['props']) ? token['content'] : undefined)
function literalLength(token: unknown): number | null {
  const content = literalOf(token)
  return typeof content === 'string' ? content.length : typeof content === 'number' ? NUMBER_LENGTH : null
}
function dateLength(format: unknown): number | null {
  if (format === undefined) return 10 * DIRECTIVE_LENGTH
  const content = literalOf(format)
  // A directive with a width is as long as that.
  if (typeof content !== 'string' || /%[^A-Za-z%]*\d/.test(content)) return null
  return content.length + (content.split('%').length - 1) * DIRECTIVE_LENGTH
}

/** The lists of nodes in a node. */
const bodiesOf = (node: Fields): readonly (readonly unknown[])[] => [
  listOf(node['templates']),
  listOf(node['elseTemplates']),
  ...listOf(node['branches']).map((branch) => (isObject(branch) ? listOf(branch['templates']) : [])),
]

const nothing: TextShape = { isSafe: true, length: { written: 0, terms: [] }, says: [], pieces: null, hasValues: false }

/** The shape of a text without tags and outputs. */
export const shapeOfWritten = (text: string): TextShape => ({
  ...nothing,
  length: { written: text.length, terms: [] },
  says: isBlank(text) ? [] : true,
  pieces: [text],
})

/** @param parsed nodes of a template's tree, walked without trusting their shape */
export function shapeOf(parsed: readonly unknown[]): TextShape {
  /** names that the text itself gives a value */
  const own = new Set(['forloop', 'tablerowloop'])
  let isSafe = true
  let ends = false

  /** Looks for what may fail in the expressions of a node. */
  function checkParts(value: unknown, depth: number): void {
    if (!isObject(value)) return
    if (depth > DEPTH_MAX) isSafe = false
    if (!isSafe) return
    if ('lhs' in value && !isShortRange(value)) isSafe = false
    for (const filter of filtersOf(value)) {
      const args = listOf(filter['args'])
      const safe = safeFilters.get(String(filter['name']))
      if (safe === undefined || args.length > safe[0] || (needing.has(String(filter['name'])) && args.length === 0))
        isSafe = false
    }
    for (const [key, part] of Object.entries(value)) if (!outside.has(key)) checkParts(part, depth + 1)
    for (const branch of listOf(value['branches'])) {
      if (isObject(branch)) checkParts({ ...branch, templates: null }, depth + 1)
    }
  }
  function checkNodes(nodes: readonly unknown[], depth: number): void {
    if (depth > DEPTH_MAX) isSafe = false
    for (const node of nodes) {
      if (!isObject(node) || !isSafe) continue
      const { name } = node
      if (name === 'break' || name === 'continue') ends = true
      else if (name !== undefined && !safeTags.has(String(name))) isSafe = false
      if (name === 'assign') own.add(String(node['key']))
      else if (typeof node['variable'] === 'string') own.add(node['variable'])
      checkParts(node, 0)
      for (const body of bodiesOf(node)) checkNodes(body, depth + 1)
    }
  }
  checkNodes(parsed, 0)
  if (!isSafe) return { ...nothing, isSafe: false, length: null, hasValues: true }

  const isOwn = (path: Path): boolean => typeof path[0] !== 'string' || own.has(path[0])
  function termOf(value: unknown): Term | null {
    const [only, ...more] = operandsOf(value)
    if (more.length > 0) return null
    const path = pathOf(only)
    const literal = path === null ? literalLength(only) : null
    if ((path === null && literal === null) || (path !== null && isOwn(path))) return null
    let term: Term | null = path === null ? constant(literal ?? 0) : { path, factor: 1, more: 0, least: 0 }
    for (const filter of filtersOf(value)) {
      if (term === null) return null
      term = safeFilters.get(String(filter['name']))?.[1](term, listOf(filter['args'])) ?? null
    }
    return term
  }
  let written = 0
  const terms: Term[] = []
  /** @returns false: the length is not known */
  function measure(nodes: readonly unknown[]): boolean {
    return nodes.every((node) => {
      if (!isObject(node)) return false
      const { name } = node
      if (typeof node['str'] === 'string') written += node['str'].length
      else if (name === undefined || name === 'echo') {
        const term = termOf(node['value'])
        if (term === null) return false
        terms.push(term)
      } else if (name === 'raw') {
        for (const token of listOf(node['tokens'])) if (isObject(token)) written += Number(token['end']) - Number(token['begin'])
      } else if (name === 'if' || name === 'unless' || name === 'case') return bodiesOf(node).every(measure)
      else return silentTags.has(String(name))
      return true
    })
  }
  const isMeasured = measure(parsed)
  return {
    isSafe,
    length: isMeasured ? { written, terms } : null,
    says: sayingOf(parsed, ends, isOwn),
    pieces: piecesOf(parsed),
    hasValues: parsed.some((node) => isObject(node) && typeof node['str'] !== 'string'),
  }
}

/** Whether a range has few items, whatever the values are. */
function isShortRange({ lhs, rhs }: Fields): boolean {
  const [from, to] = [literalOf(lhs), literalOf(rhs)]
  return typeof from === 'number' && typeof to === 'number' && to - from < RANGE_MAX
}

/** The variable of an output that has no filters but the one that escapes it. */
function plainPathOf(node: Fields): Path | null {
  if (node['name'] !== undefined) return null
  const [only, ...more] = operandsOf(node['value'])
  const isPlain = more.length === 0 && filtersOf(node['value']).every((filter) => filter['name'] === ESCAPING)
  return isPlain ? pathOf(only) : null
}

/** What there is to read on the top level, where no condition can leave it out. `ends`: a tag may end the text */
function sayingOf(parsed: readonly unknown[], ends: boolean, isOwn: (path: Path) => boolean): TextShape['says'] {
  const paths: Path[] = []
  for (const node of parsed) {
    if (!isObject(node)) continue
    if (node['name'] !== undefined && ends) break
    if (typeof node['str'] === 'string' && !isBlank(node['str'])) return true
    const path = plainPathOf(node)
    if (path !== null && !isOwn(path)) paths.push(path)
  }
  return paths
}

function piecesOf(parsed: readonly unknown[]): TextShape['pieces'] {
  const pieces: (string | Path)[] = []
  for (const node of parsed) {
    const piece = !isObject(node) ? null : typeof node['str'] === 'string' ? node['str'] : plainPathOf(node)
    if (piece === null) return null
    pieces.push(piece)
  }
  return pieces
}

/** The value of a variable; undefined, too, where it depends on another one, which `isKnown` tells. */
function lookUp(path: Path, variables: Fields): { readonly isKnown: boolean; readonly value: unknown } {
  let value: unknown = variables
  for (const [index, part] of path.entries()) {
    if (typeof part === 'object') return { isKnown: false, value: undefined }
    // A variable named `size` is one like any other.
    value = index === 0 ? (Object.hasOwn(variables, part) ? variables[part] : undefined) : propertyOf(value, part)
  }
  return { isKnown: true, value }
}

/** The text of a plain value; null: it is none. */
export function plainTextOf(path: Path, variables: Fields): string | null {
  const { isKnown, value } = lookUp(path, variables)
  if (!isKnown) return null
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : null
}

/** How long a text is at most, in UTF-16 units; Infinity: unknown. */
export function lengthAtMost({ length }: TextShape, variables: Fields): number {
  if (length === null) return Infinity
  return length.terms.reduce((sum, { path, factor, more, least }) => {
    const own = path === null ? 0 : (plainTextOf(path, variables)?.length ?? Infinity)
    return sum + Math.max(least, factor * own + more)
  }, length.written)
}

/** Whether there certainly is something to read in a text. */
export const certainlySays = ({ says }: TextShape, variables: Fields): boolean =>
  says === true || says.some((path) => !isBlank(plainTextOf(path, variables) ?? ''))

const VALUES_MAX = 5_000

/** Whether every value can be made a text: an object with a `toString` of its own can't. Of more than 5,000 values it is not known. */
export function areTexts(value: unknown): boolean {
  let left = VALUES_MAX
  const isText = (one: unknown): boolean => {
    if (typeof one !== 'object' || one === null) return true
    if (Array.isArray(one)) {
      left -= one.length
      return left >= 0 && one.every(isText)
    }
    if (Object.hasOwn(one, 'toString')) return false
    for (const key in one) if (--left < 0 || !isText((one as Fields)[key])) return false
    return true
  }
  return isText(value)
}
