import { expect, it } from 'vitest'
import { post } from '../helpers/chat-service.ts'

const ok = { status: 200, body: 'ok' }

it('sends the text, and gives no id', async () => {
  const { outcome, body } = await post('slack', ok, { channelName: '#ignored', body: 'Hello *Anna*\nÄ' })
  expect(body).toBe('{"text":"Hello *Anna*\\nÄ"}')
  expect(outcome).toEqual({ providerMessageId: null, response: '200 ok' })
})

it('lets no text mention anybody or hide a link', async () => {
  const { body } = await post('slack', ok, { body: '<!channel> <@U1> <http://evil.example|bank> & &lt;!here&gt;' })
  expect(JSON.parse(body)).toEqual({
    text: '&lt;!channel&gt; &lt;@U1&gt; &lt;http://evil.example|bank&gt; &amp; &amp;lt;!here&amp;gt;',
  })
})

it('cuts a text to 40,000 characters as they are escaped, between two of them', async () => {
  const { body } = await post('slack', ok, { body: '&'.repeat(10_000) })
  const { text } = JSON.parse(body)
  expect(text).toBe(`${'&amp;'.repeat(7_999)}…`)
})

it('takes what the caller adds', async () => {
  const { body } = await post('slack', ok, { extra: { unfurl_links: false, unfurl_media: false, mrkdwn: false } })
  expect(JSON.parse(body)).toEqual({ text: 'Hello Anna', unfurl_links: false, unfurl_media: false, mrkdwn: false })
})

const dead = { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: true, aboutProvider: false }
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
