/**
 * `npm run shots`: the pictures of the README, taken of a server with something going on. It needs Chromium, as the suites in a
 * browser do, and nothing else.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { startBrowser } from '../helpers/browser.ts'
import type { Client } from '../helpers/client.ts'
import {
  ConfigureProviders,
  ListNotifications,
  Send,
  SubscribeToTopic,
  UpsertContacts,
  UpsertTemplates,
  UpsertTopics,
} from '../helpers/operations.ts'
import { startProcess } from '../helpers/process.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'

const images = join(import.meta.dirname, '../../docs/images')
const size = { width: 1200, height: 750 }

const people = [
  ['ann.larsen', 'Ann', 'Larsen', 'en'],
  ['ben.okafor', 'Ben', 'Okafor', 'en'],
  ['chloe.kim', 'Chloe', 'Kim', 'ko'],
  ['dana.moss', 'Dana', 'Moss', 'en'],
  ['eli.reyes', 'Eli', 'Reyes', 'en'],
  ['faye.stone', 'Faye', 'Stone', 'en'],
] as const

/** Fills the demo project: people, a provider that fails at times, and what happens to be sent. */
async function fill(api: Client, smtp: SmtpSink): Promise<string> {
  await api.do(ConfigureProviders, {
    providers: [
      { key: 'capture-email', priority: 10 },
      {
        ...{ key: 'mail', channel: 'EMAIL', kind: 'smtp', priority: 1 },
        settings: { host: '127.0.0.1', port: smtp.port, from: 'Shop <shop@example.com>', tlsVerify: false },
      },
    ],
  })
  await api.do(UpsertContacts, {
    contacts: people.map(([externalId, firstName, lastName, locale], index) => ({
      ...{ externalId, firstName, lastName, locale, email: `${externalId}@example.com` },
      ...(index % 2 === 0 ? { phone: `+1500555000${index}` } : {}),
    })),
  })
  await api.do(UpsertTemplates, {
    templates: [
      {
        key: 'order-shipped',
        name: 'Order shipped',
        inApp: [{ title: 'Order {{ number }} is on its way', body: 'It arrives on {{ day }}.', url: '/orders/{{ number }}' }],
        email: [
          {
            subject: 'Your order {{ number }} is on its way',
            html: '<div style="font-family: sans-serif"><h2>On its way</h2><p>Hello {{ firstName }}, your order <b>{{ number }}</b> arrives on {{ day }}.</p></div>',
            text: 'Hello {{ firstName }}, your order {{ number }} arrives on {{ day }}.',
          },
        ],
        sms: [{ body: 'Order {{ number }} arrives on {{ day }}.' }],
      },
    ],
  })
  await api.do(UpsertTopics, { topics: [{ key: 'news', name: 'Product news' }] })
  await api.do(SubscribeToTopic, { topic: 'news', contacts: people.map(([id]) => id) })
  smtp.script(({ stage, line }) => {
    if (stage === 'rcpt' && line.includes('dana')) return { reply: '554 5.7.1 Message refused by policy' }
    if (stage === 'rcpt' && line.includes('ben') && !smtp.messages.some(({ to }) => to.some((one) => one.includes('faye')))) {
      return { reply: '451 4.7.1 Try again in a moment' }
    }
    return undefined
  })
  const sent = await Promise.all(
    people.map(([externalId], index) =>
      api.do(Send, {
        messages: [
          {
            id: `order-${1041 + index}`,
            template: 'order-shipped',
            contact: { externalId },
            data: { number: `A-${1041 + index}`, day: 'Friday' },
          },
          { id: `hello-${index}`, template: 'welcome', contact: { externalId } },
          {
            template: 'comment',
            contact: { externalId },
            actor: { externalId: 'ann.larsen' },
            data: { comment: 'Looks good to me.', url: '/' },
          },
        ],
      }),
    ),
  )
  await api.do(Send, {
    messages: [{ id: 'reminder-7', template: 'welcome', contact: { externalId: 'chloe.kim' }, delaySeconds: 86_400 }],
  })
  await until(
    'everything has come to rest',
    async () => {
      const { notifications } = await api.do(ListNotifications, { filter: { statuses: ['QUEUED', 'SENDING'] }, first: 1 })
      return notifications.nodes.length === 0
    },
    60_000,
  )
  return sent[1]?.sendMessages.results[0]?.notification?.id ?? ''
}

