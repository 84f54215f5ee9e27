/** Texts that may take long: what makes one heavy, and how the renderer says that it does not render it here. */
import type { Renderer } from './content.ts'

/** What is asked of a renderer. */
export type RenderMethod = 'inApp' | 'email' | 'sms' | 'push' | 'text' | 'json'
/** One call of a renderer, as it crosses to another process. */
export interface RenderCall {
  readonly method: RenderMethod
  readonly args: Parameters<Renderer[RenderMethod]>
}

/** Thrown by a renderer that holds up others: this is to be rendered aside, in a process that can be ended. */
export class HeavyText extends Error {
  override readonly name = 'HeavyText'
  readonly call: RenderCall
  constructor(call: RenderCall) {
    super('The text is to be rendered aside.')
    this.call = call
  }
}

/**
 * Filters whose single call takes time in proportion to what they are given. A limit of time is looked at between calls, not within one:
 * any other filter (`sort` by a list, `strip_html` of a hostile text) can take minutes.
 */
const light = new Set([
  ...['default', 'escape', 'escape_once', 'raw', 'upcase', 'downcase', 'capitalize', 'append', 'prepend', 'strip', 'lstrip'],
  ...['rstrip', 'truncate', 'size', 'first', 'last', 'plus', 'minus', 'times', 'divided_by', 'modulo', 'abs', 'round', 'floor'],
  ...[
    'ceil',
    'at_least',
    'at_most',
    'date',
    'json',
    'jsonify',
    'url_encode',
    'url_decode',
    'newline_to_br',
    'strip_newlines',
    'join',
    'reverse',
  ],
])

/** What the engine names the escaping that it puts behind every value of an HTML text; no text can name a filter so. */
const ESCAPING = '[object Function]'

/** Whether a parsed text calls a filter that is not known to be quick. `parsed`: the nodes of its tree, walked without trusting their shape. */
export function callsHeavyFilter(parsed: unknown): boolean {
  const seen = new Set<object>()
  const walk = (value: unknown): boolean => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return false
    seen.add(value)
    if ('filters' in value && Array.isArray(value.filters)) {
      const names = value.filters.map((filter: unknown) =>
        typeof filter === 'object' && filter !== null && 'name' in filter ? String(filter.name) : '',
      )
      if (names.some((name) => !light.has(name) && name !== ESCAPING)) return true
    }
    // The engine and the source hang on every node; what they hold is not this text's.
    return Object.entries(value).some(([key, item]) => key !== 'liquid' && key !== 'tokenizer' && key !== 'handler' && walk(item))
  }
  return walk(parsed)
}
