/** Compiles JSON Schemas, drafts 2020-12 and 7. A schema is not trusted: nothing is fetched, and it is compiled here only if it is cheap. */
import { createRequire } from 'node:module'
import type { Ajv, ErrorObject, Options, ValidateFunction } from 'ajv'
import type { Ajv2020 } from 'ajv/dist/2020.js'
import type formats from 'ajv-formats'
import { CarillonError, isStackOverflow, type Problem, problem } from '../errors.ts'
import type { JsonObject } from '../words.ts'
import { linearEngine } from './pattern.ts'

/** Validates data. @returns the first problem; null: it is valid */
export type SchemaCheck = (data: JsonObject) => Problem | null

/** Compiles schemas. */
export interface SchemaCompiler {
  /** @throws BAD_INPUT for one that is no JSON Schema of these drafts */
  validate(schema: JsonObject): void
  /** Compiles a schema that is valid. @throws BAD_INPUT for one that does not compile */
  compile(schema: JsonObject): SchemaCheck
}

const DRAFT_7 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/
const DRAFT_2020 = /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/

/** The drafts that there are, as `$schema` names them. */
export const drafts = ['http://json-schema.org/draft-07/schema#', 'https://json-schema.org/draft/2020-12/schema'] as const

/** Unknown keywords are ignored, as the standard demands. A reference is compiled once, however often it is used. */
const options: Options = {
  strict: false,
  logger: false,
  inlineRefs: false,
  addUsedSchema: false,
  code: { regExp: linearEngine },
}

/** An error of Ajv as a problem, with the field as a dotted path. */
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

/** A schema that can't be used. */
export const badSchema = (why: string, cause?: unknown): CarillonError =>
  new CarillonError('BAD_INPUT', { field: 'dataSchema', message: `dataSchema: ${why}`, cause })

/** Data whose check exceeded the time of its call. */
export const dataOverBudget = (maxMs: number): Problem =>
  problem('DATA_INVALID', `data: takes longer than ${maxMs} ms to check.`, 'data')

/** The problem of data whose check never ends. */
const endless = problem(
  'DATA_INVALID',
  "data: can't be checked: the schema of the template refers to itself without end.",
  'data',
)

/** @throws BAD_INPUT for a schema that fills the stack */
function withinStack<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (isStackOverflow(error)) throw badSchema('is nested too deeply, or refers to itself without end.', error)
    throw error
  }
}

function draftOf({ $schema }: JsonObject): 7 | 2020 {
  if ($schema === undefined || (typeof $schema === 'string' && DRAFT_2020.test($schema))) return 2020
  if (typeof $schema === 'string' && DRAFT_7.test($schema)) return 7
  throw badSchema('$schema must name draft 2020-12 or draft 7 of JSON Schema.')
}

interface Library {
  readonly Ajv: typeof Ajv
  readonly Ajv2020: typeof Ajv2020
  readonly formats: typeof formats
  /** by draft: what checks that a schema is one */
  readonly metas: { readonly 7: Ajv; readonly 2020: Ajv }
}
const load = createRequire(import.meta.url)
function loadLibrary(): Library {
  const drafts = { Ajv: load('ajv').Ajv, Ajv2020: load('ajv/dist/2020.js').Ajv2020 }
  return {
    ...drafts,
    formats: load('ajv-formats'),
    metas: { 7: new drafts.Ajv(options), 2020: new drafts.Ajv2020(options) },
  }
}

/** Creates a compiler. Ajv is loaded with the first schema. */
export function createSchemaCompiler(): SchemaCompiler {
  let loaded: Library | null = null
  const library = (): Library => (loaded ??= loadLibrary())
  return {
    validate(schema) {
      const meta = library().metas[draftOf(schema)]
      if (withinStack(() => meta.validateSchema(schema)) !== true) {
        throw badSchema(`is not a JSON Schema: ${meta.errorsText(meta.errors, { dataVar: 'schema' })}.`)
      }
      if ('$async' in schema && schema['$async'] === true) throw badSchema('$async is not supported.')
    },
    compile(schema) {
      // One instance per schema: the ids that a schema gives to itself and its parts must not be visible to others.
      const own = { ...options, validateSchema: false, meta: false } as const
      const { Ajv, Ajv2020, formats } = library()
      const ajv = draftOf(schema) === 7 ? new Ajv(own) : new Ajv2020(own)
      formats.default(ajv)
      let check: ValidateFunction
      try {
        check = withinStack(() => ajv.compile(schema))
      } catch (cause) {
        if (cause instanceof CarillonError) throw cause
        throw badSchema(`does not compile: ${cause instanceof Error ? cause.message : String(cause)}.`, cause)
      }
      if ('$async' in check) throw badSchema('$async is not supported.')
      return (data) => {
        try {
          if (check(data) === true) return null
        } catch (error) {
          if (isStackOverflow(error)) return endless
          throw error
        }
        const [first] = check.errors ?? []
        return first === undefined ? problem('DATA_INVALID', undefined, 'data') : problemOf(first)
      }
    },
  }
}
