/**
 * Measures the complexity of an operation in one pass over its document, visiting each fragment once. Its cost is what its result may hold:
 * each list is charged with the most that it can hold (`sizes.ts`), whatever it holds in the end.
 */
import {
  type ArgumentNode,
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  getOperationAST,
  isCompositeType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  type ValueNode,
} from 'graphql'
import {
  INTROSPECTION_COST,
  introspectionSizes,
  LEAF_COST,
  LIST_COST,
  type PageSize,
  pageOf,
  sizeOfList,
  weightOf,
  weightOfArgument,
  weightOfItem,
} from './sizes.ts'

/** The complexity of an operation. */
export interface Measure {
  /** levels of nested fields; a root field has depth 1 */
  readonly depth: number
  readonly directives: number
  /** what it may cost: the objects that its result may hold, with their fields, and what its mutations are given */
  readonly cost: number
  /** what it costs if all lists of its result are empty */
  readonly least: number
}

const nothing: Measure = { depth: 0, directives: 0, cost: 0, least: 0 }

/** A validated operation, with the values of its variables. */
export interface Operation {
  readonly schema: GraphQLSchema
  readonly document: DocumentNode
  readonly operationName?: string | null | undefined
  readonly variableValues?: { readonly [name: string]: unknown } | null | undefined
}

/** Whether a type is a list of objects. */
export const isListOfObjects = (type: GraphQLOutputType): boolean => {
  const inner = isNonNullType(type) ? type.ofType : type
  return isListType(inner) && isCompositeType(getNamedType(inner))
}

