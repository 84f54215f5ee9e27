import { expect, it } from 'vitest'
import { kinds } from '../../src/channels/registry.ts'
import { post } from '../helpers/chat-service.ts'
import { describeProvider, startContractVendor } from '../helpers/provider-contract.ts'

const accepted = { status: 202 }
const textOf = (body: string): string => JSON.parse(body).attachments[0].content.body[0].text

it('sends the text as a card', async () => {
  const { outcome, body } = await post('msteams', accepted, { channelName: '#ignored', body: 'Hello\nAnna' })
  expect(body).toBe(
    '{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":' +
      '{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4",' +
      '"body":[{"type":"TextBlock","text":"Hello\\nAnna","wrap":true}]}}]}',
  )
  expect(outcome).toEqual({ providerMessageId: null, response: '202' })
})

it('sends the markup that the author of a template wrote', async () => {
  const text = '[your order](https://example.com/o/17) **bold**'
  expect(textOf((await post('msteams', accepted, { body: text })).body)).toBe(text)
})

it('lets no value hide a link, or end a link of the author', () => {
  const escaped = (value: string, before = ''): string => kinds.msteams.escape?.(value, before) ?? ''
  expect(escaped('<at>Everyone</at> [bank](http://evil.example)')).toBe('<at>Everyone</at> [bank]\u200b(http://evil.example)')
  expect(escaped('a) [b](c', '[x](https://example.com/')).toBe('a%29%20%5Bb%5D%28c')
})

it('cuts a text so that the card is less than 28 KB', async () => {
  for (const one of ['ä', '"', '😀', '\n']) {
    const { body } = await post('msteams', accepted, { body: `${one.repeat(30_000)}.` })
    expect(textOf(body).endsWith('…')).toBe(true)
    expect(Buffer.byteLength(body)).toBeLessThan(28_000)
    if (one !== '\n') expect(Buffer.byteLength(body)).toBeGreaterThan(27_000)
  }
})

const address = { outcome: 'refused', code: 'ADDRESS_INVALID', about: 'address' }
const older = (status: number) =>
  `Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error ${status} with ContextId tcid=0.`
const failures: [string, number, object | string, object][] = [
  ['a workflow that is gone', 404, { error: { code: 'WorkflowNotFound', message: 'No.' } }, { ...address, addressDead: true }],
  ['a workflow that is off', 404, { error: { code: 'WorkflowTriggerNotEnabled' } }, { ...address, addressDead: false }],
  ['an address that has ended', 410, '', { ...address, addressDead: true }],
  ['a wrong signature in the address', 401, { error: { code: 'AuthorizationFailed' } }, { ...address, addressDead: false }],
  ['a card that is too large', 413, { error: { code: 'RequestEntityTooLarge' } }, { outcome: 'refused', code: 'TOO_LARGE' }],
  ['an older webhook over its limit', 200, older(429), { outcome: 'retryable', code: 'RATE_LIMITED' }],
  ['an older webhook with too large a card', 200, older(413), { outcome: 'refused', code: 'TOO_LARGE' }],
  ['an older webhook that is refused', 200, older(400), { outcome: 'refused', code: 'PROVIDER_REFUSED' }],
  ['an older webhook that failed', 200, older(502), { outcome: 'unknown', code: 'OUTCOME_UNKNOWN' }],
]
it.each(failures)('sorts %s', async (_, status, body, expected) => {
  const { outcome } = await post('msteams', { status, body })
  expect(outcome).toMatchObject(expected)
})

describeProvider('msteams', () => startContractVendor(() => accepted, {}, { givesNoId: true }))