/** Takes one picture. */
async function shoot(
  browser: Browser,
  name: string,
  url: string,
  ready: (page: Page) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const context = await browser.newContext({ viewport: size, colorScheme: 'light', ...options })
  const page = await context.newPage()
  await page.goto(url)
  await ready(page)
  await page.evaluate(() => document.fonts.ready)
  await page.screenshot({ path: join(images, `${name}.png`), animations: 'disabled' })
  await context.close()
  process.stdout.write(`${name}.png\n`)
}

const dir = await mkdtemp(join(tmpdir(), 'carillon-shots-'))
const [server, browser, smtp] = await Promise.all([startProcess({ CARILLON_DIR: dir }), startBrowser(), startSmtp()])
try {
  const key = await until('the keys are printed', () => /API key +(\S+)/.exec(server.output())?.[1])
  const fragment = `#authorization=${encodeURIComponent(`Bearer ${key}`)}`
  const notification = await fill(server.client(`Bearer ${key}`), smtp)
  await mkdir(images, { recursive: true })
  const start = `${server.url}/${fragment}`
  const place = (hash: string, sign: string) => async (page: Page) => {
    await page.getByRole('heading', { name: 'Activity' }).waitFor()
    await page.evaluate((to) => {
      location.hash = to
    }, hash)
    await page.getByText(sign).first().waitFor()
  }
  const live = (page: Page): Promise<void> => page.getByText('E-mail failed').first().waitFor()
  await shoot(browser, 'console-activity', start, live)
  await shoot(browser, 'console-phone', start, live, { viewport: { width: 390, height: 750 } })
  await shoot(browser, 'console-notification', start, async (page) => {
    await place(`#/notifications/${notification}`, 'Attempt 2')(page)
    await page.getByRole('heading', { name: 'E-mail' }).evaluate((heading) => heading.scrollIntoView())
  })
  await shoot(browser, 'console-template', start, async (page) => {
    await place('#/templates/order-shipped', 'Would be sent')(page)
    await page
      .getByRole('group', { name: 'Channel' })
      .getByRole('button', { name: /^E-mail/ })
      .click()
    await page.getByLabel('Data (JSON)').fill('{ "number": "A-1042", "day": "Friday" }')
    await page.locator('iframe.shown').contentFrame().getByText('A-1042').waitFor()
  })
  await shoot(browser, 'console-providers', start, place('#/providers', 'capture-sms'), { colorScheme: 'dark' })
  await shoot(browser, 'inbox', `${server.url}/inbox${fragment}`, async (page) => {
    await page
      .getByText('connected')
      .or(page.getByText('live', { exact: true }))
      .nth(1)
      .waitFor()
    const button = page.getByRole('button', { name: 'Send', exact: true })
    for (const kind of ['inbox-demo', 'comment', 'welcome']) {
      await page.locator('select[name=kind]').selectOption(kind)
      await button.click()
      await button.waitFor()
    }
    await page.getByText('Welcome').nth(3).waitFor()
  })
  const query = encodeURIComponent(
    '{\n  notifications(first: 2) {\n    nodes {\n      contact { externalId }\n      messages { channel status }\n    }\n  }\n}',
  )
  await shoot(browser, 'graphiql', `${server.url}/graphql?query=${query}${fragment}`, async (page) => {
    await page.locator('.graphiql-query-editor').getByText('notifications').waitFor()
    await until('the answer is there', async () => {
      await page.getByRole('button', { name: /Execute query/ }).click()
      return (await page.locator('.result-window').textContent())?.includes('externalId')
    })
  })
} finally {
  await browser.close()
  server.kill('SIGTERM')
  await server.exited
  await smtp.close()
  await rm(dir, { recursive: true, force: true })
}
