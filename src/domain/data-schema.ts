/**
 * JSON Schemas of `data`. A schema is not trusted: one that is not provably cheap (render/schema-cost.ts), or whose call has used its
 * allowance, is compiled and run in the sandbox.
 */
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Problem } from '../errors.ts'
import { programLimits } from '../render/limits.ts'
import type { Meter } from '../render/meter.ts'
import { compilePattern, readPattern } from '../render/pattern.ts'
import { badSchema, createSchemaCompiler, type SchemaCheck } from '../render/schema.ts'
import { costOfSchema, type SchemaCost, unitsToCheck, unitsToCompile } from '../render/schema-cost.ts'
import type { JsonObject } from '../words.ts'
import { checkObject } from './check.ts'

/** A schema of a template. */
export interface DataCheck {
  /** the same for the same schema */
  readonly id: string
  readonly schema: JsonObject
  /** Validates data. @returns the first problem; null: it is valid; undefined: it is to be checked in the sandbox */
  run(data: JsonObject, allowance: Meter): Problem | null | undefined
}

/** Reads schemas. */
export interface DataSchemas {
  /**
   * Checks a schema before it is stored. @returns whether that was all; if not, it is to be compiled in the sandbox
   * @throws BAD_INPUT for one that is not valid or has a pattern that no linear engine can run, TOO_LARGE
   */
  check(schema: JsonObject, allowance: Meter): boolean
  /** The check of a schema that is stored, which is compiled when it is used first. */
  of(schema: JsonObject): DataCheck
}

/** Characters of a schema that are read for one unit. */
const READ_PER_UNIT = 5
/** Schemas that are kept, and the characters of those that are. */
const KEPT_MAX = 4_000
const KEPT_LENGTH = 64_000_000

/** Creates a reader of schemas, which keeps the compiled ones. */
export function createDataSchemas(): DataSchemas {
  const compiler = createSchemaCompiler()
  const kept = new LRUCache<string, DataCheck>({ max: KEPT_MAX, maxSize: KEPT_LENGTH })

  function create(id: string, schema: JsonObject): DataCheck {
    let cost: SchemaCost | null = null
    let check: SchemaCheck | null = null
    let isCheap = true
    return {
      id,
      schema,
      run(data, allowance) {
        cost ??= costOfSchema(schema)
        if (cost.why !== null || !isCheap) return undefined
        if (check === null) {
          if (!allowance.spend(unitsToCompile(cost))) return undefined
          isCheap = [...cost.patterns].every((pattern) => compilePattern(readPattern(pattern)) !== null)
          if (!isCheap) return undefined
          check = compiler.compile(schema)
        }
        return allowance.spend(unitsToCheck(cost, data)) ? check(data) : undefined
      },
    }
  }

  return {
    check(schema, allowance) {
      checkObject('dataSchema', schema, programLimits.schemaLength)
      const { why, refused } = costOfSchema(schema)
      if (refused !== null) {
        const { pattern, what } = refused
        throw badSchema(
          `the pattern ${JSON.stringify(pattern)} has ${what}, which can take exponential time. Use RE2 syntax: ` +
            'alternatives, several patterns in allOf, or not.',
        )
      }
      if (why !== null || !allowance.spend(JSON.stringify(schema).length / READ_PER_UNIT)) return false
      // A cheap schema has only references that lead somewhere and patterns that compile, so it does not have to be compiled now.
      compiler.validate(schema)
      return true
    },
    of(schema) {
      const text = JSON.stringify(schema)
      const id = createHash('sha256').update(text).digest('base64')
      const known = kept.get(id)
      if (known !== undefined) return known
      const fresh = create(id, schema)
      kept.set(id, fresh, { size: text.length + 1 })
      return fresh
    },
  }
}
