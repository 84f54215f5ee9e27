/** What the console asks of its socket: no more than it shows, and nothing for what is over. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { type ConsoleTab, openConsole } from '../helpers/console.ts'
import { Send } from '../helpers/operations.ts'
import { Broadcast } from '../helpers/operations-fanout.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { newShop } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

optionalSuite(inBrowser('the line of the console, in a browser'), () => {
  let app: TestApp
  let browser: Browser
  const open: ConsoleTab[] = []
  beforeAll(async () => {
    ;[app, browser] = await Promise.all([startTestApp(), startBrowser()])
  })
  afterAll(async () => {
    await browser?.close()
    await app?.stop()
    for (const { faults } of open) expect(faults).toEqual([])
  })

  /** The console, and the names of the subscriptions that it began; those that it has not ended are open. */
  async function openTab(key: string) {
    const tab = await openConsole(browser, app.url, key)
    open.push(tab)
    await tab.page.getByRole('heading', { level: 1, name: 'Activity' }).waitFor()
    const begun: string[] = []
    const running = new Map<string, string>()
    tab.page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => {
        const {
          id = '',
          type,
          payload: asked,
        } = JSON.parse(String(payload)) as {
          id?: string
          type: string
          payload?: { query: string }
        }
        const name = /subscription (\w+)/.exec(asked?.query ?? '')?.[1]
        if (type === 'subscribe' && name !== undefined) {
          begun.push(name)
          running.set(id, name)
        } else if (type === 'complete') running.delete(id)
      })
      socket.on('framereceived', ({ payload }) => {
        const { id = '', type } = JSON.parse(String(payload)) as { id?: string; type: string }
        if (type === 'complete') running.delete(id)
      })
    })
    // Its timers are run by the tests.
    await tab.page.clock.install()
    await tab.page.reload()
    return { ...tab, begun, running: () => [...running.values()] }
  }

  it('follows a transaction to its end, and then no more', async () => {
    const project = await newShop(app, null)
    await project.api.do(Send, { messages: [{ template: 'note', contact: { externalId: 'one' } }] })
    const { broadcast } = await project.api.do(Broadcast, { input: { template: 'note' } })
    const { page, begun, running, close } = await openTab(project.apiKey)
    await page.goto(`${app.url}/#/broadcasts/${broadcast.transactionId}`)
    await page.getByText('Done', { exact: true }).waitFor()
    await until('it was followed to its end', () => begun.includes('ProgressChanges') && !running().includes('ProgressChanges'))
    await page.clock.runFor(10_000)
    await page.getByRole('link', { name: 'View notifications' }).click()
    await until('the next page is watched', () => running().includes('ActivityChanges'))
    expect(begun.filter((name) => name === 'ProgressChanges')).toHaveLength(1)
    await close()
  })

  it('watches nothing for a page that was left before it was there', async () => {
    const project = await newShop(app, null)
    const { sendMessages } = await project.api.do(Send, { messages: [{ template: 'note', contact: { externalId: 'left' } }] })
    const id = sendMessages.results[0]?.notification?.id ?? ''
    const { page, begun, running, close } = await openTab(project.apiKey)
    await page.getByRole('link', { name: 'left' }).waitFor()
    const asked = Promise.withResolvers<() => Promise<void>>()
    await page.route('**/graphql', (route) => {
      if (route.request().postData()?.includes('OneNotification') !== true) return route.continue()
      asked.resolve(() => route.continue())
      return undefined
    })
    await page.goto(`${app.url}/#/notifications/${id}`)
    const answer = await asked.promise
    await page.goto(`${app.url}/#/captures`)
    await page.getByText('No captured messages').waitFor()
    const answered = page.waitForResponse((response) => response.request().postData()?.includes('OneNotification') === true)
    await answer()
    await (await answered).finished()
    await page.goto(`${app.url}/#/activity`)
    await page.getByRole('link', { name: 'left' }).waitFor()
    await expect.poll(running).toEqual(['ActivityChanges'])
    expect(begun).not.toContain('NotificationChanges')
    await close()
  })
})
