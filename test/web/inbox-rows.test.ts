/** Rows of `<carillon-inbox>` that the page renders itself. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { findBarriers } from '../helpers/console.ts'
import { type InboxTab, newInboxProject, openInbox, type Site, sendTitles, startSite, tokenFor } from '../helpers/inbox.ts'
import { Feed } from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

/** A row of two lines with a button, in the page's own style; `bad` throws. */
const before = `
<style>.mine { border: 2px solid rgb(0, 128, 0); padding: 6px; height: 70px; box-sizing: border-box }</style>
<script type="module">
window.renders = 0
document.querySelector('carillon-inbox').renderRow = (message) => {
  window.renders++
  if (message.title === 'bad') throw new Error('not this one')
  const row = document.createElement('div')
  row.className = 'mine'
  row.append(message.title)
  const later = document.createElement('button')
  later.textContent = 'Later'
  later.onclick = () => { window.later = message.title }
  row.append(later)
  return message.title === 'text' ? '<b>text</b>' : row
}
</script>`

optionalSuite(inBrowser('rows of the page in a browser'), () => {
  let app: TestApp
  let browser: Browser
  let site: Site
  let project: TestProject
  beforeAll(async () => {
    ;[app, browser, site] = await Promise.all([startTestApp(), startBrowser(), startSite()])
    project = await newInboxProject(app)
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
    await app?.stop()
  })
  const show = async (contact: string, html = before): Promise<InboxTab> =>
    openInbox(browser, site, {
      script: app.url,
      token: await tokenFor(project, contact),
      attributes: 'mode="inline"',
      before: html,
    })
  const feedOf = async (contact: string) => (await project.api.do(Feed, { contact, first: 100 })).feed

  it('are styled by the page, are read by a click but not by their buttons, and pass axe', async () => {
    await sendTitles(project, 'own', ['one', 'two', 'text', 'bad'])
    const tab = await show('own')
    const mine = tab.inbox.locator('.mine')
    await mine.nth(1).waitFor()
    expect(await mine.allTextContents()).toEqual(['twoLater', 'oneLater'])
    await expect.poll(() => mine.first().evaluate((row) => getComputedStyle(row).borderTopColor)).toBe('rgb(0, 128, 0)')
    // A text is shown as it is, and a row that fails leaves the others alone.
    expect(await tab.inbox.getByText('<b>text</b>').count()).toBe(1)
    expect([...new Set(tab.faults)]).toEqual(['error: not this one'])
    expect(await tab.rows.count()).toBe(4)

    await mine.first().getByRole('button').click()
    expect(await tab.page.evaluate('window.later')).toBe('two')
    expect((await feedOf('own')).unreadCount).toBe(4)
    await mine.first().click({ position: { x: 5, y: 40 } })
    await until('two is read', async () => (await feedOf('own')).nodes.find(({ title }) => title === 'two')?.readAt != null)
    await tab.inbox.getByRole('article', { name: 'two', exact: true }).waitFor()
    expect(await findBarriers(tab.page)).toEqual([])

    // Another function renders them again.
    await tab.page.evaluate("document.querySelector('carillon-inbox').renderRow = ({ title }) => 'now ' + title")
    await tab.inbox.getByText('now two').waitFor()
    expect(await mine.count()).toBe(0)
    // The page goes back to the element's own rows.
    await tab.page.evaluate("document.querySelector('carillon-inbox').renderRow = null")
    await tab.row('one').waitFor()
    expect(await tab.page.evaluate("document.querySelectorAll('carillon-inbox > *').length")).toBe(0)
    await tab.close()
  })

  it('follow the link of a message, with the keyboard too, which goes from row to row from within them', async () => {
    await sendTitles(project, 'keys', ['low'])
    await sendTitles(project, 'keys', ['linked'], { data: { title: 'linked', url: '#gone' } })
    const tab = await show('keys')
    await tab.inbox.locator('.mine').nth(1).waitFor()
    await tab.inbox.locator('.mine').first().getByRole('button').focus()
    await tab.page.keyboard.press('ArrowDown')
    await tab.page.keyboard.press('ArrowUp')
    await tab.page.keyboard.press('Enter')
    await until('one is read', async () => (await feedOf('keys')).unreadCount === 1)
    expect(new URL(tab.page.url()).hash).toBe('#gone')
    await tab.page.keyboard.press('e')
    await until('it is archived', async () => (await feedOf('keys')).nodes.length === 1)
    await tab.close()
  })

  it('are rendered where they are in sight alone, whatever their height, and keep the focus in the list', async () => {
    await sendTitles(
      project,
      'long',
      times(300, (n) => `n${n}`),
    )
    const tab = await show('long')
    const mine = tab.inbox.locator('.mine')
    await mine.first().waitFor()
    // A row that is rendered again keeps the focus, whose button is another one then.
    await mine.first().getByRole('button').focus()
    await tab.page.evaluate(
      "(inbox => { inbox.renderRow = inbox.renderRow.bind(null) })(document.querySelector('carillon-inbox'))",
    )
    const focused = (): Promise<string> => tab.inbox.evaluate((inbox) => inbox.shadowRoot?.activeElement?.className ?? '')
    await expect.poll(focused).toContain('row')
    await mine.first().getByRole('button').focus()
    const list = tab.inbox.locator('.scroll')
    for (let n = 0; n < 12; n++) {
      await list.evaluate((scroller) => {
        scroller.scrollTop += 2_000
      })
      await tab.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
    }
    await expect.poll(() => mine.count()).toBeLessThan(40)
    expect(await mine.count()).toBeGreaterThan(3)
    expect(await mine.count()).toBe(await tab.rows.count())
    // The focused button is far above: the list has the focus, so that the arrow keys go on.
    expect(await focused()).toBe('scroll')
    // A row that grows by itself pushes the others down. It is in sight: of what is above, the list takes back the growth.
    await list.evaluate((scroller) => {
      scroller.scrollTop = 0
    })
    await mine.filter({ hasText: 'n299' }).waitFor()
    const third = tab.rows.nth(2)
    const top = async () => (await third.boundingBox())?.y ?? 0
    const was = await top()
    await expect
      .poll(async () => {
        // Again each time: a message that has been seen meanwhile is rendered again.
        await mine.nth(1).evaluate((row) => {
          row.style.height = '170px'
        })
        return Math.round((await top()) - was)
      })
      .toBe(100)
    await tab.close()
  })
})
