/** What most flow tests begin with: a project, its templates and its providers. */
import type { TestApp, TestProject } from './app.ts'
import { ConfigureProviders, UpsertTemplates } from './operations.ts'
import type { SmtpSink } from './smtp.ts'

/** `count` results of `make`. */
export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_unused, index) => make(index))

/** A project with a template `order` on all three channels, `note` in-app only; e-mail to `smtp` if given, SMS captured. */
export async function newShop(app: TestApp, smtp: SmtpSink | null, input: { locale?: string } = {}): Promise<TestProject> {
  const project = await app.project(input)
  await project.api.do(ConfigureProviders, {
    providers: [
      smtp === null
        ? { key: 'mail', channel: 'EMAIL', kind: 'capture', settings: {} }
        : {
            key: 'mail',
            channel: 'EMAIL',
            kind: 'smtp',
            settings: { host: '127.0.0.1', port: smtp.port, from: 'Shop <shop@example.com>', tlsVerify: false },
          },
      { key: 'text', channel: 'SMS', kind: 'capture', settings: {} },
    ],
  })
  await project.api.do(UpsertTemplates, {
    templates: [
      {
        key: 'order',
        inApp: [
          {
            title: 'Order {{ number }}',
            body: 'Hello {{ firstName }}',
            url: '/orders/{{ number }}',
            iconUrl: 'https://example.com/i.png',
          },
        ],
        email: [{ subject: 'Order {{ number }}', text: 'Hello {{ firstName }}' }],
        sms: [{ body: 'Order {{ number }}' }],
      },
      { key: 'note', inApp: [{ body: '{{ n }}' }] },
    ],
  })
  return project
}
