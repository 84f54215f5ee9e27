import { expect, it } from 'vitest'
import { kinds } from '../../src/channels/registry.ts'
import { post } from '../helpers/chat-service.ts'
import { describeProvider, startContractVendor } from '../helpers/provider-contract.ts'

const taken = { status: 200, body: { id: '1234567890', content: 'Hello Anna' } }

it('sends the text and waits for its id', async () => {
  const { outcome, path, body } = await post('discord', taken, { channelName: '#ignored' })
  expect(path).toBe('/hook?wait=true')
  expect(body).toBe('{"content":"Hello Anna","allowed_mentions":{"parse":["users","roles","everyone"]}}')
  expect(outcome).toEqual({ providerMessageId: '1234567890', response: `200 ${JSON.stringify(taken.body)}` })
})

it('sends the markup that the author of a template wrote', async () => {
  const content = '@everyone <@1> <@&2> [your order](https://example.com/o/17) **bold** # no heading'
  const { body } = await post('discord', taken, { body: content })
  expect(JSON.parse(body)).toEqual({ content, allowed_mentions: { parse: ['users', 'roles', 'everyone'] } })
})

it('lets no value mention anybody, format anything, hide a link, or end a link of the author', () => {
  const escaped = (value: string, before = ''): string => kinds.discord.escape?.(value, before) ?? ''
  expect(escaped('@everyone <@1> <@&2> <#3> [bank](http://evil.example)')).toBe(
    '@\u200beveryone <\u200b@1> <\u200b@&2> <\u200b#3> \\[bank\\](http://evil.example)',
  )
  expect(escaped('here', 'Hello @')).toBe('\u200bhere')
  expect(escaped('*a* _b_ ~~c~~ `d` ||e|| \\')).toBe('\\*a\\* \\_b\\_ \\~\\~c\\~\\~ \\`d\\` \\|\\|e\\|\\| \\\\')
  expect(escaped('# a\n> b\n- c\n1. d', 'x\n')).toBe('\u200b# a\n\u200b> b\n\u200b- c\n\u200b1. d')
  expect(escaped('see https://example.com/a_b_c*d now')).toBe('see https://example.com/a_b_c*d now')
  expect(escaped('https://example.com/a_(b) c', '[x](')).toBe('https://example.com/a_%28b%29%20c')
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
    allowed_mentions: { parse: ['users', 'roles', 'everyone'] },
  })
})

const dead = { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: true }
const limited = { outcome: 'retryable', code: 'RATE_LIMITED' }
const failures: [string, number, object | string, object][] = [
  ['a webhook that is gone', 404, { message: 'Unknown Webhook', code: 10015 }, dead],
  ['a wrong token', 401, { message: 'Invalid Webhook Token', code: 50027 }, dead],
  ['a thread that is gone', 404, { message: 'Unknown Channel', code: 10003 }, { outcome: 'refused', addressDead: false }],
  ['a wrong form', 400, { message: 'Invalid Form Body', code: 50035 }, { outcome: 'refused', code: 'PROVIDER_REFUSED' }],
  ['its own limit', 429, { retry_after: 64.57, global: false }, { ...limited, retryAfterMs: 65_000, about: 'address' }],
  ['the global limit', 429, { retry_after: 0.3, global: true }, { ...limited, retryAfterMs: 1_000, about: 'host' }],
  ['a ban', 429, '<html>1015</html>', { ...limited, retryAfterMs: null, about: 'host' }],
]
it.each(failures)('sorts %s', async (_, status, body, expected) => {
  const { outcome } = await post('discord', { status, body })
  expect(outcome).toMatchObject(expected)
})

describeProvider('discord', () => startContractVendor(() => taken))
