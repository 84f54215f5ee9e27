/** Contacts in the console: created, edited, erased, sent to, and imported from a file. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Papa from 'papaparse'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { inBrowser, startBrowser } from '../helpers/browser.ts'
import { type ConsoleTab, findBarriers, openConsole } from '../helpers/console.ts'
import { GetContact, ListContacts, UpsertContacts } from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { newShop, times } from '../helpers/setup.ts'

const MANY = process.env['TEST_FULL'] === '1' ? 100_000 : 3_000

optionalSuite(inBrowser('contacts in the console'), () => {
  let app: TestApp
  let browser: Browser
  let project: TestProject
  let tab: ConsoleTab
  beforeAll(async () => {
    ;[app, browser] = await Promise.all([startTestApp(), startBrowser()])
    project = await newShop(app, null)
    tab = await openConsole(browser, app.url, project.apiKey)
  })
  afterAll(async () => {
    expect(tab.faults).toEqual([])
    await browser.close()
    await app.stop()
  })
  const contactOf = async (externalId: string) => (await project.api.do(GetContact, { externalId })).contact
  const total = async () => (await project.api.do(ListContacts, { first: 1 })).contacts.totalCount
  const field = (name: string) => tab.page.getByLabel(name, { exact: true })
  const button = (name: string) => tab.page.getByRole('button', { name, exact: true })
  const choose = (name: string, lines: readonly string[]) =>
    field('File').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(lines.join('\r\n')) })
  /** The figures of a run, by their names. */
  const figures = () =>
    tab.page.getByRole('region', { name: 'Progress' }).evaluate((panel) => {
      const names = [...panel.querySelectorAll('dt')].map((one) => one.textContent)
      const values = [...panel.querySelectorAll('dd')].map((one) => Number(one.textContent?.replaceAll(',', '')))
      return Object.fromEntries(names.map((name, index) => [name, values[index]]))
    })

  it('creates a contact, says what is wrong where it is, and does not overwrite one', async () => {
    const { page, goTo } = tab
    await goTo('#/contacts', 'Contacts')
    await button('New contact').click()
    await field('Contact id').fill('ann')
    await field('Phone').fill('12')
    await field('Properties').fill('{ "plan": "pro", "company": { "seats": 3 } }')
    expect(await findBarriers(page)).toEqual([])
    await button('Create').click()
    await page.locator('#contact-phone-wrong').waitFor()
    await field('Phone').fill('+447700900123')
    await field('First name').fill('Ann')
    await button('Create').click()
    await page.getByRole('heading', { level: 1, name: 'ann' }).waitFor()
    expect(await contactOf('ann')).toMatchObject({
      firstName: 'Ann',
      phone: '+447700900123',
      profile: { plan: 'pro', company: { seats: 3 } },
    })
    await goTo('#/contacts', 'Contacts')
    await button('New contact').click()
    await field('Contact id').fill('ann')
    await button('Create').click()
    await page.getByText('There is a contact with this id already.').waitFor()
    await button('Close').click()
    await button('Discard changes').click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  it('changes what was changed in the form, and removes what was emptied', async () => {
    const { page, goTo } = tab
    await goTo('#/contacts/ann', 'ann')
    await button('Edit').click()
    await field('Phone').fill('')
    await field('Language').fill('pt_br')
    await field('Properties').fill('{ "plan": "free" }')
    // Meanwhile somebody else changes what this form does not.
    await project.api.do(UpsertContacts, { contacts: [{ externalId: 'ann', lastName: 'Abel', profile: { set: { other: 1 } } }] })
    await button('Save').click()
    await page.getByText('Contact saved.').waitFor()
    const { phone, locale, lastName, profile } = (await contactOf('ann')) ?? {}
    expect([phone, locale, lastName]).toEqual([null, 'pt-BR', 'Abel'])
    expect(profile).toMatchObject({ plan: 'free', other: 1 })
    expect(profile).not.toHaveProperty('company')
  })

  it('sends to a contact, issues a token that its inbox takes, and erases it', async () => {
    const { page, goTo } = tab
    await goTo('#/contacts/ann', 'ann')
    await button('Send').click()
    await field('Template').selectOption('note')
    await field('Data').fill('{ "n": 5 }')
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click()
    await page.waitForURL(/#\/notifications\//)
    await goTo('#/contacts/ann/feed', 'ann')
    await page.getByText('1 unread').waitFor()
    await button('Issue token').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Issue token' }).click()
    const token = await page.locator('.secret').textContent()
    const answer = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: '{ feed { unreadCount } }' }),
    })
    expect(await answer.json()).toMatchObject({ data: { feed: { unreadCount: 1 } } })
    await button('Done').click()
    await button('Erase').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Erase' }).click()
    await page.getByText('1 contact erased.').waitFor()
    expect(await contactOf('ann')).toBeNull()
  })

  it('checks a file without changing anything, imports what is right, and gives back what is not', async () => {
    const { page, goTo } = tab
    await project.api.do(UpsertContacts, {
      contacts: [{ externalId: '1', firstName: 'Old', profile: { set: { plan: 'free' } } }],
    })
    await goTo('#/import-contacts', 'Import contacts')
    await choose('people.csv', [
      'User ID,E-Mail Address,First name,plan,seats,active',
      '1,one@example.com,New,pro,3,yes',
      '2,two@example.com,"Zoë ""Z"", of ""A"", B",pro,07,no',
      '3,not an address,Ann,,,',
      ',four@example.com,,,,',
      '5,,,,many,',
      '2,,,,,',
      '',
      "7,,'=1+1,,,",
    ])
    await page.getByLabel('What seats becomes').selectOption('number')
    await page.getByLabel('What active becomes').selectOption('boolean')
    expect(await findBarriers(page)).toEqual([])
    const before = await total()
    await button('Check all rows').click()
    await page.getByRole('heading', { name: 'Checked: nothing has been changed yet' }).waitFor()
    expect(await figures()).toEqual({ Rows: 7, 'Would be created': 2, 'Would be updated': 1, 'Listed again': 1, Refused: 3 })
    await page.getByRole('cell', { name: 'seats: many is not a number.' }).waitFor()
    expect(await total()).toBe(before)
    const download = page.waitForEvent('download')
    await button('Download refused rows').click()
    const refused = await (await download).createReadStream()
    let text = ''
    for await (const part of refused) text += part
    expect(Papa.parse<string[]>(text).data.map((cells) => cells.at(-2))).toEqual(['row', '4', '5', '6'])
    await field('Contacts that exist').selectOption('OVERWRITE')
    await button('Check all rows').click()
    await button('Import 3 contacts').click()
    await page.getByRole('heading', { name: 'Imported' }).waitFor()
    expect(await total()).toBe(before + 2)
    expect(await contactOf('1')).toMatchObject({
      firstName: 'New',
      email: 'one@example.com',
      profile: { plan: 'pro', seats: 3, active: true },
    })
    expect(await contactOf('2')).toMatchObject({ firstName: 'Zoë "Z", of "A", B', profile: { seats: 7, active: false } })
    expect((await contactOf('7'))?.firstName).toBe('=1+1')
  })

  it(`imports ${MANY.toLocaleString('en')} rows, and goes on after a reload where it was`, async () => {
    const { page, goTo } = tab
    const folder = await mkdtemp(join(tmpdir(), 'carillon-import-'))
    const file = join(folder, 'many.csv')
    await writeFile(file, ['externalId,firstName', ...times(MANY, (n) => `m-${n},Name ${n}`)].join('\n'))
    await goTo('#/contacts', 'Contacts')
    await page.getByRole('link', { name: 'Import CSV' }).click()
    await field('File').setInputFiles(file)
    await button('Check all rows').click()
    await button(`Import ${MANY.toLocaleString('en')} contacts`).click({ timeout: 60_000 })
    await button('Pause').click()
    await expect.poll(figures).toMatchObject({ Rows: expect.toSatisfy((rows: number) => rows > 0) })
    const before = await total()
    page.once('dialog', (question) => void question.accept())
    await page.reload()
    await page.getByText('The import of many.csv stopped after').waitFor()
    await field('File').setInputFiles(file)
    await page.getByRole('button', { name: 'Go on after row' }).click()
    await page.getByRole('heading', { name: 'Imported' }).waitFor({ timeout: 100_000 })
    expect(await figures()).toMatchObject({ Rows: MANY, Refused: 0 })
    expect(before).toBeLessThan(MANY)
    await rm(folder, { recursive: true })
    expect((await contactOf(`m-${MANY - 1}`))?.firstName).toBe(`Name ${MANY - 1}`)
    expect((await project.api.do(ListContacts, { first: 1, filter: { search: 'm-' } })).contacts.totalCount).toBe(MANY)
  })
})
