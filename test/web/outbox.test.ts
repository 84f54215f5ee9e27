/** The inbox's outbox: what happens to an operation that the server rejects or fails. */
import { afterEach, expect, it, vi } from 'vitest'
import { InboxError } from '../../web/inbox/inbox-error.ts'
import type { InboxMessage } from '../../web/inbox/message.ts'
import { createOptimisticView } from '../../web/inbox/optimistic-view.ts'
import { createOutbox, type NewOperation, type Operation, type Outbox } from '../../web/inbox/outbox.ts'
import { openSnapshotStore } from '../../web/inbox/snapshot-store.ts'
import { textsFor } from '../../web/inbox/texts.ts'
import { createUndoNotice } from '../../web/inbox/undo-notice.ts'

const open: Outbox[] = []
afterEach(() => {
  for (const outbox of open.splice(0)) outbox.close()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

const nameOf = (operation: Operation) => (operation.kind === 'all' ? 'all' : operation.ids.join())
/** An outbox whose server answers with these codes, one after the other, and then takes everything. */
function outboxOf(answers: string[], slow?: Promise<void>) {
  const sent: string[] = []
  const released: string[] = []
  const refused: string[] = []
  const outbox = createOutbox({
    async send(operation) {
      sent.push(nameOf(operation))
      await slow
      const code = answers.shift()
      if (code !== undefined) throw new InboxError(code, code)
    },
    onChange() {},
    broadcast() {},
    onReleased: () => released.push(sent.join()),
    onRefused: ({ code }) => refused.push(code),
  })
  open.push(outbox)
  return { outbox, sent, refused, released }
}
const mark = (id: string, read: boolean) => ({ kind: 'mark' as const, ids: [id], marks: { read } })

it.each(['NETWORK', 'TOKEN', 'RATE_LIMITED', 'OVERLOADED', 'INTERNAL', 'OUTCOME_UNKNOWN'])(
  'keeps what was done, in order, after %s',
  async (code) => {
    const { outbox, sent, refused } = outboxOf([code])
    outbox.add(mark('a', true))
    outbox.add(mark('b', false))
    await expect.poll(() => sent).toEqual(['a'])
    expect([outbox.operations.map(nameOf), refused]).toEqual([['a', 'b'], []])
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

const deleteRead: NewOperation = {
  kind: 'all',
  feeds: null,
  which: { read: true },
  until: 'c',
  newest: '2026-01-05',
  counts: { unseen: 0, unread: 0 },
  marks: { deleted: true },
}

it('sends what is held for all that is read before the next thing is read, here or in another tab; seeing leaves it', async () => {
  const { outbox, sent, released } = outboxOf([])
  const undo = outbox.add(deleteRead, 60_000)
  outbox.add({ kind: 'mark', ids: ['seen'], marks: { seen: true } })
  await expect.poll(() => sent).toEqual(['seen'])
  expect(released).toEqual([])
  outbox.add(mark('a', true))
  expect(released).toHaveLength(1)
  await expect.poll(() => sent).toEqual(['seen', 'all', 'a'])
  undo()
  outbox.add(deleteRead, 60_000)
  outbox.receive({ kind: 'pending', operation: { id: 'b', at: '', ...mark('b', true) } })
  expect(sent).toEqual(['seen', 'all', 'a', 'all'])
})

it('sends all that is held when the page is left, also while something else is on its way', async () => {
  let answer = () => {}
  const { outbox, sent } = outboxOf(
    [],
    new Promise((resolve) => {
      answer = resolve
    }),
  )
  outbox.add(mark('a', true))
  await expect.poll(() => sent).toEqual(['a'])
  outbox.add({ kind: 'mark', ids: ['b'], marks: { deleted: true } }, 60_000)
  outbox.add({ kind: 'mark', ids: ['c'], marks: { deleted: true } }, 60_000)
  vi.stubGlobal('document', { visibilityState: 'hidden' })
  outbox.release()
  expect(sent).toEqual(['a', 'b', 'c'])
  answer()
  await expect.poll(() => outbox.operations).toEqual([])
  expect(sent).toEqual(['a', 'b', 'c'])
})

it('does not send what another tab has undone at the last moment', async () => {
  vi.useFakeTimers()
  const { outbox, sent } = outboxOf([])
  const operation: Operation = { id: 'x', at: '', ...mark('a', true), heldUntil: Date.now() + 10_000 }
  outbox.receive({ kind: 'pending', operation })
  await vi.advanceTimersByTimeAsync(9_900)
  outbox.receive({ kind: 'settled', id: 'x' })
  await vi.advanceTimersByTimeAsync(200)
  outbox.flush()
  await vi.advanceTimersByTimeAsync(5_000)
  expect([sent, outbox.operations]).toEqual([[], []])
})

it('hides what is loaded later too, if a held operation is about it', () => {
  const { outbox } = outboxOf([])
  const base = { feed: 'default', status: 'SENT', archivedAt: null, snoozedUntil: null, seenAt: 'x', createdAt: '2026-01-01' }
  const message = (id: string, more: Partial<InboxMessage>) => ({ ...base, id, ...more }) as InboxMessage
  const all = [
    message('old', { readAt: 'x', sentAt: '2026-01-02' }),
    message('unread', { readAt: null, sentAt: '2026-01-03' }),
    message('later', { readAt: 'x', sentAt: '2026-01-06' }),
    message('snoozed', { readAt: 'x', sentAt: '2026-01-02', snoozedUntil: '2027-01-01' }),
  ]
  const { viewOf } = createOptimisticView(
    { get: (id) => all.find((one) => one.id === id), ids: () => [][Symbol.iterator]() },
    outbox,
  )
  const undo = outbox.add(deleteRead, 60_000)
  expect(all.map((one) => viewOf(one).status)).toEqual(['CANCELED', 'SENT', 'SENT', 'SENT'])
  undo()
  expect(all.map(viewOf)).toEqual(all)
})

it('neither shares operations with a tab that runs 0.1 nor writes where it does, and takes over what that has stored', async () => {
  const kept = { counts: { unseen: 0, unread: 0 }, messages: [], operations: [{ id: 'x', at: '', ...mark('a', true) }] }
  const stored = new Map([['carillon-inbox/me', JSON.stringify({ version: 2, ...kept })]])
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  }
  const [old, told] = [new BroadcastChannel('carillon-inbox/me'), vi.fn()]
  old.onmessage = told
  const store = openSnapshotStore('me', storage, () => {})
  const other = vi.fn()
  const second = openSnapshotStore('me', null, other)
  const found = vi.fn()
  store.read(found)
  expect(found.mock.calls[0]?.[0]).toMatchObject(kept)
  store.broadcast({ kind: 'settled', id: 'x' })
  await expect.poll(() => other.mock.calls).toHaveLength(1)
  expect(told).not.toHaveBeenCalled()
  store.save(() => ({ ...kept, operations: [] }))
  store.close()
  second.close()
  old.close()
  expect([...stored].map(([, value]) => JSON.parse(value).operations.length)).toEqual([1, 0])
  openSnapshotStore('me', storage, () => {}).forget()
  expect(stored.size).toBe(0)
})

it('ends the notice before what it undoes is sent, and not while its button has the focus', () => {
  vi.useFakeTimers()
  const onGone = vi.fn()
  const notice = createUndoNotice({ update() {}, onGone })
  const handlers = () => {
    const [enter, leave] = (notice.render(textsFor('en', {})) as { values: unknown[] }).values as ((event: object) => void)[]
    return { enter, leave }
  }
  notice.show({ text: 'Deleted', takeBack() {} })
  const { enter, leave } = handlers()
  for (let at = 0; at < 5; at++) {
    enter?.({})
    leave?.({ currentTarget: { matches: (state: string) => state === ':focus-within' } })
    vi.advanceTimersByTime(10_000)
    expect(notice.isShown).toBe(true)
  }
  enter?.({})
  vi.advanceTimersByTime(8_000)
  expect([notice.isShown, onGone.mock.calls.length]).toEqual([false, 1])
})
