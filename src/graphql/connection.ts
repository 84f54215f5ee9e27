/** Relay connections: the types of a page of a list, and its arguments. */
import type { ObjectRef, FieldMap as PothosFieldMap } from '@pothos/core'
import { queryFromInfo } from '@pothos/plugin-prisma'
import type { GraphQLResolveInfo } from 'graphql'
import type { ListPage, Loading } from '../domain/page.ts'
import type { Builder, SchemaTypes } from './builder.ts'
import type { Context } from './context.ts'

/** The four arguments, described once. */
export function pageArgs(builder: Builder) {
  return builder.args((t) => ({
    first: t.int({ description: 'How many to return from the beginning: 1-100. Default: 20.' }),
    after: t.string({ description: 'Start after this cursor.' }),
    last: t.int({ description: 'How many to return from the end, 1-100; instead of `first`.' }),
    before: t.string({ description: 'End before this cursor.' }),
  }))
}

/** What Prisma loads with the nodes of a connection: one query for the page, however deep the selection is. */
export function loadingOfNodes<L extends Loading<{ select?: unknown; include?: unknown }>>(
  context: Context,
  info: GraphQLResolveInfo,
  typeName: string,
): L {
  const query: object = queryFromInfo({ context, info, typeName, paths: [['nodes'], ['edges', 'node']] })
  // Made from the fields of the model's own type: it has that model's shape.
  return query as L
}

/** Creates the connection and edge types of nodes. */
export function createConnections(builder: Builder) {
  const PageInfo = builder
    .objectRef<{ hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null }>(
      'PageInfo',
    )
    .implement({
      description: 'The position of a page in its list.',
      fields: (t) => ({
        hasNextPage: t.exposeBoolean('hasNextPage', { description: 'Whether there are more after this page.' }),
        hasPreviousPage: t.exposeBoolean('hasPreviousPage', { description: 'Whether there are more before this page.' }),
        startCursor: t.exposeString('startCursor', {
          nullable: true,
          description: 'Cursor of the first node; null for an empty page.',
        }),
        endCursor: t.exposeString('endCursor', {
          nullable: true,
          description: 'Cursor of the last node; null for an empty page.',
        }),
      }),
    })
  const args = pageArgs(builder)

  return {
    args,
    /** The connection type of a node, named after it; `more` adds fields to it. */
    of<T extends object, C extends ListPage<T>>(
      name: string,
      node: ObjectRef<SchemaTypes, T>,
      more?: (t: PothosSchemaTypes.ObjectFieldBuilder<SchemaTypes, C>) => PothosFieldMap,
    ): ObjectRef<SchemaTypes, C> {
      const Edge = builder.objectRef<{ readonly node: T; readonly cursor: string }>(`${name}Edge`).implement({
        description: `A node of ${name}Connection, with its cursor.`,
        fields: (t) => ({
          cursor: t.exposeString('cursor', { description: 'Its position in the list, for `after` and `before`.' }),
          node: t.field({ type: node, description: 'The node.', resolve: (edge) => edge.node as never }),
        }),
      })
      return builder.objectRef<C>(`${name}Connection`).implement({
        description: `One page of a list, as Relay defines connections.`,
        fields: (t) => ({
          edges: t.field({
            type: [Edge],
            description: 'The nodes of this page, with their cursors.',
            resolve: ({ nodes, cursorOf }) => nodes.map((one) => ({ node: one, cursor: cursorOf(one) })),
          }),
          nodes: t.field({ type: [node], description: 'The nodes of this page.', resolve: ({ nodes }) => [...nodes] as never }),
          pageInfo: t.field({
            type: PageInfo,
            description: 'Whether there are more pages, and the cursors of this one.',
            resolve: ({ nodes, hasNextPage, hasPreviousPage, cursorOf }) => {
              const [first, last] = [nodes[0], nodes.at(-1)]
              // Signed only when selected: few clients want both.
              return {
                hasNextPage,
                hasPreviousPage,
                get startCursor() {
                  return first === undefined ? null : cursorOf(first)
                },
                get endCursor() {
                  return last === undefined ? null : cursorOf(last)
                },
              }
            },
          }),
          totalCount: t.int({
            description: 'Size of the whole list; counted only if it is selected.',
            resolve: ({ total }) => total(),
          }),
          ...more?.(t),
        }),
      })
    },
  }
}
