/** `<carillon-inbox>` on a page of another site: what it shows, and what a contact can do with it. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { findBarriers } from '../helpers/console.ts'
import {
  type InboxTab,
  newInboxProject,
  type OpenOptions,
  openInbox,
  type Site,
  sendTitles,
  startSite,
  tokenFor,
} from '../helpers/inbox.ts'
import { Feed, GetPreferences, MarkAs, SendBare, Snoozed, UpsertTemplates } from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { until } from '../helpers/until.ts'

optionalSuite(inBrowser('the inbox in a browser'), () => {
  let app: TestApp
  let browser: Browser
  let site: Site
  let project: TestProject
  const open: InboxTab[] = []
  beforeAll(async () => {
    ;[app, browser, site] = await Promise.all([startTestApp(), startBrowser(), startSite()])
    project = await newInboxProject(app)
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
    await app?.stop()
    for (const { faults } of open) expect(faults).toEqual([])
  })
  /** Opens the inbox of a contact. */
  const show = async (contact: string, more: Partial<OpenOptions> = {}): Promise<InboxTab> => {
    const token = await tokenFor(project, contact)
    const tab = await openInbox(browser, site, { script: app.url, token, ...more })
    open.push(tab)
    return tab
  }
  const feedOf = async (contact: string) => (await project.api.do(Feed, { contact, archived: null, first: 100 })).feed

  it('NV-70, NV-71: three lines of HTML show a bell with the unseen count, and the feed behind it, newest first', async () => {
    await sendTitles(project, 'three', ['first', 'second', 'third'])
    const tab = await show('three')
    await expect.poll(() => tab.badge.textContent()).toBe('3')
    expect(await tab.bell.locator('.hidden').textContent()).toBe('Notifications, 3 new')
    await tab.bell.click()
    await tab.rows.nth(2).waitFor()
    expect(await tab.titles()).toEqual(['third', 'second', 'first'])
    await tab.close()
  })

  it('shows an arrival at once, counts it, and tells a screen reader of it', async () => {
    const tab = await show('live')
    await tab.waitFor('live')
    await sendTitles(project, 'live', ['Here I am'])
    await expect.poll(() => tab.badge.textContent()).toBe('1')
    expect(await tab.inbox.locator('[role=status]').last().textContent()).toBe('New: Here I am')
    expect(await tab.received()).toEqual(['Here I am'])
    await tab.close()
  })

  it('NV-73: what is shown is seen, what is clicked is read, and both can be taken back', async () => {
    await sendTitles(project, 'marks', ['one', 'two'])
    const tab = await show('marks')
    await tab.bell.click()
    await tab.badge.waitFor({ state: 'detached' })
    await until('both are seen', async () => (await feedOf('marks')).unseenCount === 0)
    expect((await feedOf('marks')).unreadCount).toBe(2)
    await tab.row('one').click()
    await until('one is read', async () => (await feedOf('marks')).nodes.find(({ title }) => title === 'one')?.readAt != null)
    expect(await tab.inbox.locator('.total').textContent()).toContain('1')
    await tab.row('one').hover()
    await tab.row('one').getByRole('button', { name: 'Mark as unread' }).click()
    await until('one is unread', async () => (await feedOf('marks')).unreadCount === 2)
    await tab.inbox.getByRole('button', { name: 'Mark all as read' }).click()
    await until('all are read', async () => (await feedOf('marks')).unreadCount === 0)
    expect(await tab.inbox.locator('.is-unread').count()).toBe(0)
    await tab.close()
  })

  it('archives a message, shows it among the archived ones, and moves it back; archives all', async () => {
    await sendTitles(project, 'archive', ['keep', 'away'])
    const tab = await show('archive')
    await tab.bell.click()
    await tab.row('away').hover()
    await tab.row('away').getByRole('button', { name: 'Archive' }).click()
    await expect.poll(() => tab.titles()).toEqual(['keep'])
    await tab.inbox.getByRole('button', { name: 'Archived', exact: true }).click()
    await expect.poll(() => tab.titles()).toEqual(['away'])
    await tab.row('away').hover()
    await tab.row('away').getByRole('button', { name: 'Move to inbox' }).click()
    await tab.inbox.getByText('No archived notifications').waitFor()
    await tab.inbox.locator('.filter', { hasText: 'All' }).click()
    await expect.poll(() => tab.titles()).toEqual(['away', 'keep'])
    await tab.inbox.getByRole('button', { name: 'Archive all' }).click()
    await tab.inbox.getByText('All caught up').waitFor()
    await tab.bell.click()
    await until('all are archived', async () => (await feedOf('archive')).nodes.every(({ archivedAt }) => archivedAt !== null))
    await tab.close()
  })

  it('deletes a message, and archives and deletes what is read, all of which can be undone for a while', async () => {
    await sendTitles(project, 'deletes', ['new', 'read', 'mine', 'keep'])
    const ids = new Map((await feedOf('deletes')).nodes.map(({ id, title }) => [title, id]))
    const read = (title: string) => project.api.do(MarkAs, { contact: 'deletes', messages: [ids.get(title) ?? ''], read: true })
    const tab = await show('deletes')
    const other = await show('deletes')
    const { keyboard } = tab.page
    const focused = () =>
      tab.page.evaluate(
        () => document.querySelector('carillon-inbox')?.shadowRoot?.activeElement?.querySelector('h3 bdi')?.textContent,
      )
    await tab.bell.click()
    await other.bell.click()
    await tab.row('mine').hover()
    await tab.row('mine').getByRole('button', { name: 'More actions' }).click()
    expect(await findBarriers(tab.page)).toEqual([])
    await tab.inbox.getByRole('menuitem', { name: 'Delete' }).click()
    await expect.poll(() => tab.titles()).toEqual(['keep', 'read', 'new'])
    expect(await findBarriers(tab.page)).toEqual([])
    await tab.inbox.getByRole('button', { name: 'Undo' }).click()
    await expect.poll(focused).toBe('mine')
    await keyboard.press('Delete')
    await expect.poll(() => tab.titles()).toEqual(['keep', 'read', 'new'])
    await keyboard.press('z')
    await expect.poll(focused).toBe('mine')
    expect(await tab.titles()).toEqual(['keep', 'mine', 'read', 'new'])
    await keyboard.press('e')
    await until('it is archived', async () => (await feedOf('deletes')).nodes.some(({ archivedAt }) => archivedAt !== null))
    await keyboard.press('z')
    await until('it is back', async () => (await feedOf('deletes')).nodes.every(({ archivedAt }) => archivedAt === null))
    await expect.poll(focused).toBe('mine')
    // Deleting was not sent until now; what is done next sends it.
    expect(await other.titles()).toEqual(['keep', 'mine', 'read', 'new'])
    await keyboard.press('Delete')

    await read('read')
    await tab.inbox.locator('.is-unread').nth(2).waitFor({ state: 'detached' })
    const more = tab.inbox.locator('.more')
    // With the keyboard: the first entry has the focus, arrows go round, Escape closes the menu alone.
    await more.press('Enter')
    await keyboard.press('ArrowDown')
    await keyboard.press('Escape')
    expect(await tab.inbox.getByRole('menu').count()).toBe(0)
    expect(await more.evaluate((node) => node.matches(':focus'))).toBe(true)
    await more.press('Enter')
    await keyboard.press('Enter')
    await expect.poll(() => tab.titles()).toEqual(['keep', 'new'])
    await expect.poll(() => other.titles()).toEqual(['keep', 'read', 'new'])
    await keyboard.press('z')
    await expect.poll(() => tab.titles()).toEqual(['keep', 'read', 'new'])
    await read('new')
    await tab.inbox.locator('.is-unread').nth(1).waitFor({ state: 'detached' })
    await more.press('Enter')
    await keyboard.press('ArrowUp')
    await keyboard.press('Enter')
    await expect.poll(() => tab.titles()).toEqual(['keep'])
    // So does closing the panel.
    await keyboard.press('Escape')
    await until('they are deleted', async () => (await feedOf('deletes')).nodes.length === 1)
    await expect.poll(() => other.titles()).toEqual(['keep'])
    await tab.bell.click()
    await tab.row('keep').focus()
    await keyboard.press('Delete')
    // And leaving the page.
    await tab.page.goto('about:blank')
    await until('the last one is deleted', async () => (await feedOf('deletes')).nodes.length === 0)
    await tab.close()
    await other.close()
  })

  it('snoozes a message to a time from its menu, shows it among the snoozed ones, and brings it back', async () => {
    await sendTitles(project, 'snooze', ['later', 'now'])
    const tab = await show('snooze')
    const other = await show('snooze')
    const { keyboard } = tab.page
    const snoozedUntil = async () => (await project.api.do(Snoozed, { contact: 'snooze' })).feed.nodes[0]?.snoozedUntil ?? null
    await tab.bell.click()
    await other.bell.click()
    await tab.row('later').focus()
    await keyboard.press('s')
    await tab.inbox.getByRole('menuitem', { name: 'In an hour' }).waitFor()
    expect(await findBarriers(tab.page)).toEqual([])
    await keyboard.press('Enter')
    for (const one of [tab, other]) await expect.poll(() => one.titles()).toEqual(['now'])
    const inAnHour = Date.parse((await snoozedUntil()) ?? '') - Date.now()
    expect(Math.abs(inAnHour - 3_600_000)).toBeLessThan(30_000)
    await keyboard.press('z')
    for (const one of [tab, other]) await expect.poll(() => one.titles()).toEqual(['now', 'later'])
    expect(await snoozedUntil()).toBeNull()

    await tab.row('later').focus()
    await keyboard.press('s')
    await tab.inbox.getByRole('menuitem', { name: 'Choose a time' }).click()
    const until = await tab.page.evaluate(() => new Date(Date.now() + 172_800_000).toISOString().slice(0, 10))
    await tab.inbox.getByLabel('Until').fill(`${until}T10:30`)
    expect(await findBarriers(tab.page)).toEqual([])
    await tab.inbox.getByRole('button', { name: 'Snooze', exact: true }).click()
    await expect.poll(() => tab.titles()).toEqual(['now'])
    await expect.poll(snoozedUntil).toBe(await tab.page.evaluate((day) => new Date(`${day}T10:30`).toISOString(), until))
    await tab.inbox.getByRole('button', { name: 'Snoozed', exact: true }).click()
    await expect.poll(() => tab.titles()).toEqual(['later'])
    expect(await tab.row('later').locator('time').textContent()).toContain('Snoozed until')
    // Its time comes: it is back at the top, and told of. The inbox knows the time, so it has to pass.
    const [later] = (await project.api.do(Snoozed, { contact: 'snooze' })).feed.nodes
    const soon = new Date(Date.now() + 5_500).toISOString()
    await project.api.raw(
      `mutation { snoozeMessages(contact: "snooze", messages: ["${later?.id}"], until: "${soon}") { changedCount } }`,
    )
    await tab.inbox.getByText('No snoozed notifications').waitFor()
    expect(await tab.inbox.locator('[role=status]').last().textContent()).toBe('New: later')
    await tab.inbox.locator('.filter', { hasText: 'All' }).click()
    for (const one of [tab, other]) await expect.poll(() => one.titles()).toEqual(['later', 'now'])
    await tab.close()
    await other.close()
  })

  it('undoes nothing of another contact, nor by a letter in a field, and puts a snoozed message back where it was, silently', async () => {
    await sendTitles(project, 'mends', ['low', 'high'])
    const tab = await show('mends')
    const { keyboard } = tab.page
    // Never seen: only the headless client acts, while the panel is closed.
    await tab.waitFor('live')
    await expect.poll(() => tab.badge.textContent()).toBe('2')
    await tab.page.evaluate(`{
      const { client } = document.querySelector('carillon-inbox')
      window.low = client.state.messages.find(({ title }) => title === 'low').id
      client.snooze([window.low], new Date(Date.now() + 3_600_000))
    }`)
    await until('it is snoozed', async () => (await project.api.do(Snoozed, { contact: 'mends' })).feed.nodes.length === 1)
    await tab.page.evaluate("document.querySelector('carillon-inbox').client.snooze([window.low], null)")
    await until('it is back', async () => (await project.api.do(Snoozed, { contact: 'mends' })).feed.nodes.length === 0)
    await tab.page.waitForFunction("window.told.some(({ name, detail }) => name === 'change' && detail.kind === 'UNSNOOZED')")
    expect(await tab.inbox.locator('[role=status]').last().textContent()).toBe('')
    await tab.bell.click()
    await expect.poll(() => tab.titles()).toEqual(['high', 'low'])

    await tab.row('low').focus()
    await keyboard.press('s')
    await keyboard.press('Enter')
    await expect.poll(() => tab.titles()).toEqual(['high'])
    await tab.inbox.getByRole('button', { name: 'Snoozed', exact: true }).click()
    await tab.row('low').focus()
    await keyboard.press('e')
    await tab.inbox.getByText('No snoozed notifications').waitFor()
    await tab.inbox.locator('.filter', { hasText: 'All' }).click()
    await expect.poll(() => tab.titles()).toEqual(['high', 'low'])
    expect((await feedOf('mends')).nodes.every(({ archivedAt }) => archivedAt === null)).toBe(true)

    await tab.inbox.evaluate((inbox) =>
      Object.assign(inbox, { renderRow: () => Object.assign(document.createElement('input'), { className: 'reply' }) }),
    )
    await tab.rows.first().focus()
    await keyboard.press('e')
    await tab.inbox.locator('.undo').waitFor()
    const reply = tab.page.locator('.reply').first()
    await reply.focus()
    await keyboard.press('z')
    expect([await reply.inputValue(), await tab.inbox.locator('.undo').count()]).toEqual(['z', 1])
    await tab.inbox.evaluate((inbox, token) => Object.assign(inbox, { token }), await tokenFor(project, 'mends-other'))
    await tab.inbox.getByText('All caught up').waitFor()
    expect(await tab.inbox.locator('.undo').count()).toBe(0)
    await tab.close()
  })

  it('shows how important a message is, and lists the most important first if it is told to', async () => {
    await project.api.do(UpsertTemplates, {
      templates: [{ key: 'alarm', severity: 'CRITICAL', inApp: [{ title: '{{ title }}', body: 'now' }] }],
    })
    await sendTitles(project, 'levels', ['alarm'], { template: 'alarm' })
    await sendTitles(project, 'levels', ['note'])
    const tab = await show('levels', { attributes: 'order="severity"' })
    await tab.bell.click()
    await expect.poll(() => tab.titles()).toEqual(['alarm', 'note'])
    expect(await tab.row('alarm').locator('h3').textContent()).toMatch(/Unread:\s+Critical:\s+alarm/)
    expect(
      await tab
        .row('alarm')
        .evaluate((row) => [row.part.contains('message-critical'), getComputedStyle(row).boxShadow !== 'none']),
    ).toEqual([true, true])
    expect(await findBarriers(tab.page)).toEqual([])
    await tab.page.evaluate("document.querySelector('carillon-inbox').order = 'newest'")
    await expect.poll(() => tab.titles()).toEqual(['note', 'alarm'])
    await tab.close()
  })

  it('NV-76: tells the server which button was used, and shows it done, also after a reload', async () => {
    await sendTitles(project, 'acts', ['May I come in'], { template: 'ask' })
    const tab = await show('acts')
    await tab.bell.click()
    await tab.inbox.getByRole('button', { name: 'Yes' }).click()
    await until('it is done', async () => (await feedOf('acts')).nodes[0]?.primaryAction?.status === 'DONE')
    await tab.page.reload()
    await tab.bell.click()
    await tab.inbox.getByRole('button', { name: 'Yes (Done)' }).waitFor()
    const [action] = await tab.page.evaluate<{ name: string }[]>('window.told.filter(({ name }) => name === "action")')
    expect(action).toBeUndefined()
    await tab.close()
  })

  it('lets a page do something else on a click: a canceled event follows no link, and the message is read all the same', async () => {
    await sendTitles(project, 'cancel', ['Go'], { data: { title: 'Go', url: '/elsewhere' } })
    const tab = await show('cancel')
    await tab.page.evaluate("addEventListener('carillon-message-click', (event) => event.preventDefault())")
    await tab.bell.click()
    const before = tab.page.url()
    await tab.row('Go').locator('a').click()
    await until('it is read', async () => (await feedOf('cancel')).unreadCount === 0)
    expect(tab.page.url()).toBe(before)
    await tab.page.evaluate(
      "addEventListener('click', (event) => { window.went = event.defaultPrevented; event.preventDefault() })",
    )
    await tab.row('Go').click({ position: { x: 200, y: 40 } })
    expect(await tab.page.evaluate('window.went')).toBe(true)
    await tab.close()
  })

  it('never reads a message as HTML, and follows no link that could do harm', async () => {
    const evil = '<img src=x onerror="window.harmed=1"><b>bold</b>'
    await project.api.do(SendBare, {
      messages: [
        {
          template: 'note',
          contact: { externalId: 'evil' },
          data: { title: evil, text: evil, url: '/fine' },
          actor: { externalId: 'x', firstName: evil },
        },
      ],
    })
    const tab = await show('evil')
    // A server would refuse such links; the element does not rely on it.
    await tab.page.route('**/graphql', async (route) => {
      const response = await route.fetch()
      const text = (await response.text()).replace('"url":"/fine"', '"url":"java\\u0073cript:window.harmed=1"')
      await route.fulfill({ response, body: text })
    })
    await tab.page.evaluate('localStorage.clear()')
    await tab.page.reload()
    await tab.bell.click()
    await tab.rows.first().waitFor()
    expect(await tab.rows.first().locator('h3').textContent()).toContain(evil)
    expect(await tab.rows.locator('a, b, img').count()).toBe(0)
    await tab.rows.first().click()
    expect(await tab.page.evaluate('window.harmed')).toBeUndefined()
    await tab.page.unrouteAll({ behavior: 'wait' })
    await tab.close()
  })

  it('opens only http, https, mailto and relative links, and gives none of them a hold on the page', async () => {
    const links = ['https://a.example/x', 'http://a.example', 'mailto:a@b.example', '/relative', 'tel:+15005550006']
    await project.api.do(SendBare, {
      messages: links.map((url, index) => ({
        template: 'note',
        contact: { externalId: 'links' },
        data: { title: `link ${index}`, url },
      })),
    })
    const tab = await show('links')
    await tab.bell.click()
    await tab.rows.nth(4).waitFor()
    const shown = await tab.rows.evaluateAll((rows) =>
      rows.map((row) => [row.querySelector('a')?.getAttribute('href') ?? null, row.querySelector('a')?.rel ?? null]).reverse(),
    )
    expect(shown).toEqual([
      ['https://a.example/x', 'noopener noreferrer'],
      ['http://a.example', 'noopener noreferrer'],
      ['mailto:a@b.example', 'noopener noreferrer'],
      ['/relative', ''],
      [null, null],
    ])
    await tab.close()
  })

  it('NV-70: has a tab for each feed, each with its own count, live', async () => {
    await sendTitles(project, 'tabs', ['a note'])
    await sendTitles(project, 'tabs', ['a bill', 'another bill'], { template: 'bill' })
    const tab = await show('tabs', { attributes: 'feeds="default, billing"' })
    await tab.waitFor('live')
    await tab.bell.click()
    const tabTexts = (): Promise<string[]> => tab.inbox.getByRole('tab').allTextContents()
    await expect.poll(tabTexts).toEqual(['All', 'default', 'billing'])
    await tab.inbox.getByRole('tab', { name: 'billing' }).click()
    await expect.poll(() => tab.titles()).toEqual(['another bill', 'a bill'])
    await expect.poll(tabTexts).toEqual(['All', 'default', 'billing'])
    await sendTitles(project, 'tabs', ['elsewhere'])
    await expect.poll(tabTexts).toEqual(['All1', 'default1', 'billing'])
    expect(await tab.titles()).toEqual(['another bill', 'a bill'])
    await tab.inbox.getByRole('tab', { name: 'default' }).click()
    await expect.poll(() => tab.titles()).toEqual(['elsewhere', 'a note'])
    await expect.poll(tabTexts).toEqual(['All', 'default', 'billing'])
    await tab.inbox.getByRole('button', { name: 'Mark all as read' }).click()
    await until('of this feed alone', async () => (await feedOf('tabs')).unreadCount === 2)
    await tab.close()
  })

  it('shows only unread ones when asked, and lets one go when it is read', async () => {
    await sendTitles(project, 'unread', ['x', 'y'])
    const tab = await show('unread')
    await tab.bell.click()
    await tab.row('x').click()
    await tab.inbox.getByRole('button', { name: 'Unread', exact: true }).click()
    await expect.poll(() => tab.titles()).toEqual(['y'])
    await tab.row('y').hover()
    await tab.row('y').getByRole('button', { name: 'Mark as read' }).click()
    await tab.inbox.getByText('No unread notifications').waitFor()
    await tab.close()
  })

  it('B7-20: a message that counts up stays one row, comes to the top, and is new again', async () => {
    const fold = (title: string) => sendTitles(project, 'folds', [title], { incrementId: 'f' })
    await fold('one comment')
    await sendTitles(project, 'folds', ['between'])
    const tab = await show('folds')
    await tab.waitFor('live')
    await tab.bell.click()
    await expect.poll(() => tab.titles()).toEqual(['between', 'one comment'])
    for (const title of ['two comments', 'three comments', 'four', 'five']) await fold(title)
    await expect.poll(() => tab.titles()).toEqual(['five', 'between'])
    expect(await tab.rows.first().locator('.count').textContent()).toBe('×5')
    await tab.close()
  })

  it('NV-60, NV-61, NV-62: shows and sets preferences; a critical template can not be refused', async () => {
    const tab = await show('wishes')
    await tab.bell.click()
    await tab.inbox.getByRole('button', { name: 'Preferences' }).click()
    const bills = tab.inbox.getByRole('group', { name: 'Bills' })
    await bills.getByRole('switch', { name: 'E-mail' }).click()
    await until('e-mail of bills is off', async () => {
      const { preferences } = await project.api.do(GetPreferences, { contact: 'wishes' })
      return preferences.templates
        .find(({ template }) => template.key === 'bill')
        ?.channels.some(({ channel, enabled }) => channel === 'EMAIL' && !enabled)
    })
    await tab.inbox.getByRole('switch', { name: 'In-app' }).first().click()
    await until('in-app is off', async () => {
      const { preferences } = await project.api.do(GetPreferences, { contact: 'wishes' })
      return preferences.channels.some(({ channel, enabled }) => channel === 'IN_APP' && !enabled)
    })
    expect(await tab.inbox.getByRole('group', { name: 'Law' }).getByRole('switch').count()).toBe(0)
    expect(await tab.inbox.getByRole('group', { name: 'Law' }).textContent()).toContain('Always sent')
    expect(await findBarriers(tab.page)).toEqual([])
    await tab.close()
  })

  it('takes a message out that was taken back', async () => {
    const tab = await show('retract')
    await tab.waitFor('live')
    const transactionId = crypto.randomUUID()
    await sendTitles(project, 'retract', ['oops'], { transactionId })
    await expect.poll(() => tab.badge.textContent()).toBe('1')
    await project.api.raw(`mutation { cancel(transactionId: "${transactionId}") { canceledCount } }`)
    await tab.badge.waitFor({ state: 'detached' })
    await tab.bell.click()
    await tab.inbox.getByText('All caught up').waitFor()
    await tab.close()
  })

  it('can be used with the keyboard alone', async () => {
    await sendTitles(project, 'keys', ['c', 'b', 'a'])
    const tab = await show('keys', { attributes: 'feeds="default,billing"' })
    await tab.badge.waitFor()
    const { keyboard } = tab.page
    const focused = (): Promise<string> =>
      tab.page.evaluate(() => {
        const node = document.querySelector('carillon-inbox')?.shadowRoot?.activeElement
        return (
          node?.querySelector(node.matches('.row') ? 'h3 bdi' : '.hidden')?.textContent ??
          node?.getAttribute('aria-label') ??
          node?.textContent?.trim() ??
          ''
        )
      })
    await keyboard.press('Tab')
    expect(await focused()).toContain('Notifications')
    await keyboard.press('Enter')
    await tab.row('a').waitFor()
    await keyboard.press('ArrowDown')
    await expect.poll(focused).toBe('a')
    await keyboard.press('ArrowDown')
    await expect.poll(focused).toBe('b')
    await keyboard.press('End')
    await expect.poll(focused).toBe('c')
    await keyboard.press('Home')
    await expect.poll(focused).toBe('a')
    await keyboard.press('Tab')
    expect(await focused()).toBe('Mark as read')
    await keyboard.press('Shift+Tab')
    await keyboard.press('Enter')
    await until('a is read', async () => (await feedOf('keys')).unreadCount === 2)
    await keyboard.press('u')
    await until('a is unread', async () => (await feedOf('keys')).unreadCount === 3)
    await keyboard.press('e')
    await expect.poll(focused).toBe('b')
    expect(await tab.titles()).toEqual(['b', 'c'])
    await tab.inbox.getByRole('tab', { name: 'All' }).focus()
    await keyboard.press('ArrowRight')
    await expect.poll(focused).toBe('default')
    await keyboard.press('Escape')
    await tab.inbox.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await focused()).toContain('Notifications')
    await tab.close()
  })

  it('closes on a click elsewhere, and tells when it opens and closes', async () => {
    const tab = await show('outside')
    await tab.bell.click()
    await tab.inbox.getByRole('dialog').waitFor()
    await tab.page.mouse.click(40, 600)
    await tab.inbox.getByRole('dialog').waitFor({ state: 'detached' })
    expect((await tab.events()).filter((name) => name === 'open' || name === 'close')).toEqual(['open', 'close'])
    await tab.close()
  })

  it('speaks Korean where the page does, and says what the page wants said', async () => {
    await sendTitles(project, 'korean', ['안녕하세요'])
    const tab = await show('korean', { htmlAttributes: 'lang="ko"' })
    await tab.badge.waitFor()
    expect(await tab.bell.locator('.hidden').textContent()).toBe('알림, 새 알림 1개')
    await tab.inbox.evaluate((inbox) => Object.assign(inbox, { texts: { title: '소식', justNow: '지금 막' } }))
    await tab.bell.click()
    await tab.inbox.getByRole('heading', { name: '소식' }).waitFor()
    expect(await tab.rows.first().locator('time').textContent()).toBe('지금 막')
    await tab.close()
  })

  it('is the same when a framework makes it: properties before it is in the page, or after', async () => {
    await sendTitles(project, 'made', ['by hand'])
    const tab = await show('made', { token: null })
    const token = await tokenFor(project, 'made')
    await tab.page.evaluate(
      ([given, server]) => {
        const inbox = Object.assign(document.createElement('carillon-inbox'), {
          server,
          mode: 'inline',
          tokenProvider: async () => given,
        })
        document.querySelector('carillon-inbox')?.replaceWith(inbox)
      },
      [token, app.url] as const,
    )
    await tab.row('by hand').waitFor()
    await tab.page.evaluate(() => {
      const inbox = document.querySelector('carillon-inbox')
      if (inbox !== null) document.querySelector('main')?.append(inbox)
    })
    await tab.waitFor('live')
    await sendTitles(project, 'made', ['after a move'])
    await tab.row('after a move').waitFor()
    // As a framework does that creates new lists each time that it draws: the line stays as it is.
    const isSame = await tab.inbox.evaluate(async (node) => {
      const inbox = node as HTMLElement & { feeds: string[]; client: unknown; updateComplete: Promise<unknown> }
      inbox.feeds = ['default']
      await inbox.updateComplete
      const before = inbox.client
      inbox.feeds = ['default']
      await inbox.updateComplete
      return before !== null && inbox.client === before
    })
    expect(isSame).toBe(true)
    // As Vue does with what a template gives as an attribute.
    const asText = await tab.inbox.evaluate(async (node) => {
      const inbox = node as HTMLElement & { feeds: string | string[]; updateComplete: Promise<unknown> }
      inbox.feeds = 'default, billing'
      await inbox.updateComplete
      return inbox.feeds
    })
    expect(asText).toEqual(['default', 'billing'])
    await tab.waitFor('live')
    await tab.close()
  })

  describe.each(['light', 'dark'] as const)('in %s', (colorScheme) => {
    it('axe finds nothing: closed, open, empty, waiting for a token, and with the server away', async () => {
      const contact = `axe-${colorScheme}`
      await sendTitles(project, contact, ['plain', 'with a link'], { data: { title: 'with a link', url: '/x' } })
      await sendTitles(project, contact, ['with buttons'], { template: 'ask' })
      const tab = await show(contact, { attributes: 'feeds="default,billing"', options: { colorScheme } })
      await tab.badge.waitFor()
      expect(await findBarriers(tab.page)).toEqual([])
      await tab.bell.click()
      await tab.rows.nth(2).waitFor()
      expect(await findBarriers(tab.page)).toEqual([])
      await tab.inbox.getByRole('tab', { name: 'billing' }).click()
      await tab.inbox.getByText('All caught up').waitFor()
      expect(await findBarriers(tab.page)).toEqual([])
      await tab.close()
      const away = await show(contact, { server: site.url, attributes: 'mode="inline"', options: { colorScheme } })
      await away.inbox.getByText('Something went wrong').waitFor()
      expect(await findBarriers(away.page)).toEqual([])
      await away.close()
    })
  })

  it('reads from right to left: the panel opens to the other side, and nothing is left over', async () => {
    await sendTitles(project, 'rtl', ['مرحبا', 'hello'])
    const tab = await show('rtl', { htmlAttributes: 'lang="ar" dir="rtl"', attributes: 'feeds="default,billing"' })
    await tab.bell.click()
    await tab.rows.nth(1).waitFor()
    const [bell, panel, icon, dot] = await Promise.all([
      tab.bell.boundingBox(),
      tab.inbox.locator('.panel').boundingBox(),
      tab.rows.first().locator('.icon').boundingBox(),
      tab.rows.first().locator('.unread-dot').boundingBox(),
    ])
    expect(panel?.x).toBeLessThanOrEqual((bell?.x ?? 0) + 1)
    expect(icon?.x).toBeGreaterThan(dot?.x ?? 0)
    expect(await findBarriers(tab.page)).toEqual([])
    expect(await tab.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true)
    await tab.close()
  })

  it('fills a phone, with nothing wider than it and every button big enough for a thumb', async () => {
    await sendTitles(project, 'phone', [`a title that goes on ${'and on '.repeat(30)}`, 'w'.repeat(200)])
    const options = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true }
    const tab = await show('phone', { options, attributes: 'feeds="default,billing,news,offers,team,other,more"' })
    await tab.bell.tap()
    await tab.rows.nth(1).waitFor()
    expect(await tab.inbox.locator('.panel').boundingBox()).toEqual({ x: 0, y: 0, width: 390, height: 780 })
    const sizes = await tab.inbox
      .locator('button')
      .evaluateAll((buttons) =>
        buttons
          .filter((button) => button.checkVisibility())
          .map((button) => Math.min(button.getBoundingClientRect().width, button.getBoundingClientRect().height)),
      )
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(24)
    expect(await tab.inbox.locator('.scroll').evaluate((list) => list.scrollWidth <= list.clientWidth)).toBe(true)
    expect(await findBarriers(tab.page)).toEqual([])
    await tab.inbox.getByRole('button', { name: 'Close' }).tap()
    await tab.inbox.getByRole('dialog').waitFor({ state: 'detached' })
    await tab.close()
  })
})
