/** The console's pages that change something: providers, topics, segments, broadcasts, campaigns, keys, suppressions, preferences. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { type ConsoleTab, openConsole } from '../helpers/console.ts'
import {
  ContactTopics,
  GetPreferences,
  ListNotifications,
  ListProviders,
  ListSuppressions,
  ProjectSettings,
  Send,
  SubscribeToTopic,
  UpdateProject,
  UpsertContacts,
  UpsertTemplates,
  UpsertTopics,
} from '../helpers/operations.ts'
import { Broadcast } from '../helpers/operations-fanout.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

optionalSuite(inBrowser('what the console changes'), () => {
  let app: TestApp
  let browser: Browser
  let project: TestProject
  let tab: ConsoleTab
  let page: Page
  beforeAll(async () => {
    ;[app, browser] = await Promise.all([startTestApp(), startBrowser()])
    project = await newShop(app, null)
    await project.api.do(UpsertContacts, {
      contacts: times(5, (n) => ({
        externalId: `c-${n}`,
        email: `c${n}@example.com`,
        profile: { set: { plan: n < 2 ? 'pro' : 'free' } },
      })),
    })
    tab = await openConsole(browser, app.url, project.apiKey)
    page = tab.page
  })
  afterAll(async () => {
    await browser.close()
    await app.stop()
    expect(tab.faults).toEqual([])
  })
  const dialog = (name: string | RegExp) => page.getByRole('dialog', { name })

  it("saves what was changed of the project's settings, asks before data is kept for less, and says what is wrong where it is", async () => {
    const settings = async () => (await project.api.do(ProjectSettings, {})).viewer.project
    await tab.goTo('#/settings', 'Project')
    await page.getByLabel('Time zone').fill('Nowhere/Here')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.locator('#settings-timezone-wrong').waitFor()
    await page.getByLabel('Time zone').fill('Europe/London')
    await page.getByLabel('Allowed origins').fill('https://one.example\nhttps://two.example')
    await page.getByLabel('Templates: changes are drafts').check()
    // Somebody else changes another setting meanwhile.
    await project.api.do(UpdateProject, { input: { locale: 'de' } })
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Settings saved.').waitFor()
    const saved = { timezone: 'Europe/London', locale: 'de', templateDrafts: true }
    expect(await settings()).toMatchObject({ ...saved, allowedOrigins: ['https://one.example', 'https://two.example'] })
    await page.getByLabel('Keep notifications, days').fill('40')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    const question = dialog('Keep data for a shorter time?')
    await question.getByRole('button', { name: 'Cancel' }).click()
    expect((await settings())?.retentionDays).toBe(90)
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await question.getByRole('button', { name: 'Save' }).click()
    await expect.poll(async () => (await settings())?.retentionDays).toBe(40)
    // Empty is a number of days too: the usual one, which may be less.
    await project.api.do(UpdateProject, { input: { retentionDays: 3_660 } })
    await page.reload()
    await page.getByLabel('Keep notifications, days').fill('')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await question.getByRole('button', { name: 'Cancel' }).click()
    // What was changed here survives a reload, and takes nothing back that somebody else changed meanwhile.
    await page.getByLabel('Keep notifications, days').fill('3660')
    await page.getByLabel('Name', { exact: true }).fill('Renamed')
    await project.api.do(UpdateProject, { input: { timezone: 'Asia/Seoul' } })
    page.once('dialog', (leaving) => void leaving.accept())
    await page.reload()
    await page.getByText('Unsaved changes', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Settings saved.').waitFor()
    expect(await settings()).toMatchObject({ timezone: 'Asia/Seoul', retentionDays: 3_660 })
    await project.api.do(UpdateProject, { input: { templateDrafts: false, allowedOrigins: [], locale: 'en' } })
  })

  it('configures a provider, never shows its secret, and tests it', async () => {
    await tab.goTo('#/providers', 'Providers')
    await page.getByRole('button', { name: 'New provider' }).click()
    const form = dialog('New provider')
    await form.getByLabel('Key', { exact: true }).fill('second-mail')
    await form.getByLabel('Kind').selectOption('smtp')
    await form.getByLabel('Host').fill('127.0.0.1')
    await form.getByLabel('Port', { exact: true }).fill('9')
    await form.getByLabel('From', { exact: true }).fill('not an address')
    await form.getByLabel('User').fill('shop')
    await form.getByLabel('Password').fill('hidden')
    await form.getByText('More settings').click()
    await form.getByLabel('Verify the certificate').uncheck()
    await form.getByLabel('Priority').fill('5')
    await form.getByRole('button', { name: 'Save' }).click()
    await form.getByText('must be one address').waitFor()
    await form.getByLabel('From', { exact: true }).fill('Shop <shop@example.com>')
    await form.getByRole('button', { name: 'Save' }).click()
    await form.waitFor({ state: 'detached' })
    const { providers } = await project.api.do(ListProviders, {})
    expect(providers.find(({ key }) => key === 'second-mail')).toMatchObject({
      kind: 'smtp',
      priority: 5,
      settings: { port: 9, password: 'set', tlsVerify: false },
    })

    await page.getByRole('button', { name: 'second-mail', exact: true }).click()
    expect(await dialog('second-mail').getByLabel('Password').inputValue()).toBe('set')
    await dialog('second-mail').getByLabel('Priority').fill('7')
    await dialog('second-mail').getByRole('button', { name: 'Save' }).click()
    await page.getByRole('cell', { name: '7', exact: true }).waitFor()

    await page.getByRole('button', { name: 'Test mail' }).click()
    await dialog('Test mail').getByRole('button', { name: 'Send' }).click()
    await dialog('Test mail').getByText('Accepted').waitFor()
    await dialog('Test mail').getByRole('button', { name: 'Close' }).click()
    await page.getByRole('button', { name: 'Test second-mail' }).click()
    await dialog('Test second-mail').getByRole('button', { name: 'Send' }).click()
    await dialog('Test second-mail').getByText('PROVIDER_UNREACHABLE').waitFor()
    await page.keyboard.press('Escape')
    await dialog('Test second-mail').waitFor({ state: 'detached' })
  })

  it('makes a topic, adds contacts and takes one out', async () => {
    await tab.goTo('#/topics', 'Topics')
    await page.getByText('No topics yet').waitFor()
    await page.getByRole('button', { name: 'New topic' }).click()
    await dialog('New topic').getByLabel('Key').fill('offers')
    await dialog('New topic').getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { level: 1, name: 'offers' }).waitFor()
    await page.getByLabel('Add contacts').fill('c-0, c-1\nc-2')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('3 contacts', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Remove c-1' }).click()
    await page.getByText('2 contacts', { exact: true }).waitFor()
    expect((await project.api.do(ContactTopics, { externalId: 'c-1' })).contact?.topics).toEqual([])
  })

  it('builds a condition, and shows who meets it', async () => {
    await tab.goTo('#/new-segment', 'New segment')
    await page.getByLabel('Key').fill('paying')
    await page.getByLabel('Name').fill('Paying')
    await page.getByLabel('Property').fill('plan')
    await page.getByLabel('Operator').selectOption('IN')
    await page.getByLabel('Value').fill('["pro", "team"]')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { level: 1, name: 'Paying' }).waitFor()
    await page.getByText('2 contacts', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Add group' }).click()
    await page.getByLabel('Match').nth(1).selectOption('none')
    await page.getByLabel('Property').nth(1).fill('externalId')
    await page.getByLabel('Value').nth(1).fill('c-0')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('1 contact', { exact: true }).waitFor()
    await page.reload()
    await page.getByRole('link', { name: 'c-1' }).waitFor()
    expect(await page.getByLabel('Match').nth(1).inputValue()).toBe('none')
  })

  it('sends to a topic, and shows how far it is', async () => {
    await project.api.do(UpsertTopics, { topics: [{ key: 'many', name: 'Many' }] })
    await project.api.do(SubscribeToTopic, { topic: 'many', contacts: times(5, (n) => `c-${n}`) })
    await tab.goTo('#/topics/many', 'Many')
    await page.getByRole('link', { name: 'Send broadcast' }).click()
    await page.getByLabel('Template').selectOption('note')
    expect(await page.getByLabel('Audience').inputValue()).toBe('topic many')
    await page.getByLabel('Data (JSON)').fill('{ "n": 1 ')
    await page.getByText('Invalid JSON').waitFor()
    expect(await page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true)
    await page.getByLabel('Data (JSON)').fill('{ "n": 1 }')
    await page.getByText('Reaches 5 of 5 contacts').waitFor()
    await page.getByLabel('Test it on').fill('nobody')
    await page.getByRole('button', { name: 'Run test' }).click()
    await page.getByText('There is no contact "nobody".').waitFor()
    await page.getByLabel('Test it on').fill('c-1')
    await page.getByRole('button', { name: 'Run test' }).click()
    await page.getByText('Sent: In-app').waitFor()
    await page.getByRole('button', { name: 'Send' }).click()
    await dialog('Send this broadcast?').getByText('note will be sent to topic many: 5 of 5 contacts.').waitFor()
    await dialog('Send this broadcast?').getByRole('button', { name: 'Send to 5' }).click()
    await page.getByRole('heading', { level: 1, name: 'Transaction' }).waitFor()
    await page.getByText('Done', { exact: true }).waitFor()
    await page.getByText('5 of 5').waitFor()
    await page.getByRole('link', { name: 'Broadcasts', exact: true }).first().click()
    await page.getByRole('link', { name: 'note to many' }).waitFor()
    await page.getByLabel('State').selectOption('CANCELED')
    await page.getByText('No matching broadcasts').waitFor()
    expect(page.url()).toContain('state=CANCELED')
    await page.getByRole('button', { name: 'Clear filters' }).click()
    // One that another caller began, and what is canceled of it.
    const sendAt = new Date(Date.now() + 3_600_000).toISOString()
    await project.api.do(Broadcast, { input: { template: 'order', topic: 'many', transactionId: 'later', sendAt } })
    await tab.goTo('#/broadcasts', 'Broadcasts')
    await page.reload()
    const later = page.getByRole('row').filter({ hasText: 'later' })
    await later.getByRole('button', { name: 'Cancel' }).click()
    await dialog('Cancel this transaction?').getByRole('button', { name: 'Cancel transaction' }).click()
    await later.getByText('Canceled').waitFor()
  })

  it('makes a campaign that begins by a cron, and changes it', async () => {
    await tab.goTo('#/new-campaign', 'New campaign')
    await page.getByLabel('Key').fill('monday')
    await page.getByLabel('Template').selectOption('order')
    await page.getByLabel('Trigger').selectOption('cron')
    await page.getByLabel('Cron').fill('not a cron')
    await page.getByLabel('Segment').selectOption('paying')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('alert').waitFor()
    await page.getByLabel('Cron').fill('0 9 * * MON')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { level: 1, name: 'monday' }).waitFor()
    await page.getByText(/^Next run /).waitFor()
    await tab.goTo('#/campaigns', 'Campaigns')
    const row = page.getByRole('row').filter({ hasText: 'monday' })
    await row.getByText('0 9 * * MON').waitFor()
    await row.getByText('Active').waitFor()
    await row.getByRole('link').click()
    await page.getByLabel('Active').uncheck()
    const saved = page.waitForResponse((response) => response.request().postData()?.includes('SaveCampaign') === true)
    await page.getByRole('button', { name: 'Save' }).click()
    await saved
    await tab.goTo('#/campaigns', 'Campaigns')
    await row.getByText('Inactive').waitFor()
    // Its channels are still those of its template.
    await row.getByText('All', { exact: true }).waitFor()
  })

  it('shows a new key once, and revokes it', async () => {
    await tab.goTo('#/keys', 'API keys')
    await page.getByRole('button', { name: 'New API key' }).click()
    await dialog('New API key').getByLabel('Name').fill('billing')
    await dialog('New API key').getByRole('button', { name: 'Create' }).click()
    const secret = (await dialog('API key billing').locator('.secret').textContent()) ?? ''
    expect(await app.client(`Bearer ${secret}`).raw('{ viewer { isOperator } }')).toEqual([])
    await dialog('API key billing').getByRole('button', { name: 'Done' }).click()
    expect(await page.content()).not.toContain(secret)
    await page.getByRole('button', { name: 'Revoke billing' }).click()
    await dialog(/Revoke the key billing/)
      .getByRole('button', { name: 'Revoke' })
      .click()
    await page.getByText('API key billing revoked.').waitFor()
    expect(await app.client(`Bearer ${secret}`).raw('{ viewer { isOperator } }')).toEqual(['UNAUTHENTICATED'])
  })

  it('suppresses an address, and lifts that', async () => {
    await tab.goTo('#/suppressions', 'Suppressions')
    await page.getByRole('button', { name: 'Suppress address' }).click()
    await dialog('Suppress address').getByLabel('Address').fill('Gone@example.com')
    await dialog('Suppress address').getByRole('button', { name: 'Suppress' }).click()
    await page.getByRole('cell', { name: 'gone@example.com', exact: true }).waitFor()
    await page.getByRole('button', { name: 'Remove gone@example.com' }).click()
    await dialog(/Remove the suppression of gone@example.com/)
      .getByRole('button', { name: 'Remove' })
      .click()
    await page.getByText('No suppressed addresses').waitFor()
    expect((await project.api.do(ListSuppressions, {})).suppressions.totalCount).toBe(0)
  })

  it('sets what a contact wants', async () => {
    await tab.goTo('#/contacts/c-3/preferences', 'c-3')
    await page.locator('#want-EMAIL').uncheck()
    await page.locator('#want-order-SMS').uncheck()
    const wanted = async () => (await project.api.do(GetPreferences, { contact: 'c-3' })).preferences
    await until('both are stored', async () => {
      const { channels, templates } = await wanted()
      const order = templates.find(({ template }) => template.key === 'order')
      return (
        channels.find(({ channel }) => channel === 'EMAIL')?.enabled === false &&
        order?.channels.find(({ channel }) => channel === 'SMS')?.enabled === false
      )
    })
  })

  it('shows what was captured as soon as it is', async () => {
    await tab.goTo('#/captures', 'Capture box')
    await page.getByText('No captured messages').waitFor()
    await project.api.raw(
      'mutation { sendMessages(messages: [{ template: "order", contact: { externalId: "c-4", phone: "+15005550006" }, data: { number: 9 } }]) { results { ok } } }',
    )
    await page.getByRole('link', { name: /c4@example.com/ }).click()
    await page.getByRole('heading', { name: 'Order 9' }).waitFor()
    expect(page.url()).toContain('message=')
    await page.getByLabel('Channel').selectOption('SMS')
    await page.getByRole('link', { name: /\+15005550006/ }).waitFor()
  })

  it('shows a captured e-mail that is full of open brackets without stopping for it', async () => {
    const { codes } = await project.api.ask(UpsertTemplates, {
      templates: [{ key: 'brackets', email: [{ subject: 'Brackets', html: '<p>{{ text | raw }}' }] }],
    })
    expect(codes).toEqual([])
    const message = { template: 'brackets', contact: { externalId: 'c-4' }, data: { text: '<'.repeat(300_000) } }
    expect((await project.api.ask(Send, { messages: [message] })).codes).toEqual([])
    // It is rendered in the sandbox, whose process has a low priority: on a busy machine, that takes longer than anything in the browser may.
    await until(
      'sent',
      async () => {
        const { notifications } = await project.api.do(ListNotifications, { first: 1 })
        return notifications.nodes[0]?.messages.every(({ status }) => status === 'SENT')
      },
      20_000,
    )
    await tab.goTo('#/captures', 'Capture box')
    await page.getByRole('link', { name: /Brackets/ }).click()
    await page.getByTitle('E-mail: Brackets').waitFor()
  })

  it('shows the source of a captured e-mail and where it leads to, and what one contact was sent', async () => {
    const html = '<p>Go <a href="https://example.com/a?b=1&amp;c=2">there</a> or <a href="javascript:alert(1)">here</a></p>'
    await project.api.do(UpsertTemplates, {
      templates: [{ key: 'linked', email: [{ subject: 'Linked', text: 'Go there', html }] }],
    })
    await project.api.do(Send, { messages: [{ template: 'linked', contact: { externalId: 'c-1' } }], wait: 'SENT' })
    await tab.goTo('#/captures', 'Capture box')
    await page.getByLabel('Contact', { exact: true }).fill('c-1')
    await page.waitForURL(/contact=c-1/)
    await page.getByRole('heading', { name: 'Linked' }).waitFor()
    const to = page.getByRole('list', { name: 'Captured messages' }).locator('.to')
    await expect.poll(async () => [...new Set(await to.allInnerTexts())]).toEqual(['c1@example.com'])
    await page.getByRole('link', { name: 'HTML source' }).click()
    await page.getByRole('group', { name: 'HTML source' }).getByText(html).waitFor()
    await page.getByRole('link', { name: 'Links', exact: true }).click()
    await page.getByRole('listitem').getByText('javascript:alert(1)').waitFor()
    const addresses = page.locator('ul.links').getByRole('link')
    expect(await addresses.evaluateAll((links) => links.map((one) => one.getAttribute('href')))).toEqual([
      'https://example.com/a?b=1&c=2',
    ])
    await page.getByRole('link', { name: 'Plain text' }).click()
    await page.getByRole('group', { name: 'Plain text' }).getByText('Go there').waitFor()
  })

  it('calls a campaign for contacts by hand, and tells who was left out', async () => {
    await tab.goTo('#/new-campaign', 'New campaign')
    await page.getByLabel('Key').fill('by-call')
    await page.getByLabel('Template').selectOption('order')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { level: 1, name: 'by-call' }).waitFor()
    await page.getByLabel('Recipients', { exact: true }).fill('c-0, c-1, nobody-at-all')
    await page.getByText('Reaches 2 of 3 contacts').waitFor()
    await page.getByLabel('Estimate').getByText('nobody-at-all', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Trigger' }).click()
    await dialog('Trigger this campaign?').getByText('It will be sent to 2 of 3 contacts.').waitFor()
    await dialog('Trigger this campaign?').getByRole('button', { name: 'Send to 2' }).click()
    await page.getByText('2 accepted').waitFor()
    await page.getByText('nobody-at-all: ').waitFor()
    await page.getByRole('link', { name: 'view progress' }).click()
    await page.getByRole('heading', { level: 1, name: 'Transaction' }).waitFor()
    await page.getByText('2 of 2').waitFor()
  })
})
