/** The inbox's outbox: what happens to an operation that the server rejects or fails. */
import { afterEach, expect, it } from 'vitest'
import { InboxError } from '../../web/inbox/inbox-error.ts'
import { createOutbox, type Outbox } from '../../web/inbox/outbox.ts'

const open: Outbox[] = []
afterEach(() => {
  for (const outbox of open.splice(0)) outbox.close()
})

/** An outbox whose server answers with these codes, one after the other, and then takes everything. */
function outboxOf(answers: string[]) {
  const sent: string[] = []
  const refused: string[] = []
  const outbox = createOutbox({
    async send({ ids }) {
      sent.push(ids.join())
      const code = answers.shift()
      if (code !== undefined) throw new InboxError(code, code)
    },
    onChange() {},
    broadcast() {},
    onRefused: ({ code }) => refused.push(code),
  })
  open.push(outbox)
  return { outbox, sent, refused }
}
const mark = (id: string, read: boolean) => ({ kind: 'mark' as const, ids: [id], marks: { read } })

it.each(['NETWORK', 'TOKEN', 'RATE_LIMITED', 'OVERLOADED', 'INTERNAL', 'OUTCOME_UNKNOWN'])(
  'keeps what was done, in order, after %s',
  async (code) => {
    const { outbox, sent, refused } = outboxOf([code])
    outbox.add(mark('a', true))
    outbox.add(mark('b', false))
    await expect.poll(() => sent).toEqual(['a'])
    expect([outbox.operations.map(({ ids }) => ids[0]), refused]).toEqual([['a', 'b'], []])
    outbox.flush()
    await expect.poll(() => sent).toEqual(['a', 'a', 'b'])
    await expect.poll(() => outbox.operations).toEqual([])
    expect(refused).toEqual([])
  },
)

it('gives up what the server refuses at once, and what it fails with in the end, and goes on with the rest', async () => {
  const { outbox, sent, refused } = outboxOf(['FORBIDDEN'])
  outbox.add(mark('a', true))
  await expect.poll(() => refused).toEqual(['FORBIDDEN'])
  const broken = outboxOf(Array.from({ length: 60 }, () => 'INTERNAL'))
  broken.outbox.add(mark('a', true))
  broken.outbox.add(mark('b', false))
  for (let failed = 1; failed <= 60; failed++) {
    await expect.poll(() => broken.sent.length).toBeGreaterThanOrEqual(failed)
    expect(broken.refused.length).toBe(failed < 60 ? 0 : 1)
    broken.outbox.flush()
  }
  await expect.poll(() => broken.sent.at(-1)).toBe('b')
  await expect.poll(() => broken.outbox.operations).toEqual([])
  expect(sent).toEqual(['a'])
})
