/** A real browser for the pages: Chromium through playwright-core. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Optional } from './optional.ts'

/** The shell is Chromium without its windows, and shows the same pages for a third of the work. */
const NAMES = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome']

const canRun = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Where a Chromium is: CHROMIUM_PATH, else the first on the PATH; null: nowhere. */
export function findChromium(): string | null {
  const given = process.env['CHROMIUM_PATH'] ?? ''
  if (given !== '') return canRun(given) ? given : null
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(canRun) ?? null
}

/** For `optionalSuite`: what a suite in a browser is called, and whether it can run. */
export const inBrowser = (name: string): Optional => ({
  name,
  found: findChromium() !== null,
  how: 'install Chromium or set CHROMIUM_PATH to one',
})

/** Starts one. */
export function startBrowser(): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === null) throw new Error('There is no Chromium.')
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--enable-precise-memory-info'],
  })
}

/** A page, and what went wrong on it. */
export interface WatchedPage {
  readonly page: Page
  /** errors of scripts, what the policy refused, and requests to others than `origins` */
  readonly faults: readonly string[]
  close(): Promise<void>
}

/** Watches a page from its first request on. */
export function watchPage(page: Page, origins: readonly string[]): string[] {
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`))
  page.on('console', (message) => {
    if (/content security policy|trusted ?type|refused to/i.test(message.text())) faults.push(`policy: ${message.text()}`)
  })
  const look = (url: string): void => {
    if (!/^(data|blob|about):/.test(url) && !origins.includes(new URL(url).origin.replace(/^ws/, 'http')))
      faults.push(`foreign: ${url}`)
  }
  page.on('request', (request) => look(request.url()))
  page.on('websocket', (socket) => look(socket.url()))
  return faults
}

/** Opens a page in a context of its own. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const faults = watchPage(page, [new URL(url).origin])
  await page.goto(url)
  return { page, faults, close: () => context.close() }
}
