/** What is wrong with a value that a schema refused, in words of our own: what is wanted, and what it is. */
import type { z } from 'zod'
import { shownValue } from './setting.ts'

/** An issue as zod gives it to an error map. */
type Issue = Parameters<z.core.$ZodErrorMap>[0]

const typeWords: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  record: 'an object of names and values',
  object: 'an object',
}

function limitOf(origin: string, bound: 'least' | 'most', limit: number | bigint): string {
  const count = limit.toLocaleString('en')
  if (origin === 'string')
    return limit === 1 && bound === 'least' ? "can't be empty" : `must have at ${bound} ${count} characters`
  if (origin === 'array' || origin === 'set') return `must have at ${bound} ${count} items`
  return `must be at ${bound} ${count}`
}

/** An error map for `safeParse`: what is wanted. A schema's own message stands. */
export function wanted(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is needed' : `must be ${typeWords[issue.expected] ?? issue.expected}`
    case 'too_small':
      return limitOf(issue.origin, 'least', issue.minimum)
    case 'too_big':
      return limitOf(issue.origin, 'most', issue.maximum)
    case 'invalid_value':
      return issue.input === undefined
        ? 'is needed'
        : `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}`
    case 'unrecognized_keys':
      return 'is not known'
    case 'invalid_format':
      return issue.format === 'regex' && issue.pattern !== undefined
        ? `must match ${issue.pattern}`
        : `must be of the form ${issue.format}`
    default:
      return 'is not valid'
  }
}

/** The sentence for a problem: the place, what is wanted there, and what it is. `value` undefined: it is left out, or a secret. */
export const problemAt = (place: string, want: string, value?: unknown): string =>
  `${place}: ${want}${value === undefined ? '' : `; it is ${shownValue(value)}`}`
