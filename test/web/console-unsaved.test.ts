/** What is typed in the console and not saved: nothing of it is lost, and nobody's change is overwritten. And the versions of a template. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { type ConsoleTab, findBarriers, openConsole, sideways, widths } from '../helpers/console.ts'
import { GetTemplate } from '../helpers/operations.ts'
import { GetVersions, SetTemplateDrafts, UpsertVersioned } from '../helpers/operations-versions.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { newShop } from '../helpers/setup.ts'

optionalSuite(inBrowser('unsaved changes in a browser'), () => {
  let app: TestApp
  let browser: Browser
  let project: TestProject
  let tab: ConsoleTab
  let page: Page
  beforeAll(async () => {
    ;[app, browser] = await Promise.all([startTestApp(), startBrowser()])
    project = await newShop(app, null)
    tab = await openConsole(browser, app.url, project.apiKey)
    page = tab.page
  })
  afterAll(async () => {
    await browser.close()
    await app.stop()
    expect(tab.faults).toEqual([])
  })
  const heading = (name: string) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
  const answer = (button: string) => page.getByRole('dialog').getByRole('button', { name: button, exact: true }).click()
  const body = () => page.getByLabel('Body', { exact: true })
  const unsaved = () => page.getByText('Unsaved changes')
  const saveElsewhere = (text: string) =>
    project.api.do(UpsertVersioned, { templates: [{ key: 'note', inApp: [{ body: text }] }] })

  it('calls nothing an edit that is none: opening a channel, or typing and taking it back', async () => {
    await tab.goTo('#/templates/note', 'note')
    await page.getByRole('group', { name: 'Channel' }).getByRole('button', { name: /^SMS/ }).click()
    await page
      .getByRole('group', { name: 'Channel' })
      .getByRole('button', { name: /^In-app/ })
      .click()
    expect(await unsaved().count()).toBe(0)
    await body().fill('{{ n }}!')
    await unsaved().waitFor()
    await body().fill('{{ n }}')
    await unsaved().waitFor({ state: 'detached' })
  })
  it('asks before the menu, Back or another link takes one away, and stays or goes as one says', async () => {
    await tab.goTo('#/templates', 'Templates')
    await page.getByRole('link', { name: 'note' }).click()
    await heading('note')
    await body().fill('typed')
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Contacts' }).click()
    await answer('Keep editing')
    await heading('note')
    expect([await body().inputValue(), new URL(page.url()).hash]).toEqual(['typed', '#/templates/note'])
    await page.goBack()
    await answer('Discard changes')
    await heading('Templates')
    await page.getByRole('link', { name: 'note' }).click()
    await heading('note')
    expect(await body().inputValue()).toBe('{{ n }}')
  })
  it('asks before a reload, and has what was typed after it', async () => {
    await body().fill('kept')
    await unsaved().waitFor()
    const asked = page.waitForEvent('dialog').then(async (dialog) => {
      await dialog.accept()
      return dialog.type()
    })
    await page.reload()
    expect(await asked).toBe('beforeunload')
    await page.getByText(/Your unsaved changes of .* were restored/).waitFor()
    expect(await body().inputValue()).toBe('kept')
    await page.getByRole('button', { name: 'Discard them' }).click()
    expect(await body().inputValue()).toBe('{{ n }}')
    await unsaved().waitFor({ state: 'detached' })
  })
  it('shows what somebody else saved meanwhile instead of overwriting it', async () => {
    await body().fill('mine')
    await saveElsewhere('theirs')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    const conflict = page.getByRole('alert').filter({ hasText: 'saved version 2 meanwhile' })
    await conflict.getByRole('deletion').getByText('theirs').waitFor()
    await conflict.getByRole('insertion').getByText('mine').waitFor()
    expect(await findBarriers(page)).toEqual([])
    expect((await project.api.do(GetTemplate, { key: 'note' })).template?.inApp[0]?.body).toBe('theirs')
    await page.getByRole('button', { name: 'Take the saved version' }).click()
    expect(await body().inputValue()).toBe('theirs')
    await unsaved().waitFor({ state: 'detached' })
    await body().fill('mine again')
    await saveElsewhere('theirs again')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('button', { name: 'Save mine over it' }).click()
    await page.getByText('Template saved.').waitFor()
    expect((await project.api.do(GetTemplate, { key: 'note' })).template?.inApp[0]?.body).toBe('mine again')
  })
  it('lists versions, shows two side by side, and restores one', async () => {
    await tab.goTo('#/templates', 'Templates')
    await tab.goTo('#/templates/note', 'note')
    const versions = page.getByRole('region', { name: 'Versions' })
    await versions.getByText('4 versions').waitFor()
    await versions.getByRole('button', { name: 'Compare version 2' }).click()
    const dialog = page.getByRole('dialog', { name: 'Version 2' })
    await dialog.getByRole('deletion').getByText('{{ n }}').waitFor()
    await dialog.getByRole('insertion').getByText('theirs').waitFor()
    expect(await findBarriers(page)).toEqual([])
    await dialog.getByRole('button', { name: 'Close' }).click()
    await page.setViewportSize(widths.narrow)
    expect([await sideways(page), await findBarriers(page)]).toEqual([0, []])
    await page.setViewportSize(widths.wide)
    await versions.getByRole('button', { name: 'Restore version 1' }).click()
    await answer('Restore')
    await versions.getByText('Restored from 1').waitFor()
    expect(await body().inputValue()).toBe('{{ n }}')
  })
  it('saves by the keyboard, and makes a copy of a template', async () => {
    await body().fill('by keyboard')
    await page.keyboard.press('Control+s')
    await page.getByText('Version 6', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'Duplicate' }).click()
    await heading('New template')
    await page.getByLabel('Key', { exact: true }).fill('note-2')
    expect(await body().inputValue()).toBe('by keyboard')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await heading('note-2')
    expect((await project.api.do(GetTemplate, { key: 'note-2' })).template?.inApp[0]?.body).toBe('by keyboard')
    await tab.goTo('#/templates/note', 'note')
  })
  it('publishes a draft where the project keeps them', async () => {
    await project.api.do(SetTemplateDrafts, { templateDrafts: true })
    await body().fill('next')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Draft saved.').waitFor()
    await page.getByText('Version 6 is sent until it is published').waitFor()
    await page.getByRole('button', { name: 'Publish' }).click()
    await page.getByText('Version 7 is published.').waitFor()
    const { template } = await project.api.do(GetVersions, { key: 'note' })
    expect(template).toMatchObject({ version: 7, draft: null, inApp: [{ body: 'next' }] })
  })
  it('guards the forms of segments, campaigns and providers as well', async () => {
    await tab.goTo('#/new-segment', 'New segment')
    await page.getByLabel('Name', { exact: true }).fill('Half')
    await page.reload()
    await page.getByText(/were restored/).waitFor()
    await page.evaluate(() => {
      location.hash = '#/new-campaign'
    })
    await answer('Discard changes')
    await heading('New campaign')
    await page.getByLabel('Name', { exact: true }).fill('Half')
    await page.evaluate(() => {
      location.hash = '#/providers'
    })
    await answer('Discard changes')
    await heading('Providers')
    await page.getByRole('button', { name: 'mail', exact: true }).click()
    const provider = page.getByRole('dialog', { name: 'mail' })
    await provider.getByLabel('Priority').fill('7')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog', { name: 'Discard unsaved changes?' }).getByRole('button', { name: 'Keep editing' }).click()
    expect(await provider.getByLabel('Priority').inputValue()).toBe('7')
    await provider.getByRole('button', { name: 'Close' }).click()
    await page.getByRole('dialog', { name: 'Discard unsaved changes?' }).getByRole('button', { name: 'Discard changes' }).click()
    await provider.waitFor({ state: 'detached' })
  })
})
