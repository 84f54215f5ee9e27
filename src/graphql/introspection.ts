/** Introspection: who asks for it, and its answers, which are made once: the schema of a process never changes. */
import { type DocumentNode, type ExecutionResult, getOperationAST, Kind, type SelectionSetNode } from 'graphql'
import { LRUCache } from 'lru-cache'

/** What a document asks of the schema itself: nothing, something, or nothing else. */
export type Introspection = 'none' | 'some' | 'only'

/** @returns what the root fields of an operation ask of the schema */
export function introspectionOf(document: DocumentNode, operationName: string | null | undefined): Introspection {
  const operation = getOperationAST(document, operationName)
  if (operation?.operation !== 'query') return 'none'
  const seen = new Set<string>()
  let isAsked = false
  let isElse = false
  const walk = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const name = selection.name.value
        if (name === '__schema' || name === '__type') isAsked = true
        else if (name !== '__typename') isElse = true
      } else if (selection.kind === Kind.INLINE_FRAGMENT) walk(selection.selectionSet)
      else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value)
        for (const node of document.definitions) {
          if (node.kind === Kind.FRAGMENT_DEFINITION && node.name.value === selection.name.value) walk(node.selectionSet)
        }
      }
    }
  }
  walk(operation.selectionSet)
  return !isAsked ? 'none' : isElse ? 'some' : 'only'
}

/** A result that is text already. Its `stringify` is what Yoga calls to make the body of a response. */
export interface ReadyResult extends ExecutionResult {
  readonly stringify: (result: ExecutionResult) => string
}

/** Answers to introspection, by document, operation and variables. */
export interface IntrospectionAnswers {
  find(key: string): ReadyResult | undefined
  /** @returns the result, with its text */
  store(key: string, result: ExecutionResult): ReadyResult
}

/** Of answers, at most so many, and so many characters. */
const KEPT = { answers: 20, characters: 4_000_000 } as const

/** The key of an answer; null: the variables can't be part of one. */
export function keyOf(
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: { readonly [name: string]: unknown } | null | undefined,
): string | null {
  const text = document.loc?.source.body
  return text === undefined ? null : JSON.stringify([operationName ?? null, variables ?? {}, text])
}

/** Creates the store of answers. */
export function createIntrospectionAnswers(): IntrospectionAnswers {
  const answers = new LRUCache<string, ReadyResult>({
    max: KEPT.answers,
    maxSize: KEPT.characters,
    maxEntrySize: KEPT.characters,
    sizeCalculation: (_result, key) => key.length + 1,
  })
  return {
    find: (key) => answers.get(key),
    store(key, { data }) {
      const text = JSON.stringify({ data })
      const ready: ReadyResult = {
        data: data ?? null,
        stringify: ({ errors, extensions }) => {
          if (errors !== undefined) return JSON.stringify({ errors, data, extensions })
          return extensions === undefined ? text : `${text.slice(0, -1)},"extensions":${JSON.stringify(extensions)}}`
        },
      }
      answers.set(key, ready, { size: text.length + key.length })
      return ready
    },
  }
}
