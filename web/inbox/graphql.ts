/** Marks the inbox's GraphQL documents. It has its own copy of web/graphql.ts, so that this folder can be packaged without the pages. */
import type { graphql as typed } from '../generated/gql.ts'

/** Marks a document, which codegen finds and types. At run time it is its text and nothing else, so that nothing generated is bundled. */
export const graphql = ((text: string) => text as never) as typeof typed
