/** The console's pages about credentials: API keys of a project, and the projects of a server for its operator. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { findBarriers, openConsole, sideways, widths } from '../helpers/console.ts'
import { Authenticate, CreateApiKey, GetViewer } from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { newShop } from '../helpers/setup.ts'

optionalSuite(inBrowser('credentials in the console'), () => {
  let app: TestApp
  let browser: Browser
  let project: TestProject
  beforeAll(async () => {
    ;[app, browser] = await Promise.all([startTestApp(), startBrowser()])
    project = await newShop(app, null)
  })
  afterAll(async () => {
    await browser.close()
    await app.stop()
  })
  const dialog = (page: Page, name: string) => page.getByRole('dialog', { name })
  /** What each screen is held against, at both widths. */
  async function look(page: Page): Promise<void> {
    for (const size of Object.values(widths)) {
      await page.setViewportSize(size)
      expect(await findBarriers(page)).toEqual([])
      expect(await sideways(page)).toBe(0)
    }
    await page.setViewportSize(widths.wide)
  }

  it('creates a key with some scopes and an end, and shows both', async () => {
    const { page, goTo, faults, close } = await openConsole(browser, app.url, project.apiKey)
    await goTo('#/keys', 'API keys')
    await page.getByRole('button', { name: 'New API key' }).click()
    const form = dialog(page, 'New API key')
    await form.getByLabel('Name').fill('billing')
    await form.getByLabel('Manage:').uncheck()
    await form.getByLabel('Keys:').uncheck()
    await form.getByLabel('Expires').fill('2099-01-02T03:04')
    await look(page)
    await form.getByRole('button', { name: 'Create' }).click()
    const secret = (await dialog(page, 'API key billing').locator('.secret').textContent()) ?? ''
    await dialog(page, 'API key billing').getByRole('button', { name: 'Done' }).click()
    const row = page.getByRole('row', { name: /billing/ })
    await row.getByText('send, read').waitFor()
    expect(await row.textContent()).toMatch(/2099/)
    expect(await app.client(`Bearer ${secret}`).raw('{ apiKeys { id } }')).toEqual(['FORBIDDEN'])
    expect(await app.client(`Bearer ${secret}`).raw('{ contacts { totalCount } }')).toEqual([])
    await look(page)
    expect(faults).toEqual([])
    await close()
  })

  it('rotates the secret key, says which keys stay, and ends those that it is told to', async () => {
    const own = await newShop(app, null)
    await own.api.do(CreateApiKey, { name: 'deployment' })
    const { page, goTo, faults, close } = await openConsole(browser, app.url, own.apiKey)
    await goTo('#/keys', 'API keys')
    await page.getByRole('button', { name: 'Rotate secret key' }).click()
    await look(page)
    await dialog(page, 'Rotate the secret key').getByRole('button', { name: 'Rotate' }).click()
    const done = dialog(page, 'New secret key')
    await done.getByText('deployment').waitFor()
    await done.getByText('first').waitFor()
    await look(page)
    const secretKey = (await done.locator('.secret').last().textContent()) ?? ''
    expect((await app.anonymous.ask(Authenticate, { accessKey: own.accessKey, secretKey })).codes).toEqual([])
    await done.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('button', { name: 'Rotate secret key' }).click()
    await page.getByLabel('Also revoke all other API keys').check()
    await dialog(page, 'Rotate the secret key').getByRole('button', { name: 'Rotate' }).click()
    await done.getByText('Revoked:').waitFor()
    expect((await own.api.ask(GetViewer, {})).codes).toEqual([])
    expect(faults).toEqual([])
    await close()
  })

  it('lets the operator suspend, resume, recover and delete a project', async () => {
    const other = await newShop(app, null)
    const { page, faults, close } = await openConsole(browser, app.url, app.operatorKey)
    await page.getByRole('heading', { level: 1, name: 'Projects' }).waitFor()
    await page.getByLabel('Search').fill(other.key)
    const row = page.getByRole('row', { name: new RegExp(other.key) })
    await row.getByRole('button', { name: 'Suspend' }).click()
    await page.getByLabel('Reason').fill('unpaid')
    await look(page)
    await page.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click()
    await row.getByText('Suspended').waitFor()
    expect((await other.api.ask(GetViewer, {})).codes).toEqual(['PROJECT_SUSPENDED'])
    await look(page)
    await row.getByRole('button', { name: 'Resume' }).click()
    await row.getByText('Active').waitFor()
    await row.getByRole('button', { name: 'Recover' }).click()
    await page.getByRole('dialog').getByLabel('Revoke all').check()
    await page.getByRole('button', { name: 'Create key' }).click()
    const secret = (await page.locator('.secret').textContent()) ?? ''
    expect((await app.client(`Bearer ${secret}`).ask(GetViewer, {})).codes).toEqual([])
    expect((await other.api.ask(GetViewer, {})).codes).toEqual(['UNAUTHENTICATED'])
    await page.getByRole('button', { name: 'Done' }).click()
    await row.getByRole('button', { name: 'Delete' }).click()
    expect(await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).isDisabled()).toBe(true)
    await page.getByLabel(`Type ${other.key} to confirm`).fill(other.key)
    await page.getByLabel('Erase after (hours)').fill('0')
    await look(page)
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByText('No projects').waitFor({ timeout: 30_000 })
    expect((await app.client(`Bearer ${secret}`).ask(GetViewer, {})).codes).toEqual(['UNAUTHENTICATED'])
    expect(faults).toEqual([])
    await close()
  })
})
