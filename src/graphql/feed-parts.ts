/** Which parts of its messages a page of a feed is asked for, by its selection: only those are read. */
import {
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLIncludeDirective,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  getDirectiveValues,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'
import type { FeedPart } from '../domain/feed.ts'

/** What a field takes: parts of the messages, and what the fields below it take. */
interface Taken {
  readonly parts: readonly FeedPart[]
  readonly below?: Fields
}
type Fields = ReadonlyMap<string, Taken>

const takes = (fields: Readonly<Record<string, readonly FeedPart[] | Taken>>): Fields =>
  new Map(Object.entries(fields).map(([name, taken]): [string, Taken] => [name, 'parts' in taken ? taken : { parts: taken }]))

/** Fields that are not listed take everything. */
const everything: Taken = { parts: ['place', 'text', 'message', 'data', 'template', 'actor'] }

/** What the fields of a message take; what is below them is read by them, or is a part of it. */
export const messageFields = takes({
  __typename: [],
  id: ['text'],
  channel: [],
  status: ['message'],
  notification: ['message'],
  error: ['text'],
  attempts: ['text'],
  history: ['text'],
  templateVersion: ['text'],
  createdAt: ['message'],
  sentAt: ['text'],
  deliveredAt: ['text'],
  transactionId: ['data'],
  template: ['template'],
  severity: ['template'],
  feed: ['message'],
  title: ['text'],
  body: ['text'],
  iconUrl: ['text'],
  url: ['text'],
  actor: ['actor'],
  data: ['data'],
  count: ['message'],
  primaryAction: ['message'],
  secondaryAction: ['message'],
  seenAt: ['text'],
  readAt: ['text'],
  archivedAt: ['message'],
  // A page has none that is deleted.
  deletedAt: [],
  // Read with those that are snoozed alone.
  snoozedUntil: [],
  updatedAt: ['message'],
})

/** What the fields of a page take. */
export const pageFields = takes({
  __typename: [],
  nodes: { parts: ['place'], below: messageFields },
  edges: {
    parts: ['place'],
    below: takes({ __typename: [], cursor: [], node: { parts: [], below: messageFields } }),
  },
  pageInfo: ['place'],
  totalCount: [],
  unseenCount: [],
  unreadCount: [],
  bySeverity: [],
  cursor: [],
})

interface Found {
  readonly parts: ReadonlySet<FeedPart>
  /** it depends on the values of variables */
  readonly varies: boolean
}

type Selected = Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments' | 'variableValues'>

function find({ fieldNodes, fragments, variableValues }: Selected): Found {
  const parts = new Set<FeedPart>()
  let varies = false
  /** fragments that were walked, by the fields that they select from: each is walked once */
  const walked = new Map<Fields, Set<FragmentDefinitionNode>>()

  const isLeftOut = (node: SelectionNode): boolean => {
    if (node.directives === undefined || node.directives.length === 0) return false
    varies ||= node.directives.some((directive) => directive.arguments?.some(({ value }) => value.kind === Kind.VARIABLE))
    return (
      getDirectiveValues(GraphQLSkipDirective, node, variableValues)?.['if'] === true ||
      getDirectiveValues(GraphQLIncludeDirective, node, variableValues)?.['if'] === false
    )
  }
  const walk = (set: SelectionSetNode | undefined, fields: Fields): void => {
    for (const node of set?.selections ?? []) {
      if (isLeftOut(node)) continue
      if (node.kind === Kind.FIELD) {
        const { parts: taken, below } = fields.get(node.name.value) ?? everything
        for (const part of taken) parts.add(part)
        if (below !== undefined) walk(node.selectionSet, below)
      } else if (node.kind === Kind.INLINE_FRAGMENT) walk(node.selectionSet, fields)
      else {
        const fragment = fragments[node.name.value]
        const before = walked.get(fields) ?? new Set()
        if (fragment === undefined || before.has(fragment)) continue
        walked.set(fields, before.add(fragment))
        walk(fragment.selectionSet, fields)
      }
    }
  }
  for (const node of fieldNodes) walk(node.selectionSet, pageFields)
  return { parts, varies }
}

/** What was found for fields that select the same each time. */
const found = new WeakMap<FieldNode, ReadonlySet<FeedPart>>()

/** The parts of the messages that a field `feed` is asked for. */
export function feedPartsOf(info: Selected): ReadonlySet<FeedPart> {
  const [node, ...others] = info.fieldNodes
  // Where a field is selected several times, which of them count may depend on the operation.
  const known = node === undefined || others.length > 0 ? undefined : found.get(node)
  if (known !== undefined) return known
  const { parts, varies } = find(info)
  if (node !== undefined && others.length === 0 && !varies) found.set(node, parts)
  return parts
}
