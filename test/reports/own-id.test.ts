/** A notification is found by the id that its caller gave, wherever one is named. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Send, UpsertTemplates } from '../helpers/operations.ts'
import { NotificationNamed } from '../helpers/operations-render.ts'

let app: TestApp
let project: TestProject
let other: TestProject
beforeAll(async () => {
  app = await startTestApp()
  project = await app.project()
  other = await app.project()
  for (const { api } of [project, other])
    await api.do(UpsertTemplates, { templates: [{ key: 'note', inApp: [{ body: 'Hello' }] }] })
})
afterAll(() => app.stop())

const send = async (id: string): Promise<string> => {
  const { sendMessages } = await project.api.do(Send, { messages: [{ id, template: 'note', contact: { externalId: 'ana' } }] })
  return sendMessages.results[0]?.notification?.id ?? ''
}

describe('notification(key:)', () => {
  it.each(['order-4711', ' with spaces ', 'quote\'"s', '{}', 'a'.repeat(255), '01900000-0000-7000-8000-000000000000'])(
    'finds it by the own id %j, and so does its id here',
    async (key) => {
      const id = await send(key)
      const { notification } = await project.api.do(NotificationNamed, { key })
      expect(notification).toEqual({ id, key })
      expect((await project.api.do(NotificationNamed, { id })).notification).toEqual({ id, key })
    },
  )

  it.each(['', 'unknown', 'ORDER-1', 'order-1 ', 'a'.repeat(256), 'ключ', 'nul\0', '\ud800', 'x'.repeat(100_000)])(
    'is null for an id that no notification has',
    async (key) => {
      await expect(send('order-1')).resolves.toBeDefined()
      expect((await project.api.do(NotificationNamed, { key })).notification).toBeNull()
    },
  )

  it('does not find what belongs to another project', async () => {
    await send('mine')
    expect((await other.api.do(NotificationNamed, { key: 'mine' })).notification).toBeNull()
  })

  it('takes exactly one of id and key', async () => {
    const id = await send('both')
    for (const variables of [{}, { id, key: 'both' }, { id: null, key: null }]) {
      expect((await project.api.ask(NotificationNamed, variables)).codes).toEqual(['BAD_INPUT'])
    }
    expect((await project.api.do(NotificationNamed, { id: null, key: 'both' })).notification?.id).toBe(id)
  })
})
