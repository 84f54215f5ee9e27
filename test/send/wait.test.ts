import { expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { CarillonError } from '../../src/errors.ts'
import { createWaiter } from '../../src/send/wait.ts'

const state = {
  id: 'm',
  notificationId: 'n',
  channel: 'EMAIL',
  status: 'SENT',
  attemptCount: 1,
  errorCode: null,
  errorMessage: null,
}

/** A wait on a database whose answers are these, one after the other. */
const waitOn = (...answers: readonly (Error | readonly object[])[]) => {
  const left = [...answers]
  const query = async () => {
    const answer = left.shift()
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error('asked too often')
    return { rows: answer }
  }
  return createWaiter({ pool: { query } } as unknown as Database)('p', ['m'])
}

it('goes on while the states can not be read: the messages were accepted, and who is told of a failure sends them again', async () => {
  const lost = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
  expect(await waitOn(lost, new CarillonError('OVERLOADED'), [state])).toEqual([state])
})

it('fails for any other error', async () => {
  await expect(waitOn(new Error('a bug'), [state])).rejects.toThrow('a bug')
})
