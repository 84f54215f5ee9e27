/** Problems: what went wrong with one item of a call, or with one message. */
import { catalogue, type ErrorCode, type Problem } from '../errors.ts'
import type { Builder } from './builder.ts'
import type { Enums } from './enums.ts'

export type Problems = ReturnType<typeof defineProblems>

/** Adds them. */
export function defineProblems(builder: Builder, { ErrorCode }: Pick<Enums, 'ErrorCode'>) {
  return {
    Problem: builder.objectRef<Problem>('Problem').implement({
      description: 'What went wrong with one item.',
      fields: (t) => ({
        code: t.expose('code', { type: ErrorCode, description: 'Which kind of error.' }),
        message: t.exposeString('message', { description: 'The same for people, in English.' }),
        field: t.exposeString('field', { nullable: true, description: 'Dotted path of the input that is wrong.' }),
        retryable: t.exposeBoolean('retryable', { description: 'Whether the same may succeed later.' }),
      }),
    }),
  }
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(catalogue, code)

/** The problem that is stored with a message or an attempt. */
export function storedProblem(row: { readonly errorCode: string | null; readonly errorMessage: string | null }): Problem | null {
  if (row.errorCode === null) return null
  const code = isErrorCode(row.errorCode) ? row.errorCode : 'INTERNAL'
  return { code, message: row.errorMessage ?? catalogue[code].message, field: null, retryable: catalogue[code].retryable }
}
