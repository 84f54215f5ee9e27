/** A link with a key in its address: a session that is there is replaced only after a question. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { newInboxProject } from '../helpers/inbox.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { until } from '../helpers/until.ts'

optionalSuite(inBrowser('links with a key in a browser'), () => {
  let app: TestApp
  let browser: Browser
  beforeAll(async () => {
    ;[app, browser] = await Promise.all([startTestApp(), startBrowser()])
  })
  afterAll(async () => {
    await browser?.close()
    await app?.stop()
  })
  const keyOf = (page: Page): Promise<string> => page.evaluate(() => sessionStorage.getItem('carillon:key') ?? '')

  it.each(['/', '/inbox'])('at %s asks before it replaces a session, and leaves it where the answer is no', async (path) => {
    const [mine, other] = [await newInboxProject(app), await newInboxProject(app)]
    const context = await browser.newContext()
    const page = await context.newPage()
    const questions: string[] = []
    let answer = false
    page.on('dialog', (dialog) => {
      questions.push(dialog.message())
      void (answer ? dialog.accept() : dialog.dismiss())
    })
    const link = (key: string): string => `${app.url}${path}#authorization=${encodeURIComponent(`Bearer ${key}`)}`
    const follow = async (key: string): Promise<void> => {
      await page.goto('about:blank')
      await page.goto(link(key))
      await until('the key has left the address', () => !page.url().includes('authorization'))
    }
    await follow(mine.apiKey)
    await until('the session is there', async () => (await keyOf(page)) === mine.apiKey)
    await follow(mine.apiKey)
    expect(questions).toEqual([])

    await follow(other.apiKey)
    await until('it is asked', () => questions.length === 1)
    expect(questions[0]).toMatch(/You are signed in.*another API key/)
    expect(await keyOf(page)).toBe(mine.apiKey)

    answer = true
    await follow(other.apiKey)
    await until('the session is replaced', async () => (await keyOf(page)) === other.apiKey)
    expect(questions).toHaveLength(2)
    await context.close()
  })

  it('at /graphql asks before it replaces the header', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    const questions: string[] = []
    page.on('dialog', (dialog) => {
      questions.push(dialog.message())
      void dialog.dismiss()
    })
    for (const key of ['ck_mine', 'ck_mine', 'ck_other']) {
      await page.goto('about:blank')
      await page.goto(`${app.url}/graphql#authorization=${encodeURIComponent(`Bearer ${key}`)}`)
      await until('the key has left the address', () => !page.url().includes('authorization'))
    }
    expect(questions).toHaveLength(1)
    expect(await page.evaluate(() => localStorage.getItem('graphiql:headers'))).toContain('ck_mine')
    await context.close()
  })
})
