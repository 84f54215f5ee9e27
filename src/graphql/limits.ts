/** What a document may ask for: one plugin, in the path of every transport. */
import { NoSchemaIntrospectionCustomRule, parse } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { CarillonError } from '../errors.ts'
import { type Measure, measure, type Operation } from './measure.ts'

/** The limits of a document and of a connection. What goes over one is refused with QUERY_TOO_COMPLEX, or closes the socket. */
export const limits = {
  /** characters of a document */
  queryChars: 15_000,
  /** lexical tokens of a document */
  tokens: 1_000,
  /** of an operation; see `Measure` for what each counts */
  depth: 10,
  aliases: 15,
  directives: 50,
  cost: 5_000,
  /** operations that one socket may have open at once */
  operationsPerSocket: 100,
  /** messages that one socket may send in a second */
  messagesPerSecond: 200,
  /** bytes of one WebSocket message */
  messageBytes: 64 * 1024,
  /** fragments of one WebSocket message */
  messageFragments: 64,
  /** bytes that may wait for one reader, and for how long without any of them leaving */
  outletBytes: 1024 * 1024,
  stallMs: 30_000,
  /** how long a new socket may take to say who it is */
  initMs: 3_000,
  /** between two pings; who has not answered one when the next is due is gone, two intervals after it fell silent at the latest */
  pingMs: 25_000,
  /** how long a close frame may take to leave before the connection is cut */
  closeMs: 5_000,
  /** live connections with tokens of one contact */
  connectionsPerContact: 100,
  /** HTTP and socket operations that are being answered at once */
  operationsInFlight: 1_000,
} as const

/** Limits that a test may lower; the server runs with `limits`. */
export type Limits = { readonly [K in keyof typeof limits]: number }

const names = {
  depth: 'levels deep',
  aliases: 'aliases or repeated fields',
  directives: 'directives',
  cost: 'objects in its answer',
} satisfies Record<keyof Measure, string>

/** @throws CarillonError QUERY_TOO_COMPLEX when the operation asks for more than the limits allow */
export function assertWithinLimits(operation: Operation): void {
  const measured = measure(operation)
  for (const key of ['depth', 'aliases', 'directives', 'cost'] as const) {
    const got = measured[key]
    const max = limits[key]
    if (got <= max) continue
    const message = `The operation asks for too much: ${got} ${names[key]}, at most ${max} are allowed.`
    throw new CarillonError('QUERY_TOO_COMPLEX', { message, max, got })
  }
}

/** `explore` off: introspection is refused. */
export function useLimits(explore: boolean): Plugin {
  return {
    onParse({ params, setParseFn }) {
      const text = typeof params.source === 'string' ? params.source : params.source.body
      if (text.length > limits.queryChars) {
        const message = `The document is longer than ${limits.queryChars} characters.`
        throw new CarillonError('QUERY_TOO_COMPLEX', { message, max: limits.queryChars, got: text.length })
      }
      setParseFn((source, options) => {
        try {
          return parse(source, { ...options, maxTokens: limits.tokens })
        } catch (error) {
          // The parser has no code for this; a test holds its words.
          if (!(error instanceof Error) || !error.message.includes('Document contains more')) throw error
          const message = `The document has more than ${limits.tokens} tokens.`
          throw new CarillonError('QUERY_TOO_COMPLEX', { message, max: limits.tokens, cause: error })
        }
      })
    },
    onValidate({ addValidationRule }) {
      if (!explore) addValidationRule(NoSchemaIntrospectionCustomRule)
    },
    // Here and not among the validation rules, because page sizes come with the variables, and validation is remembered per document.
    onExecute: ({ args }) => assertWithinLimits(args),
    onSubscribe: ({ args }) => assertWithinLimits(args),
  }
}
