/** Resolvers around others, and which of them need to know where they are. */
import { defaultFieldResolver, type GraphQLField, type GraphQLFieldResolver } from 'graphql'

type AnyResolver = (...given: never[]) => unknown

/**
 * Whether a resolver is to be given `info`, the place and the selection of its field: it is if it has a parameter for it. Making it for every
 * value of a page is most of what a plain field costs.
 */
export const takesInfo = (resolve: AnyResolver): boolean => resolve.length === 0 || resolve.length > 3

/** Makes a resolver that passes on what it is given to `inner` say that it takes as many parameters. */
export const like = <S, C>(inner: GraphQLFieldResolver<S, C>, resolve: GraphQLFieldResolver<S, C>): GraphQLFieldResolver<S, C> =>
  Object.defineProperty(resolve, 'length', { value: inner.length })

/** The resolver of a field; of one that has none, or the default one, one that does the same and takes no `info`. */
export function resolverOf<S, C>({ name, resolve }: Pick<GraphQLField<S, C>, 'name' | 'resolve'>): GraphQLFieldResolver<S, C> {
  if (resolve !== undefined && resolve !== defaultFieldResolver) return resolve
  return (source, args, context) => {
    if (typeof source !== 'object' || source === null) return undefined
    const value: unknown = source[name as keyof typeof source]
    return typeof value === 'function' ? value.call(source, args, context) : value
  }
}
