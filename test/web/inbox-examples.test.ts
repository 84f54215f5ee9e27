/** The examples of docs/examples: built with Vite from the packed package, rendered by a server, and hydrated in a browser. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { readGuide, root } from '../helpers/guide.ts'
import { newInboxProject, sendTitles } from '../helpers/inbox.ts'
import { type InstalledInbox, installInbox } from '../helpers/inbox-package.ts'
import { Feed } from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { until } from '../helpers/until.ts'

const examples = ['react', 'vue', 'svelte']
/** As for development, because only then do the frameworks warn. Prints what a server renders of the README's first block for each. */
const build = `
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
process.env.NODE_ENV = 'development'
const rendered = {}
for (const name of ${JSON.stringify(examples)}) {
  const root = join(import.meta.dirname, name)
  const shared = { root, mode: 'development', logLevel: 'warn' }
  await build(shared)
  await build({ ...shared, build: { ssr: existsSync(join(root, 'server.js')) ? 'server.js' : 'server.jsx', outDir: 'dist/server' } })
  await build({ ...shared, build: { ssr: 'readme.js', outDir: 'dist/readme' } })
  rendered[name] = await (await import(join(root, 'dist/readme/readme.js'))).render()
}
process.stdout.write(JSON.stringify(rendered))
`
/** How a server renders the README's blocks. */
const readme: Readonly<Record<string, { readonly language: string; readonly file: string; readonly render: string }>> = {
  react: {
    language: 'tsx',
    file: 'readme.tsx',
    render: `import { createElement } from 'react'
      import { renderToString } from 'react-dom/server'
      import { App } from './readme.tsx'
      export const render = () => renderToString(createElement(App))`,
  },
  vue: {
    language: 'vue',
    file: 'Readme.vue',
    render: `import { createSSRApp } from 'vue'
      import { renderToString } from 'vue/server-renderer'
      import Readme from './Readme.vue'
      export const render = () => renderToString(createSSRApp(Readme))`,
  },
  svelte: {
    language: 'svelte',
    file: 'Readme.svelte',
    render: `import { render as renderApp } from 'svelte/server'
      import Readme from './Readme.svelte'
      export const render = () => renderApp(Readme).body`,
  },
}

optionalSuite(inBrowser('the examples of the inbox in a browser'), () => {
  let installed: InstalledInbox
  let app: TestApp
  let project: TestProject
  let browser: Browser
  let built: { readonly stdout: string; readonly stderr: string }
  const running: ChildProcess[] = []
  beforeAll(async () => {
    const beside = ['react', 'react-dom', 'vue', 'svelte', 'vite', '@vitejs/plugin-vue', '@sveltejs/vite-plugin-svelte']
    ;[installed, app, browser] = await Promise.all([installInbox(beside), startTestApp(), startBrowser()])
    project = await newInboxProject(app)
    await cp(join(root, 'docs/examples'), installed.folder, { recursive: true })
    await writeFile(join(installed.folder, 'build.mjs'), build)
    const blocks = readGuide('web/inbox/README.md')
    for (const [name, { language, file, render }] of Object.entries(readme)) {
      const text = blocks.find((block) => block.language === language)?.text ?? ''
      await writeFile(join(installed.folder, name, file), text)
      await writeFile(join(installed.folder, name, 'readme.js'), render)
    }
    built = await promisify(execFile)(process.execPath, ['build.mjs'], { cwd: installed.folder })
  })
  afterAll(async () => {
    for (const child of running) child.kill('SIGKILL')
    await browser?.close()
    await app?.stop()
    await installed?.remove()
  })

  /** Serves an example. @returns its address */
  async function serve(name: string): Promise<string> {
    const child = spawn(process.execPath, ['../serve.mjs'], {
      cwd: join(installed.folder, name),
      env: { NODE_ENV: 'development', CARILLON_URL: app.url, CARILLON_KEY: project.apiKey, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.push(child)
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
    })
    return until('it listens', () => /http:\S+/.exec(printed)?.[0])
  }

  it('are built without a warning, and so is what the README shows, of which a server renders the element alone', () => {
    expect(built.stderr).toBe('')
    const rendered = JSON.parse(built.stdout) as Record<string, string>
    expect(Object.keys(rendered)).toEqual(examples)
    for (const html of Object.values(rendered)) expect(html).toContain('<carillon-inbox server="https://notify.example.com"')
    expect(built.stdout).not.toContain('carillon-token')
  })

  it.each(examples)('%s: what the server renders is hydrated without a warning, and is live', async (name) => {
    const url = await serve(name)
    const html = await (await fetch(url)).text()
    expect(html).toContain(`<carillon-inbox server="${app.url}" mode="inline" theme="auto"`)
    expect(html).toMatch(/<svg[^>]* slot="placeholder"|<svg slot="placeholder"/)
    expect(html).toContain('Last: ')

    const page = await browser.newPage()
    const said: string[] = []
    page.on('console', (message) => /^(warning|error)$/.test(message.type()) && said.push(message.text()))
    page.on('pageerror', (error) => said.push(error.message))
    // The scripts wait until what the server rendered has a mark, by which it is known again.
    const marked = Promise.withResolvers<void>()
    await page.route('**/assets/**', (route) => marked.promise.then(() => route.continue()))
    await page.goto(url, { waitUntil: 'commit' })
    const element = page.locator('carillon-inbox')
    await element.waitFor({ state: 'attached' })
    expect((await page.locator('carillon-inbox > svg').boundingBox())?.height).toBe(560)
    await page.evaluate("document.querySelector('carillon-inbox').mark = 'rendered by the server'")
    marked.resolve()

    await page.getByRole('heading', { name: '0 unread', exact: true }).waitFor()
    const titles = [`${name} one`, `${name} two`] as const
    await page.waitForFunction(
      "document.querySelector('carillon-inbox').client?.state.live === 'live' && document.querySelector('carillon-inbox').unreadCount === 0",
    )
    await sendTitles(project, 'user-1', titles)
    await page.getByText(`Last: ${titles[1]}`).waitFor()
    await page.locator('carillon-inbox .row-of-mine', { hasText: titles[1] }).waitFor()
    await page.getByRole('heading', { name: '2 unread', exact: true }).waitFor()
    await page.getByRole('button', { name: `Read ${titles[0]}` }).click()
    await until('it is read', async () => (await project.api.do(Feed, { contact: 'user-1' })).feed.unreadCount === 1)
    await page.getByRole('heading', { name: '1 unread', exact: true }).waitFor()
    // The element has heard of it as well; a click on a row of the page's own reads the other.
    await page.locator('carillon-inbox .row-of-mine', { hasText: titles[1] }).click()
    await page.getByRole('heading', { name: '0 unread', exact: true }).waitFor()
    // The page shows it at once, and the server knows it a little later.
    await until('both are read', async () => (await project.api.do(Feed, { contact: 'user-1' })).feed.unreadCount === 0)
    expect(await page.evaluate("document.querySelector('carillon-inbox').mark")).toBe('rendered by the server')
    expect(said.filter((line) => !line.includes('Lit is in dev mode'))).toEqual([])
    await page.close()
  })
})
