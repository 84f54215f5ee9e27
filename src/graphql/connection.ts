/** Relay connections over the primary key: UUIDv7, so the order of the keys is the order of creation. */
import type { ObjectRef, FieldMap as PothosFieldMap } from '@pothos/core'
import { queryFromInfo } from '@pothos/plugin-prisma'
import type { GraphQLResolveInfo } from 'graphql'
import { checkPage, type Page, type PageArgs, type Slice, slice } from '../domain/page.ts'
import type { Builder, SchemaTypes } from './builder.ts'
import type { Context } from './context.ts'

/** A page of rows, as the connection types read it. */
export interface Connection<T> extends Slice<T> {
  readonly cursorOf: (node: T) => string
  readonly total: () => Promise<number>
}

/** The four arguments, described once. */
export function pageArgs(builder: Builder) {
  return builder.args((t) => ({
    first: t.int({ description: 'How many from the beginning, 1-100. Default: 20.' }),
    after: t.string({ description: 'Begin after this cursor.' }),
    last: t.int({ description: 'How many from the end, 1-100; instead of `first`.' }),
    before: t.string({ description: 'End before this cursor.' }),
  }))
}

/** What Prisma has to read along for the nodes of a connection: one query for the page, however deep it goes. */
export function selectionOfNodes<Args extends { select?: unknown; include?: unknown }>(
  context: Context,
  info: GraphQLResolveInfo,
  typeName: string,
): Pick<Args, 'select' | 'include'> {
  const query: object = queryFromInfo({ context, info, typeName, paths: [['nodes'], ['edges', 'node']] })
  // Made from the fields of the model's own type: it has that model's shape.
  return query as Pick<Args, 'select' | 'include'>
}

/** Where to cut a list that is ordered by id. */
export interface IdRange {
  readonly where: { readonly id?: { readonly lt?: string; readonly gt?: string } }
  readonly orderBy: { readonly id: 'asc' | 'desc' }
  readonly take: number
}

/** Reads one page of a list of a project, newest first or oldest first. */
export async function pageById<T extends { readonly id: string }>(
  context: Context,
  list: string,
  projectId: string,
  args: PageArgs,
  order: 'newest-first' | 'oldest-first',
  read: (range: IdRange) => Promise<readonly T[]>,
  total: () => Promise<number>,
): Promise<Connection<T>> {
  const page: Page = checkPage(args)
  const { cursors } = context.domain
  const later = page.after === null ? null : cursors.readRow(list, projectId, page.after)
  const earlier = page.before === null ? null : cursors.readRow(list, projectId, page.before)
  const [lt, gt] = order === 'newest-first' ? [later, earlier] : [earlier, later]
  const isAscending = (order === 'oldest-first') !== page.backward
  const rows = await read({
    where: lt === null && gt === null ? {} : { id: { ...(lt === null ? {} : { lt }), ...(gt === null ? {} : { gt }) } },
    orderBy: { id: isAscending ? 'asc' : 'desc' },
    take: page.limit + 1,
  })
  return { ...slice(rows, page), cursorOf: (node) => cursors.row(list, projectId, node.id), total }
}

/** Makes the connection and edge types of nodes. */
export function createConnections(builder: Builder) {
  const PageInfo = builder
    .objectRef<{ hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null }>(
      'PageInfo',
    )
    .implement({
      description: 'Where a page stands in its list.',
      fields: (t) => ({
        hasNextPage: t.exposeBoolean('hasNextPage', { description: 'Whether more follow.' }),
        hasPreviousPage: t.exposeBoolean('hasPreviousPage', { description: 'Whether there are some before.' }),
        startCursor: t.exposeString('startCursor', { nullable: true, description: 'Cursor of the first node.' }),
        endCursor: t.exposeString('endCursor', { nullable: true, description: 'Cursor of the last node.' }),
      }),
    })
  const args = pageArgs(builder)

  return {
    args,
    /** The connection type of a node, named after it; `more` adds fields to it. */
    of<T extends object, C extends Connection<T>>(
      name: string,
      node: ObjectRef<SchemaTypes, T>,
      more?: (t: PothosSchemaTypes.ObjectFieldBuilder<SchemaTypes, C>) => PothosFieldMap,
    ): ObjectRef<SchemaTypes, C> {
      const Edge = builder.objectRef<{ readonly node: T; readonly cursor: string }>(`${name}Edge`).implement({
        description: `A ${name} in a list, and its place there.`,
        fields: (t) => ({
          cursor: t.exposeString('cursor', { description: 'Its place: what `after` and `before` take.' }),
          node: t.field({ type: node, description: 'The node.', resolve: (edge) => edge.node as never }),
        }),
      })
      return builder.objectRef<C>(`${name}Connection`).implement({
        description: `A page of a list, of the type ${name}.`,
        fields: (t) => ({
          edges: t.field({
            type: [Edge],
            description: 'The nodes with their cursors.',
            resolve: ({ nodes, cursorOf }) => nodes.map((one) => ({ node: one, cursor: cursorOf(one) })),
          }),
          nodes: t.field({ type: [node], description: 'The nodes.', resolve: ({ nodes }) => [...nodes] as never }),
          pageInfo: t.field({
            type: PageInfo,
            description: 'Where this page stands.',
            resolve: ({ nodes, hasNextPage, hasPreviousPage, cursorOf }) => {
              const [first, last] = [nodes[0], nodes.at(-1)]
              // Signed when they are asked for: hardly anybody wants both.
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
            description: 'How many there are in all; counted only when asked for.',
            resolve: ({ total }) => total(),
          }),
          ...more?.(t),
        }),
      })
    },
  }
}
