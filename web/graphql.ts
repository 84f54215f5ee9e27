/** GraphQL documents of the pages: typed from schema.graphql, plain text at run time. */
import type { graphql as typed } from './generated/gql.ts'

/** A document, what it answers, and what it takes. */
export interface Document<Result, Variables> {
  readonly __apiType?: (variables: Variables) => Result
}

/**
 * Marks a document, which codegen finds and types. At run time it is its text and nothing else, so that a bundle holds what it sends
 * and no more, and so that the pages can be built where codegen is not installed. A fragment is written in the document that uses it.
 */
export const graphql = ((text: string) => text as never) as typeof typed
