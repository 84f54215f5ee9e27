/** The console in a browser, and what every one of its pages is held against. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { watchPage } from './browser.ts'

/** The widths at which every page is checked. */
export const widths = { wide: { width: 1280, height: 800 }, narrow: { width: 390, height: 844 } } as const

/** A tab with the console, signed in. */
export interface ConsoleTab {
  readonly page: Page
  /** errors of scripts, what the policy refused, and requests to others than the server */
  readonly faults: readonly string[]
  /** Goes to an address within the console, and waits for its heading. */
  goTo(hash: string, heading: string): Promise<void>
  close(): Promise<void>
}

/** Opens the console with a key in the address, as the server's first start prints it. */
export async function openConsole(
  browser: Browser,
  url: string,
  key: string,
  options: BrowserContextOptions = {},
): Promise<ConsoleTab> {
  const context = await browser.newContext({ viewport: widths.wide, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const faults = watchPage(page, [url])
  await page.goto(`${url}/#authorization=${encodeURIComponent(`Bearer ${key}`)}`)
  return {
    page,
    faults,
    async goTo(hash, heading) {
      await page.evaluate((to) => {
        location.hash = to
      }, hash)
      await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor()
    },
    close: () => context.close(),
  }
}

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** What axe-core finds on a page, one line each. Frames hold e-mails of others: they are not looked into. */
export async function findBarriers(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(await readFile(axe, 'utf8'))
  const { violations } = await page.evaluate(async (): Promise<AxeResults> => {
    const { axe: checker } = window as unknown as { axe: { run(context: Document, options: object): Promise<AxeResults> } }
    return checker.run(document, { iframes: false, resultTypes: ['violations'] })
  })
  return violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(' ')} (${failureSummary})`).join('; ')}`,
  )
}

/** How far a page can be scrolled to the side, px. */
export const sideways = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
