/** Creates the rows of a dialect's table: what parses a request is what its OpenAPI document says. */
import { z } from 'zod'
import type { Operation } from '../domain/permission.ts'
import { CarillonError } from '../errors.ts'
import { wanted } from '../values/wanted.ts'
import {
  type Answer,
  type Call,
  type Described,
  type Example,
  type Failure,
  type Failures,
  type Headers,
  type Issue,
  type Method,
  type RawRequest,
  type Route,
  SchemaError,
} from './dialect.ts'

/** An item of a list that is not as its schema says. */
export interface Refused {
  /** its position in the list, from 0 */
  readonly index: number
  /** the item as it came */
  readonly value: unknown
  readonly error: SchemaError
}

/** A request that was parsed. */
export interface Parsed<B, Q> {
  readonly body: B
  readonly query: Q
  readonly headers: Headers
  /** the body as it came */
  readonly text: string
  /** values of the path's parameters; an empty text where the path has none of that name */
  param(name: string): string
  /** items that `alone` left out of the body's list */
  readonly refused: readonly Refused[]
}

interface Row<B extends z.ZodType, Q extends z.ZodObject> {
  readonly method: Method
  readonly path: string
  readonly operation: Operation
  readonly summary: string
  /** what each parameter of the path is */
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Q
  /** what an OpenAPI document says of its headers; `handle` reads them */
  readonly headers?: z.ZodObject
  readonly body?: B
  /** The list in the body whose items fail alone: those that are not as their schema says are left out, and given in `refused`. */
  readonly alone?: string
  readonly answers: Readonly<Record<number, Described>>
  readonly example?: Example
  /** how many items it has, or its page may hold; default: 1 */
  items?(parsed: Parsed<z.output<B>, z.output<Q>>): number
  handle(parsed: Parsed<z.output<B>, z.output<Q>>, call: Call): Answer | Promise<Answer>
  failed?(failure: Failure): Answer
  readonly failures?: Failures
}

/**
 * A list of 1 to `max` items. That it is not empty is checked by the row, before some of its items are left out. Every list of a request has a
 * maximum: zod counts first then. It would look at a million items that are wrong, and say so of each.
 */
export const listOf = <T extends z.ZodType>(item: T, max: number) => z.array(item).max(max).meta({ minItems: 1 })

/** A row of the table. */
export function defineRoute<B extends z.ZodType = z.ZodUndefined, Q extends z.ZodObject = z.ZodObject<Record<never, never>>>(
  row: Row<B, Q>,
): Route {
  const { body = null, query = null, alone = null } = row
  return {
    method: row.method,
    path: row.path,
    operation: row.operation,
    summary: row.summary,
    params: row.params ?? {},
    query,
    headers: row.headers ?? null,
    body,
    answers: row.answers,
    example: row.example ?? null,
    failed: row.failed ?? null,
    failures: row.failures ?? null,
    begin(request) {
      const read = readBody(body, alone, request)
      const parsed: Parsed<z.output<B>, z.output<Q>> = {
        body: read.body as z.output<B>,
        query: (query === null ? {} : parse(query, valuesOf(request.query))) as z.output<Q>,
        headers: request.headers,
        text: request.body,
        param: (name) => request.params[name] ?? '',
        refused: read.refused,
      }
      // What was left out took as long to read as the others.
      return { items: (row.items?.(parsed) ?? 1) + read.refused.length, run: async (call) => row.handle(parsed, call) }
    },
  }
}

/** The results of all items of a list, in its order: of those that were left out, and of the others. */
export function inOrder<T>(refused: readonly Refused[], refuse: (one: Refused) => T, results: readonly T[]): T[] {
  const all = [...results]
  // Ascending, so that those before an item are in their places.
  for (const one of refused) all.splice(one.index, 0, refuse(one))
  return all
}

/** Whether a body may be left out. */
export const isOptional = (schema: z.ZodType): boolean => schema.safeParse(undefined).success

