/** What the tests of Novu's dialect begin with. */
import type { TestApp, TestProject } from './app.ts'
import { createDialectClient, type DialectClient } from './dialect.ts'
import { ConfigureProviders, UpsertTemplates } from './operations.ts'
import { newShop } from './setup.ts'

/** A shop with a workflow `comment` that has buttons, others that can't be sent, and providers that take credentials. */
export async function newNovuProject(app: TestApp): Promise<TestProject> {
  const project = await newShop(app, null)
  await project.api.do(ConfigureProviders, {
    providers: [
      { key: 'push', channel: 'PUSH', kind: 'capture', settings: {} },
      { key: 'slack', channel: 'CHAT', kind: 'capture', settings: {} },
    ],
  })
  await project.api.do(UpsertTemplates, {
    templates: [
      {
        key: 'comment',
        feed: 'news',
        inApp: [
          {
            title: '{{ actor.firstName }} commented',
            body: '{{ payload.comment }}',
            url: '/posts/7',
            primaryAction: { label: 'Answer' },
            secondaryAction: { label: 'Later' },
          },
        ],
      },
      { key: 'mail', email: [{ subject: 'Hi {{ subscriber.firstName }}', text: '{{ payload.x }}' }] },
      { key: 'off', active: false, inApp: [{ body: 'x' }] },
      { key: 'empty' },
      { key: 'critical', critical: true, inApp: [{ body: 'x' }] },
    ],
  })
  return project
}

/** Such a project, and a client of the dialect with its key. */
export async function newNovu(app: TestApp): Promise<[TestProject, DialectClient]> {
  const project = await newNovuProject(app)
  return [project, await createDialectClient(app.url, '/novu', `ApiKey ${project.apiKey}`)]
}
