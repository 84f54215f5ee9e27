/** Problems: why one item of a call, or one message, failed. */
import type { Problem } from '../errors.ts'
import type { Builder } from './builder.ts'
import type { Enums } from './enums.ts'

/** The types of problems. */
export type Problems = ReturnType<typeof defineProblems>

/** Defines the types of problems. */
export function defineProblems(builder: Builder, { ErrorCode }: Pick<Enums, 'ErrorCode'>) {
  return {
    Problem: builder.objectRef<Problem>('Problem').implement({
      description: 'Why one item of a call, or one message, failed.',
      fields: (t) => ({
        code: t.expose('code', { type: ErrorCode, description: 'The kind of error.' }),
        message: t.exposeString('message', { description: 'An explanation in English.' }),
        field: t.exposeString('field', { nullable: true, description: 'Dotted path of the invalid input field.' }),
        retryable: t.exposeBoolean('retryable', { description: 'Whether the same call may succeed later.' }),
      }),
    }),
  }
}
