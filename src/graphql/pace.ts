/**
 * Long lists are resolved in parts: GraphQL resolves a list in one go as long as no field has to wait, and thousands of objects would hold
 * up everything else that the process does.
 */
import { defaultFieldResolver, type GraphQLFieldResolver, GraphQLObjectType, type GraphQLSchema } from 'graphql'
import { createFairQueue } from '../carillon.ts'
import type { Caller, Context } from './context.ts'
import { isListOfObjects } from './measure.ts'

/** How many objects of an operation are resolved in one go. */
const PART = 200

/** A part of an operation: the objects that are resolved when it has its turn. */
interface Part {
  readonly turn: Promise<void> | null
  room: number
}

type Resolver = GraphQLFieldResolver<unknown, { readonly caller?: Caller }>

/** Mutations that mostly wait: for a transaction of many calls, for the first attempt (`wait: SENT`), or for a vendor. */
export const waits: ReadonlySet<string> = new Set([
  'broadcast',
  'sendAlimtalk',
  'sendFriendtalk',
  'sendMessages',
  'sendText',
  'testProvider',
  'triggerCampaign',
])

/** Adds the parts to all lists of objects. Projects have their turns one after the other; other events come between any two. Mutations that mostly wait pause their turn. */
export function pace(schema: GraphQLSchema): GraphQLSchema {
  const waiting = createFairQueue<() => void>()
  const parts = new WeakMap<object, Part>()
  let isSet = false

  const next = (): void => {
    waiting.take()?.()
    isSet = waiting.size > 0
    if (isSet) setImmediate(next)
  }
  const turnOf = (caller: Caller | undefined): Promise<void> =>
    new Promise((resolve) => {
      waiting.add([caller !== undefined && 'project' in caller ? caller.project.id : ''], resolve)
      if (!isSet) setImmediate(next)
      isSet = true
    })

  const inParts = (list: unknown, context: { readonly caller?: Caller }): unknown => {
    if (!Array.isArray(list) || list.length === 0) return list
    const items: readonly unknown[] = list
    let part = parts.get(context)
    if (part === undefined) {
      part = { turn: null, room: PART }
      parts.set(context, part)
    }
    if (part.turn === null && part.room >= items.length) {
      part.room -= items.length
      return list
    }
    const paced: unknown[] = []
    for (const item of items) {
      if (part.room === 0) {
        part = { turn: turnOf(context.caller), room: PART }
        parts.set(context, part)
      }
      part.room -= 1
      paced.push(part.turn === null ? item : part.turn.then(() => item))
    }
    return paced
  }

  for (const [name, field] of Object.entries(schema.getMutationType()?.getFields() ?? {})) {
    const { resolve } = field
    if (!waits.has(name) || resolve === undefined) continue
    field.resolve = (source, args, context: Pick<Context, 'pause'>, info) =>
      context.pause(async () => resolve(source, args, context, info))
  }
  for (const type of Object.values(schema.getTypeMap())) {
    if (!(type instanceof GraphQLObjectType) || type.name.startsWith('__') || type === schema.getSubscriptionType()) continue
    for (const field of Object.values(type.getFields())) {
      if (!isListOfObjects(field.type)) continue
      const resolve: Resolver = field.resolve ?? defaultFieldResolver
      field.resolve = (source, args, context, info) => {
        const list: unknown = resolve(source, args, context, info)
        return list instanceof Promise ? list.then((found: unknown) => inParts(found, context)) : inParts(list, context)
      }
    }
  }
  return schema
}
