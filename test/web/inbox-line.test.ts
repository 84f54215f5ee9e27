/** `<carillon-inbox>` when the line is cut, the token ends, or there are several tabs: nothing is lost and nothing comes twice. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
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
import { Feed, MarkAs, Snoozed } from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { times } from '../helpers/setup.ts'
import { createTcpProxy } from '../helpers/tcp-proxy.ts'
import { until } from '../helpers/until.ts'

optionalSuite(inBrowser('the inbox over a bad line, in a browser'), () => {
  const clock = createTestClock()
  let app: TestApp
  let browser: Browser
  let site: Site
  let project: TestProject
  const open: InboxTab[] = []
  beforeAll(async () => {
    ;[app, browser, site] = await Promise.all([startTestApp({ clock }), startBrowser(), startSite()])
    project = await newInboxProject(app)
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
    await app?.stop()
    for (const { faults } of open) expect(faults).toEqual([])
  })
  const show = async (contact: string | null, more: Partial<OpenOptions> = {}): Promise<InboxTab> => {
    const token = contact === null ? null : await tokenFor(project, contact)
    const tab = await openInbox(browser, site, { script: app.url, token, attributes: 'mode="inline"', ...more })
    open.push(tab)
    return tab
  }
  const feedOf = async (contact: string) => (await project.api.do(Feed, { contact, archived: null, first: 100 })).feed
  const doorTo = async () => {
    const door = await createTcpProxy(app.url)
    await door.open()
    return { ...door, url: door.url.replace(/\/$/, '') }
  }

  it('goes on where the line was cut: every message once, in order, however often it is cut', async () => {
    const door = await doorTo()
    const tab = await show('cut', { server: door.url })
    await tab.waitFor('live')
    const sent: string[] = []
    for (const round of [1, 2, 3]) {
      const titles = times(40, (index) => `round ${round} number ${index}`)
      sent.push(...titles)
      await sendTitles(project, 'cut', titles.slice(0, 10))
      await door.shut()
      await tab.waitFor('offline')
      await sendTitles(project, 'cut', titles.slice(10))
      await door.open()
      await tab.waitFor('live')
    }
    await until('all are there', async () => (await tab.received()).length >= sent.length)
    // What was in flight when the line was cut may have changed since: in order of arrival, each once.
    expect([...(await tab.received())].sort()).toEqual([...sent].sort())
    const held = await tab.page.evaluate<string[]>(
      "document.querySelector('carillon-inbox').client.state.messages.map(({ title }) => title)",
    )
    expect(held).toEqual(sent.toReversed())
    await tab.close()
    await door.shut()
  })

  it('says that it is offline, keeps what is done meanwhile, and tells the server when it is back', async () => {
    await sendTitles(project, 'offline', ['e', 'd', 'a', 'b', 'c'])
    const door = await doorTo()
    const tab = await show('offline', { server: door.url })
    await tab.row('a').waitFor()
    await until('all are seen', async () => (await feedOf('offline')).unseenCount === 0)
    await door.shut()
    await tab.inbox.getByText('You are offline. Showing saved notifications.').waitFor()
    expect(await findBarriers(tab.page)).toEqual([])
    await tab.row('a').click()
    await tab.row('b').hover()
    await tab.row('b').getByRole('button', { name: 'Archive' }).click()
    await tab.row('d').focus()
    await tab.page.keyboard.press('Delete')
    await tab.row('e').focus()
    await tab.page.keyboard.press('s')
    await tab.page.keyboard.press('Enter')
    await expect.poll(() => tab.titles()).toEqual(['c', 'a'])
    expect(await tab.inbox.locator('.is-unread').count()).toBe(1)
    // Not even a reload without a server loses it.
    await tab.page.reload()
    await expect.poll(() => tab.titles()).toEqual(['c', 'a'])
    expect(await tab.inbox.locator('.is-unread').count()).toBe(1)
    expect(await feedOf('offline')).toMatchObject({ unreadCount: 5, nodes: { length: 5 } })
    await door.open()
    await until('a is read', async () => (await feedOf('offline')).nodes.find(({ title }) => title === 'a')?.readAt != null)
    await until(
      'b is archived',
      async () => (await feedOf('offline')).nodes.find(({ title }) => title === 'b')?.archivedAt != null,
    )
    await until('d is deleted and e snoozed', async () => {
      const [{ nodes }, { feed }] = [await feedOf('offline'), await project.api.do(Snoozed, { contact: 'offline' })]
      return nodes.length === 3 && feed.nodes[0]?.title === 'e'
    })
    await tab.waitFor('live')
    expect(await tab.titles()).toEqual(['c', 'a'])
    await tab.close()
    await door.shut()
  })

  it('asks the page for another token when one ends, and goes on: with a provider nobody notices', async () => {
    const tab = await show(null, { attributes: 'mode="inline"' })
    await tab.page.exposeFunction('newToken', (seconds: number) => tokenFor(project, 'provider', seconds))
    await tab.page.evaluate(`
      window.asked = 0
      document.querySelector('carillon-inbox').tokenProvider = () => { window.asked += 1; return window.newToken(window.asked === 1 ? 1 : 3600) }
    `)
    await tab.waitFor('live')
    await sendTitles(project, 'provider', ['before'])
    await tab.row('before').waitFor()
    await until('it was asked again', async () => (await tab.page.evaluate('window.asked')) === 2)
    await tab.waitFor('live')
    await sendTitles(project, 'provider', ['after'])
    await tab.row('after').waitFor()
    expect(await tab.received()).toEqual(['before', 'after'])
    expect(await tab.events()).not.toContain('error')
    await tab.close()
  })

  it('without a provider tells the page that its token has ended, shows what it has, and goes on with the next', async () => {
    const tab = await show(null, { token: await tokenFor(project, 'ends', 1) })
    await sendTitles(project, 'ends', ['before'])
    await tab.inbox.getByText('Your session has ended').waitFor()
    expect((await tab.events()).filter((name) => name === 'token-expired')).toEqual(['token-expired'])
    expect(await findBarriers(tab.page)).toEqual([])
    await sendTitles(project, 'ends', ['meanwhile'])
    await tab.inbox.evaluate((inbox, token) => inbox.setAttribute('token', token), await tokenFor(project, 'ends'))
    await tab.row('meanwhile').waitFor()
    await tab.waitFor('live')
    expect((await tab.received()).filter((title) => title === 'meanwhile')).toHaveLength(1)
    await tab.close()
  })

  it('shows nothing of one contact to another who signs in on the same page', async () => {
    await sendTitles(project, 'alice', ['for Alice'])
    await sendTitles(project, 'bob', ['for Bob'])
    const tab = await show('alice')
    await tab.row('for Alice').waitFor()
    await tab.inbox.evaluate((inbox, token) => Object.assign(inbox, { token }), await tokenFor(project, 'bob'))
    await tab.row('for Bob').waitFor()
    expect(await tab.titles()).toEqual(['for Bob'])
    await sendTitles(project, 'alice', ['more for Alice'])
    await sendTitles(project, 'bob', ['more for Bob'])
    await tab.row('more for Bob').waitFor()
    expect(await tab.titles()).toEqual(['more for Bob', 'for Bob'])
    await tab.inbox.evaluate((inbox: HTMLElement & { client: { forget(): void } }) => inbox.client.forget())
    const kept = await tab.page.evaluate(() => JSON.stringify({ ...localStorage }))
    expect(kept).not.toContain('for Bob')
    await tab.close()
  })

  it('B7-17: keeps the tabs of one browser in step, also without a line', async () => {
    await sendTitles(project, 'two', ['x', 'y', 'z'])
    const door = await doorTo()
    const first = await show('two', { server: door.url })
    const second = await show('two', { server: door.url, context: first.context })
    await Promise.all([first.row('x').waitFor(), second.row('x').waitFor()])
    await Promise.all([first.waitFor('live'), second.waitFor('live')])
    const unread = (tab: InboxTab): Promise<number> => tab.inbox.locator('.is-unread').count()
    await first.row('x').click()
    await expect.poll(() => unread(second)).toBe(2)
    await second.row('x').hover()
    await second.row('x').getByRole('button', { name: 'Mark as unread' }).click()
    await expect.poll(() => unread(first)).toBe(3)
    await until('the server knows', async () => (await feedOf('two')).unreadCount === 3)
    await door.shut()
    await Promise.all([first.waitFor('offline'), second.waitFor('offline')])
    await first.row('y').click()
    await expect.poll(() => unread(second)).toBe(2)
    await second.inbox.getByRole('button', { name: 'Mark all as read' }).click()
    await expect.poll(() => unread(first)).toBe(0)
    await door.open()
    await until('the server knows', async () => (await feedOf('two')).unreadCount === 0)
    await Promise.all([first.waitFor('live'), second.waitFor('live')])
    await expect.poll(async () => [await unread(first), await unread(second)]).toEqual([0, 0])
    await second.close()
    await first.close()
    await door.shut()
  })

  it('reads again what others marked all at once', async () => {
    await sendTitles(
      project,
      'all',
      times(35, (index) => `m${index}`),
    )
    const tab = await show('all')
    await tab.row('m34').waitFor()
    await tab.waitFor('live')
    await project.api.do(MarkAs, { contact: 'all', all: {}, read: true })
    await expect.poll(() => tab.inbox.locator('.is-unread').count()).toBe(0)
    await project.api.do(MarkAs, { contact: 'all', all: {}, archived: true })
    await tab.inbox.getByText('All caught up').waitFor()
    await tab.close()
  })

  it('reads everything again when it was away for longer than the server keeps its place', async () => {
    const door = await doorTo()
    const tab = await show(null, { server: door.url })
    await tab.page.exposeFunction('newToken', () => tokenFor(project, 'month'))
    await tab.page.evaluate("document.querySelector('carillon-inbox').tokenProvider = () => window.newToken()")
    await tab.waitFor('live')
    await sendTitles(project, 'month', ['old'])
    await tab.row('old').waitFor()
    await door.shut()
    await tab.waitFor('offline')
    clock.advance(31 * 24 * 3_600_000)
    await sendTitles(project, 'month', ['new'])
    await door.open()
    await tab.row('new').waitFor()
    await tab.waitFor('live')
    await sendTitles(project, 'month', ['newer'])
    await expect.poll(() => tab.titles()).toEqual(['newer', 'new', 'old'])
    await tab.close()
    await door.shut()
  })

  it('is an inbox without a face too: the client alone', async () => {
    await sendTitles(project, 'alone', ['first'])
    const tab = await show(null)
    const token = await tokenFor(project, 'alone')
    await tab.page.evaluate(`(async () => {
      const { createInboxClient } = await import('${app.url}/inbox-client.js')
      window.inbox = createInboxClient({ token: '${token}' })
      window.states = []
      window.inbox.subscribe((state) => window.states.push(state.counts.unread))
      window.inbox.on('received', ({ title }) => window.states.push(title))
    })()`)
    await tab.page.waitForFunction("window.inbox?.state.live === 'live'")
    await sendTitles(project, 'alone', ['second'])
    await tab.page.waitForFunction('window.inbox.state.counts.unread === 2')
    await tab.page.evaluate('window.inbox.mark(window.inbox.state.messages.map(({ id }) => id), { read: true })')
    expect(await tab.page.evaluate('window.inbox.state.counts')).toEqual({ unseen: 0, unread: 0 })
    await until('both are read', async () => (await feedOf('alone')).unreadCount === 0)
    expect(await tab.page.evaluate('window.states')).toContain('second')
    await tab.page.evaluate('window.inbox.close()')
    await tab.close()
  })
})
