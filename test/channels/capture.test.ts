import { expect, it } from 'vitest'
import { createCapture, isCapture } from '../../src/channels/capture.ts'
import { email } from '../helpers/email.ts'
import { describeProvider } from '../helpers/provider-contract.ts'

const never = () => new AbortController().signal

it('keeps the last 1,000, oldest first', async () => {
  const provider = createCapture({ delayMs: 0 }, { allowPrivateHosts: false })
  for (let at = 0; at < 1_005; at++) await provider.send(email({ messageId: `m${at}` }), never())
  const kept = provider.kept().map(({ message }) => message.messageId)
  expect(kept).toHaveLength(1_000)
  expect([kept[0], kept[999]]).toEqual(['m5', 'm1004'])
  expect(isCapture(provider)).toBe(true)
})

it('keeps nothing of a send that was stopped while it was delayed', async () => {
  const provider = createCapture({ delayMs: 60_000 }, { allowPrivateHosts: false })
  const stop = new AbortController()
  const sending = provider.send(email(), stop.signal)
  stop.abort()
  await expect(sending).rejects.toMatchObject({ outcome: 'retryable' })
  expect(provider.kept()).toEqual([])
})

describeProvider('capture', async () => ({ settings: { delayMs: 1 }, received: () => 0, close: async () => {} }))
