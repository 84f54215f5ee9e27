/** How much an operation asks for, counted in one walk over its document, fragments once each. */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getOperationAST,
  isInterfaceType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql'

/** What is counted. */
export interface Measure {
  /** fields inside each other; a root field has depth 1 */
  readonly depth: number
  /** aliases, and fields that are asked for again in the same place */
  readonly aliases: number
  readonly directives: number
  /** how many objects the answer may hold: each object field counts 1, times the page sizes around it; leaves are free */
  readonly cost: number
}

const nothing: Measure = { depth: 0, aliases: 0, directives: 0, cost: 0 }

/** What a page holds when neither `first` nor `last` says so, and at most. */
const PAGE = { usual: 20, most: 100 } as const

/** One operation that validated, with the values of its variables. */
export interface Operation {
  readonly schema: GraphQLSchema
  readonly document: DocumentNode
  readonly operationName?: string | null | undefined
  readonly variableValues?: { readonly [name: string]: unknown } | null | undefined
}

/** Counts. The document must have been validated: fragments do not contain themselves. */
export function measure({ schema, document, operationName, variableValues }: Operation): Measure {
  const operation = getOperationAST(document, operationName)
  if (operation === undefined || operation === null) return nothing
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const node of document.definitions) if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node)
  const known = new Map<string, Measure>()

  const pageSize = (field: FieldNode, definition: GraphQLField<unknown, unknown> | undefined): number => {
    if (definition?.args.some(({ name }) => name === 'first') !== true) return 1
    for (const { name, value } of field.arguments ?? []) {
      if (name.value !== 'first' && name.value !== 'last') continue
      const given =
        value.kind === Kind.INT ? Number(value.value) : value.kind === Kind.VARIABLE ? variableValues?.[value.name.value] : null
      // A size that is out of bounds is the resolver's to refuse, with its own code.
      if (typeof given === 'number') return Math.min(Math.max(given, 1), PAGE.most)
    }
    return PAGE.usual
  }

  const walk = (set: SelectionSetNode, parent: GraphQLNamedType | undefined): Measure => {
    let { depth, aliases, directives, cost } = nothing
    const names = new Set<string>()
    for (const selection of set.selections) {
      directives += selection.directives?.length ?? 0
      if (selection.kind === Kind.FIELD) {
        const name = selection.alias?.value ?? selection.name.value
        if (selection.alias !== undefined || names.has(name)) aliases += 1
        names.add(name)
        const hidden = selection.name.value.startsWith('__')
        const fields = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields() : {}
        const definition = hidden ? undefined : fields[selection.name.value]
        if (selection.selectionSet === undefined) {
          depth = Math.max(depth, 1)
          continue
        }
        const inner = walk(selection.selectionSet, definition && getNamedType(definition.type))
        aliases += inner.aliases
        directives += inner.directives
        // Introspection is deep by nature; GraphQL's own rule keeps it from going in circles.
        if (hidden) continue
        depth = Math.max(depth, 1 + inner.depth)
        cost += 1 + pageSize(selection, definition) * inner.cost
      } else {
        const inner = selection.kind === Kind.INLINE_FRAGMENT ? inline(selection, parent) : spread(selection.name.value)
        depth = Math.max(depth, inner.depth)
        aliases += inner.aliases
        directives += inner.directives
        cost += inner.cost
      }
    }
    return { depth, aliases, directives, cost }
  }
  const inline = (
    node: {
      readonly typeCondition?: { readonly name: { readonly value: string } } | undefined
      readonly selectionSet: SelectionSetNode
    },
    parent: GraphQLNamedType | undefined,
  ): Measure => walk(node.selectionSet, node.typeCondition === undefined ? parent : schema.getType(node.typeCondition.name.value))
  const spread = (name: string): Measure => {
    const before = known.get(name)
    if (before !== undefined) return before
    const fragment = fragments.get(name)
    const result = fragment === undefined ? nothing : inline(fragment, undefined)
    known.set(name, result)
    return result
  }

  const total = walk(operation.selectionSet, schema.getRootType(operation.operation) ?? undefined)
  return { ...total, directives: total.directives + (operation.directives?.length ?? 0) }
}
