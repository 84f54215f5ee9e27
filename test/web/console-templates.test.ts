/** The console's template editor: a form for every channel, and beside it what it would say, as one types. */
import { Liquid } from 'liquidjs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLiquid } from '../../src/render/liquid.ts'
import { liquidFilters, liquidTags } from '../../web/console/liquid-words.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { type ConsoleTab, findBarriers, openConsole } from '../helpers/console.ts'
import { GetTemplate, ListTemplates, Send } from '../helpers/operations.ts'
import { DeleteTemplates } from '../helpers/operations-digest.ts'
import { GetVersions, UpsertVersioned } from '../helpers/operations-versions.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { newShop } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'

it('completes the filters and tags that a template may use, and no others', () => {
  const liquid = createLiquid()
  const isKnown = (source: string, unknown: RegExp): boolean => {
    try {
      liquid.compile('text', source, 'text')
      return true
    } catch (error) {
      return !unknown.test(String(error))
    }
  }
  const hasFilter = (name: string) => isKnown(`{{ a | ${name} }}`, /undefined filter/)
  const hasTag = (name: string) => isKnown(`{% ${name} %}`, /tag "\w+" not found/)
  const { filters, tags } = new Liquid()
  expect(Object.keys(liquidFilters)).toEqual(Object.keys(filters).filter(hasFilter).sort())
  const parts = /^(end\w+|els\w+|when)$/
  const isWord = (name: string) => /^\w+$/.test(name)
  const known = Object.keys(tags).filter((name) => isWord(name) && hasTag(name))
  expect(Object.keys(liquidTags).filter((name) => !parts.test(name))).toEqual(known.sort())
})

