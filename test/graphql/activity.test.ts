/** The live view's queue: what it holds of the bus and of its reader's room, and when it lets go. */
import { expect, it } from 'vitest'
import { createActivityFeed } from '../../src/graphql/activity.ts'
import { createSendBuffer } from '../../src/http/send-buffer.ts'
import { createInProcessBus } from '../../src/signals/in-process.ts'

const change = { notificationId: 'n', messageId: 'm', status: 'SENT', at: '2026-01-01T00:00:00.000Z' } as const

it('lets go of the bus and of its room when a change can not be read', async () => {
  const bus = createInProcessBus()
  let listening = 0
  const counted: typeof bus = {
    ...bus,
    async subscribe(channel, onSignal) {
      const end = await bus.subscribe(channel, onSignal)
      listening += 1
      return () => {
        listening -= 1
        end()
      }
    },
  }
  const sendBuffer = createSendBuffer(10_000, { buffered: () => 0, overflow() {} })
  const reading = createActivityFeed(counted).follow('project', sendBuffer, () =>
    Promise.reject(new Error('The database is unavailable')),
  )
  const next = reading.next()
  await expect.poll(() => listening).toBe(1)
  bus.publish([{ topic: 'activity', projectId: 'project', changes: [change, change, change] }])
  await expect(next).rejects.toThrow('The database is unavailable')
  expect([listening, sendBuffer.held()]).toEqual([0, 0])
  expect(await reading.next()).toEqual({ done: true, value: undefined })
})
