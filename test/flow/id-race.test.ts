/** One id, one acceptance: also where a message to a contact and a send to a topic take it at the same moment, in two processes. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Send, SubscribeToTopic, UpsertContacts, UpsertTopics } from '../helpers/operations.ts'
import { newShop } from '../helpers/setup.ts'

let app: TestApp
let other: TestApp
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  other = await app.another()
  project = await newShop(app, null)
  await project.api.do(UpsertContacts, { contacts: [{ externalId: 'anna' }] })
  await project.api.do(UpsertTopics, { topics: [{ key: 'news' }] })
  await project.api.do(SubscribeToTopic, { topic: 'news', contacts: ['anna'] })
})
afterAll(() => app.stop())

it('G2: accepts one of a contact and a topic that take the same id at once', async () => {
  const second = other.client(`Bearer ${project.apiKey}`)
  for (let round = 0; round < 25; round++) {
    const id = `both-${round}`
    const results = await Promise.all([
      project.api.do(Send, { messages: [{ id, template: 'note', contact: { externalId: 'anna' } }] }),
      second.do(Send, { messages: [{ id, template: 'note', topic: 'news' }] }),
      second.do(Send, { messages: [{ id, template: 'note', contact: { externalId: 'anna' } }] }),
      project.api.do(Send, { messages: [{ id, template: 'note', topic: 'news' }] }),
    ])
    const outcomes = results.map(({ sendMessages }) => sendMessages.results[0])
    expect(outcomes.filter((one) => one?.ok)).toHaveLength(1)
    for (const one of outcomes) if (one?.ok === false) expect(one.error?.code).toMatch(/^ID_(EXISTS|MISMATCH)$/)
  }
})
