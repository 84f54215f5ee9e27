import { expect, it } from 'vitest'
import { kinds } from '../../src/channels/registry.ts'
import { post } from '../helpers/chat-service.ts'
import { describeProvider, startContractVendor } from '../helpers/provider-contract.ts'

const ok = { status: 200, body: 'ok' }

it('sends the text, into the channel that the contact named', async () => {
  const { outcome, body } = await post('mattermost', ok, { channelName: 'town-square' })
  expect(body).toBe('{"text":"Hello Anna","channel":"town-square"}')
  expect(outcome).toEqual({ providerMessageId: null, response: '200 ok' })
  expect((await post('mattermost', ok)).body).toBe('{"text":"Hello Anna"}')
})

it('sends the markup that the author of a template wrote', async () => {
  const text = '@all <!channel> <https://example.com/o/17|your order> [your order](https://example.com/o/17) **bold**'
  expect(JSON.parse((await post('mattermost', ok, { body: text })).body).text).toBe(text)
})

const escaped = (value: string, before = ''): string => kinds.mattermost.escape?.(value, before) ?? ''

it('lets no value mention everybody, format anything, hide a link, or end a link of the author', () => {
  const body = '@all @here <!channel> <@U1> <http://evil.example|bank> <a|b<c|d> [bank](http://evil.example) [x][y]\n[y]: z @anna'
  const said = escaped(body)
  expect(said).toBe(
    '@\u200ball @\u200bhere <\u200b!channel> <\u200b@U1> <http://evil.example\\\uff5cbank> <a\\\uff5cb<c\\\uff5cd> ' +
      '\\[bank\\](http://evil.example) \\[x\\]\\[y\\]\n\\[y\\]: z @anna',
  )
  // What the server itself does with Slack's links finds none.
  expect(said.replace(/<([^\n<|>]+)\|([^\n>]+)>/g, '[$2]($1)')).toBe(said)
})

it('takes no longer for a text or a value that is made to take long', async () => {
  const started = performance.now()
  await post('mattermost', ok, { body: '<'.repeat(1_000_000) })
  await post('mattermost', ok, { body: '<|'.repeat(500_000) })
  // No longer value is escaped (see values/marked-text.ts).
  for (const value of ['<'.repeat(100_000), '<|'.repeat(50_000), '['.repeat(100_000), '\n'.repeat(100_000)]) escaped(value)
  expect(performance.now() - started).toBeLessThan(2_000)
})

it('cuts a text to one post of 16,383 characters', async () => {
  const { body } = await post('mattermost', ok, { body: 'x'.repeat(16_384) })
  expect(JSON.parse(body).text).toBe(`${'x'.repeat(16_382)}…`)
})

it('takes what the caller adds', async () => {
  const extra = { username: 'Shop', icon_url: 'https://img.example/1.png', icon_emoji: ':shop:' }
  const { body } = await post('mattermost', ok, { extra })
  expect(JSON.parse(body)).toEqual({ text: 'Hello Anna', ...extra })
})

const address = { outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: false, about: 'address' }
const failures: [number, string, object][] = [
  [400, 'web.incoming_webhook.invalid.app_error', address],
  [404, 'web.incoming_webhook.channel.app_error', address],
  [403, 'web.incoming_webhook.channel_locked.app_error', address],
  [501, 'web.incoming_webhook.disabled.app_error', { outcome: 'refused', code: 'PROVIDER_REFUSED' }],
  [400, 'web.incoming_webhook.text.app_error', { outcome: 'refused', code: 'PROVIDER_REFUSED' }],
  [500, 'app.post.save.app_error', { outcome: 'unknown', code: 'OUTCOME_UNKNOWN' }],
]
it.each(failures)('sorts %i %s', async (status, id, expected) => {
  const { outcome } = await post('mattermost', { status, body: { id, message: 'No.', status_code: status } })
  expect(outcome).toMatchObject(expected)
})

describeProvider('mattermost', () => startContractVendor(() => ok, {}, { givesNoId: true }))
