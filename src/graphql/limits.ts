/** The limits of documents and sockets. One plugin enforces those of documents, and the budgets of cost, for every transport. */
import { createHash } from 'node:crypto'
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  type ParseOptions,
  parse,
  type Source,
  specifiedRules,
  validate,
  visit,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import { CarillonError, isStackOverflow } from '../errors.ts'
import { createLru } from '../lru.ts'
import type { Caller } from './context.ts'
import { createIntrospectionAnswers, introspectionOf, keyOf } from './introspection.ts'
import { costOfResult, createMeasure, type Measure } from './measure.ts'
import type { Budgets, Charge, Spender, Turn } from './transport.ts'

/** The limits of a document. One that exceeds them is refused with QUERY_TOO_COMPLEX. */
export const documentLimits = {
  /** characters of a document */
  queryChars: 15_000,
  /** lexical tokens of a document */
  tokens: 1_000,
  /** of an operation; see `Measure` for what each counts */
  depth: 10,
  directives: 50,
  /** fields of objects that have the same name: validation compares each with each */
  repeats: 100,
  cost: 50_000,
  /** the same, with a key or an access token */
  costOfKey: 250_000,
} as const

/** The characters of a document that cost 1 when it is parsed and validated; one that was seen before costs nothing. */
export const CHARACTERS_PER_COST = 50

/** An operation that costs more than this waits for one of the few turns for such operations. */
export const HEAVY_COST = 2_000

/** Documents that are kept with the result of their validation, characters. Only those are kept that came at least twice. */
const KEPT = { characters: 2_000_000, seen: 5_000 } as const

/** The documents that were parsed, for Yoga. One that never comes again takes no memory, and displaces no other. */
export function createDocumentCache<T extends object>() {
  const documents = new LRUCache<string, T>({
    maxSize: KEPT.characters,
    sizeCalculation: (_document, text) => text.length + 1,
  })
  const seen = createLru<true>({ max: KEPT.seen })
  return {
    get: (text: string): T | undefined => documents.get(text),
    set(text: string, document: T): void {
      const hash = createHash('sha256').update(text).digest('base64')
      if (seen.has(hash)) documents.set(text, document)
      else seen.set(hash, true)
    },
  }
}

/** @throws CarillonError QUERY_TOO_COMPLEX when a name is repeated so often that validation would take long */
function assertFewRepeats(document: DocumentNode): void {
  const counts = new Map<string, number>()
  visit(document, {
    Field({ alias, name, selectionSet }) {
      if (selectionSet === undefined) return
      const key = alias?.value ?? name.value
      const got = (counts.get(key) ?? 0) + 1
      counts.set(key, got)
      if (got <= documentLimits.repeats) return
      const message = `The document has the field ${key} more than ${documentLimits.repeats} times.`
      throw new CarillonError('QUERY_TOO_COMPLEX', { message, max: documentLimits.repeats, got })
    },
  })
}

/** The limits of a socket. One that exceeds them is closed. */
export const socketLimits = {
  /** operations open at once */
  operationsPerSocket: 100,
  /** messages received in a second */
  messagesPerSecond: 200,
  /** bytes of one message */
  messageBytes: 64 * 1024,
  /** fragments of one message */
  messageFragments: 64,
  /** how long a new socket may take to send `connection_init` */
  initMs: 3_000,
  /** how long a close frame may take to leave before the connection is cut */
  closeMs: 5_000,
} as const

/** Limits that a test may lower; the server runs with `socketLimits`. */
export type SocketLimits = { readonly [K in keyof typeof socketLimits]: number }

const units = {
  depth: 'levels of fields',
  directives: 'directives',
  cost: 'units of cost',
} satisfies Partial<Record<keyof Measure, string>>

/** @throws CarillonError QUERY_TOO_COMPLEX when an operation of this complexity exceeds a limit */
function assertWithinLimits(measured: Measure, caller: Caller): void {
  const hasKey = caller.kind === 'project' || caller.kind === 'operator'
  for (const key of ['depth', 'directives', 'cost'] as const) {
    const got = measured[key]
    const max = key === 'cost' && hasKey ? documentLimits.costOfKey : documentLimits[key]
    if (got <= max) continue
    const message = `The operation is too complex: it has ${got} ${units[key]}, and at most ${max} are allowed.`
    throw new CarillonError('QUERY_TOO_COMPLEX', { message, max, got })
  }
}

/** An operation while it is answered. */
export interface Answering extends Spender {
  /** the turn in which it is executed now; null: none */
  turn: Turn | null
  /** what it was charged with; null: nothing, so far */
  charge: Charge | null
  /** the result states the charge: to contact tokens, whose budgets are small, and to those who ask for it */
  isCostShown: boolean
}

interface ExecutionDone {
  readonly result: ExecutionResult | AsyncIterable<ExecutionResult>
  setResult(result: ExecutionResult): void
}

/** The plugins' context: the operation is part of it for every transport. */
interface WithAnswering {
  readonly answering: Answering
}

/** What the limits need. */
export interface LimitDeps {
  /** off: introspection is refused */
  readonly explore: boolean
  readonly budgets: Budgets
}

/** An operation that was charged, and may be executed now. */
export interface Begun {
  /** its result, if it need not be executed */
  readonly ready: ExecutionResult | null
  /** @returns the result as it is answered: with its charge, where that is shown */
  done(result: ExecutionResult): ExecutionResult
}

