/** Every page of the console, light and dark, wide and narrow: nothing in the way of anybody, nothing wider than the screen. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { type ConsoleTab, findBarriers, openConsole, sideways, widths } from '../helpers/console.ts'
import { AddSuppressions, Send, UpsertTemplates, UpsertTopics } from '../helpers/operations.ts'
import { TriggerCampaign, UpsertCampaigns, UpsertSegments } from '../helpers/operations-audience.ts'
import { Broadcast } from '../helpers/operations-fanout.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { newShop } from '../helpers/setup.ts'

/** The address of each page, with its heading and something that is there once it has loaded. */
const pages = [
  ['activity', 'Activity', 'Accepted today', '#/activity'],
  ['one notification', 'order to ann', 'Timeline', ''],
  ['captures', 'Capture box', 'ann@example.com', '#/captures'],
  ['statistics', 'Statistics', 'Outcome', '#/stats'],
  ['contacts', 'Contacts', 'ann@example.com', '#/contacts'],
  ['the import of contacts', 'Import contacts', 'Encoding', '#/import-contacts'],
  ['one contact', 'ann', 'Received by month', '#/contacts/ann'],
  ['preferences', 'ann', 'apply to all templates that are not critical', '#/contacts/ann/preferences'],
  ['the feed', 'ann', '1 unread', '#/contacts/ann/feed'],
  ['topics', 'Topics', 'Offers', '#/topics'],
  ['one topic', 'Offers', 'No contacts yet', '#/topics/offers'],
  ['segments', 'Segments', 'Everybody', '#/segments'],
  ['a new segment', 'New segment', 'Add property', '#/new-segment'],
  ['templates', 'Templates', 'order', '#/templates'],
  ['one template', 'letter', 'one@example.com, two@example.com', '#/templates/letter'],
  ['campaigns', 'Campaigns', 'Winter sale', '#/campaigns'],
  ['a campaign for a segment, with its runs', 'Digest', 'No runs yet', '#/campaigns/digest'],
  ['one campaign, with what it has sent', 'Winter sale', 'Results by channel', '#/campaigns/winter'],
  ['a new campaign', 'New campaign', 'Trigger', '#/new-campaign'],
  ['broadcasts, with filters', 'Broadcasts', 'letter to all contacts', '#/broadcasts?from=2020-01-01T00%3A00'],
  ['a new broadcast, with whom it reaches', 'New broadcast', 'Reaches', '#/new-broadcast?template=order&segment=everybody'],
  ['one broadcast, with what became of it', 'Transaction', 'Messages by channel and state', '#/broadcasts/news'],
  ['the settings of the project', 'Project', 'Allowed origins', '#/settings'],
  ['providers', 'Providers', 'Delivered', '#/providers'],
  ['suppressions', 'Suppressions', 'gone@example.com', '#/suppressions'],
  ['API keys', 'API keys', 'Active', '#/keys'],
  ['the audit log', 'Audit log', 'Add suppressions', '#/audit'],
] as const

optionalSuite(inBrowser('the pages of the console'), () => {
  let app: TestApp
  let browser: Browser
  let project: TestProject
  let tab: ConsoleTab
  let notification = ''
  beforeAll(async () => {
    ;[app, browser] = await Promise.all([startTestApp(), startBrowser()])
    project = await newShop(app, null)
    const { sendMessages } = await project.api.do(Send, {
      messages: [
        {
          template: 'order',
          contact: { externalId: 'ann', email: 'ann@example.com', phone: '+15005550006', firstName: 'Ann' },
          data: { number: 7 },
        },
      ],
      wait: 'SENT',
    })
    notification = sendMessages.results[0]?.notification?.id ?? ''
    await project.api.do(UpsertTemplates, {
      templates: [
        {
          key: 'letter',
          email: [{ subject: 'Hello', text: 'Hello', replyTo: 'reply@example.com', cc: 'one@example.com, two@example.com' }],
        },
      ],
    })
    await project.api.do(UpsertSegments, {
      segments: [{ key: 'everybody', name: 'Everybody', where: { profile: { path: 'externalId', is: 'EQUALS', value: 'ann' } } }],
    })
    const schedule = { cron: '0 9 * * MON' }
    await project.api.do(UpsertCampaigns, {
      campaigns: [
        { key: 'winter', name: 'Winter sale', template: 'letter' },
        { key: 'digest', name: 'Digest', template: 'order', dispatch: 'SEGMENT', segment: 'everybody', schedule },
      ],
    })
    await project.api.do(TriggerCampaign, { campaign: 'winter', recipients: [{ userId: 'ann' }] })
    await project.api.do(Broadcast, { input: { template: 'letter', transactionId: 'news' } })
    const sendAt = new Date(Date.now() + 3_600_000).toISOString()
    await project.api.do(Broadcast, { input: { template: 'letter', transactionId: 'later', sendAt } })
    await project.api.do(UpsertTopics, { topics: [{ key: 'offers', name: 'Offers' }] })
    await project.api.do(AddSuppressions, { suppressions: [{ channel: 'EMAIL', address: 'gone@example.com' }] })
    tab = await openConsole(browser, app.url, project.apiKey)
  })
  afterAll(async () => {
    await browser.close()
    await app.stop()
  })

  it.each(pages)(
    'axe finds nothing on %s, light or dark, wide or narrow, and 390 px hold it',
    async (_title, heading, sign, hash) => {
      const { page, faults } = tab
      await page.emulateMedia({ colorScheme: 'light' })
      await page.setViewportSize(widths.wide)
      await tab.goTo(hash === '' ? `#/notifications/${notification}` : hash, heading)
      await page.getByText(sign).first().waitFor()
      expect(await findBarriers(page)).toEqual([])
      expect(await sideways(page)).toBe(0)
      await page.emulateMedia({ colorScheme: 'dark' })
      expect(await findBarriers(page)).toEqual([])
      await page.setViewportSize(widths.narrow)
      expect(await findBarriers(page)).toEqual([])
      expect(await sideways(page)).toBe(0)
      expect(faults).toEqual([])
    },
  )

  it('has a menu on a narrow screen, that closes when it has led somewhere', async () => {
    const { page } = tab
    await page.setViewportSize(widths.narrow)
    const link = page.getByRole('link', { name: 'Contacts', exact: true })
    expect(await link.isVisible()).toBe(false)
    await page.getByRole('button', { name: 'Menu' }).click()
    expect(await findBarriers(page)).toEqual([])
    await link.click()
    await page.getByRole('heading', { level: 1, name: 'Contacts' }).waitFor()
    expect(await link.isVisible()).toBe(false)
  })

  it('axe finds nothing at the door', async () => {
    const { page } = tab
    await page.setViewportSize(widths.narrow)
    await page.getByRole('button', { name: 'Menu' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect(await findBarriers(page)).toEqual([])
    expect(await sideways(page)).toBe(0)
  })
})
