/**
 * JSON Schemas of `data`: drafts 2020-12 and 7. A schema is its author's code, so it is held in: nothing it refers to is fetched, its
 * size is limited, and a check that takes too long (a pattern that backtracks, a reference that branches) is cut off.
 */
import { createContext, Script } from 'node:vm'
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { CarillonError, type Problem, problem } from '../errors.ts'
import { checkObject } from './check.ts'
import type { JsonObject } from './words.ts'

/** Tells what is wrong with data; null: it fits. */
export type DataCheck = (data: JsonObject) => Problem | null

/** Compiles schemas. */
export interface DataSchemas {
  /** @throws BAD_INPUT for a schema that does not compile, TOO_LARGE */
  compile(schema: JsonObject): DataCheck
}

/** Limits: characters of a schema as JSON, and time for one check. */
export const schemaLimits = { length: 65_536, checkMs: 250 } as const

const DRAFT_7 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/
const DRAFT_2020 = /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/

/** Keywords that nobody knows say nothing, as the standard has it. A reference is compiled once, wherever it is used. */
const options: Options = { strict: false, logger: false, inlineRefs: false, addUsedSchema: false }

/** Where the first error is, as a caller writes it. */
function problemOf({ instancePath, keyword, params, message }: ErrorObject): Problem {
  const more =
    keyword === 'required' ? params['missingProperty'] : keyword === 'additionalProperties' ? params['additionalProperty'] : null
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const field = ['data', ...path, ...(typeof more === 'string' ? [more] : [])].join('.')
  const why = keyword === 'required' ? 'is missing' : keyword === 'additionalProperties' ? 'is not allowed' : message
  return problem('DATA_INVALID', `${field}: ${why ?? 'does not fit'}.`, field)
}

/** Cut off, or nested too deep for the stack. The first comes from the other context, whose errors are not ours by `instanceof`. */
const isTooMuch = (cause: unknown): boolean =>
  cause instanceof RangeError ||
  (typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')

/** Makes a compiler. */
export function createDataSchemas(): DataSchemas {
  const metas = { 7: new Ajv(options), 2020: new Ajv2020(options) }
  const place = createContext({ check: null })
  const script = new Script('check()')
  const bad = (why: string, cause?: unknown): CarillonError =>
    new CarillonError('BAD_INPUT', { field: 'dataSchema', message: `dataSchema: ${why}`, cause })

  function draftOf({ $schema }: JsonObject): 7 | 2020 {
    if ($schema === undefined || (typeof $schema === 'string' && DRAFT_2020.test($schema))) return 2020
    if (typeof $schema === 'string' && DRAFT_7.test($schema)) return 7
    throw bad('$schema must name draft 2020-12 or draft 7 of JSON Schema.')
  }

  return {
    compile(schema) {
      checkObject('dataSchema', schema, schemaLimits.length)
      const draft = draftOf(schema)
      const meta = metas[draft]
      if (meta.validateSchema(schema) !== true)
        throw bad(`is not a JSON Schema: ${meta.errorsText(meta.errors, { dataVar: 'schema' })}.`)
      // One each: what a schema calls itself and its parts is its own, and no other one's to refer to.
      const own = { ...options, validateSchema: false, meta: false } as const
      const ajv = draft === 7 ? new Ajv(own) : new Ajv2020(own)
      formats.default(ajv)
      let validate: ValidateFunction
      try {
        validate = ajv.compile(schema)
      } catch (cause) {
        throw bad(`does not compile: ${cause instanceof Error ? cause.message : String(cause)}.`, cause)
      }
      if ('$async' in validate) throw bad('$async is not supported.')
      return (data) => {
        place['check'] = () => validate(data)
        try {
          if (script.runInContext(place, { timeout: schemaLimits.checkMs }) === true) return null
        } catch (cause) {
          if (!isTooMuch(cause)) throw cause
          return problem('DATA_INVALID', `data: takes longer than ${schemaLimits.checkMs} ms to check.`, 'data')
        } finally {
          place['check'] = null
        }
        const [first] = validate.errors ?? []
        return first === undefined ? problem('DATA_INVALID', undefined, 'data') : problemOf(first)
      }
    },
  }
}