optionalSuite(inBrowser('the template editor in a browser'), () => {
  let app: TestApp
  let browser: Browser
  let smtp: SmtpSink
  let project: TestProject
  let tab: ConsoleTab
  let page: Page
  beforeAll(async () => {
    ;[app, browser, smtp] = await Promise.all([startTestApp(), startBrowser(), startSmtp()])
    project = await newShop(app, smtp)
    tab = await openConsole(browser, app.url, project.apiKey)
    page = tab.page
  })
  afterAll(async () => {
    await browser.close()
    await app.stop()
    await smtp.close()
    expect(tab.faults).toEqual([])
  })
  const preview = (channel: string) => page.getByRole('region', { name: `Preview of ${channel}`, exact: true })
  const channel = (name: string) =>
    page
      .getByRole('group', { name: 'Channel' })
      .getByRole('button', { name: new RegExp(`^${name}`) })
      .click()

  /** Goes to a page from one with changes that are not saved. */
  async function goAway(hash: string, heading: string): Promise<void> {
    await page.evaluate((to) => {
      location.hash = to
    }, hash)
    await page.getByRole('dialog').getByRole('button', { name: 'Discard changes' }).click()
    await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor()
  }

  it('loads the editor of code with the first template', async () => {
    const isLoaded = () =>
      page.evaluate(() => performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/console-editor.js')))
    await tab.goTo('#/templates', 'Templates')
    expect(await isLoaded()).toBe(false)
    await tab.goTo('#/templates/order', 'order')
    await page.locator('.cm-editor:visible').first().waitFor()
    expect(await isLoaded()).toBe(true)
  })

  it('shows every channel as one types, and stores nothing before it is saved', async () => {
    await tab.goTo('#/templates/order', 'order')
    await preview('In-app').getByText('Order number').waitFor()
    await page.getByLabel('Title', { exact: true }).press('End')
    await page.keyboard.type('!')
    await preview('In-app').getByText('Order number!').waitFor()
    await page.getByLabel('Data (JSON)').fill('{ "number": 42 }')
    await preview('In-app').getByText('Order 42!').waitFor()
    await channel('SMS')
    await page.getByLabel('Body', { exact: true }).fill('안녕하세요 {{ number }}')
    await preview('SMS').getByText('안녕하세요 42').waitFor()
    await preview('SMS').getByText('UCS-2 · 8 characters · 1 segment').waitFor()
    await channel('Push')
    await page.getByRole('button', { name: 'Add content' }).click()
    await page.getByLabel('Title', { exact: true }).fill('Order {{ number }}')
    await page.getByLabel('Body', { exact: true }).fill('It is on its way')
    await preview('Push').getByText('It is on its way').waitFor()
    expect((await project.api.do(GetTemplate, { key: 'order' })).template).toMatchObject({
      sms: [{ body: 'Order {{ number }}' }],
    })
    await page.getByText('Unsaved changes').waitFor()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Template saved.').waitFor()
    expect((await project.api.do(GetTemplate, { key: 'order' })).template).toMatchObject({
      channels: expect.arrayContaining(['PUSH']),
      sms: [{ body: '안녕하세요 {{ number }}' }],
    })
  })

  it('shows an e-mail in a frame that runs nothing and fetches nothing', async () => {
    await tab.goTo('#/templates/order', 'order')
    await channel('E-mail')
    await page
      .getByLabel('HTML')
      .fill(
        '<p style="color: red">Hello {{ firstName }}</p><img src="https://elsewhere.example/pixel.png" onerror="parent.x = 1"><script>parent.x = 1</script>',
      )
    const frame = preview('E-mail').locator('iframe.shown')
    await frame.contentFrame().getByText('Hello Robin').waitFor()
    expect(await frame.getAttribute('sandbox')).toBe('')
    expect(
      await frame
        .contentFrame()
        .getByText('Hello Robin')
        .evaluate((element) => getComputedStyle(element).color),
    ).toBe('rgb(255, 0, 0)')
    await preview('E-mail').getByText('are not loaded here (2)').waitFor()
    expect(await page.evaluate(() => 'x' in window)).toBe(false)
  })

  it('shows an e-mail on a phone, a tablet and a desktop, light and dark, without images, as text and as source', async () => {
    await page
      .getByLabel('HTML')
      .fill(
        '<style>@media (prefers-color-scheme: dark) { p { color: lime } } @media (min-width: 700px) { p { font-size: 30px } }</style>' +
          '<p>Hi {{ firstName }}</p><img alt="Logo" src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=">',
      )
    const shown = preview('E-mail').locator('iframe.shown')
    const text = shown.contentFrame().locator('p').filter({ hasText: 'Hi Robin' })
    const hasStyle = (style: Readonly<Record<string, string>>) =>
      until('the frame shows it', async () => {
        const now = await text.evaluate((element, names) => {
          const computed = getComputedStyle(element)
          return names.map((name) => computed.getPropertyValue(name))
        }, Object.keys(style))
        return now.join() === Object.values(style).join()
      })
    const press = (name: string) => preview('E-mail').getByRole('button', { name, exact: true }).click()
    await hasStyle({ color: 'rgb(0, 0, 0)', 'font-size': '16px' })
    const logo = shown.contentFrame().getByRole('img', { name: 'Logo' })
    expect(await logo.getAttribute('src')).toContain('data:')
    await press('Tablet')
    await press('Dark')
    await hasStyle({ color: 'rgb(0, 255, 0)', 'font-size': '30px' })
    await press('Block images')
    await until('the image is gone', async () => (await logo.getAttribute('src')) === null)
    await press('Phone')
    await hasStyle({ color: 'rgb(0, 255, 0)', 'font-size': '16px' })
    // The frame that is seen stays until the next one has been loaded.
    await page.evaluate(() => {
      const box = document.querySelector('.frames')
      const counts = new Set<number>()
      Object.assign(window, { counts })
      new MutationObserver(() => counts.add(box?.querySelectorAll('iframe.shown').length ?? 0)).observe(box ?? document, {
        childList: true,
      })
    })
    await page.getByLabel('HTML').press('ControlOrMeta+End')
    await page.keyboard.type('<p>Bye</p>')
    await shown.contentFrame().getByText('Bye').waitFor()
    expect(await page.evaluate(() => [...(window as unknown as { counts: Set<number> }).counts])).not.toContain(0)
    await press('Enlarge')
    const dialog = page.getByRole('dialog')
    await dialog.locator('iframe.shown').contentFrame().getByText('Bye').waitFor()
    expect(await findBarriers(page)).toEqual([])
    await page.keyboard.press('Escape')
    await press('Plain text')
    await preview('E-mail').getByRole('group', { name: 'Plain text' }).getByText('Hello Robin').waitFor()
    await press('Source')
    await preview('E-mail').getByText('<p>Hi Robin</p>').waitFor()
    await press('Rendered')
    await press('Dark')
    await press('Block images')
  })

  it('edits HTML with Liquid in it: a mistake at its place, Tab, search, undo, saving, and a way out by keyboard', async () => {
    const editor = page.getByLabel('HTML')
    const isFocused = () => editor.evaluate((element) => element === document.activeElement)
    await editor.fill('<p>one</p>\n<p>{% bogus %}</p>')
    await page.locator('.cm-lintRange-error', { hasText: 'bogus' }).waitFor()
    await page.getByRole('alert').getByText('tag "bogus" not found (line 2, column 4)').waitFor()
    expect(await editor.getAttribute('aria-invalid')).toBe('true')
    await editor.fill('<p>one</p>')
    await page.locator('.cm-lintRange-error').waitFor({ state: 'detached' })
    await preview('E-mail').locator('iframe.shown').contentFrame().getByText('one').waitFor()
    await editor.press('Tab')
    expect([await editor.textContent(), await isFocused()]).toEqual(['  <p>one</p>', true])
    await editor.press('ControlOrMeta+z')
    expect(await editor.textContent()).toBe('<p>one</p>')
    await editor.press('ControlOrMeta+f')
    await page.keyboard.type('one')
    await page.locator('.cm-searchMatch').waitFor()
    expect(await findBarriers(page)).toEqual([])
    await page.keyboard.press('Escape')
    await editor.press('ControlOrMeta+s')
    await page.getByText('Template saved.').last().waitFor()
    await expect(page.locator('#email-0-html-hint').textContent()).resolves.toContain('Escape, then Tab leaves')
    await editor.press('Escape')
    await page.keyboard.press('Tab')
    expect(await isFocused()).toBe(false)
    await tab.goTo('#/templates', 'Templates')
    await tab.goTo('#/templates/order', 'order')
    await channel('E-mail')
    expect(await editor.textContent()).toBe('<p>one</p>')
  })

  it('completes variables of the schema, the preview and the last message, and filters', async () => {
    await project.api.do(Send, {
      messages: [{ template: 'order', contact: { externalId: 'ann' }, data: { number: 7, buyer: { city: 'Oslo' } } }],
    })
    await project.api.do(UpsertVersioned, {
      templates: [{ key: 'order', samples: [{ name: 'Gift', data: { gift: { wrap: 'red' } } }] }],
    })
    await tab.goTo('#/templates', 'Templates')
    await tab.goTo('#/templates/order', 'order')
    await channel('E-mail')
    await page.getByText('Data schema').click()
    await page
      .getByLabel('JSON Schema')
      .fill('{ "properties": { "lines": { "type": "array", "items": { "properties": { "sku": { "type": "string" } } } } } }')
    await page.getByLabel('Preview with').selectOption('Placeholders')
    await page.getByLabel('Data (JSON)').fill('{ "number": 42, "note": "soon" }')
    const editor = page.getByLabel('HTML')
    const options = page.getByRole('listbox').getByRole('option')
    const complete = async (text: string, wanted: RegExp): Promise<void> => {
      await editor.fill(text.slice(0, -1))
      await page.keyboard.type(text.slice(-1))
      await options.filter({ hasText: wanted }).first().waitFor()
    }
    await complete('{{ no', /^note"soon"$/)
    expect(await findBarriers(page)).toEqual([])
    await page.keyboard.press('Tab')
    expect(await editor.textContent()).toBe('{{ note')
    await complete('{{ buyer.c', /^city"Oslo"$/)
    await complete('{{ gift.w', /^wrap"red"$/)
    await complete('{% for one in lines %}{{ one.s', /^skustring$/)
    await complete('{{ number | time', /^times/)
    await complete('{% un', /^unless/)
    await editor.fill('<p>number')
    await options.first().waitFor({ state: 'detached' })
    await goAway('#/templates', 'Templates')
  })

  it('sends a test to one address and to nobody else, with the data of the preview', async () => {
    await project.api.do(UpsertVersioned, {
      templates: [
        {
          ...{ key: 'order', delaySeconds: 3600, samples: [] },
          email: [{ subject: 'Order {{ number }}', text: 'Hello', cc: 'boss@example.com', bcc: 'archive@example.com' }],
        },
      ],
    })
    await tab.goTo('#/templates/order', 'order')
    await page.getByLabel('Data (JSON)').fill('{ "number": 77 }')
    await page.getByText('Send a test').click()
    await page.getByLabel('Test it on').fill('qa@example.com')
    await page.getByRole('button', { name: 'Run test' }).click()
    await page.getByText('Sent: E-mail').waitFor()
    expect(await findBarriers(page)).toEqual([])
    expect(smtp.messages.map(({ to, subject }) => ({ to, subject }))).toEqual([{ to: ['qa@example.com'], subject: 'Order 77' }])
    await page.getByLabel('Test it on').fill('+1 500 555 0006')
    await page.getByRole('button', { name: 'Run test' }).click()
    await page.getByText('Sent: SMS').waitFor()
    expect(smtp.messages).toHaveLength(1)
    await page.getByLabel('Title', { exact: true }).fill('Changed')
    await page.getByText('Save first: a test sends what is saved.').waitFor()
    await goAway('#/templates', 'Templates')
  })

  it('keeps samples with a template: adds, edits, renames and removes them, and shows what has no value', async () => {
    const stored = async (key = 'note') => (await project.api.do(GetVersions, { key })).template
    const sample = page.getByLabel('Preview with')
    const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
    const data = page.getByLabel('Data (JSON)')
    await tab.goTo('#/templates/note', 'note')
    await preview('In-app').getByText('n', { exact: true }).waitFor()
    await data.fill('{}')
    await page.getByText('No value for n').waitFor()
    await press('Add to the data')
    expect(JSON.parse((await data.textContent()) ?? '')).toEqual({ n: 'n' })
    await data.fill('{ "n": 7 }')
    await press('Add sample…')
    await page.getByLabel('Sample name').fill('Seven')
    expect(await findBarriers(page)).toEqual([])
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
    await page.getByText('Sample saved.').waitFor()
    await data.fill('{ "n": 8 }')
    await page.getByText('Not saved in the sample').waitFor()
    await page.getByRole('link', { name: 'Templates' }).last().click()
    await page.getByRole('dialog').getByRole('button', { name: 'Keep editing' }).click()
    await press('Update sample')
    await page.getByText('Not saved in the sample').waitFor({ state: 'detached' })
    await press('Rename sample…')
    await page.getByLabel('Sample name').fill('Eight')
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    // Neither is a new version, and what somebody else has added stays.
    expect(await stored()).toMatchObject({ latestVersion: 1, samples: [{ name: 'Eight', data: { n: 8 } }] })
    const samples = [
      { name: 'Eight', data: { n: 8 } },
      { name: 'Nine', data: { n: 9 } },
    ]
    await project.api.do(UpsertVersioned, { templates: [{ key: 'note', samples }] })
    await sample.selectOption('Placeholders')
    await preview('In-app').getByText('n', { exact: true }).waitFor()
    await sample.selectOption('Eight')
    await preview('In-app').getByText('8', { exact: true }).waitFor()
    await press('Remove sample')
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await until('it is gone', async () => (await sample.textContent())?.includes('Nine') === true)
    expect((await stored())?.samples).toEqual([samples[1]])
    await sample.selectOption('What was sent last')
    await page.getByText('Nothing has been sent with this template yet.').waitFor()
    await page.getByRole('link', { name: 'Duplicate' }).click()
    await page.getByLabel('Key', { exact: true }).fill('copied')
    await preview('In-app').getByText('9', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'copied' }).waitFor()
    expect((await stored('copied'))?.samples).toEqual([samples[1]])
    await project.api.do(DeleteTemplates, { keys: ['copied'] })
  })

  it('says what is wrong while it is typed, and keeps what it showed last', async () => {
    await tab.goTo('#/templates/note', 'note')
    await preview('In-app').waitFor()
    await page.getByLabel('Body', { exact: true }).fill('{{ n')
    await page.getByText('TEMPLATE_BROKEN').waitFor()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('alert').getByText('TEMPLATE_BROKEN').waitFor()
    await page.getByLabel('Data (JSON)').fill('{ oops')
    await page.getByText('Invalid JSON').waitFor()
    await page.getByLabel('Body', { exact: true }).fill('{{ n }} of them')
    await page.getByLabel('Data (JSON)').fill('{ "n": 3 }')
    await preview('In-app').getByText('3 of them').waitFor()
  })

  it('makes a template with languages, rules and a schema', async () => {
    await goAway('#/templates', 'Templates')
    await page.getByRole('link', { name: 'New template' }).click()
    await page.getByRole('heading', { level: 1, name: 'New template' }).waitFor()
    await page.getByLabel('Key', { exact: true }).fill('reminder')
    await page.getByLabel('Body', { exact: true }).fill('Soon, {{ firstName }}')
    await page.getByLabel('Add language').fill('ko')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByLabel('Body', { exact: true }).fill('곧')
    await channel('SMS')
    await page.getByRole('button', { name: 'Add content' }).click()
    await page.getByLabel('Body', { exact: true }).fill('Soon')
    await page.getByText('Delivery rules').click()
    await page.getByLabel('Add rule for').selectOption('SMS')
    await page.getByLabel('Delay (seconds)', { exact: true }).fill('60')
    await page.getByLabel('Condition').selectOption('UNSEEN')
    await page.getByText('Data schema').click()
    await page.getByLabel('JSON Schema').fill('{ "type": "object" }')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { level: 1, name: 'reminder' }).waitFor()
    const { template } = await project.api.do(GetTemplate, { key: 'reminder' })
    expect(template).toMatchObject({ locales: ['en', 'ko'], channels: expect.arrayContaining(['IN_APP', 'SMS']) })
    expect(await page.getByLabel('Condition').inputValue()).toBe('UNSEEN')
    expect(await page.getByLabel('JSON Schema').textContent()).toContain('"object"')
    expect((await project.api.do(ListTemplates, {})).templates.totalCount).toBe(3)
  })

  it('has text areas where the editor of code can not be loaded', async () => {
    const other = await openConsole(browser, app.url, project.apiKey)
    await other.page.route('**/console-editor.js', (route) => route.abort())
    await other.goTo('#/templates/note', 'note')
    const refused = other.page.locator('textarea#preview-data')
    await refused.fill('{ "n": 5 }')
    await other.page.getByRole('region', { name: 'Preview of In-app' }).getByText('5', { exact: true }).waitFor()
    expect(await refused.inputValue()).toBe('{ "n": 5 }')
    await other.close()
  })

  it('deletes a template when asked twice', async () => {
    await tab.goTo('#/templates/note', 'note')
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('heading', { level: 1, name: 'Templates' }).waitFor()
    await page.getByRole('link', { name: 'order' }).waitFor()
    expect((await project.api.do(GetTemplate, { key: 'note' })).template).toBeNull()
  })
})
