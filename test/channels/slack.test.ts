import { expect, it } from 'vitest'
import { kinds } from '../../src/channels/registry.ts'
import { post } from '../helpers/chat-service.ts'
import { describeProvider, startContractVendor } from '../helpers/provider-contract.ts'

const ok = { status: 200, body: 'ok' }

it('sends the text, and gives no id', async () => {
  const { outcome, body } = await post('slack', ok, { channelName: '#ignored', body: 'Hello *Anna*\nÄ' })
  expect(body).toBe('{"text":"Hello *Anna*\\nÄ"}')
  expect(outcome).toEqual({ providerMessageId: null, response: '200 ok' })
})

it('sends the markup that the author of a template wrote', async () => {
  const text = '<!channel> <@U1> <https://example.com/o/17|your order> &amp; *bold*'
  const { body } = await post('slack', ok, { body: text })
  expect(JSON.parse(body)).toEqual({ text })
})

it('lets no value mention anybody, hide a link, or end a link of the author', () => {
  const escaped = (value: string, before = ''): string => kinds.slack.escape?.(value, before) ?? ''
  expect(escaped('<!channel> <@U1> <http://evil.example|bank> & &lt;!here&gt;')).toBe(
    '&lt;!channel&gt; &lt;@U1&gt; &lt;http://evil.example|bank&gt; &amp; &amp;lt;!here&amp;gt;',
  )
  expect(escaped('https://example.com/?a=1&b=2', 'See <')).toBe('https://example.com/?a=1&amp;b=2')
  expect(escaped('x|bank> y', 'See <https://example.com/')).toBe('x%7Cbank%3E%20y')
  expect(escaped('a|b', 'See <https://example.com|')).toBe('a|b')
})

it('cuts a text to 40,000 characters, between two escapes and before a mark that would not end', async () => {
  const { body } = await post('slack', ok, { body: '&amp;'.repeat(8_001) })
  expect(JSON.parse(body).text).toBe(`${'&amp;'.repeat(7_999)}…`)
  const link = `${'x'.repeat(39_990)}<https://example.com/a|b>`
  expect(JSON.parse((await post('slack', ok, { body: link })).body).text).toBe(`${'x'.repeat(39_990)}…`)
})

it('takes what the caller adds', async () => {
  const { body } = await post('slack', ok, { extra: { unfurl_links: false, unfurl_media: false, mrkdwn: false } })
  expect(JSON.parse(body)).toEqual({ text: 'Hello Anna', unfurl_links: false, unfurl_media: false, mrkdwn: false })
})

const dead = { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: true, about: 'address' }
const failures: [number, string, object][] = [
  [404, 'no_service', dead],
  [404, 'no_team', dead],
  [404, 'channel_not_found', dead],
  [403, 'invalid_token', dead],
  [400, 'user_not_found', dead],
  [410, 'channel_is_archived', { ...dead, addressDead: false }],
  [403, 'action_prohibited', { outcome: 'refused', code: 'PROVIDER_REFUSED', addressDead: false }],
  [400, 'no_text', { outcome: 'refused', code: 'PROVIDER_REFUSED' }],
  [500, 'no_service', { outcome: 'unknown', addressDead: false }],
]
it.each(failures)('sorts %i %s', async (status, said, expected) => {
  const { outcome } = await post('slack', { status, body: said })
  expect(outcome).toMatchObject(expected)
})

describeProvider('slack', () => startContractVendor(() => ok, {}, { givesNoId: true }))
