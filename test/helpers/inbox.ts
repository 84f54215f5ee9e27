/** The inbox in a browser, on a page of another site. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core'
import type { TestApp, TestProject } from './app.ts'
import { watchPage } from './browser.ts'
import { CreateContactToken, SendBare, UpsertTemplates } from './operations.ts'

/** A site that is not the server's. */
export interface Site {
  readonly url: string
  /** Serves a page. @returns its address */
  add(html: string): string
  close(): Promise<void>
}

/** Starts one. */
export async function startSite(): Promise<Site> {
  const pages: string[] = []
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(pages[Number(request.url?.slice(1))] ?? '<!doctype html><link rel="icon" href="data:,">')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    add: (html) => `${url}/${pages.push(html) - 1}`,
    async close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** A project whose templates speak in-app: `note` (feed default), `bill` (billing), `ask` (default, two buttons). */
export async function newInboxProject(app: TestApp): Promise<TestProject> {
  const project = await app.project()
  await project.api.do(UpsertTemplates, {
    templates: [
      {
        key: 'note',
        name: 'Notes',
        inApp: [{ title: '{{ title }}', body: '{{ text | default: "Something happened." }}', url: '{{ url }}' }],
      },
      {
        key: 'bill',
        name: 'Bills',
        feed: 'billing',
        inApp: [{ title: '{{ title }}', body: 'To be paid.' }],
        email: [{ subject: 'Bill', text: 'Bill' }],
      },
      {
        key: 'ask',
        name: 'Requests',
        inApp: [
          {
            title: '{{ title }}',
            body: 'May I?',
            primaryAction: { label: 'Yes' },
            secondaryAction: { label: 'No', url: 'https://other.example/no' },
          },
        ],
      },
      { key: 'law', name: 'Law', critical: true, inApp: [{ title: 'Law', body: 'It has changed.' }] },
    ],
  })
  return project
}

/** Sends one message for each title. */
export async function sendTitles(
  project: TestProject,
  contact: string,
  titles: readonly string[],
  more: object = {},
): Promise<void> {
  for (let from = 0; from < titles.length; from += 100) {
    const messages = titles.slice(from, from + 100).map((title) => ({
      template: 'note',
      contact: { externalId: contact },
      data: { title },
      ...more,
    }))
    const { sendMessages } = await project.api.do(SendBare, { messages })
    const bad = sendMessages.results.find(({ ok }) => !ok)
    if (bad !== undefined) throw new Error(JSON.stringify(bad))
  }
}

/** A contact's token. */
export async function tokenFor(project: TestProject, contact: string, ttlSeconds = 3600): Promise<string> {
  return (await project.api.do(CreateContactToken, { contact, ttlSeconds })).createContactToken.token
}

/** A page with an inbox. */
export interface InboxTab {
  readonly page: Page
  readonly context: BrowserContext
  readonly inbox: Locator
  readonly bell: Locator
  readonly badge: Locator
  readonly rows: Locator
  readonly faults: readonly string[]
  /** a row by its title */
  row(title: string): Locator
  /** titles that `carillon-message` told of, in order */
  received(): Promise<string[]>
  /** names of all events that the element sent */
  events(): Promise<string[]>
  /** titles of the rows that are in the document, from above */
  titles(): Promise<string[]>
  /** Waits until the element is what it should be. */
  waitFor(live: 'live' | 'offline' | 'connecting', phase?: string): Promise<void>
  close(): Promise<void>
}

/** What to open. */
export interface OpenOptions {
  /** where the script comes from */
  readonly script: string
  /** where the server is; default: where the script comes from */
  readonly server?: string
  readonly token?: string | null
  readonly attributes?: string
  /** HTML around the element */
  readonly before?: string
  readonly htmlAttributes?: string
  readonly context?: BrowserContext
  readonly options?: BrowserContextOptions
}

/** Three lines of HTML, and a script that remembers what the element tells. */
export async function openInbox(browser: Browser, site: Site, open: OpenOptions): Promise<InboxTab> {
  const { script, server = script, token = null, attributes = '', before = '', htmlAttributes = 'lang="en"' } = open
  const url = site.add(`<!doctype html>
<html ${htmlAttributes}><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Shop</title>
<link rel="icon" href="data:,">
<style>:root { color-scheme: light dark } body { margin: 0; padding: 12px; min-height: 100vh; box-sizing: border-box } header { display: flex; justify-content: end }</style>
<script>
window.told = []
for (const name of ['message', 'change', 'counts', 'state', 'open', 'close', 'message-click', 'action', 'token-expired', 'error'])
  addEventListener('carillon-' + name, ({ detail }) => window.told.push({ name, detail: JSON.parse(JSON.stringify(detail)) }))
</script>
<script type="module" src="${script}/inbox.js"></script></head>
<body><main><h1>Shop</h1>${before}<header><carillon-inbox ${token === null ? '' : `token="${token}"`} server="${server}" ${attributes}></carillon-inbox></header></main></body></html>`)
  const context =
    open.context ??
    (await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...open.options }))
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const faults = watchPage(
    page,
    [site.url, script, server].map((one) => new URL(one).origin),
  )
  await page.goto(url)
  const inbox = page.locator('carillon-inbox')
  const told = (): Promise<{ name: string; detail: { message?: { title: string } } }[]> => page.evaluate('window.told')
  return {
    page,
    context,
    inbox,
    bell: inbox.locator('.bell'),
    badge: inbox.locator('.badge'),
    rows: inbox.locator('.row'),
    faults,
    row: (title) => inbox.locator('.row', { has: page.locator('h3').getByText(title, { exact: true }) }),
    received: async () =>
      (await told()).filter(({ name }) => name === 'message').map(({ detail }) => detail.message?.title ?? ''),
    events: async () => (await told()).map(({ name }) => name),
    titles: () => inbox.locator('.row h3 bdi').allTextContents(),
    async waitFor(live, phase = 'ready') {
      await page.waitForFunction(
        ([wantedLive, wantedPhase]) => {
          const state = (
            document.querySelector('carillon-inbox') as { client?: { state: { live: string; phase: string } } } | null
          )?.client?.state
          return state?.live === wantedLive && state.phase === wantedPhase
        },
        [live, phase] as const,
      )
    },
    close: () => (open.context === undefined ? context.close() : page.close()),
  }
}
