/** The first start on a developer's machine: a project in which every channel sends. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type App, startApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { silentLog } from '../../src/log.ts'
import { channels } from '../../src/words.ts'
import { type Client, createTestClient } from '../helpers/client.ts'
import { GetNotification, ListProviders, Send } from '../helpers/operations.ts'
import { GetReach } from '../helpers/operations-vendors.ts'
import { createTestDatabase } from '../helpers/postgres.ts'

const cleanUps: (() => unknown)[] = []
let app: App
let env: Record<string, string>
let api: Client
beforeAll(async () => {
  const database = await createTestDatabase()
  cleanUps.push(() => database.drop())
  const dir = await mkdtemp(join(tmpdir(), 'carillon-first-'))
  cleanUps.push(() => rm(dir, { recursive: true, force: true }))
  env = { PORT: '0', CARILLON_DIR: dir, CARILLON_SECRET: 'x'.repeat(32), DATABASE_URL: database.url }
  app = await startApp(readConfig(env, []), silentLog, {})
  cleanUps.push(() => app.stop())
  api = createTestClient(app.url, `Bearer ${app.firstStart?.apiKey}`)
})
afterAll(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp()
})

it('creates a project whose providers capture on every channel', async () => {
  const { providers } = await api.do(ListProviders, {})
  expect(providers.map((one) => one.channel).sort()).toEqual(channels.filter((one) => one !== 'IN_APP').sort())
  expect(new Set(providers.map((one) => one.kind))).toEqual(new Set(['capture']))
  const { contact } = await api.do(GetReach, { contact: 'demo-user' })
  expect(contact?.credentials.map((one) => one.channel).sort()).toEqual(['CHAT', 'PUSH', 'WEBHOOK', 'WEB_PUSH'])
})

it('says welcome to demo-user on every channel', async () => {
  const { sendMessages } = await api.do(Send, {
    messages: [{ template: 'welcome', contact: { externalId: 'demo-user' } }],
    wait: 'SENT',
  })
  const [result] = sendMessages.results
  expect(result).toMatchObject({ ok: true, channelErrors: [], emailError: null, smsError: null })
  const { notification } = await api.do(GetNotification, { id: result?.notification?.id ?? '' })
  const ends = Object.fromEntries((notification?.messages ?? []).map((one) => [one.channel, one.status]))
  expect(ends).toEqual(Object.fromEntries(channels.map((channel) => [channel, channel === 'IN_APP' ? 'DELIVERED' : 'SENT'])))
  for (const message of notification?.messages ?? []) {
    if (message.__typename === 'OutboundMessage') expect(`${message.subject} ${message.text}`).toMatch(/Robin|demo-user/)
  }
})

it('creates nothing on the second start, with an operator key, or with --no-demo', async () => {
  const more = [{ ...env }, { ...env, CARILLON_OPERATOR_KEY: 'k'.repeat(32) }]
  for (const one of more) {
    const again = await startApp(readConfig(one, []), silentLog, {})
    expect(again.firstStart).toBeNull()
    await again.stop()
  }
  const empty = await createTestDatabase()
  cleanUps.push(() => empty.drop())
  for (const [changes, args] of [
    [{ CARILLON_OPERATOR_KEY: 'k'.repeat(32) }, []],
    [{}, ['--no-demo']],
  ] as const) {
    const bare = await startApp(readConfig({ ...env, DATABASE_URL: empty.url, ...changes }, args), silentLog, {})
    expect(bare.firstStart).toBeNull()
    await bare.stop()
  }
})