/** Enforces `documentLimits`, and charges each operation with its cost. */
export interface Limits {
  /**
   * Charges a query or a mutation, and waits for its turn if it costs much.
   * @throws CarillonError QUERY_TOO_COMPLEX, RATE_LIMITED or OVERLOADED: it must not be executed
   */
  begin(args: ExecutionArgs, answering: Answering): Begun | Promise<Begun>
  /** Charges a subscription. @throws the same */
  beginSubscription(args: ExecutionArgs, answering: Answering): void
  /** Parses and validates a document that was not seen before. @throws QUERY_TOO_COMPLEX, or what the parser says */
  check(
    schema: GraphQLSchema,
    query: string,
    answering: Answering,
  ): { readonly document: DocumentNode; readonly problems: readonly GraphQLError[] }
  /** All of it for Yoga, which parses, validates and executes by itself. */
  readonly plugin: Plugin<WithAnswering>
}

/** Creates the limits. */
export function createLimits({ explore, budgets }: LimitDeps): Limits {
  const answers = createIntrospectionAnswers()
  const measureOf = createMeasure()

  /** Refuses an operation, or charges it. */
  const charge = (args: ExecutionArgs, answering: Answering): Measure => {
    const measured = measureOf(args)
    assertWithinLimits(measured, answering.caller)
    answering.charge = budgets.spend(answering, 1 + measured.cost)
    return measured
  }
  /**
   * Gives back what lists could have held and did not, and charges what they held beyond. Nothing is given back after an error, which may
   * come after all of the work.
   */
  const settle = (answering: Answering, { cost, least }: Measure, data: unknown): void => {
    if (answering.charge === null || answering.charge.remaining === null || cost === least) return
    const held = costOfResult(data)
    const actual = 1 + (held > cost ? held : Math.min(cost, least + held))
    const { requested } = answering.charge
    if (actual !== requested) answering.charge = { ...budgets.correct(answering, actual - requested), requested }
  }
  const withCost = (result: ExecutionResult, { isCostShown, charge: cost }: Answering): ExecutionResult =>
    isCostShown ? { ...result, extensions: { ...result.extensions, cost } } : result

  // Not a validation rule: page sizes depend on variables, and the result of validation is cached per document.
  const begin = (args: ExecutionArgs, answering: Answering): Begun | Promise<Begun> => {
    const { document, operationName } = args
    const variables = args.variableValues ?? {}
    const measured = charge(args, answering)
    const introspection = introspectionOf(document, operationName)
    if (introspection !== 'none') budgets.introspect(answering)
    const key = introspection === 'only' ? keyOf(document, operationName, variables) : null
    const ready = key === null ? undefined : answers.find(key)
    if (ready !== undefined) return { ready: withCost(ready, answering), done: (result) => result }
    const begun: Begun = {
      ready: null,
      done(result) {
        const failed = result.errors !== undefined && result.errors.length > 0
        if (!failed && introspection === 'none') settle(answering, measured, result.data)
        return withCost(key === null || failed ? result : answers.store(key, result), answering)
      },
    }
    if (measured.cost <= HEAVY_COST || answering.turn === null) return begun
    return answering.turn.grow().then(
      () => begun,
      (error: unknown) => {
        // Nothing was done.
        budgets.correct(answering, -1 - measured.cost)
        throw error
      },
    )
  }

  const beginSubscription = (args: ExecutionArgs, answering: Answering): void => void charge(args, answering)

  /** @throws when it is too long, even for a document that was seen before */
  function assertShort(text: string): void {
    if (text.length <= documentLimits.queryChars) return
    const message = `The document is longer than ${documentLimits.queryChars} characters.`
    throw new CarillonError('QUERY_TOO_COMPLEX', { message, max: documentLimits.queryChars, got: text.length })
  }

  /** Parses a document that was not seen before. */
  function parseNew(source: string | Source, answering: Answering, options: ParseOptions = {}): DocumentNode {
    const { length } = typeof source === 'string' ? source : source.body
    budgets.correct(answering, Math.ceil(length / CHARACTERS_PER_COST))
    try {
      const document = parse(source, { ...options, maxTokens: documentLimits.tokens })
      assertFewRepeats(document)
      return document
    } catch (error) {
      if (isStackOverflow(error)) {
        throw new CarillonError('QUERY_INVALID', { message: 'The document is nested too deeply.', cause: error })
      }
      // The parser has no code for this; a test fails when it changes the message.
      if (!(error instanceof Error) || !error.message.includes('Document contains more')) throw error
      const message = `The document has more than ${documentLimits.tokens} tokens.`
      throw new CarillonError('QUERY_TOO_COMPLEX', { message, max: documentLimits.tokens, cause: error })
    }
  }

  const rules = explore ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule]
  const check: Limits['check'] = (schema, query, answering) => {
    assertShort(query)
    const document = parseNew(query, answering)
    return { document, problems: validate(schema, document, rules) }
  }

  const plugin: Plugin<WithAnswering> = {
    onParse({ params, context, setParseFn }) {
      assertShort(typeof params.source === 'string' ? params.source : params.source.body)
      setParseFn((source, options) => parseNew(source, context.answering, options))
    },
    onValidate({ addValidationRule }) {
      if (!explore) addValidationRule(NoSchemaIntrospectionCustomRule)
    },
    onExecute({ args, setResultAndStopExecution }) {
      const begun = begin(args, args.contextValue.answering)
      const hooksOf = ({ ready, done }: Begun) => {
        if (ready !== null) return setResultAndStopExecution(ready)
        return {
          onExecuteDone({ result, setResult }: ExecutionDone) {
            if (!(Symbol.asyncIterator in result)) setResult(done(result))
          },
        }
      }
      return begun instanceof Promise ? begun.then(hooksOf) : hooksOf(begun)
    },
    onSubscribe: ({ args }) => beginSubscription(args, args.contextValue.answering),
  }
  return { begin, beginSubscription, check, plugin }
}
