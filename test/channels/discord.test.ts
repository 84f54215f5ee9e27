import { expect, it } from 'vitest'
import { post } from '../helpers/chat-service.ts'

const taken = { status: 200, body: { id: '1234567890', content: 'Hello Anna' } }

it('sends the text and waits for its id', async () => {
  const { outcome, path, body } = await post('discord', taken, { channelName: '#ignored' })
  expect(path).toBe('/hook?wait=true')
  expect(body).toBe('{"content":"Hello Anna","allowed_mentions":{"parse":[]}}')
  expect(outcome).toEqual({ providerMessageId: '1234567890', response: `200 ${JSON.stringify(taken.body)}` })
})

it('lets no text mention anybody or hide a link', async () => {
  const { body } = await post('discord', taken, { body: '@everyone <@1> [bank](http://evil.example)' })
  expect(JSON.parse(body)).toEqual({
    content: '@everyone <@1> [bank]\u200b(http://evil.example)',
    allowed_mentions: { parse: [] },
  })
})

it('cuts a text to 2,000 characters', async () => {
  const { body } = await post('discord', taken, { body: '😀'.repeat(1_001) })
  expect(JSON.parse(body).content).toBe(`${'😀'.repeat(999)}…`)
})

it('takes what the caller adds', async () => {
  const extra = { username: 'Shop', avatar_url: 'https://img.example/1.png', thread_id: '42' }
  const { path, body } = await post('discord', taken, { extra })
  expect(path).toBe('/hook?wait=true&thread_id=42')
  expect(JSON.parse(body)).toEqual({
    content: 'Hello Anna',
    username: 'Shop',
    avatar_url: 'https://img.example/1.png',
    allowed_mentions: { parse: [] },
  })
})

const dead = { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: true }
const limited = { outcome: 'retryable', code: 'RATE_LIMITED' }
const failures: [string, number, object | string, object][] = [
  ['a webhook that is gone', 404, { message: 'Unknown Webhook', code: 10015 }, dead],
  ['a wrong token', 401, { message: 'Invalid Webhook Token', code: 50027 }, dead],
  ['a thread that is gone', 404, { message: 'Unknown Channel', code: 10003 }, { outcome: 'refused', addressDead: false }],
  ['a wrong form', 400, { message: 'Invalid Form Body', code: 50035 }, { outcome: 'refused', code: 'PROVIDER_REFUSED' }],
  ['its own limit', 429, { retry_after: 64.57, global: false }, { ...limited, retryAfterMs: 65_000, aboutProvider: false }],
  ['the global limit', 429, { retry_after: 0.3, global: true }, { ...limited, retryAfterMs: 1_000, aboutProvider: true }],
  ['a ban', 429, '<html>1015</html>', { ...limited, retryAfterMs: null, aboutProvider: true }],
]
it.each(failures)('sorts %s', async (_, status, body, expected) => {
  const { outcome } = await post('discord', { status, body })
  expect(outcome).toMatchObject(expected)
})
