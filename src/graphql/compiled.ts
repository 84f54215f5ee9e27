/**
 * Executes operations as graphql-js does, from a plan that is made once: what each object is asked for, by which resolver and in which type.
 * graphql-js finds all of that for every field of every object, which cost more than reading a page of a feed. Errors, nulls and
 * promises follow its algorithm step by step; a test compares both. What a plan can't have is executed by graphql-js itself: mutations,
 * introspection, and documents that come only once.
 */
import {
  type DocumentNode,
  defaultFieldResolver,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLAbstractType,
  GraphQLError,
  type GraphQLFieldResolver,
  GraphQLIncludeDirective,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  getOperationAST,
  getVariableValues,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  locatedError,
  type OperationDefinitionNode,
  responsePathAsArray,
  type SelectionNode,
  type SelectionSetNode,
  visit,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import { bytesOf } from './frames.ts'
import { takesInfo } from './resolver.ts'

type Path = GraphQLResolveInfo['path']
type Fragments = GraphQLResolveInfo['fragments']
type Values = GraphQLResolveInfo['variableValues']

/** One execution. */
interface Run {
  readonly args: ExecutionArgs
  readonly rootValue: unknown
  readonly fragments: Fragments
  readonly variables: Values
  /** objects become their JSON */
  readonly isWritten: boolean
  errors: GraphQLError[] | null
  /** where an error took the place of a value; undefined: of the whole result */
  nulled: Set<Path | undefined> | null
}

/** The JSON of an object, which stands in a result in its place. */
class Written {
  readonly json: string

  constructor(json: string) {
    this.json = json
  }
}

/** Texts that are in JSON as they are. */
const VERBATIM = /^[ !#-[\]-~]*$/

/** JSON of a value of a result, as the bytes of `frames.ts`; undefined: an object has no such key. */
function jsonOf(value: unknown): string | undefined {
  if (typeof value === 'string' && VERBATIM.test(value)) return `"${value}"`
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null'
  if (value === null) return 'null'
  if (value instanceof Written) return value.json
  if (Array.isArray(value)) return `[${Array.from(value, (item) => jsonOf(item) ?? 'null').join()}]`
  const json: string | undefined = JSON.stringify(value)
  return json === undefined ? undefined : bytesOf(json)
}

/** Makes the value of a result from what a resolver returned. @throws what it can't */
type Complete = (run: Run, info: GraphQLResolveInfo, path: Path, value: unknown) => unknown

/** A field of an object type, as an operation selects it. */
interface Field {
  readonly key: string
  /** the key in JSON, with what is in front of it and its colon: where it comes first, and after another one */
  readonly first: string
  readonly next: string
  execute(run: Run, source: unknown, parent: Path | undefined): unknown
}

/** What an operation does, for the same values of the variables that leave something out; null: graphql-js executes it. */
interface Plan {
  readonly fields: readonly Field[] | null
  /** in fields */
  readonly size: number
}

/** Stands for the plan of an operation that came once with these conditions. */
const seenOnce: Plan = { fields: null, size: 1 }

/** Thrown while a plan is made that can't be. */
class Unplannable extends Error {}

/** Fields of a plan. One that has more, by fragments that are used in many places, is not kept. */
const FIELDS_MAX = 500
/** Fields of all plans that are kept. */
const KEPT_FIELDS = 10_000

const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'

/** An object of a result, once all of its values are there. */
const settled = (values: Record<string, unknown>): Promise<Record<string, unknown>> =>
  Promise.all(Object.values(values)).then((all) => {
    Object.keys(values).forEach((key, index) => {
      values[key] = all[index]
    })
    return values
  })

/** An error at a place: of a value that may be null, it takes the value's place. @returns null @throws it, where null is not allowed */
function fail(run: Run, raw: unknown, nodes: readonly FieldNode[], path: Path, type: GraphQLOutputType): null {
  const error = locatedError(raw, nodes, responsePathAsArray(path))
  if (isNonNullType(type)) throw error
  report(run, error, path)
  return null
}

/** Collects an error, unless one around it has taken its place. */
function report(run: Run, error: GraphQLError, path: Path | undefined): void {
  run.nulled ??= new Set()
  for (let around = path; around !== undefined; around = around.prev) if (run.nulled.has(around)) return
  if (run.nulled.has(undefined)) return
  run.nulled.add(path)
  run.errors ??= []
  run.errors.push(error)
}

/** Appends a field to the JSON of an object, which has no end yet. */
function append(json: string, field: Field | undefined, value: unknown): string {
  const text = jsonOf(value)
  if (field === undefined || text === undefined) return json
  return json + (json === '' ? field.first : field.next) + text
}

const ended = (json: string): Written => new Written(json === '' ? '{}' : `${json}}`)

/** The JSON of an object, of which `json` has what is in front of the fields whose values are still to come. */
const written = (json: string, fields: readonly Field[], values: readonly unknown[]): Promise<Written> =>
  Promise.all(values).then((found) => ended(found.reduce<string>((text, value, at) => append(text, fields[at], value), json)))

/** As `executeFields`, promises step by step alike. */
function writeFields(run: Run, fields: readonly Field[], source: unknown, path: Path | undefined): unknown {
  let json = ''
  /** from the first promise on */
  let values: unknown[] | null = null
  try {
    for (const field of fields) {
      const value = field.execute(run, source, path)
      if (values !== null) values.push(value)
      else if (isPromise(value)) values = [value]
      else json = append(json, field, value)
    }
  } catch (error) {
    if (values === null) throw error
    return written(json, [], values).finally(() => {
      throw error
    })
  }
  return values === null ? ended(json) : written(json, fields.slice(-values.length), values)
}

function executeFields(run: Run, fields: readonly Field[], source: unknown, path: Path | undefined): unknown {
  if (run.isWritten) return writeFields(run, fields, source, path)
  const values: Record<string, unknown> = {}
  let waits = false
  try {
    for (const field of fields) {
      const value = field.execute(run, source, path)
      values[field.key] = value
      if (isPromise(value)) waits = true
    }
  } catch (error) {
    if (!waits) throw error
    // What has begun ends first: it may fail as well.
    return settled(values).finally(() => {
      throw error
    })
  }
  return waits ? settled(values) : values
}

/** What each item of a list becomes. */
function completeList(itemType: GraphQLOutputType, nodes: readonly FieldNode[], completeItem: Complete): Complete {
  return (run, info, path, value) => {
    if (typeof value !== 'object' || value === null || !(Symbol.iterator in value)) {
      throw new GraphQLError(`Expected Iterable, but did not find one for field "${info.parentType.name}.${info.fieldName}".`)
    }
    let waits = false
    const completed = Array.from(value as Iterable<unknown>, (item, key): unknown => {
      const place: Path = { prev: path, key, typename: undefined }
      try {
        const done = isPromise(item)
          ? item.then((found) => completeItem(run, info, place, found))
          : completeItem(run, info, place, item)
        if (!isPromise(done)) return done
        waits = true
        return done.then(undefined, (error: unknown) => fail(run, error, nodes, place, itemType))
      } catch (error) {
        return fail(run, error, nodes, place, itemType)
      }
    })
    return waits ? Promise.all(completed) : completed
  }
}

const completeLeaf =
  (type: GraphQLLeafType): Complete =>
  (_run, _info, _path, value) => {
    const serialized = type.serialize(value)
    if (serialized !== null && serialized !== undefined) return serialized
    throw new Error(`${type.name} has no text for a value that is not null.`)
  }

/** What fields are given that take nothing. */
const [noArgs, noInfo, noPath] = [{}, {} as GraphQLResolveInfo, {} as Path]

const keyed = (key: string) => ({ key, first: `{"${key}":`, next: `,"${key}":` })

/** A field that has no arguments, a resolver without `info`, and a value without fields: its place is made for an error only. */
function plainField(
  typename: string,
  key: string,
  nodes: readonly FieldNode[],
  type: GraphQLOutputType,
  resolve: GraphQLFieldResolver<unknown, unknown>,
  complete: Complete,
): Field {
  const failAt = (run: Run, error: unknown, prev: Path | undefined): null =>
    fail(run, error, nodes, { prev, key, typename }, type)
  // A function of its own: one that has closures takes memory each time it is called.
  const later = (run: Run, value: Promise<unknown>, prev: Path | undefined): Promise<unknown> =>
    value.then((found) => complete(run, noInfo, noPath, found)).then(undefined, (error: unknown) => failAt(run, error, prev))
  return {
    ...keyed(key),
    execute(run, source, prev) {
      try {
        const value: unknown = resolve(source, noArgs, run.args.contextValue, noInfo)
        return isPromise(value) ? later(run, value, prev) : complete(run, noInfo, noPath, value)
      } catch (error) {
        return failAt(run, error, prev)
      }
    },
  }
}

/** Why an abstract type can't be resolved to this type, as graphql-js puts it. */
function noTypeOf(schema: GraphQLSchema, { name }: GraphQLAbstractType, found: unknown, field: string): string {
  if (found === null || found === undefined) {
    return (
      `Abstract type "${name}" must resolve to an Object type at runtime for field "${field}". ` +
      `Either the "${name}" type should provide a "resolveType" function or each possible type should provide an "isTypeOf" function.`
    )
  }
  const type = typeof found === 'string' ? schema.getType(found) : undefined
  if (type === undefined)
    return `Abstract type "${name}" was resolved to a type "${found}" that does not exist inside the schema.`
  return isObjectType(type)
    ? `Runtime Object type "${type.name}" is not a possible type for "${name}".`
    : `Abstract type "${name}" was resolved to a non-object type "${type.name}".`
}

/** Makes the plan of an operation, for some values of its variables. @throws Unplannable, and what graphql-js would throw */
function planOf(schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments, variables: Values): Plan {
  let size = 1

  function isLeftOut(node: SelectionNode): boolean {
    return (
      getDirectiveValues(GraphQLSkipDirective, node, variables)?.['if'] === true ||
      getDirectiveValues(GraphQLIncludeDirective, node, variables)?.['if'] === false
    )
  }

  function applies(condition: string | undefined, type: GraphQLObjectType): boolean {
    if (condition === undefined || condition === type.name) return true
    const wanted = schema.getType(condition)
    return isAbstractType(wanted) && schema.isSubType(wanted, type)
  }

  /** The nodes of each field that is selected from a type, by the key of its value in the result. */
  function collect(
    type: GraphQLObjectType,
    sets: readonly (SelectionSetNode | undefined)[],
  ): Map<string, [FieldNode, ...FieldNode[]]> {
    const found = new Map<string, [FieldNode, ...FieldNode[]]>()
    const visited = new Set<string>()
    const walk = ({ selections }: SelectionSetNode): void => {
      for (const node of selections) {
        if (node.kind === Kind.FIELD) {
          if (isLeftOut(node)) continue
          const key = (node.alias ?? node.name).value
          const nodes = found.get(key)
          if (nodes === undefined) found.set(key, [node])
          else nodes.push(node)
        } else if (node.kind === Kind.INLINE_FRAGMENT) {
          if (!isLeftOut(node) && applies(node.typeCondition?.name.value, type)) walk(node.selectionSet)
        } else {
          const name = node.name.value
          if (visited.has(name) || isLeftOut(node)) continue
          visited.add(name)
          const fragment = fragments[name]
          if (fragment !== undefined && applies(fragment.typeCondition.name.value, type)) walk(fragment.selectionSet)
        }
      }
    }
    for (const set of sets) if (set !== undefined) walk(set)
    return found
  }

  function fieldsOf(type: GraphQLObjectType, sets: readonly (SelectionSetNode | undefined)[]): readonly Field[] {
    const fields: Field[] = []
    for (const [key, nodes] of collect(type, sets)) {
      size += 1
      if (size > FIELDS_MAX || key === '__proto__') throw new Unplannable()
      fields.push(field(type, key, nodes))
    }
    return fields
  }

  function field(parentType: GraphQLObjectType, key: string, nodes: readonly [FieldNode, ...FieldNode[]]): Field {
    const [node] = nodes
    const fieldName = node.name.value
    if (fieldName === '__typename') return { ...keyed(key), execute: () => parentType.name }
    const definition = parentType.getFields()[fieldName]
    if (definition === undefined) throw new Unplannable()
    const { type, resolve = defaultFieldResolver, args } = definition
    const complete = completeOf(type, parentType, fieldName, nodes)
    const takesNothing = args.length === 0
    const isLeaf = isLeafType(isNonNullType(type) ? type.ofType : type)
    if (isLeaf && takesNothing && !takesInfo(resolve)) return plainField(parentType.name, key, nodes, type, resolve, complete)
    /** Without any given, and without defaults, there are none. */
    const hasNoArgs =
      (node.arguments ?? []).length === 0 && args.every((one) => one.defaultValue === undefined && !isNonNullType(one.type))
    return {
      ...keyed(key),
      execute(run, source, prev) {
        const path: Path = { prev, key, typename: parentType.name }
        const info: GraphQLResolveInfo = {
          fieldName,
          fieldNodes: nodes,
          returnType: type,
          parentType,
          path,
          schema,
          fragments: run.fragments,
          rootValue: run.rootValue,
          operation,
          variableValues: run.variables,
        }
        try {
          const given = hasNoArgs ? {} : getArgumentValues(definition, node, run.variables)
          const value: unknown = resolve(source, given, run.args.contextValue, info)
          const done = isPromise(value)
            ? value.then((found) => complete(run, info, path, found))
            : complete(run, info, path, value)
          return isPromise(done) ? done.then(undefined, (error: unknown) => fail(run, error, nodes, path, type)) : done
        } catch (error) {
          return fail(run, error, nodes, path, type)
        }
      },
    }
  }

  /** How values of a type are completed, and what for null and errors. */
  function completeOf(
    type: GraphQLOutputType,
    parent: GraphQLObjectType,
    fieldName: string,
    nodes: readonly FieldNode[],
  ): Complete {
    const isRequired = isNonNullType(type)
    const inner = completeSome(isRequired ? type.ofType : type, parent, fieldName, nodes)
    return (run, info, path, value) => {
      if (value instanceof Error) throw value
      const isNone = value === null || value === undefined
      if (isNone && !isRequired) return null
      const completed = isNone ? null : inner(run, info, path, value)
      if (completed === null) throw new Error(`Cannot return null for non-nullable field ${parent.name}.${fieldName}.`)
      return completed
    }
  }

  function completeSome(
    type: GraphQLOutputType,
    parent: GraphQLObjectType,
    fieldName: string,
    nodes: readonly FieldNode[],
  ): Complete {
    if (isListType(type)) return completeList(type.ofType, nodes, completeOf(type.ofType, parent, fieldName, nodes))
    if (isLeafType(type)) return completeLeaf(type)
    if (isObjectType(type)) return completeObject(type, nodes)
    if (!isAbstractType(type) || type.resolveType === undefined || type.resolveType === null) throw new Unplannable()
    const { resolveType } = type
    const completes = new Map(schema.getPossibleTypes(type).map((one) => [one.name, completeObject(one, nodes)]))
    const completeAs = (name: unknown, ...args: Parameters<Complete>): unknown => {
      const complete = typeof name === 'string' ? completes.get(name) : undefined
      if (complete === undefined) throw new GraphQLError(noTypeOf(schema, type, name, `${parent.name}.${fieldName}`), { nodes })
      return complete(...args)
    }
    return (run, info, path, value) => {
      const name: unknown = resolveType(value, run.args.contextValue, info, type)
      return isPromise(name)
        ? name.then((found) => completeAs(found, run, info, path, value))
        : completeAs(name, run, info, path, value)
    }
  }

  function completeObject(type: GraphQLObjectType, nodes: readonly FieldNode[]): Complete {
    if (type.isTypeOf !== undefined && type.isTypeOf !== null) throw new Unplannable()
    const fields = fieldsOf(
      type,
      nodes.map((node) => node.selectionSet),
    )
    return (run, _info, path, value) => executeFields(run, fields, value, path)
  }

  const root = schema.getRootType(operation.operation)
  if (!root || operation.operation === 'mutation') throw new Unplannable()
  return { fields: fieldsOf(root, [operation.selectionSet]), size }
}

/** What is known of an operation, whatever its variables are. */
interface Known {
  readonly number: number
  readonly fragments: Fragments
  /** variables that decide what is left out */
  readonly conditions: readonly string[]
}

type MaybePromise<T> = T | Promise<T>

/** The result of an operation whose data is JSON, as the bytes of `frames.ts`; without data where execution did not begin. */
export interface WrittenResult {
  readonly data?: string
  readonly errors?: readonly GraphQLError[]
}

/** Executes operations. */
export interface Executor {
  execute(args: ExecutionArgs): MaybePromise<ExecutionResult>
  /** Prepares an operation that is executed again and again, with another root value each time. Its results are JSON, made without an object. */
  repeat(args: ExecutionArgs): (rootValue: unknown) => MaybePromise<WrittenResult>
}

const writtenOf = ({ data, errors }: ExecutionResult): WrittenResult => ({
  ...(data === undefined ? {} : { data: bytesOf(JSON.stringify(data)) }),
  ...(errors === undefined ? {} : { errors }),
})

/** Creates the executor of a schema, with plans of its own. */
export function createExecutor(schema: GraphQLSchema): Executor {
  const seen = new WeakSet<OperationDefinitionNode>()
  const operations = new WeakMap<OperationDefinitionNode, Known>()
  const plans = new LRUCache<string, Plan>({ maxSize: KEPT_FIELDS, sizeCalculation: ({ size }) => size })
  let lastNumber = 0

  function knownOf(operation: OperationDefinitionNode, document: DocumentNode): Known {
    const known = operations.get(operation)
    if (known !== undefined) return known
    const fragments: Record<string, FragmentDefinitionNode> = Object.create(null)
    for (const node of document.definitions) if (node.kind === Kind.FRAGMENT_DEFINITION) fragments[node.name.value] = node
    const conditions = new Set<string>()
    visit(document, {
      Directive(node) {
        for (const { value } of node.arguments ?? []) if (value.kind === Kind.VARIABLE) conditions.add(value.name.value)
      },
    })
    lastNumber += 1
    const created = { number: lastNumber, fragments, conditions: [...conditions] }
    operations.set(operation, created)
    return created
  }

  const planName = ({ number, conditions }: Known, variables: Values): string =>
    `${number} ${conditions.map((condition) => String(variables[condition])).join()}`

  function planFor(name: string, operation: OperationDefinitionNode, { fragments, conditions }: Known, variables: Values): Plan {
    const kept = plans.get(name)
    if (kept !== undefined && kept !== seenOnce) return kept
    // Making a plan takes as long as validating: that is worth it only for conditions that come again.
    if (kept === undefined && conditions.length > 0) {
      plans.set(name, seenOnce)
      return seenOnce
    }
    let plan: Plan
    try {
      plan = planOf(schema, operation, fragments, variables)
    } catch {
      // Whatever is wrong, graphql-js says so.
      plan = { fields: null, size: 1 }
    }
    plans.set(name, plan)
    return plan
  }

  /** An operation with its variables; null: graphql-js executes it. */
  function bind(args: ExecutionArgs): Bound | { readonly errors: readonly GraphQLError[] } | null {
    const { document, operationName } = args
    const given = args.variableValues ?? {}
    const operation = getOperationAST(document, operationName)
    if (!operation || operation.operation === 'mutation' || typeof given !== 'object') return null
    if (!seen.has(operation)) {
      seen.add(operation)
      return null
    }
    const { errors, coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], given, { maxErrors: 50 })
    if (errors !== undefined) return { errors }
    const known = knownOf(operation, document)
    return { args, operation, known, variables: coerced, name: planName(known, coerced) }
  }

  /** @returns data and errors as `finish` has them; null: graphql-js executes it */
  function executeBound<T>(
    { args, operation, known, variables, name }: Bound,
    rootValue: unknown,
    isWritten: boolean,
    finish: (data: unknown, errors: readonly GraphQLError[] | null) => T,
  ): MaybePromise<T> | null {
    const { fields } = planFor(name, operation, known, variables)
    if (fields === null) return null
    const { fragments } = known
    const run: Run = { args, rootValue, fragments, variables, isWritten, errors: null, nulled: null }
    const failed = (error: unknown): T => {
      report(run, error as GraphQLError, undefined)
      return finish(null, run.errors)
    }
    try {
      const data = executeFields(run, fields, rootValue, undefined)
      return isPromise(data) ? data.then((found) => finish(found, run.errors), failed) : finish(data, run.errors)
    } catch (error) {
      return failed(error)
    }
  }

  return {
    execute(args) {
      const bound = bind(args)
      if (bound === null || 'errors' in bound) return bound ?? execute(args)
      return executeBound(bound, args.rootValue, false, asObject) ?? execute(args)
    },

    repeat(args) {
      let bound: Bound | { readonly errors: readonly GraphQLError[] } | null = null
      return (rootValue) => {
        bound ??= bind(args)
        if (bound !== null && 'errors' in bound) return bound
        const executed = bound === null ? null : executeBound(bound, rootValue, true, asJson)
        if (executed !== null) return executed
        const result = execute({ ...args, rootValue })
        return isPromise(result) ? result.then(writtenOf) : writtenOf(result)
      }
    },
  }
}

/** An operation that was seen before, with its variables. */
interface Bound {
  readonly args: ExecutionArgs
  readonly operation: OperationDefinitionNode
  readonly known: Known
  readonly variables: Values
  /** of its plan, which is not always kept */
  readonly name: string
}

const asObject = (found: unknown, errors: readonly GraphQLError[] | null): ExecutionResult => {
  const data = found as Record<string, unknown> | null
  return errors === null ? { data } : { errors, data }
}
const asJson = (found: unknown, errors: readonly GraphQLError[] | null): WrittenResult => {
  const data = jsonOf(found) ?? 'null'
  return errors === null ? { data } : { data, errors }
}