/** What of a variable's value the measure of its operation depends on. */
function sizeOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.length}`
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return value === undefined ? '?' : value === null ? '0' : typeof value === 'object' ? '{' : ''
}

/** Measures of a document that are kept, by the sizes of its variables. */
const KEPT = 20

/** @returns `measure`, which measures a document only once for variables of the same sizes */
export function createMeasure(): typeof measure {
  const measures = new WeakMap<DocumentNode, Map<string, Measure>>()
  return (operation) => {
    const { document, operationName, variableValues } = operation
    const node = getOperationAST(document, operationName)
    const variables = node?.variableDefinitions ?? []
    const sizes = variables.map(({ variable }) => sizeOf(variableValues?.[variable.name.value]))
    const key = `${node?.name?.value ?? ''} ${sizes.join()}`
    const ofDocument = measures.get(document) ?? new Map<string, Measure>()
    const known = ofDocument.get(key)
    if (known !== undefined) return known
    const measured = measure(operation)
    if (ofDocument.size < KEPT) measures.set(document, ofDocument.set(key, measured))
    return measured
  }
}

/** Measures an operation. Its document must have been validated: a fragment that contains itself would recurse endlessly. */
export function measure({ schema, document, operationName, variableValues }: Operation): Measure {
  const operation = getOperationAST(document, operationName)
  if (operation === undefined || operation === null) return nothing
  const fragments = new Map<string, FragmentDefinitionNode>()
  const defaults = new Map<string, ValueNode>()
  for (const node of document.definitions) if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node)
  for (const { variable, defaultValue } of operation.variableDefinitions ?? []) {
    if (defaultValue !== undefined) defaults.set(variable.name.value, defaultValue)
  }
  const known = new Map<string, Measure>()
  let ofIntrospection: ReadonlyMap<string, number> | undefined

  /** The value of a literal or a variable: a number, a boolean, how many items a list has; undefined for anything else. */
  const givenBy = (node: ValueNode): number | boolean | undefined => {
    if (node.kind === Kind.INT) return Number(node.value)
    if (node.kind === Kind.BOOLEAN) return node.value
    if (node.kind === Kind.LIST) return node.values.length
    // A single value where a list is expected is a list of one.
    if (node.kind === Kind.OBJECT) return 1
    if (node.kind !== Kind.VARIABLE) return undefined
    const given = variableValues?.[node.name.value]
    if (given === undefined) {
      const fallback = defaults.get(node.name.value)
      return fallback === undefined || fallback.kind === Kind.VARIABLE ? undefined : givenBy(fallback)
    }
    if (Array.isArray(given)) return given.length
    if (typeof given === 'number' || typeof given === 'boolean') return given
    return typeof given === 'object' && given !== null ? 1 : undefined
  }

  /** Whether a literal or a variable has a value other than null. */
  const isGiven = (node: ValueNode): boolean => {
    if (node.kind !== Kind.VARIABLE) return node.kind !== Kind.NULL
    const given = variableValues?.[node.name.value]
    const fallback = given === undefined ? defaults.get(node.name.value) : undefined
    return fallback === undefined ? given !== undefined && given !== null : fallback.kind !== Kind.NULL
  }

  /** What a field costs for its arguments. */
  const weightOfGiven = (given: readonly ArgumentNode[] | undefined, path: string): number => {
    let weight = 0
    for (const { name, value } of given ?? []) {
      const own = weightOfArgument(path, name.value)
      if (own > 0 && isGiven(value)) weight += own
    }
    return weight
  }

  const isLeftOut = (directives: readonly DirectiveNode[] | undefined): boolean =>
    directives?.some((directive) => {
      const wanted = directive.name.value === 'include' ? false : directive.name.value === 'skip' ? true : undefined
      const condition = directive.arguments?.[0]
      return wanted !== undefined && condition !== undefined && givenBy(condition.value) === wanted
    }) ?? false

  const pageSize = (given: readonly ArgumentNode[] | undefined, page: PageSize): number => {
    for (const { name, value } of given ?? []) {
      if (name.value !== 'first' && name.value !== 'last') continue
      const size = givenBy(value)
      // The resolver refuses a size that is out of range, with its own error code.
      if (typeof size === 'number') return Math.min(Math.max(size, 1), page.max)
    }
    return page.default
  }

  /** How many items the lists among the arguments have: what a mutation is given. */
  const itemsIn = (given: readonly ArgumentNode[] | undefined, definition: GraphQLField<unknown, unknown>): number => {
    let items = 0
    for (const { name, value } of given ?? []) {
      const type = definition.args.find((argument) => argument.name === name.value)?.type
      if (type === undefined || !isListType(isNonNullType(type) ? type.ofType : type)) continue
      const count = givenBy(value)
      items += typeof count === 'number' ? count : 1
    }
    return items
  }

  /** `around`: how many items the mutation around it was given, or the page around it has. */
  const field = (node: FieldNode, parent: GraphQLNamedType | undefined, around: number): Measure => {
    const name = node.name.value
    const isIntrospection = name === SchemaMetaFieldDef.name || name === TypeMetaFieldDef.name
    const own = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined
    const definition = isIntrospection ? (name === SchemaMetaFieldDef.name ? SchemaMetaFieldDef : TypeMetaFieldDef) : own
    const type = definition && getNamedType(definition.type)
    const isMutation = definition !== undefined && parent === schema.getMutationType()
    const path = `${parent?.name}.${name}`
    const page = pageOf(path, definition)
    const items = isMutation ? itemsIn(node.arguments, definition) : page ? pageSize(node.arguments, page) : around
    const weight = weightOf(path) + weightOfGiven(node.arguments, path) + (isMutation ? items * weightOfItem(name) : 0)
    if (node.selectionSet === undefined) return { depth: 1, directives: 0, cost: LEAF_COST + weight, least: LEAF_COST + weight }
    const inner = walk(node.selectionSet, type, items)
    // Introspection is deep by nature; a validation rule of GraphQL's own keeps it from nesting endlessly.
    const depth = isIntrospection ? 0 : 1 + inner.depth
    const common = { depth, directives: inner.directives }
    // Its resolvers never wait: what they cost is time of all callers.
    if (isIntrospection)
      return { ...common, cost: INTROSPECTION_COST * (1 + inner.cost), least: INTROSPECTION_COST * (1 + inner.cost) }
    if (parent?.name.startsWith('__') === true) {
      ofIntrospection ??= introspectionSizes(schema)
      const size = ofIntrospection.get(path) ?? 1
      return { ...common, cost: size * (1 + inner.cost), least: size * (1 + inner.cost) }
    }
    if (definition !== undefined && isListOfObjects(definition.type)) {
      const least = LIST_COST + weight
      return { ...common, cost: least + sizeOfList(parent, name, items) * (1 + inner.cost), least }
    }
    return { ...common, cost: 1 + weight + inner.cost, least: 1 + weight + inner.least }
  }

  const walk = (set: SelectionSetNode, parent: GraphQLNamedType | undefined, items: number): Measure => {
    let { depth, directives, cost, least } = nothing
    for (const selection of set.selections) {
      directives += selection.directives?.length ?? 0
      if (isLeftOut(selection.directives)) continue
      const inner =
        selection.kind === Kind.FIELD
          ? field(selection, parent, items)
          : selection.kind === Kind.INLINE_FRAGMENT
            ? walk(selection.selectionSet, typeNamed(selection.typeCondition?.name.value) ?? parent, items)
            : spread(selection.name.value, items)
      depth = Math.max(depth, inner.depth)
      directives += inner.directives
      cost += inner.cost
      least += inner.least
    }
    return { depth, directives, cost, least }
  }
  const typeNamed = (name: string | undefined): GraphQLNamedType | undefined =>
    name === undefined ? undefined : schema.getType(name)
  const spread = (name: string, items: number): Measure => {
    const key = `${items} ${name}`
    const before = known.get(key)
    if (before !== undefined) return before
    const fragment = fragments.get(name)
    const result =
      fragment === undefined ? nothing : walk(fragment.selectionSet, typeNamed(fragment.typeCondition.name.value), items)
    known.set(key, result)
    return result
  }

  const total = walk(operation.selectionSet, schema.getRootType(operation.operation) ?? undefined, 0)
  return {
    depth: total.depth,
    directives: total.directives + (operation.directives?.length ?? 0),
    cost: whole(total.cost),
    least: whole(total.least),
  }
}

/** What a result holds, by the same measure: its objects, and their fields. */
export function costOfResult(data: unknown): number {
  let cost = 0
  const waiting: unknown[] = [data]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (Array.isArray(value)) for (const one of value) waiting.push(one)
    else if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
      cost += 1
      const object = value as Readonly<Record<string, unknown>>
      for (const key in object) {
        const inner = object[key]
        if (typeof inner === 'object' && inner !== null) waiting.push(inner)
        else cost += LEAF_COST
      }
    } else cost += LEAF_COST
  }
  return whole(cost)
}

/** Rounded up, without what sums of tenths are wrong by. A document can be made that costs more than a number can hold exactly. */
const whole = (cost: number): number => Math.min(Math.ceil(Math.round(cost * 1_000) / 1_000), Number.MAX_SAFE_INTEGER)
