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
import { takesInfo } from './resolver.ts'

type Path = GraphQLResolveInfo['path']
type Fragments = GraphQLResolveInfo['fragments']
type Values = GraphQLResolveInfo['variableValues']

/** One execution. */
interface Run {
  readonly args: ExecutionArgs
  readonly fragments: Fragments
  readonly variables: Values
  readonly errors: GraphQLError[]
  /** where an error took the place of a value; undefined: of the whole result */
  readonly nulled: Set<Path | undefined>
}

/** Makes the value of a result from what a resolver returned. @throws what it can't */
type Complete = (run: Run, info: GraphQLResolveInfo, path: Path, value: unknown) => unknown

/** A field of an object type, as an operation selects it. */
interface Field {
  readonly key: string
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
function report({ errors, nulled }: Run, error: GraphQLError, path: Path | undefined): void {
  for (let around = path; around !== undefined; around = around.prev) if (nulled.has(around)) return
  if (nulled.has(undefined)) return
  nulled.add(path)
  errors.push(error)
}

function executeFields(run: Run, fields: readonly Field[], source: unknown, path: Path | undefined): unknown {
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
    key,
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
    if (fieldName === '__typename') return { key, execute: () => parentType.name }
    const definition = parentType.getFields()[fieldName]
    if (definition === undefined) throw new Unplannable()
    const { type, resolve = defaultFieldResolver, args } = definition
    const complete = completeOf(type, parentType, fieldName, nodes)
    const takesNothing = args.length === 0
    const isLeaf = isLeafType(isNonNullType(type) ? type.ofType : type)
    if (isLeaf && takesNothing && !takesInfo(resolve)) return plainField(parentType.name, key, nodes, type, resolve, complete)
    return {
      key,
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
          rootValue: run.args.rootValue,
          operation,
          variableValues: run.variables,
        }
        try {
          const given = takesNothing ? {} : getArgumentValues(definition, node, run.variables)
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

/** Executes an operation. */
export type Execute = (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>

/** Creates the executor of a schema, with plans of its own. */
export function createExecute(schema: GraphQLSchema): Execute {
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

  function planFor(operation: OperationDefinitionNode, { number, fragments, conditions }: Known, variables: Values): Plan {
    const name = `${number} ${conditions.map((condition) => String(variables[condition])).join()}`
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

  return (args) => {
    const { document, operationName, rootValue } = args
    const given = args.variableValues ?? {}
    const operation = getOperationAST(document, operationName)
    if (!operation || operation.operation === 'mutation' || typeof given !== 'object') return execute(args)
    if (!seen.has(operation)) {
      seen.add(operation)
      return execute(args)
    }
    const { errors, coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], given, { maxErrors: 50 })
    if (errors !== undefined) return { errors }
    const known = knownOf(operation, document)
    const { fields } = planFor(operation, known, coerced)
    if (fields === null) return execute(args)
    const run: Run = { args, fragments: known.fragments, variables: coerced, errors: [], nulled: new Set() }
    const resultOf = (data: unknown): ExecutionResult => {
      const result = { data: data as Record<string, unknown> | null }
      return run.errors.length === 0 ? result : { errors: run.errors, ...result }
    }
    const failed = (error: unknown): ExecutionResult => {
      report(run, error as GraphQLError, undefined)
      return resultOf(null)
    }
    try {
      const data = executeFields(run, fields, rootValue, undefined)
      return isPromise(data) ? data.then(resultOf, failed) : resultOf(data)
    } catch (error) {
      return failed(error)
    }
  }
}
