/** A project with one provider of a kind, and its vendor: what the flow tests of all kinds begin with. */
import type { TestApp, TestProject } from './app.ts'
import { ConfigureProviders, GetNotification, Send, UpsertTemplates } from './operations.ts'
import { SetCredentials } from './operations-vendors.ts'
import { until } from './until.ts'
import { contactOf, type RunningVendor, type VendorCase } from './vendors.ts'

/** The server's public URL, to which vendors report. */
export const PUBLIC_URL = 'https://notify.example'

/** Opens a project whose provider `main` calls a vendor of its own. */
export async function openVendor(app: TestApp, of: VendorCase) {
  const vendor = await of.start()
  const project = await app.project()
  const providerId = await configure(project, of, 'main', vendor)
  await project.api.do(UpsertTemplates, { templates: [{ key: 'order', ...of.content }] })
  const find = async (id: string) => {
    const { notification } = await project.api.do(GetNotification, { id })
    const [message] = notification?.messages ?? []
    if (message?.__typename !== 'OutboundMessage') throw new Error('There is no such message.')
    return message
  }
  return {
    vendor,
    project,
    providerId,
    callbackUrl: `${PUBLIC_URL}/callbacks/${providerId}`,
    configure: (key: string, other: RunningVendor, priority = 0) => configure(project, of, key, other, priority),
    /** Gives the n-th contact what it needs at a provider. */
    async reach(n: number, key = 'main', through: RunningVendor = vendor): Promise<void> {
      await project.api.do(Send, { messages: [{ template: 'order', contact: contactOf(n), channels: [] }] })
      const credentials = through.credentials(n)
      if (credentials !== null)
        await project.api.do(SetCredentials, { contact: contactOf(n).externalId, provider: key, ...credentials })
    },
    /** Sends the template to the n-th contact. @returns the notification's id, and the result */
    async send(n: number, more: object = {}) {
      const message = { template: 'order', contact: contactOf(n), data: { number: '7' }, ...more }
      const { sendMessages } = await project.api.do(Send, { messages: [message] })
      const [result] = sendMessages.results
      if (result?.ok !== true) throw new Error(JSON.stringify(result))
      return { id: result.notification?.id ?? '', result }
    },
    find,
    /** Waits until the message of a notification is in one of these states. */
    reaches: (id: string, ...statuses: string[]) =>
      until(`it is ${statuses.join(' or ')}`, async () => {
        const message = await find(id)
        return statuses.includes(message.status) ? message : null
      }),
    /** Waits until the message has been tried so often. */
    tried: (id: string, attempts: number) =>
      until(`it was tried ${attempts} times`, async () => {
        const message = await find(id)
        return message.attempts.length >= attempts && message.status !== 'SENDING' ? message : null
      }),
    close: () => vendor.close(),
  }
}

async function configure(
  project: TestProject,
  of: VendorCase,
  key: string,
  vendor: RunningVendor,
  priority = 0,
): Promise<string> {
  const { configureProviders } = await project.api.do(ConfigureProviders, {
    providers: [{ key, channel: of.channel, kind: of.kind, settings: vendor.settings, priority }],
  })
  return configureProviders[0]?.id ?? ''
}