function readBody(
  schema: z.ZodType | null,
  alone: string | null,
  { body: text }: RawRequest,
): { readonly body: unknown; readonly refused: readonly Refused[] } {
  if (schema === null) return { body: undefined, refused: [] }
  const body = text === '' && isOptional(schema) ? undefined : parseJson(text)
  const list = alone === null ? null : listIn(body, alone)
  if (alone === null || list === null) return { body: parse(schema, body), refused: [] }
  if (list.length === 0) throw errorOf([{ path: alone, message: "can't be empty", value: null }])
  const found = schema.safeParse(body, { error: wanted })
  if (found.success) return { body: found.data, refused: [] }
  const byIndex = Map.groupBy(found.error.issues, ({ path }) => (path[0] === alone ? path[1] : undefined))
  const refused: Refused[] = []
  for (const [index, issues] of byIndex) {
    if (typeof index !== 'number') throw schemaError(issues, body)
    refused.push({ index, value: list[index], error: schemaError(issues, body) })
  }
  const indices = new Set(refused.map(({ index }) => index))
  const rest = { ...(body as object), [alone]: list.filter((_item, index) => !indices.has(index)) }
  return { body: parse(schema, rest), refused: refused.sort((a, b) => a.index - b.index) }
}

function parse(schema: z.ZodType, value: unknown): unknown {
  const parsed = schema.safeParse(value, { error: wanted })
  if (parsed.success) return parsed.data
  throw schemaError(parsed.error.issues, value)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CarillonError('BAD_REQUEST', { message: 'The request body is not valid JSON.', cause: error })
  }
}

/** The values of a query by name; those of a name that comes several times are a list. */
function valuesOf(query: URLSearchParams): Readonly<Record<string, string | readonly string[]>> {
  const values = new Map<string, string | readonly string[]>()
  for (const name of new Set(query.keys())) {
    const all = query.getAll(name)
    values.set(name, all.length === 1 ? (all[0] ?? '') : all)
  }
  return Object.fromEntries(values)
}

function listIn(body: unknown, name: string): readonly unknown[] | null {
  const list = valueAt(body, [name])
  return Array.isArray(list) ? list : null
}

const ISSUES_MAX = 10

/** A path as people write it: `messages[3].id`. */
const pathOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? String(part) : `${text}.${String(part)}`
  }, '')

function errorOf(issues: readonly Issue[]): SchemaError {
  const { path, message } = issues[0] ?? { path: '', message: 'is not valid', value: null }
  return path === ''
    ? new SchemaError('BAD_INPUT', { message: `The request body ${message}.` }, issues)
    : new SchemaError('BAD_INPUT', { field: path, message: `${path}: ${message}.` }, issues)
}

/** What is at a path in a value, if anything. */
const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (inner, part): unknown => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, part) : undefined),
    value,
  )

const SHORT = 100

function shortOf(value: unknown): Issue['value'] {
  if (typeof value === 'string') return value.length <= SHORT ? value : null
  return typeof value === 'number' || typeof value === 'boolean' ? value : null
}

/**
 * The issues with the alternative that a value seems to be meant as: the one whose kind it has. Of properties that are not known, one each: zod says
 * it of the object that has them.
 */
function meant(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  if (issue.code === 'unrecognized_keys') {
    const short = issue.keys.filter((key) => key.length <= SHORT).slice(0, ISSUES_MAX)
    return short.length === 0 ? [issue] : short.map((key) => ({ ...issue, path: [...issue.path, key] }))
  }
  if (issue.code !== 'invalid_union') return [issue]
  const kindFits = (one: readonly z.core.$ZodIssue[]): boolean =>
    one.every(({ code, path }) => code !== 'invalid_type' || path.length > 0)
  const inside = issue.errors.find(kindFits)
  return inside === undefined ? [issue] : inside.flatMap((one) => meant({ ...one, path: [...issue.path, ...one.path] }))
}

/** The error of a request, by zod's issues with it. */
function schemaError(found: readonly z.core.$ZodIssue[], value: unknown): SchemaError {
  const issues = found.flatMap(meant)
  const shown = issues
    .slice(0, ISSUES_MAX)
    .map(({ path, message }) => ({ path: pathOf(path), message, value: shortOf(valueAt(value, path)) }))
  const tooBig = issues.find((issue) => issue.code === 'too_big' && issue.origin === 'array')
  if (tooBig === undefined || tooBig.code !== 'too_big') return errorOf(shown)
  const field = pathOf(tooBig.path)
  const max = Number(tooBig.maximum)
  const list = valueAt(value, tooBig.path)
  const got = Array.isArray(list) ? list.length : max + 1
  const place = field === '' ? 'The request body' : `${field}:`
  const message = `${place} has ${got} items, at most ${max} are allowed.`
  return new SchemaError('BATCH_TOO_LARGE', { field, max, got, message }, [{ path: field, message, value: null }])
}
