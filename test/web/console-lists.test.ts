/** The lists of the console: searched, selected, exported; and objects as the API has them. */
import { readFile } from 'node:fs/promises'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { type ConsoleTab, findBarriers, openConsole } from '../helpers/console.ts'
import { Send, UpsertContacts, UpsertTemplates, UpsertTopics } from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { newShop, times } from '../helpers/setup.ts'

optionalSuite(inBrowser('the lists of the console, in a browser'), () => {
  let app: TestApp
  let browser: Browser
  let project: TestProject
  let tab: ConsoleTab
  beforeAll(async () => {
    ;[app, browser] = await Promise.all([startTestApp(), startBrowser()])
    project = await newShop(app, null)
    await project.api.do(UpsertContacts, { contacts: times(3, (n) => ({ externalId: `c-${n}`, email: `c${n}@example.com` })) })
    await project.api.do(UpsertTopics, {
      topics: times(4, (n) => ({ key: `topic-${n}`, name: n === 3 ? 'Offers 100%' : `News ${n}` })),
    })
    await project.api.do(Send, {
      messages: times(3, (n) => ({
        id: `late-${n}`,
        template: 'note',
        contact: { externalId: `c-${n}` },
        data: { n },
        delaySeconds: 3_600,
      })),
    })
    tab = await openConsole(browser, app.url, project.apiKey, { timezoneId: 'America/New_York', locale: 'en-US' })
    await tab.page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await tab.page.getByRole('heading', { name: 'Activity' }).waitFor()
  })
  afterAll(async () => {
    expect(tab.faults).toEqual([])
    await browser.close()
    await app.stop()
  })
  const rows = (): Promise<number> => tab.page.getByRole('table').getByRole('row').count()

  it('searches by key and name, and keeps that in the address', async () => {
    const { page, goTo } = tab
    await goTo('#/topics', 'Topics')
    await page.getByLabel('Search', { exact: true }).fill('100%')
    await expect.poll(rows).toBe(2)
    expect(page.url()).toContain('q=100%25')
    await page.reload()
    await page.getByRole('link', { name: 'Offers 100%' }).waitFor()
    expect([await rows(), await page.getByLabel('Search', { exact: true }).inputValue()]).toEqual([2, '100%'])
    await page.getByLabel('Search', { exact: true }).fill('nothing like it')
    await page.getByText('No matching topics').waitFor()
    await page.getByLabel('Search', { exact: true }).fill('')
    await expect.poll(rows).toBe(5)
  })

  it('deletes the rows that are selected, after a question', async () => {
    const { page } = tab
    await page.getByLabel('Select topic-0').check()
    await page.getByLabel('Select topic-1').check()
    await page.getByText('2 rows selected').waitFor()
    expect(await findBarriers(page)).toEqual([])
    await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).click()
    const dialog = page.getByRole('dialog', { name: 'Delete 2 topics?' })
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByText('2 topics deleted.').waitFor()
    await expect.poll(rows).toBe(3)
    expect(await page.getByRole('toolbar').count()).toBe(0)
  })

  it('cancels what is selected in the activity, and erases selected contacts', async () => {
    const { page, goTo } = tab
    await goTo('#/activity', 'Activity')
    await page.getByLabel('Select note to c-2').check()
    await page.getByRole('toolbar').getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel transactions' }).click()
    await page.getByText('3 messages canceled.').waitFor()
    await goTo('#/contacts', 'Contacts')
    await page.getByLabel('Select all on this page').check()
    await page.getByLabel('Select c-0').uncheck()
    await page.getByRole('toolbar').getByRole('button', { name: 'Erase' }).click()
    await page.getByRole('dialog', { name: 'Erase 2 contacts?' }).getByRole('button', { name: 'Erase' }).click()
    await page.getByText('2 contacts erased.').waitFor()
    await expect.poll(rows).toBe(2)
  })

  it('sorts and searches a list that is whole on its page, with both in the address', async () => {
    const { page, goTo } = tab
    await goTo('#/providers', 'Providers')
    const keys = (): Promise<string[]> => page.locator('tbody tr td:first-child button').allInnerTexts()
    await page.getByRole('button', { name: 'text', exact: true }).waitFor()
    await page.getByRole('button', { name: 'Provider', exact: true }).click()
    await expect.poll(keys).toEqual(['mail', 'text'])
    await page.getByRole('button', { name: 'Provider ↑' }).click()
    await expect.poll(keys).toEqual(['text', 'mail'])
    expect(await page.getByRole('columnheader', { name: 'Provider' }).getAttribute('aria-sort')).toBe('descending')
    await page.reload()
    await expect.poll(keys).toEqual(['text', 'mail'])
    await page.getByLabel('Search', { exact: true }).fill('sms')
    await expect.poll(keys).toEqual(['text'])
    expect(page.url()).toMatch(/sort=-Provider&q=sms$/)
    await goTo('#/contacts', 'Contacts')
  })

  it('exports the list with its filters', async () => {
    const { page } = tab
    const begun = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export CSV' }).click()
    const file = await begun
    expect(file.suggestedFilename()).toMatch(new RegExp(`^contacts-${project.key}-.*\\.csv$`))
    expect(await readFile(await file.path(), 'utf8')).toMatch(/^externalId,email,.*\r\nc-0,c0@example\.com,.*\r\n$/)
  })

  it('shows an object as JSON, and as a call that gives it', async () => {
    const { page, goTo } = tab
    await goTo('#/contacts/c-0', 'c-0')
    await page.getByRole('button', { name: 'Copy externalId' }).click()
    await page.getByText('Copied.').waitFor()
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('c-0')
    await page.getByRole('button', { name: 'JSON' }).click()
    const json = JSON.parse((await page.getByRole('group', { name: 'JSON' }).last().textContent()) ?? '') as { email: string }
    expect(json.email).toBe('c0@example.com')
    await page.getByRole('button', { name: 'Close' }).click()
    await page.getByRole('button', { name: 'GraphQL' }).click()
    const dialog = page.getByRole('dialog')
    const query = (await dialog.getByRole('group', { name: 'Operation' }).textContent()) ?? ''
    const variables = JSON.parse((await dialog.getByRole('group', { name: 'Variables' }).textContent()) ?? '') as Record<
      string,
      unknown
    >
    expect(query).toMatch(
      /^query OneContact\(\$externalId: ID!\) \{\n {2}contact\(externalId: \$externalId\) \{\n {4}id\n {4}externalId\n/,
    )
    expect(await project.api.raw(query, variables)).toEqual([])
    expect(await findBarriers(page)).toEqual([])
    await page.getByRole('button', { name: 'Close' }).click()
  })

  it('shows times in one zone on all pages, and keeps the choice', async () => {
    const { page, goTo } = tab
    const shown = (): Promise<string | null> => page.locator('main dd time').last().textContent()
    expect(await shown()).toMatch(/E[SD]T$/)
    await page.getByLabel('Times in').selectOption('utc')
    await expect.poll(shown).toMatch(/UTC$/)
    await page.reload()
    await expect.poll(shown).toMatch(/UTC$/)
    await goTo('#/contacts', 'Contacts')
    const time = page.locator('td time').first()
    expect(await time.textContent()).toMatch(/ago|now/)
    expect(await time.getAttribute('title')).toMatch(/\.\d{3} UTC · \d{4}-/)
    // What is typed is of that zone too: the browser's is another one.
    await goTo('#/new-broadcast', 'New broadcast')
    await page.getByLabel('Template').selectOption('note')
    await page.getByLabel('Audience').selectOption('all')
    const day = new Date(Date.now() + 9 * 24 * 3_600_000).toISOString().slice(0, 10)
    await page.getByLabel('Send at').fill(`${day}T09:00`)
    await page.getByText('In UTC.').waitFor()
    const asked = page.waitForRequest((request) => request.postData()?.includes('StartBroadcast') === true)
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    await page.getByRole('dialog').getByRole('button', { name: /^Send/ }).click()
    expect((await asked).postDataJSON()).toMatchObject({ variables: { input: { sendAt: `${day}T09:00:00.000Z` } } })
    await page.waitForURL(/#\/broadcasts\//)
  })

  it('offers every template, however many there are', async () => {
    const { page, goTo } = tab
    await project.api.do(UpsertTemplates, { templates: times(120, (n) => ({ key: `many-${n}`, inApp: [{ body: 'x' }] })) })
    await goTo('#/new-broadcast', 'New broadcast')
    await page.getByLabel('Template').selectOption('many-0')
    await page.getByLabel('Template').selectOption('many-119')
  })
})
