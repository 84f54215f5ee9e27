/**
 * Texts of literals and plain variables, such as `Hello {{ user.name }}`: most texts are of this kind. They are prepared when they are parsed, and
 * rendered without Liquid, which takes most of the time of a short text. The result is Liquid's, and so is what is charged for it.
 */
import type { Template } from 'liquidjs'
import { programLimits } from './limits.ts'
import { ESCAPING, type TemplateCost } from './template-cost.ts'

/** A text that can be rendered here. */
export interface PlainText {
  /** literals, and the paths of variables */
  readonly parts: readonly (string | readonly string[])[]
  readonly isHtml: boolean
  /** the units that its nodes cost, whatever is in the variables */
  readonly units: number
}

/** The variables of a template, by name. */
export interface Variables {
  /** The value of one; undefined: there is none. */
  get(name: string): unknown
  /** All of them, as one object: the same at every call. */
  all(): Record<string, unknown>
}

/** A text that was rendered, and the units that it is to be charged. */
export interface PlainResult {
  readonly text: string
  readonly units: number
}

/** These have a value of their own in Liquid, whatever they are read from. */
const computed = new Set(['size', 'first', 'last'])
/** What a list of nodes costs, however many they are: see `renderTemplates` in liquid.ts. */
const UNITS_PER_LIST = 0.5

/** @returns the prepared text; null: it has tags, filters or other expressions, and only Liquid can render it */
export function plainTextOf(nodes: readonly Template[], escaping: string, cost: TemplateCost): PlainText | null {
  if (escaping !== 'text' && escaping !== 'html') return null
  const isHtml = escaping === 'html'
  const parts: (string | readonly string[])[] = []
  let units = UNITS_PER_LIST
  for (const node of nodes) {
    const part = partOf(node, isHtml)
    if (part === null) return null
    parts.push(part)
    units += cost.unitsOf(node)
  }
  return { parts, isHtml, units }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null

/** @param isEscaped the engine has added its escaping filter to each value */
function partOf(node: object, isEscaped: boolean): string | readonly string[] | null {
  // Tags alone have names.
  if ('name' in node) return null
  if ('str' in node) return typeof node.str === 'string' ? node.str : null
  if (!('value' in node) || !isRecord(node.value)) return null
  const { initial, filters } = node.value
  if (!Array.isArray(filters) || !isRecord(initial)) return null
  // A value that is `| raw` has that filter in the place of the escaping one.
  const names = filters.map((filter: unknown) => (isRecord(filter) ? filter['name'] : null))
  if (names.length !== (isEscaped ? 1 : 0) || names.some((name) => name !== ESCAPING)) return null
  const { postfix } = initial
  const token: unknown = Array.isArray(postfix) && postfix.length === 1 ? postfix[0] : null
  if (!isRecord(token) || token['variable'] !== undefined || !Array.isArray(token['props'])) return null
  const path: string[] = []
  for (const prop of token['props']) {
    const name: unknown = isRecord(prop) ? prop['content'] : null
    if (typeof name !== 'string' || computed.has(name)) return null
    path.push(name)
  }
  return path.length > 0 ? path : null
}

/** Looks a variable up. @returns undefined: Liquid has to, because on the way there is something other than plain objects */
function lookUp(variables: Variables, path: readonly string[]): string | number | boolean | null | undefined {
  let value: unknown = variables.get(path[0] ?? '')
  for (let depth = 1; depth < path.length; depth++) {
    const name = path[depth] ?? ''
    if (value === null || value === undefined) return null
    if (!isRecord(value)) return undefined
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) return undefined
    value = Object.hasOwn(value, name) ? value[name] : null
  }
  if (value === null || value === undefined) return null
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' }

/** Renders. @returns null: only Liquid can, with these variables */
export function renderPlain({ parts, isHtml, units }: PlainText, variables: Variables): PlainResult | null {
  let text = ''
  /** characters that Liquid's filter reads, and those that it counts as memory */
  let touched = 0
  let memory = 0
  for (const part of parts) {
    if (typeof part === 'string') {
      text += part
      continue
    }
    const value = lookUp(variables, part)
    if (value === undefined) return null
    const plain = value === null ? '' : String(value)
    if (isHtml) {
      if (typeof value === 'string') touched += plain.length
      memory += plain.length
      text += plain.replace(/[&<>"']/g, (character) => entities[character] ?? character)
    } else text += plain
  }
  memory += text.length
  return memory > programLimits.memory ? null : { text, units: units + (memory + touched) / programLimits.producedPerUnit }
}
