/** What the demo page does with the project's API key, in place of a backend. */
import type { TypedDocumentString } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { serverUrl } from '../server-url.ts'

const Look = graphql(`
  query InboxDemoLook {
    viewer { project { name key } }
    templates(first: 100) { nodes { key name active channels variables } }
  }
`)
const Token = graphql(`
  mutation InboxDemoToken($contact: ID!, $ttlSeconds: Int) {
    createContactToken(contact: $contact, ttlSeconds: $ttlSeconds) { token }
  }
`)
const Prepare = graphql(`
  mutation InboxDemoPrepare($templates: [TemplateInput!]!) { upsertTemplates(templates: $templates) { key } }
`)
const Send = graphql(`
  mutation InboxDemoSend($messages: [MessageInput!]!) { sendMessages(messages: $messages) { results { ok error { code message } } } }
`)

/** A failed operation. */
export class PageError extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.name = 'PageError'
    this.code = code
  }
}

/** A template with in-app content. */
export interface Kind {
  readonly key: string
  readonly name: string
  readonly variables: readonly string[]
}

/** The content of the form. */
export interface Dispatch {
  readonly template: string
  readonly contacts: readonly string[]
  readonly data: Record<string, unknown>
  readonly incrementId: string | null
  readonly times: number
}

/** The page's own templates. Each is created in the project when it is first used. */
export const own = [
  {
    key: 'inbox-demo',
    name: 'Demo: a message',
    variables: ['title', 'text', 'link'],
    input: { inApp: [{ title: '{{ title }}', body: '{{ text }}', url: '{{ link }}' }] },
  },
  {
    key: 'inbox-demo-request',
    name: 'Demo: a request with two buttons',
    variables: ['title', 'text'],
    input: {
      feed: 'requests',
      inApp: [
        { title: '{{ title }}', body: '{{ text }}', primaryAction: { label: 'Accept' }, secondaryAction: { label: 'Decline' } },
        {
          locale: 'ko',
          title: '{{ title }}',
          body: '{{ text }}',
          primaryAction: { label: '수락' },
          secondaryAction: { label: '거절' },
        },
      ],
    },
  },
] as const

/** `onRefused` is called when the key is rejected. */
export function createPageApi(key: string, onRefused: () => void) {
  const prepared = new Set<string>()
  async function request<T, V>(document: TypedDocumentString<T, V>, variables: V): Promise<T> {
    let result: { data?: T; errors?: readonly { message: string; extensions?: { code?: string } }[] }
    try {
      const response = await fetch(serverUrl('graphql'), {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify({ query: String(document), variables }),
      })
      result = await response.json()
    } catch {
      throw new PageError('NETWORK', 'The server could not be reached.')
    }
    const [error] = result.errors ?? []
    if (error === undefined && result.data !== undefined) return result.data
    const code = error?.extensions?.code ?? 'INTERNAL'
    if (code === 'UNAUTHENTICATED') onRefused()
    throw new PageError(code, error?.message ?? 'The response was empty.')
  }
  return {
    /** The project of the key, and its templates with in-app content. @throws PageError */
    async look(): Promise<{ project: string; kinds: readonly Kind[] }> {
      const { viewer, templates } = await request(Look, {})
      if (viewer.project === null) throw new PageError('FORBIDDEN', 'This is not the key of a project.')
      const names = new Set<string>(own.map(({ key }) => key))
      const others = templates.nodes.filter((one) => one.active && one.channels.includes('IN_APP') && !names.has(one.key))
      return { project: viewer.project.name, kinds: [...own, ...others] }
    },
    /** A token for a contact, which is created if it does not exist. @throws PageError */
    token: async (contact: string, ttlSeconds = 3_600): Promise<string> =>
      (await request(Token, { contact, ttlSeconds })).createContactToken.token,
    /** @returns how many were accepted. @throws PageError the first refusal */
    async send({ template, contacts, data, incrementId, times }: Dispatch): Promise<number> {
      const mine = own.find((one) => one.key === template)
      if (mine !== undefined && !prepared.has(template)) {
        const input = JSON.parse(JSON.stringify(mine.input)) as Record<string, never>
        await request(Prepare, { templates: [{ key: mine.key, name: mine.name, ...input }] })
        prepared.add(template)
      }
      const message = contacts.flatMap((externalId) =>
        Array.from({ length: times }, (_one, index) => ({
          template,
          contact: { externalId },
          data: {
            ...data,
            ...(times > 1 && typeof data['title'] === 'string' ? { title: `${data['title']} ${index + 1}` } : {}),
          },
          ...(incrementId === null ? {} : { incrementId }),
        })),
      )
      let accepted = 0
      for (let from = 0; from < message.length; from += 100) {
        const { sendMessages } = await request(Send, { messages: message.slice(from, from + 100) })
        for (const { ok, error } of sendMessages.results) {
          if (!ok) throw new PageError(error?.code ?? 'INTERNAL', error?.message ?? 'It was rejected.')
          accepted += 1
        }
      }
      return accepted
    },
  }
}

/** The API of the page. */
export type PageApi = ReturnType<typeof createPageApi>
