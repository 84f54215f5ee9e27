/** The console with the keyboard alone: the palette, shortcuts, dialogs. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { type ConsoleTab, findBarriers, openConsole } from '../helpers/console.ts'
import { Send, UpsertContacts } from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { newShop } from '../helpers/setup.ts'

optionalSuite(inBrowser('the console with the keyboard, in a browser'), () => {
  let app: TestApp
  let browser: Browser
  let tab: ConsoleTab
  let page: Page
  let notification = ''
  beforeAll(async () => {
    ;[app, browser] = await Promise.all([startTestApp(), startBrowser()])
    const project = await newShop(app, null)
    await project.api.do(UpsertContacts, { contacts: [{ externalId: 'zoe.kim', firstName: 'Zoe' }, { externalId: 'yan' }] })
    const { sendMessages } = await project.api.do(Send, {
      messages: [{ template: 'note', contact: { externalId: 'yan' }, data: { n: 1 } }],
    })
    notification = sendMessages.results[0]?.notification?.id ?? ''
    tab = await openConsole(browser, app.url, project.apiKey)
    page = tab.page
    await page.getByRole('link', { name: 'yan' }).waitFor()
  })
  afterAll(async () => {
    expect(tab.faults).toEqual([])
    await browser.close()
    await app.stop()
  })
  const heading = (name: string) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
  const palette = () => page.getByRole('dialog', { name: 'Go to' })

  it('goes to a page, a contact, a template and a notification from anywhere', async () => {
    for (const [typed, title] of [
      ['suppr', 'Suppressions'],
      ['zoe', 'zoe.kim'],
      ['note', 'note'],
      [notification, 'note to yan'],
    ] as const) {
      await page.keyboard.press('Control+k')
      await palette().waitFor()
      await page.getByRole('combobox', { name: 'Search pages' }).fill(typed)
      const option = palette().getByRole('option', { name: typed === 'note' ? /^note\s+note$/ : title })
      await option.first().waitFor()
      if (typed === 'zoe') expect(await findBarriers(page)).toEqual([])
      while ((await option.first().getAttribute('aria-selected')) !== 'true') await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Enter')
      await palette().waitFor({ state: 'detached' })
      await heading(title)
    }
    await page.keyboard.press('Control+k')
    await palette().waitFor()
    await page.keyboard.press('Escape')
    await palette().waitFor({ state: 'detached' })
  })

  it('moves in a list by j and k, opens a row, and searches by a slash', async () => {
    await tab.goTo('#/contacts', 'Contacts')
    await page.getByRole('link', { name: 'yan' }).waitFor()
    const focused = (): Promise<string | undefined> => page.evaluate(() => document.activeElement?.textContent?.trim())
    await page.keyboard.press('j')
    const first = await focused()
    await page.keyboard.press('j')
    const second = await focused()
    expect(new Set([first, second])).toEqual(new Set(['zoe.kim', 'yan']))
    await page.keyboard.press('k')
    expect(await focused()).toBe(first)
    await page.keyboard.press('/')
    await page.keyboard.type('jk')
    expect(await page.getByLabel('Search', { exact: true }).inputValue()).toBe('jk')
    await page.getByLabel('Search', { exact: true }).fill('')
    await page.getByRole('link', { name: 'yan' }).waitFor()
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur())
    await page.keyboard.press('j')
    const opened = await focused()
    await page.keyboard.press('Enter')
    await heading(opened ?? '')
  })

  it('shows its shortcuts, keeps the focus in a dialog, and gives it back', async () => {
    await tab.goTo('#/topics', 'Topics')
    await page.keyboard.press('?')
    const shown = page.getByRole('dialog', { name: 'Keyboard shortcuts' })
    await shown.getByText('Next row').waitFor()
    expect(await findBarriers(page)).toEqual([])
    await page.keyboard.press('Escape')
    await shown.waitFor({ state: 'detached' })
    const button = page.getByRole('button', { name: 'New topic' })
    await button.focus()
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog', { name: 'New topic' })
    await dialog.waitFor()
    for (let press = 0; press < 8; press++) {
      await page.keyboard.press('Tab')
      expect(
        await page.evaluate(
          () => document.activeElement === document.body || document.querySelector('dialog')?.contains(document.activeElement),
        ),
      ).toBe(true)
    }
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(await button.evaluate((element) => element === document.activeElement)).toBe(true)
  })
})
