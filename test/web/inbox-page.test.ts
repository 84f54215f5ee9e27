/** The demo page: two inboxes side by side, and a form that sends to either. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { inBrowser, startBrowser, watchPage } from '../helpers/browser.ts'
import { findBarriers } from '../helpers/console.ts'
import { newInboxProject } from '../helpers/inbox.ts'
import { Feed, ListApiKeys, RevokeApiKey } from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { until } from '../helpers/until.ts'

optionalSuite(inBrowser('the demo page of the inbox in a browser'), () => {
  let app: TestApp
  let browser: Browser
  const all: (readonly string[])[] = []
  beforeAll(async () => {
    ;[app, browser] = await Promise.all([startTestApp(), startBrowser()])
  })
  afterAll(async () => {
    await browser?.close()
    await app?.stop()
    for (const faults of all) expect(faults).toEqual([])
  })
  const openDemo = async (key: string | null, options: BrowserContextOptions = {}): Promise<Page> => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', ...options })
    const page = await context.newPage()
    page.setDefaultTimeout(10_000)
    all.push(watchPage(page, [app.url]))
    await page.goto(`${app.url}/inbox${key === null ? '' : `#authorization=${encodeURIComponent(`Bearer ${key}`)}`}`)
    return page
  }
  const device = (page: Page, index: 0 | 1) => page.locator('.device').nth(index)
  const live = async (page: Page): Promise<void> => {
    for (const index of [0, 1] as const) await device(page, index).locator('.state-live').waitFor()
  }

  it('takes the key out of the address, and keeps it in this tab alone', async () => {
    const { apiKey } = await newInboxProject(app)
    const page = await openDemo(apiKey)
    await live(page)
    expect(page.url()).toBe(`${app.url}/inbox`)
    expect(await page.evaluate(() => Object.values({ ...sessionStorage }))).toEqual([apiKey])
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage }) + document.cookie)).not.toContain(apiKey)
    await page.reload()
    await live(page)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('API key').waitFor()
    expect(await page.evaluate(() => [sessionStorage.length, localStorage.length])).toEqual([0, 0])
    await page.context().close()
  })

  it('asks for a key, and says what is wrong with one that is not valid, or not any more', async () => {
    const project = await newInboxProject(app)
    const page = await openDemo(null)
    await page.getByLabel('API key').fill('nonsense')
    await page.getByRole('button', { name: 'Open' }).click()
    await page.getByText('This API key is not valid.').waitFor()
    expect(await findBarriers(page)).toEqual([])
    await page.getByLabel('API key').fill(project.apiKey)
    await page.getByRole('button', { name: 'Open' }).click()
    await live(page)
    const { apiKeys } = await project.api.do(ListApiKeys, {})
    await project.api.do(RevokeApiKey, { id: apiKeys[0]?.id ?? '' })
    await until('the key is refused', async () => {
      await page
        .locator('.send .main')
        .click({ timeout: 500 })
        .catch(() => {})
      return page.getByText('This API key is not valid.').isVisible()
    })
    await page.context().close()
  })

  it('sends to either, and shows what arrives, live, with counts and cursors', async () => {
    const { apiKey } = await newInboxProject(app)
    const page = await openDemo(apiKey)
    await live(page)
    await page.locator('.chip', { hasText: 'demo-friend' }).click()
    await page.getByLabel('title').fill('For a friend')
    await page.getByRole('button', { name: 'Send' }).click()
    await page.getByText('1 accepted').waitFor()
    await device(page, 1).getByRole('heading', { name: 'For a friend' }).waitFor()
    await device(page, 1).locator('.log li', { hasText: 'received' }).waitFor()
    expect(await device(page, 0).locator('.row').count()).toBe(0)
    await page.locator('select[name=kind]').selectOption('inbox-demo-request')
    await page.locator('.chip', { hasText: 'Both' }).click()
    await page.locator('.chip', { hasText: '10' }).first().click()
    await page.getByRole('button', { name: 'Send' }).click()
    await page.getByText('20 accepted').waitFor()
    await expect.poll(() => device(page, 0).locator('.counts dd').nth(1).textContent()).toBe('10')
    await device(page, 0).getByRole('button', { name: 'Accept' }).first().click()
    await device(page, 0).locator('.log li', { hasText: 'acted on' }).waitFor()
    await page.context().close()
  })

  it('cuts a socket and goes on where it stopped; lets a token end and goes on with the next', async () => {
    const project = await newInboxProject(app)
    const page = await openDemo(project.apiKey)
    await live(page)
    const [first] = [device(page, 0)]
    await first.getByRole('button', { name: 'Disconnect' }).click()
    await first.locator('.state-paused').waitFor()
    await page.locator('.chip', { hasText: '10' }).first().click()
    await page.getByRole('button', { name: 'Send' }).click()
    await page.getByText('20 accepted').waitFor()
    expect(await first.locator('.row').count()).toBe(0)
    await first.getByRole('button', { name: 'Reconnect' }).click()
    await first.locator('.state-live').waitFor()
    await expect.poll(() => first.locator('.log li', { hasText: 'received' }).count()).toBe(10)
    await first.getByText('resuming from the last cursor').waitFor()
    await first.getByRole('button', { name: 'Expire token' }).click()
    await first.locator('.state-expired').waitFor()
    await first.locator('carillon-inbox').getByText('Your session has ended').waitFor()
    await first.getByRole('button', { name: 'Sign in again' }).click()
    await first.locator('.state-live').waitFor()
    const { feed } = await project.api.do(Feed, { contact: 'demo-user', first: 100 })
    expect(feed.totalCount).toBe(10)
    await page.context().close()
  })

  it('changes a contact, and shows a refusal of the server', async () => {
    const { apiKey, api } = await newInboxProject(app)
    const page = await openDemo(apiKey)
    await live(page)
    await device(page, 0).getByRole('textbox').fill('somebody-else')
    await device(page, 0).getByRole('textbox').press('Enter')
    await page.locator('.chip', { hasText: 'somebody-else' }).click()
    await page.getByRole('button', { name: 'Send' }).click()
    await device(page, 0).getByRole('heading', { name: 'Your table is ready' }).waitFor()
    await api.raw('mutation { upsertTemplates(templates: [{ key: "inbox-demo", active: false }]) { key } }')
    await page.getByRole('button', { name: 'Send' }).click()
    await page.getByText('TEMPLATE_INACTIVE').waitFor()
    await page.context().close()
  })

  const looks = [
    ['light', 1280],
    ['dark', 390],
    ['dark', 1280],
    ['light', 390],
  ] as const
  describe.each(process.env['TEST_FULL'] === '1' ? looks : looks.slice(0, 2))('in %s, %i px wide', (colorScheme, width) => {
    it('axe finds nothing, and nothing is wider than the window: asking for a key, empty, with messages, behind bells, right to left', async () => {
      const { apiKey } = await newInboxProject(app)
      const options = {
        colorScheme,
        viewport: { width, height: 844 },
        ...(width < 500 ? { isMobile: true, hasTouch: true } : {}),
      }
      const gate = await openDemo(null, options)
      await gate.getByLabel('API key').waitFor()
      expect(await findBarriers(gate)).toEqual([])
      await gate.context().close()
      const page = await openDemo(apiKey, options)
      await live(page)
      const look = async (): Promise<void> => {
        expect(await findBarriers(page)).toEqual([])
        expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true)
      }
      await look()
      await page.getByRole('button', { name: 'Send' }).click()
      await page.locator('.row').nth(1).waitFor()
      await look()
      for (const index of [0, 1] as const) await device(page, index).getByRole('button', { name: 'Bell' }).click()
      await look()
      await page.getByLabel('Direction').selectOption('rtl')
      await page.getByLabel('Language').selectOption('ko')
      await look()
      await page.context().close()
    })
  })
})
