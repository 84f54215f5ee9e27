/**
 * Executes operations: parsed and validated once for each text, charged, and with one execution of a subscription and one text of its result for
 * each event and contact, however many connections follow it.
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
import { bytesOf } from './frames.ts'
import { type Answering, createDocumentCache, type Limits } from './limits.ts'
import { isPolled, type Polled } from './polled.ts'

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

/** Where the results of a subscription go. */
export interface Sink {
  /** Whether it takes a result now. If not, it calls `resume` of the pouring as soon as it does. */
  isReady(): boolean
  /** Takes a result: JSON, as the bytes of `frames.ts`. */
  send(bytes: string): void
  /** Called once, after the last result, with the error if that is why. */
  end(error: unknown): void
}

/** The results of a subscription. */
export interface Results extends AsyncIterableIterator<ExecutionResult> {
  /** Sends them to a sink, instead of returning them one by one; null: its source can't. Call it once. */
  readonly pour: ((sink: Sink) => { resume(): void }) | null
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
  follow(args: ExecutionArgs, answering: Answering): Promise<ExecutionResult | Results>
}

/** The result of an event, and its text once it was wanted. */
interface Outcome {
  readonly result: MaybePromise<ExecutionResult>
  bytes: MaybePromise<string> | null
}

/** Followers that receive the same: those of one contact that select the same. */
interface Group {
  followers: number
  /** by event; null: none was shared so far */
  outcomes: WeakMap<object, Outcome> | null
}

type MaybePromise<T> = T | Promise<T>

/** The payload of a message `next`. */
function payloadOf({ errors, ...result }: ExecutionResult): string {
  return bytesOf(JSON.stringify(errors === undefined ? result : { ...result, errors }))
}

/** Creates it. */
export function createExecution({ schema, limits, present, check }: ExecutionDeps): Execution {
  const execute = createExecute(schema)
  const documents = createDocumentCache<Checked>()
  /** by what their followers have in common */
  const groups = new Map<string, Group>()
  const numbers = new WeakMap<DocumentNode, number>()
  let lastNumber = 0

  /** What followers that receive the same have in common; null: the result may be for this caller only. */
  function nameOf({ document, operationName, variableValues }: ExecutionArgs, { caller }: Answering): string | null {
    if (caller.kind !== 'contact') return null
    const number = numbers.get(document) ?? ++lastNumber
    numbers.set(document, number)
    return JSON.stringify([caller.project.id, caller.contactId, number, operationName ?? null, variableValues ?? null])
  }

  /** Counts a follower. @returns its group, and a function that ends its membership; further calls of it do nothing */
  function joinGroup(args: ExecutionArgs, answering: Answering): { readonly group: Group; leave(): void } {
    const name = nameOf(args, answering)
    const group = (name === null ? undefined : groups.get(name)) ?? { followers: 0, outcomes: null }
    group.followers += 1
    if (name !== null) groups.set(name, group)
    let isIn = true
    const leave = (): void => {
      if (isIn) group.followers -= 1
      if (isIn && name !== null && group.followers === 0) groups.delete(name)
      isIn = false
    }
    return { group, leave }
  }

  const presented = (result: ExecutionResult): ExecutionResult =>
    result.errors === undefined ? result : { ...result, errors: result.errors.map(present) }

  function outcomeOf(args: ExecutionArgs, group: Group, event: unknown): Outcome {
    const isShared = group.followers > 1 && typeof event === 'object' && event !== null
    const known = isShared ? group.outcomes?.get(event) : undefined
    if (known !== undefined) return known
    const executed = execute({ ...args, rootValue: event })
    const outcome = { result: executed instanceof Promise ? executed.then(presented) : presented(executed), bytes: null }
    if (isShared) {
      group.outcomes ??= new WeakMap()
      group.outcomes.set(event, outcome)
    }
    return outcome
  }

  function bytesFor(args: ExecutionArgs, group: Group, event: unknown): MaybePromise<string> {
    const outcome = outcomeOf(args, group, event)
    const { result } = outcome
    outcome.bytes ??= result instanceof Promise ? result.then(payloadOf) : payloadOf(result)
    return outcome.bytes
  }

  /** Sends the results of a source that can be polled. */
  function pour(source: Polled<unknown>, args: ExecutionArgs, group: Group, sink: Sink, leave: () => void): { resume(): void } {
    let isExecuting = false
    let isEnded = false
    const end = (error: unknown): void => {
      if (isEnded) return
      isEnded = true
      leave()
      sink.end(error === undefined ? undefined : present(error))
    }
    const fail = (error: unknown): void => {
      end(error)
      void source.return?.()
    }
    const take = (event: unknown): void => {
      const bytes = bytesFor(args, group, event)
      if (typeof bytes === 'string') {
        sink.send(bytes)
        return
      }
      isExecuting = true
      bytes
        .then((made) => {
          isExecuting = false
          if (!isEnded) sink.send(made)
          pump()
        })
        .catch(fail)
    }
    const pump = (): void => {
      try {
        while (!isExecuting && !isEnded && sink.isReady()) {
          const event = source.poll()
          if (event === undefined) return
          take(event)
        }
      } catch (error) {
        fail(error)
      }
    }
    source.begin(pump, end)
    pump()
    return { resume: pump }
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
      const { group, leave } = joinGroup(args, answering)
      const source = events[Symbol.asyncIterator]()
      const results: Results = {
        [Symbol.asyncIterator]: () => results,
        async next() {
          try {
            const { done, value } = await source.next()
            if (done !== true) return { done: false, value: await outcomeOf(args, group, value).result }
          } catch (error) {
            leave()
            throw present(error)
          }
          leave()
          return { done: true, value: undefined }
        },
        async return() {
          leave()
          await source.return?.()
          return { done: true, value: undefined }
        },
        async throw(error) {
          leave()
          await source.throw?.(error)
          throw error
        },
        pour: isPolled(events) ? (sink) => pour(events, args, group, sink, leave) : null,
      }
      return results
    },
  }
}
