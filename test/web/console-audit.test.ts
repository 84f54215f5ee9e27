/** The audit log in the console: who changed what, and the difference that it made. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { type ConsoleTab, findBarriers, openConsole, sideways, widths } from '../helpers/console.ts'
import { UpsertTemplates, UpsertTopics } from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'

const lines = (text: string): string => `Hello\nThank you\nWe have it\n${text}\nBye\nThe shop\nWith love`

optionalSuite(inBrowser('the audit log in the console'), () => {
  let app: TestApp
  let browser: Browser
  let tab: ConsoleTab
  beforeAll(async () => {
    ;[app, browser] = await Promise.all([startTestApp(), startBrowser()])
    const { api, apiKey } = await app.project()
    for (const text of ['It comes soon.', 'It comes <b>tomorrow</b>.']) {
      await api.do(UpsertTemplates, { templates: [{ key: 'order', email: [{ subject: 'Order', text: lines(text) }] }] })
    }
    await api.do(UpsertTopics, { topics: [{ key: 'offers' }] })
    tab = await openConsole(browser, app.url, apiKey)
    await tab.goTo('#/audit', 'Audit log')
  })
  afterAll(async () => {
    await browser.close()
    await app.stop()
  })

  it('shows the lines that a change has replaced, as text', async () => {
    const { page, faults } = tab
    await page.getByRole('button', { name: 'Details of Upsert templates order' }).first().click()
    const detail = page.getByRole('dialog')
    await expect
      .poll(() => detail.locator('del').allTextContents())
      .toEqual([expect.stringContaining('…\nThank you\nWe have it\nIt comes soon.\nBye\nThe shop\n…')])
    expect(await detail.locator('ins').textContent()).toContain('It comes <b>tomorrow</b>.')
    expect(await detail.textContent()).toContain('127.0.0.1')
    expect(await findBarriers(page)).toEqual([])
    await page.setViewportSize(widths.narrow)
    expect(await findBarriers(page)).toEqual([])
    expect(await sideways(page)).toBe(0)
    await page.getByRole('button', { name: 'Close' }).click()
    await page.setViewportSize(widths.wide)
    expect(faults).toEqual([])
  })

  it('keeps its filters in the address', async () => {
    const { page } = tab
    const rows = page.getByRole('row')
    await expect.poll(() => rows.count()).toBe(6)
    await page.getByLabel('Object type').selectOption('TOPIC')
    await expect.poll(() => rows.count()).toBe(2)
    expect(page.url()).toContain('kind=TOPIC')
    await page.getByLabel('Actor', { exact: true }).fill('nobody')
    await page.getByText('No entries').waitFor()
    await page.goto(page.url().replace('actor=nobody', 'actor=first'))
    await expect.poll(() => rows.count()).toBe(2)
  })
})
