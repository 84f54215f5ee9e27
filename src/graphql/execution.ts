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
import { createExecutor, type WrittenResult } from './compiled.ts'
import { noOperation, type PresentError } from './errors.ts'
import { bytesOf } from './frames.ts'
import { type Answering, createDocumentCache, type Limits } from './limits.ts'
import { isPolled, type PollingReader } from './polled.ts'

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
  /** Whether it takes a result now. If not, it calls `resume` as soon as it does. */
  isReady(): boolean
  /** Takes a result: JSON, as the bytes of `frames.ts`. */
  send(bytes: string): void
  /** Called once, after the last result, with the error if that is why. */
  end(error: unknown): void
}

/** The sending of results to a sink. */
export interface Pouring {
  /** The sink takes results again. */
  resume(): void
}

/** The results of a subscription. */
export interface Results extends AsyncIterableIterator<ExecutionResult> {
  /** whether its source can be polled, as `pour` does */
  readonly isPourable: boolean
  /** Sends them to a sink, instead of returning them one by one. Call it once. */
  pour(sink: Sink): Pouring
  return(): Promise<IteratorReturnResult<undefined>>
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

/** What an event became for followers that receive the same: each form of it once that was wanted. */
interface Outcome {
  result: MaybePromise<ExecutionResult> | null
  bytes: MaybePromise<string> | null
}

/** Followers that receive the same: those of one contact that select the same. */
interface Group {
  /** null: of one follower, whose results may be for this caller only */
  readonly name: string | null
  followers: number
  /** by event; null: none was shared so far */
  outcomes: WeakMap<object, Outcome> | null
}

type MaybePromise<T> = T | Promise<T>

/** Creates it. */
export function createExecution({ schema, limits, present, check }: ExecutionDeps): Execution {
  const { execute, repeat } = createExecutor(schema)
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

  function join(args: ExecutionArgs, answering: Answering): Group {
    const name = nameOf(args, answering)
    const group = (name === null ? undefined : groups.get(name)) ?? { name, followers: 0, outcomes: null }
    group.followers += 1
    if (name !== null) groups.set(name, group)
    return group
  }

  function leave(group: Group): void {
    group.followers -= 1
    if (group.name !== null && group.followers === 0) groups.delete(group.name)
  }

  const presented = (result: ExecutionResult): ExecutionResult =>
    result.errors === undefined ? result : { ...result, errors: result.errors.map(present) }

  /** The payload of a message `next`. */
  const payloadOf = ({ data, errors }: WrittenResult): string =>
    errors === undefined
      ? `{"data":${data}}`
      : `{${data === undefined ? '' : `"data":${data},`}"errors":${bytesOf(JSON.stringify(errors.map(present)))}}`

  /** The outcome of an event, if others receive the same. */
  function sharedOutcome(group: Group, event: unknown): Outcome | null {
    if (group.followers === 1 || typeof event !== 'object' || event === null) return null
    group.outcomes ??= new WeakMap()
    const outcome = group.outcomes.get(event) ?? { result: null, bytes: null }
    group.outcomes.set(event, outcome)
    return outcome
  }

  function resultFor(args: ExecutionArgs, group: Group, event: unknown): MaybePromise<ExecutionResult> {
    const outcome = sharedOutcome(group, event)
    if (outcome !== null && outcome.result !== null) return outcome.result
    const executed = execute({ ...args, rootValue: event })
    const result = executed instanceof Promise ? executed.then(presented) : presented(executed)
    if (outcome !== null) outcome.result = result
    return result
  }

  function bytesFor(written: ReturnType<typeof repeat>, group: Group, event: unknown): MaybePromise<string> {
    const outcome = sharedOutcome(group, event)
    if (outcome !== null && outcome.bytes !== null) return outcome.bytes
    const result = written(event)
    const bytes = result instanceof Promise ? result.then(payloadOf) : payloadOf(result)
    if (outcome !== null) outcome.bytes = bytes
    return bytes
  }

  /** A class, so that ten thousand subscriptions share its methods. */
  class Following implements Results, Pouring, PollingReader {
    readonly isPourable: boolean
    readonly #args: ExecutionArgs
    readonly #events: AsyncIterable<unknown>
    readonly #source: AsyncIterator<unknown>
    readonly #group: Group
    #sink: Sink | null = null
    /** its operation, prepared with the first event */
    #written: ReturnType<typeof repeat> | null = null
    #isExecuting = false
    #isEnded = false

    constructor(args: ExecutionArgs, answering: Answering, events: AsyncIterable<unknown>) {
      this.isPourable = isPolled(events)
      this.#args = args
      this.#events = events
      this.#source = events[Symbol.asyncIterator]()
      this.#group = join(args, answering)
    }

    [Symbol.asyncIterator](): this {
      return this
    }

    async next(): Promise<IteratorResult<ExecutionResult>> {
      try {
        const { done, value } = await this.#source.next()
        if (done !== true) return { done: false, value: await resultFor(this.#args, this.#group, value) }
      } catch (error) {
        this.#end()
        throw present(error)
      }
      this.#end()
      return { done: true, value: undefined }
    }

    async return(): Promise<IteratorReturnResult<undefined>> {
      this.#end()
      await this.#source.return?.()
      return { done: true, value: undefined }
    }

    async throw(error: unknown): Promise<never> {
      this.#end()
      await this.#source.throw?.(error)
      throw error
    }

    pour(sink: Sink): this {
      if (!isPolled(this.#events)) throw new Error('The source can not be polled.')
      this.#sink = sink
      this.#events.begin(this)
      this.ready()
      return this
    }

    resume(): void {
      this.ready()
    }

    ready(): void {
      if (!isPolled(this.#events)) return
      try {
        while (!this.#isExecuting && !this.#isEnded && this.#sink?.isReady() === true) {
          const event = this.#events.poll()
          if (event === undefined) return
          this.#take(event)
        }
      } catch (error) {
        this.#fail(error)
      }
    }

    ended(error: unknown): void {
      if (this.#isEnded) return
      this.#end()
      this.#sink?.end(error === undefined ? undefined : present(error))
    }

    #take(event: unknown): void {
      this.#written ??= repeat(this.#args)
      const bytes = bytesFor(this.#written, this.#group, event)
      if (typeof bytes === 'string') {
        this.#sink?.send(bytes)
        return
      }
      this.#isExecuting = true
      bytes
        .then((made) => {
          this.#isExecuting = false
          if (!this.#isEnded) this.#sink?.send(made)
          this.ready()
        })
        .catch((error: unknown) => this.#fail(error))
    }

    #fail(error: unknown): void {
      this.ended(error)
      void this.#source.return?.()
    }

    #end(): void {
      if (!this.#isEnded) leave(this.#group)
      this.#isEnded = true
    }
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
      return new Following(args, answering, events)
    },
  }
}
