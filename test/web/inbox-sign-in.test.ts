/** `<carillon-inbox>` when one contact signs out and another signs in on the same page: nothing of the first is shown, told or kept. */
import type { Browser, Route } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { type InboxTab, newInboxProject, openInbox, type Site, sendTitles, startSite, tokenFor } from '../helpers/inbox.ts'
import { SetPreference } from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { until } from '../helpers/until.ts'

optionalSuite(inBrowser('who signs in and out on one page, in a browser'), () => {
  let app: TestApp
  let browser: Browser
  let site: Site
  let project: TestProject
  const open: InboxTab[] = []
  beforeAll(async () => {
    ;[app, browser, site] = await Promise.all([startTestApp(), startBrowser(), startSite()])
    project = await newInboxProject(app)
    await sendTitles(project, 'alice', ['for Alice', 'one more for Alice'])
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
    await app?.stop()
    for (const { faults } of open) expect(faults).toEqual([])
  })
  const show = async (contact: string | null): Promise<InboxTab> => {
    const token = contact === null ? null : await tokenFor(project, contact)
    const tab = await openInbox(browser, site, { script: app.url, token, attributes: 'mode="inline"' })
    open.push(tab)
    return tab
  }
  const signIn = async (tab: InboxTab, contact: string): Promise<void> =>
    tab.inbox.evaluate((inbox, token) => void Object.assign(inbox, { token }), await tokenFor(project, contact))

  it('throws away what comes for the first one when the second is there already', async () => {
    await sendTitles(project, 'bob', ['for Bob'])
    const tab = await show(null)
    const held: Route[] = []
    await tab.page.route('**/graphql', (route) => {
      const isFirst = held.length === 0 && route.request().postData()?.includes('InboxPage') === true
      if (!isFirst) return route.continue()
      held.push(route)
      return undefined
    })
    await signIn(tab, 'alice')
    await until('the first one asks for a page', () => held.length === 1)
    await signIn(tab, 'bob')
    await held[0]?.continue()
    await tab.row('for Bob').waitFor()
    await tab.waitFor('live')
    const told: { name: string; detail: { unreadCount?: number } }[] = await tab.page.evaluate('window.told')
    expect(told.filter(({ name }) => name === 'counts').map(({ detail }) => detail.unreadCount)).not.toContain(2)
    expect(await tab.events()).not.toContain('error')
    await tab.close()
  })

  it('NV-60: shows the preferences of who is there now', async () => {
    await project.api.do(SetPreference, { contact: 'alice', channel: 'EMAIL', enabled: false })
    await sendTitles(project, 'carol', ['for Carol'])
    const tab = await show('alice')
    await tab.row('for Alice').waitFor()
    await tab.inbox.getByRole('button', { name: 'Preferences' }).click()
    const mail = tab.inbox.getByRole('switch', { name: 'E-mail' }).first()
    await expect.poll(() => mail.isChecked()).toBe(false)
    await signIn(tab, 'carol')
    await expect.poll(() => mail.isChecked()).toBe(true)
    await tab.close()
  })

  it('NV-60: says nothing of what fails for who was there before', async () => {
    await sendTitles(project, 'erin', ['for Erin'])
    const tab = await show('alice')
    await tab.row('for Alice').waitFor()
    const held = Promise.withResolvers<Route>()
    let isHeld = false
    await tab.page.route('**/graphql', (route) => {
      if (isHeld || route.request().postData()?.includes('InboxPreferences') !== true) return route.continue()
      isHeld = true
      held.resolve(route)
      return undefined
    })
    await tab.inbox.getByRole('button', { name: 'Preferences' }).click()
    const first = await held.promise
    await signIn(tab, 'erin')
    await tab.inbox.getByRole('switch', { name: 'E-mail' }).first().waitFor()
    await first.fulfill({ status: 500, contentType: 'application/json', body: '{"errors":[{"message":"No"}]}' })
    const drawn = (inbox: HTMLElement & { updateComplete?: Promise<unknown> }) => inbox.updateComplete
    for (let n = 0; n < 20; n++) await tab.inbox.evaluate(drawn)
    expect(await tab.inbox.getByRole('alert').allTextContents()).toEqual([])
    await tab.close()
  })

  it('keeps nothing after it was told to forget, whatever comes before the page is left', async () => {
    await sendTitles(project, 'dora', ['for Dora'])
    const tab = await show('alice')
    await signIn(tab, 'dora')
    await tab.row('for Dora').waitFor()
    await tab.waitFor('live')
    await tab.inbox.evaluate((inbox: HTMLElement & { client: { forget(): void } }) => inbox.client.forget())
    await sendTitles(project, 'dora', ['more for Dora'])
    await tab.row('more for Dora').waitFor()
    await tab.page.goto(site.url)
    expect(await tab.page.evaluate(() => JSON.stringify({ ...localStorage }))).not.toContain('for Dora')
    await tab.close()
  })
})
