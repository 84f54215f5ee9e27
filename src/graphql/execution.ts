/**
 * Executes operations: parsed and validated once for each text, charged, and with one execution of a subscription for each event
 * and contact, however many connections follow it.
 */
import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  type OperationTypeNode,
} from 'graphql'
import { createExecute } from './compiled.ts'
import { noOperation, type PresentError } from './errors.ts'
import { type Answering, createDocumentCache, type Limits } from './limits.ts'

/** A document that was parsed and validated. */
export interface Checked {
  readonly document: DocumentNode
  readonly problems: readonly GraphQLError[]
}

/** What it needs. */
export interface ExecutionDeps {
  readonly schema: GraphQLSchema
  readonly limits: Limits
  readonly present: PresentError
  /** Parses and validates a document that was not seen before. @throws what is wrong with it */
  check(query: string, answering: Answering): Checked
}

/** Executes operations. Errors are thrown as they come, and presented with the answer. */
export interface Execution {
  /** @throws when it does not parse, or has no such operation */
  read(
    query: string,
    operationName: string | null | undefined,
    answering: Answering,
  ): Checked & { readonly type: OperationTypeNode | `${OperationTypeNode}` }
  /** Charges and executes a query or a mutation. */
  run(args: ExecutionArgs, answering: Answering): Promise<ExecutionResult>
  /** Charges a subscription and begins it. @returns its results, or the errors why there are none */
  follow(args: ExecutionArgs, answering: Answering): Promise<ExecutionResult | AsyncIterableIterator<ExecutionResult>>
}

/** Creates it. */
export function createExecution({ schema, limits, present, check }: ExecutionDeps): Execution {
  const execute = createExecute(schema)
  const documents = createDocumentCache<Checked>()
  /** the results of an event, by who reads what of it */
  const results = new WeakMap<object, Map<string, Promise<ExecutionResult>>>()
  const numbers = new WeakMap<DocumentNode, number>()
  let lastNumber = 0

  /** The same for subscriptions of one contact that select the same; null: the result may be for this caller only. */
  function groupOf({ document, operationName, variableValues }: ExecutionArgs, { caller }: Answering): string | null {
    if (caller.kind !== 'contact') return null
    const number = numbers.get(document) ?? ++lastNumber
    numbers.set(document, number)
    return JSON.stringify([caller.project.id, caller.contactId, number, operationName ?? null, variableValues ?? null])
  }

  const executeEvent = async (args: ExecutionArgs, rootValue: unknown): Promise<ExecutionResult> => {
    const result = await execute({ ...args, rootValue })
    return result.errors === undefined ? result : { ...result, errors: result.errors.map(present) }
  }

  function resultOf(args: ExecutionArgs, group: string | null, event: unknown): Promise<ExecutionResult> {
    if (group === null || typeof event !== 'object' || event === null) return executeEvent(args, event)
    const ofEvent = results.get(event) ?? new Map<string, Promise<ExecutionResult>>()
    const known = ofEvent.get(group)
    if (known !== undefined) return known
    const result = executeEvent(args, event)
    results.set(event, ofEvent.set(group, result))
    return result
  }

  return {
    read(query, operationName, answering) {
      let checked = documents.get(query)
      if (checked === undefined) {
        checked = check(query, answering)
        documents.set(query, checked)
      }
      const operation = getOperationAST(checked.document, operationName)
      if (!operation) throw noOperation()
      return { ...checked, type: operation.operation }
    },

    async run(args, answering) {
      const { ready, done } = await limits.begin(args, answering)
      return ready ?? done(await execute(args))
    },

    async follow(args, answering) {
      limits.beginSubscription(args, answering)
      const events = await createSourceEventStream(args)
      if (!(Symbol.asyncIterator in events)) return events
      const group = groupOf(args, answering)
      const source = events[Symbol.asyncIterator]()
      const results: AsyncIterableIterator<ExecutionResult> = {
        [Symbol.asyncIterator]: () => results,
        async next() {
          const { done, value } = await source.next().catch((error: unknown) => Promise.reject(present(error)))
          return done === true ? { done, value: undefined } : { done: false, value: await resultOf(args, group, value) }
        },
        async return() {
          await source.return?.()
          return { done: true, value: undefined }
        },
        throw: (error) =>
          source.throw === undefined ? Promise.reject(error) : (source.throw(error) as Promise<IteratorResult<ExecutionResult>>),
      }
      return results
    },
  }
}
