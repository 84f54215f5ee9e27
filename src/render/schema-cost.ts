/** What it may cost to compile a JSON Schema and to check data with it, found by reading it. Pure. */
import type { Json, JsonObject } from '../words.ts'
import { programLimits } from './limits.ts'
import { readPattern } from './pattern.ts'
import { sizeOf } from './template-cost.ts'

/** The cost of a schema. */
export interface SchemaCost {
  /** why it is compiled and run in the sandbox; null: it is cheap */
  readonly why: string | null
  /** how many keywords, properties and values it has, with each reference in full */
  readonly weight: number
  /** the size of its patterns together */
  readonly patternSize: number
  readonly formats: number
  /** its patterns, once each: RE2 has to take them */
  readonly patterns: ReadonlySet<string>
  /** a pattern that no linear engine can run, and what it uses */
  readonly refused: { readonly pattern: string; readonly what: string } | null
}

const one = new Set('additionalProperties additionalItems contains not if then else propertyNames'.split(' '))
const many = new Set('allOf anyOf oneOf prefixItems'.split(' '))
const maps = new Set('properties patternProperties dependentSchemas'.split(' '))
/** Names and places that can lead anywhere; and what has to be known about all of the data. */
const dear = new Set('$dynamicRef $recursiveRef $dynamicAnchor $anchor $id id unevaluatedProperties unevaluatedItems'.split(' '))
const notes = new Set('title description default examples $comment $schema'.split(' '))
const UNIQUE_MAX = 50
const DEPTH_MAX = 30

class Dear extends Error {}

/** Reads a schema. */
export function costOfSchema(schema: JsonObject): SchemaCost {
  let weight = 0
  let patternSize = 0
  let formats = 0
  let refused: SchemaCost['refused'] = null
  let why: string | null = null
  const patterns = new Set<string>()

  const isObject = (value: Json | undefined): value is JsonObject =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  function add(count: number): void {
    weight += count
    if (weight > programLimits.schemaWeight) throw new Dear('it is large')
  }
  function pattern(source: string): void {
    if (patterns.has(source)) return
    patterns.add(source)
    let read: ReturnType<typeof readPattern>
    try {
      read = readPattern(source)
    } catch {
      throw new Dear('a pattern is none')
    }
    if (read.backtracks !== null) refused ??= { pattern: source, what: read.backtracks }
    if (read.re2 === null) throw new Dear('a pattern may backtrack')
    patternSize += read.size
    if (patternSize > programLimits.patternSize) throw new Dear('its patterns are large')
  }
  function target(ref: Json | undefined): Json | undefined {
    if (typeof ref !== 'string' || !/^#(\/|$)/.test(ref)) throw new Dear('it has references that are not local')
    return ref
      .split('/')
      .slice(1)
      .reduce<Json | undefined>((at, part) => {
        const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
        if (!isObject(at) || !Object.hasOwn(at, key)) throw new Dear('a reference leads nowhere')
        return at[key]
      }, schema)
  }

  function visit(value: Json | undefined, path: readonly unknown[]): void {
    add(1)
    if (!isObject(value)) return
    if (path.includes(value)) throw new Dear('its references are recursive')
    if (path.length > DEPTH_MAX) throw new Dear('it is nested deeply')
    const inside = [...path, value]
    for (const [key, given] of Object.entries(value)) {
      if (notes.has(key)) continue
      add(1)
      if (dear.has(key)) throw new Dear(`it uses ${key}`)
      if (key === '$ref') visit(target(given), inside)
      else if (key === 'uniqueItems' && given === true) {
        const { maxItems } = value
        if (typeof maxItems !== 'number' || maxItems > UNIQUE_MAX) throw new Dear('uniqueItems compares items with each other')
        add(maxItems)
      } else if (key === 'pattern' && typeof given === 'string') pattern(given)
      else if (key === 'format') formats++
      else if (one.has(key) || (key === 'items' && !Array.isArray(given))) visit(given, inside)
      else if ((many.has(key) || key === 'items') && Array.isArray(given)) for (const item of given) visit(item, inside)
      else if (maps.has(key) || key === 'dependencies') {
        for (const [name, item] of Object.entries(isObject(given) ? given : {})) {
          if (key === 'patternProperties') pattern(name)
          if (!Array.isArray(item)) visit(item, inside)
          else add(item.length)
        }
      } else if (key === '$defs' || key === 'definitions') {
        // Compiled where a reference leads to them.
      } else add(sizeOf(given) - 1)
    }
  }
  /** Every pattern that stands anywhere, so that one that is to be refused is found even in a schema that is not cheap. */
  function findRefused(value: Json | undefined, depth: number): void {
    if (refused !== null || typeof value !== 'object' || value === null || depth > 100) return
    for (const [key, given] of Object.entries(value)) {
      const sources = key === 'pattern' && typeof given === 'string' ? [given] : []
      if (key === 'patternProperties' && isObject(given)) sources.push(...Object.keys(given))
      for (const source of sources) {
        if (source.length > REFUSED_LENGTH) continue
        try {
          const { backtracks } = readPattern(source)
          if (backtracks !== null) refused ??= { pattern: source, what: backtracks }
        } catch {
          // It is none: compiling says so.
        }
      }
      findRefused(given, depth + 1)
    }
  }
  try {
    visit(schema, [])
  } catch (error) {
    if (!(error instanceof Dear)) throw error
    why = error.message
  }
  return {
    why,
    weight,
    patternSize,
    formats,
    patterns,
    get refused() {
      if (why !== null) findRefused(schema, 0)
      return refused
    },
  }
}
const REFUSED_LENGTH = 1_000

const WEIGHT_PER_UNIT = 50
const PATTERN_PER_UNIT = 200
const CHARACTERS_PER_UNIT = 30
const COMPILED_PER_WEIGHT = 150
const COMPILED_PER_PATTERN = 500

/** Units of compiling a cheap schema. */
export const unitsToCompile = ({ weight, patternSize, patterns }: SchemaCost): number =>
  (weight + patternSize / 4) * COMPILED_PER_WEIGHT + patterns.size * COMPILED_PER_PATTERN

/** Units of checking data with a cheap schema, at most: every keyword may look at everything that is in the data. */
export function unitsToCheck({ weight, patternSize, patterns, formats }: SchemaCost, data: JsonObject): number {
  let items = 0
  let characters = 0
  let longest = 0
  const text = (value: string): void => {
    characters += value.length
    longest = Math.max(longest, value.length)
  }
  const walk = (value: Json | undefined): void => {
    items++
    if (typeof value === 'string') text(value)
    else if (typeof value === 'object' && value !== null) {
      if (items > ITEMS_MAX) return
      const isList = Array.isArray(value)
      for (const [key, item] of Object.entries(value)) {
        if (!isList) text(key)
        walk(item)
      }
    }
  }
  walk(data)
  if (items > ITEMS_MAX) return Number.POSITIVE_INFINITY
  const keywords = (weight * (items + characters / 32)) / WEIGHT_PER_UNIT
  // A pattern of a format may go back over the text once.
  return (
    1 +
    keywords +
    characters * (patterns.size / CHARACTERS_PER_UNIT + patternSize / PATTERN_PER_UNIT) +
    (formats * longest * longest) / 4_000
  )
}
const ITEMS_MAX = 20_000
