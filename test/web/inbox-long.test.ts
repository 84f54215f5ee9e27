/** A long inbox: ten thousand messages, of which only those in sight are in the document. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { newInboxProject, openInbox, type Site, sendTitles, startSite, tokenFor } from '../helpers/inbox.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { times } from '../helpers/setup.ts'

const COUNT = 10_000
/** What the messages may cost, and how much slower the list may be with them than with a hundred. */
const bounds = { heapMb: 16, rowsInDocument: 40, slowerThanShort: 2, frameMsAtHalf: 50 } as const

/** Scrolls up and down through the list, a screen at a time, and measures what each frame takes the page. */
const scrollThrough = `async (steps) => {
  const list = document.querySelector('carillon-inbox').shadowRoot.querySelector('.scroll')
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
  const took = []
  let most = 0
  for (let step = 0; step < steps; step++) {
    const far = list.scrollHeight - list.clientHeight
    list.scrollTop = (far * (step % 2 === 0 ? step : steps - step)) / steps
    const started = performance.now()
    await frame()
    await new Promise((resolve) => setTimeout(resolve))
    took.push(performance.now() - started)
    most = Math.max(most, list.querySelectorAll('.row').length)
  }
  took.sort((a, b) => a - b)
  return { half: took[took.length >> 1], nearly: took[Math.floor(took.length * 0.95)], most }
}`

optionalSuite(inBrowser('ten thousand messages in a browser'), () => {
  let app: TestApp
  let site: Site
  beforeAll(async () => {
    ;[app, site] = await Promise.all([startTestApp(), startSite()])
  })
  afterAll(async () => {
    await site?.close()
    await app?.stop()
  })

  it('pages in while it is scrolled, holds few rows, stays smooth and small', { timeout: 240_000 }, async () => {
    const project = await newInboxProject(app)
    await sendTitles(
      project,
      'short',
      times(100, (index) => `message ${index}`),
    )
    await sendTitles(
      project,
      'long',
      times(COUNT, (index) => `message ${index}${index % 7 === 0 ? ', and more of it '.repeat(6) : ''}`),
    )
    const browser = await startBrowser()
    try {
      const measure = async (contact: string, count: number) => {
        const tab = await openInbox(browser, site, {
          script: app.url,
          token: await tokenFor(project, contact),
          attributes: 'mode="inline"',
        })
        await tab.rows.first().waitFor()
        const devtools = await tab.context.newCDPSession(tab.page)
        const heap = async (): Promise<number> => {
          await devtools.send('HeapProfiler.collectGarbage')
          return (await devtools.send('Runtime.getHeapUsage')).usedSize / 1024 / 1024
        }
        const before = await heap()
        // To the end of what is there, again and again: each time the next page is read.
        await tab.page.waitForFunction(
          (wanted) => {
            const inbox = document.querySelector('carillon-inbox') as
              | (HTMLElement & { client: { state: { messages: unknown[] } } })
              | null
            const list = inbox?.shadowRoot?.querySelector('.scroll')
            list?.scrollTo(0, list.scrollHeight)
            return inbox?.client.state.messages.length === wanted
          },
          count,
          { timeout: 200_000 },
        )
        expect(await tab.rows.last().getAttribute('aria-setsize')).toBe(String(count))
        const frames = await tab.page.evaluate<{ half: number; nearly: number; most: number }>(`(${scrollThrough})(200)`)
        const heapMb = (await heap()) - before
        expect(tab.faults).toEqual([])
        await tab.close()
        return { ...frames, heapMb }
      }
      const short = await measure('short', 100)
      const long = await measure('long', COUNT)
      process.stderr.write(`frame, half of them and 95 of 100, ms: ${JSON.stringify({ short, long })}\n`)
      expect(long.most).toBeLessThanOrEqual(bounds.rowsInDocument)
      expect(long.heapMb).toBeLessThanOrEqual(bounds.heapMb)
      expect(long.half).toBeLessThanOrEqual(bounds.frameMsAtHalf)
      expect(long.half / short.half).toBeLessThanOrEqual(bounds.slowerThanShort)
    } finally {
      await browser.close()
    }
  })
})
