/** The statistics of the console: rates beside counts, against the period before, and only what occurs. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { type ConsoleTab, findBarriers, openConsole, sideways, widths } from '../helpers/console.ts'
import { MarkAs, Send } from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { newShop, times } from '../helpers/setup.ts'

const DAY_MS = 24 * 3_600_000

optionalSuite(inBrowser('the statistics of the console'), () => {
  const clock = createTestClock()
  let app: TestApp
  let browser: Browser
  let project: TestProject
  let tab: ConsoleTab
  /** Sends as many of each, some days after what was sent before. */
  async function send(daysLater: number, counts: Readonly<Record<string, number>>): Promise<void> {
    clock.advance(daysLater * DAY_MS)
    for (const [template, sent] of Object.entries(counts)) {
      const contact = (n: number) => ({ externalId: `c-${n}`, email: `c${n}@example.com` })
      const messages = times(sent, (n) => ({ template, contact: contact(n), data: { n, number: n } }))
      await project.api.do(Send, { messages, wait: 'SENT' })
    }
  }
  beforeAll(async () => {
    ;[app, browser] = await Promise.all([startTestApp({ clock }), startBrowser()])
    project = await newShop(app, null)
    await send(0, { note: 4 })
    await send(6, { note: 4, order: 2 })
    await send(3, { note: 2 })
    const page = await project.page('c-0')
    await page.do(MarkAs, { all: {}, read: true })
    tab = await openConsole(browser, app.url, project.apiKey)
  })
  afterAll(async () => {
    expect(tab.faults).toEqual([])
    await browser.close()
    await app.stop()
  })
  const figure = (label: string) =>
    tab.page
      .locator('.figure', { hasText: new RegExp(`^${label}`) })
      .locator('dd')
      .textContent()

  it('compares a period with the one before, and draws each channel by itself', async () => {
    const { page, goTo } = tab
    await goTo('#/stats?days=7', 'Statistics')
    await page.getByText('Changes are against the 7 days before.').waitFor()
    expect((await figure('Sent'))?.replace(/\s+/g, ' ')).toBe('8of 8 accepted · +100 %')
    const top = page.getByRole('table', { name: 'Top templates' })
    expect(await top.getByRole('row').allInnerTexts()).toEqual([
      expect.stringMatching(/^Template/),
      expect.stringMatching(/^note\s+6\s+75\.0 %\s+\+50 %$/),
      expect.stringMatching(/^order\s+2\s+25\.0 %\s+new$/),
    ])
    await expect.poll(() => page.locator('.multiples canvas').count()).toBe(await page.locator('.multiples .panel').count())
    expect(await page.locator('.multiples .panel', { hasText: 'E-mail' }).locator('.u-series').allInnerTexts()).not.toContain(
      'Read',
    )
    expect(await page.locator('.multiples h2').allInnerTexts()).toEqual(['In-app', 'E-mail'])
    for (const width of [widths.wide, widths.narrow]) {
      await page.setViewportSize(width)
      expect(await findBarriers(page)).toEqual([])
      await expect.poll(() => sideways(page)).toBe(0)
    }
    await page.setViewportSize(widths.wide)
    await page.getByLabel('Period').selectOption('365')
    await page.getByText('Changes are against').waitFor({ state: 'detached' })
    expect((await figure('Sent'))?.replace(/\s+/g, ' ')).toBe('12of 12 accepted')
  })
})
