/**
 * What a parsed template may cost. Nodes, produced characters and touched items are counted while it renders (see liquid.ts); this file says
 * what one node costs, and which filters can't be counted because a single call may take long.
 */

/**
 * Filters that take time in proportion to their input. Limits are checked between calls, not within one, and a single call of any other
 * filter (`sort` by a list, `strip_html` of a hostile text) can take minutes.
 */
const quick = new Set(
  (
    'default escape escape_once raw upcase downcase capitalize append prepend strip lstrip rstrip truncate size first last plus minus ' +
    'times divided_by modulo abs round floor ceil at_least at_most date json jsonify url_encode url_decode newline_to_br strip_newlines ' +
    'join reverse'
  ).split(' '),
)

/** The name of the escaping filter that the engine adds to every value of an HTML text; no template can use that name. */
export const ESCAPING = '[object Function]'

/** The cost of a template. */
export interface TemplateCost {
  /** it calls a filter that may take long in a single call: it is rendered in the sandbox */
  readonly isSlow: boolean
  /** The units of rendering one node once, without the nodes in it. */
  unitsOf(node: object): number
}

/** Parts of a node's expressions for one unit. */
const PARTS_PER_UNIT = 16
/** Every node refers to the engine and to the source, which are not parts of the template's tree. */
const outside = new Set(['liquid', 'tokenizer', 'handler'])
const bodies = new Set(['templates', 'elseTemplates'])

/** Analyses a template. @param parsed the nodes of its tree, walked without trusting their shape */
export function costOfTemplate(parsed: readonly object[]): TemplateCost {
  const units = new WeakMap<object, number>()
  const seen = new Set<object>()
  let isSlow = false
  function countParts(value: unknown): number {
    if (typeof value !== 'object' || value === null || seen.has(value)) return 0
    seen.add(value)
    if ('filters' in value && Array.isArray(value.filters)) {
      const names = value.filters.map((filter: unknown) =>
        typeof filter === 'object' && filter !== null && 'name' in filter ? String(filter.name) : '',
      )
      isSlow ||= names.some((name) => !quick.has(name) && name !== ESCAPING)
    }
    let parts = 1
    for (const [key, item] of Object.entries(value)) {
      if (bodies.has(key) && Array.isArray(item)) visit(item)
      else if (!outside.has(key)) parts += countParts(item)
    }
    return parts
  }
  function visit(nodes: readonly unknown[]): void {
    for (const node of nodes) {
      if (typeof node === 'object' && node !== null) units.set(node, 1 + Math.floor(countParts(node) / PARTS_PER_UNIT))
    }
  }
  visit(parsed)
  return { isSlow, unitsOf: (node) => units.get(node) ?? 1 }
}

const UNITS_PER_TAG = 8
const LITERAL_PER_UNIT = 30

/** Units of parsing a text: each tag and output, and what is in it, costs much more than what is between them. */
export function unitsToParse(source: string): number {
  let inside = 0
  let tags = 0
  let at = source.indexOf('{')
  while (at !== -1) {
    const second = source[at + 1]
    if (second === '{' || second === '%') {
      const end = source.indexOf(second === '{' ? '}}' : '%}', at + 2)
      inside += (end === -1 ? source.length : end) - at
      tags++
      at = end === -1 ? -1 : source.indexOf('{', end + 2)
    } else at = source.indexOf('{', at + 1)
  }
  return tags * UNITS_PER_TAG + inside + (source.length - inside) / LITERAL_PER_UNIT
}

const SIZE_MAX = 50_000
const CHARACTERS_PER_ITEM = 64

/** How much there is in a value: its items at any depth, and its texts, of which 64 characters count as an item. Counts 50,000 at most. */
export function sizeOf(value: unknown): number {
  let size = 0
  const walk = (one: unknown): void => {
    size++
    if (typeof one === 'string') size += one.length / CHARACTERS_PER_ITEM
    else if (typeof one === 'object' && one !== null) {
      for (const item of Array.isArray(one) ? one : Object.values(one)) {
        if (size > SIZE_MAX) return
        walk(item)
      }
    }
  }
  walk(value)
  return size
}
