/** The console with people: they sign in at an identity provider, see what their role shows, and do what it permits. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TestProject } from '../helpers/app.ts'
import { inBrowser, startBrowser, watchPage } from '../helpers/browser.ts'
import { findBarriers, openConsole, sideways, widths } from '../helpers/console.ts'
import { Send, UpsertContacts } from '../helpers/operations.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { type PeopleApp, startPeopleApp } from '../helpers/people.ts'
import { newShop } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

optionalSuite(inBrowser('people in the console, in a browser'), () => {
  let people: PeopleApp
  let browser: Browser
  let shop: TestProject
  let depot: TestProject
  const watched: (readonly string[])[] = []
  const contact = {
    externalId: 'c-1',
    email: 'john.doe@example.org',
    phone: '+821012345678',
    firstName: 'Jonathan',
    lastName: 'Doering',
  }

  beforeAll(async () => {
    const accounts = {
      ann: { sub: 'ann', email: 'ann@example.com', email_verified: true, name: 'Ann Admin' },
      bob: { sub: 'bob', email: 'bob@example.com', email_verified: true, name: 'Bob Viewer' },
      eve: { sub: 'eve', email: 'eve@example.com', email_verified: true, name: 'Eve Nobody' },
    }
    ;[people, browser] = await Promise.all([startPeopleApp(accounts), startBrowser()])
    shop = await newShop(people.app, null)
    depot = await newShop(people.app, null)
    const grant = (project: TestProject, args: string) => project.api.raw(`mutation { grantRole(${args}) { id } }`)
    await grant(shop, 'email: "ann@example.com", role: ADMIN')
    await grant(depot, 'email: "ann@example.com", role: VIEWER')
    await grant(shop, 'email: "bob@example.com", role: VIEWER, maskPersonalData: true')
    await grant(depot, 'email: "bob@example.com", role: SENDER')
    await shop.api.do(UpsertContacts, { contacts: [contact] })
    await shop.api.do(Send, {
      messages: [{ template: 'order', contact: { externalId: 'c-1' }, data: { number: 4711 } }],
      wait: 'SENT',
    })
  })
  afterAll(async () => {
    await browser?.close()
    await people?.stop()
    for (const faults of watched) expect(faults).toEqual([])
  })

  async function open(viewport: { width: number; height: number } = widths.wide): Promise<Page> {
    const context = await browser.newContext({ viewport })
    const page = await context.newPage()
    page.setDefaultTimeout(15_000)
    watched.push(watchPage(page, [people.app.url, people.issuer.url]))
    return page
  }
  async function signIn(page: Page, account: string, hash = ''): Promise<void> {
    await page.goto(`${people.app.url}/${hash}`)
    await page.getByRole('link', { name: /^Sign in with 127\.0\.0\.1/ }).click()
    await page.getByRole('button', { name: account, exact: true }).click()
  }
  const go = async (page: Page, hash: string, heading: string): Promise<void> => {
    await page.evaluate((to) => {
      location.hash = to
    }, hash)
    await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor()
  }
  const choose = async (page: Page, project: TestProject): Promise<void> => {
    if ((await page.getByLabel('Project').inputValue()) !== project.key)
      await page.getByLabel('Project').selectOption(project.key)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await until('the project is shown', async () => (await page.getByLabel('Project').inputValue()) === project.key)
  }
  /** What is there to be pressed, but for what everybody has. */
  const actions = async (page: Page): Promise<string[]> => {
    const names = await page.locator('main').getByRole('button').allInnerTexts()
    return names.map((name) => name.trim()).filter((name) => !/^(First|Previous|Next|Pause|Clear|Menu|JSON|GraphQL)?$/.test(name))
  }
  const secrets = /john\.doe|1012345678|Jonathan|Doering|Order 4711/

  it('shows a viewer masked addresses and contents, and no action, in one project; more in another', async () => {
    const page = await open()
    await signIn(page, 'bob', '#/contacts')
    await page.getByRole('heading', { level: 1, name: 'Contacts' }).waitFor()
    expect(page.url()).toBe(`${people.app.url}/#/contacts`)
    await choose(page, shop)
    await page.getByText('j…@e….org').waitFor()
    await page.getByText('+82…678').waitFor()
    expect(await page.getByRole('searchbox').count()).toBe(0)
    const pages = [
      ['#/contacts/c-1', 'c-1'],
      ['#/contacts/c-1/feed', 'c-1'],
      ['#/contacts/c-1/preferences', 'c-1'],
      ['#/captures', 'Capture box'],
      ['#/topics', 'Topics'],
      ['#/segments', 'Segments'],
      ['#/templates', 'Templates'],
      ['#/campaigns', 'Campaigns'],
      ['#/suppressions', 'Suppressions'],
      ['#/activity', 'Activity'],
    ] as const
    for (const [hash, heading] of pages) {
      await go(page, hash, heading)
      await until('it is loaded', async () => (await page.locator('main .wait').count()) === 0)
      expect([hash, await actions(page), secrets.exec((await page.locator('body').textContent()) ?? '')?.[0]]).toEqual([
        hash,
        [],
        undefined,
      ])
      expect([hash, await page.getByRole('alert').count()]).toEqual([hash, 0])
    }
    await page.getByRole('link', { name: /c-1/ }).first().click()
    await page.getByRole('heading', { name: 'E-mail' }).waitFor()
    await page.getByText('j…@e….org').first().waitFor()
    expect(secrets.exec((await page.locator('body').textContent()) ?? '')).toBeNull()
    await go(page, '#/templates/order', 'order')
    await page.getByText('A preview shows personal data, which is masked for you.').waitFor()
    expect(await page.getByRole('button', { name: /Save|Delete/ }).count()).toBe(0)
    expect(await page.getByRole('link', { name: 'API keys' }).count()).toBe(0)
    for (const hash of ['#/keys', '#/people', '#/new-template']) await go(page, hash, 'Not permitted')
    expect(await findBarriers(page)).toEqual([])

    await choose(page, depot)
    await go(page, '#/broadcasts', 'Broadcasts')
    await page.getByRole('link', { name: 'New broadcast' }).click()
    await page.getByRole('button', { name: 'Send', exact: true }).waitFor()
    await go(page, '#/templates/order', 'order')
    await page.getByRole('heading', { name: 'Preview' }).waitFor()
    expect(await page.getByRole('button', { name: 'Save' }).count()).toBe(0)
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'order' }).waitFor()
    expect(await page.getByLabel('Project').inputValue()).toBe(depot.key)
    await page.context().close()
  })

  it('lets an admin change things and grant roles, which act on pages that are open', async () => {
    const [page, bobs] = [await open(), await open()]
    await signIn(page, 'ann')
    await page.getByRole('heading', { level: 1, name: 'Activity' }).waitFor()
    await choose(page, shop)
    await go(page, '#/topics', 'Topics')
    await page.getByRole('button', { name: 'New topic' }).click()
    await page.getByLabel('Key').fill('news')
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { level: 1, name: 'news' }).waitFor()

    await signIn(bobs, 'bob')
    await choose(bobs, shop)
    await bobs.getByText('Live', { exact: true }).waitFor()

    await go(page, '#/people', 'People')
    const row = page.getByRole('row').filter({ hasText: 'Bob Viewer' })
    await row.getByText('Masked').waitFor()
    await row.getByRole('button', { name: 'Change Bob Viewer' }).click()
    await page.getByLabel('Role', { exact: true }).selectOption('EDITOR')
    await page.getByLabel('Mask personal data').uncheck()
    await page.getByRole('button', { name: 'Grant', exact: true }).click()
    await row.getByText('Editor').waitFor()
    // Bob's page comes back with the new role by itself.
    await until('the role is shown', async () => (await bobs.locator('.person').textContent())?.includes('editor'))
    await go(bobs, '#/contacts', 'Contacts')
    await bobs.getByText('john.doe@example.org').waitFor()
    await go(bobs, '#/topics/news', 'news')
    await bobs.getByRole('button', { name: 'Delete' }).waitFor()
    await go(bobs, '#/activity', 'Activity')
    await bobs.getByText('Live', { exact: true }).waitFor()

    await row.getByRole('button', { name: 'Revoke Bob Viewer' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await row.waitFor({ state: 'detached' })
    // His other project is left, and nothing to choose from.
    await until('there is nothing to choose from', async () => (await bobs.getByLabel('Project').count()) === 0)
    await bobs.locator('.foot').getByText(depot.key).waitFor()

    await page.getByRole('button', { name: 'Grant role' }).click()
    await page.getByLabel('E-mail address').fill('new@example.com')
    await page.getByRole('button', { name: 'Grant', exact: true }).click()
    await page.getByRole('row').filter({ hasText: 'new@example.com' }).getByText('never signed in').waitFor()
    expect(await findBarriers(page)).toEqual([])
    for (const viewport of [widths.narrow, widths.wide]) {
      await page.setViewportSize(viewport)
      expect(await sideways(page)).toBe(0)
    }
    await page.context().close()
    await bobs.context().close()
  })

  it('signs out, tells who has no role, and still takes an API key', async () => {
    const page = await open(widths.narrow)
    await signIn(page, 'ann')
    await page.getByRole('heading', { level: 1, name: 'Activity' }).waitFor()
    expect(await page.evaluate(() => document.cookie)).toBe('')
    expect(await page.evaluate(() => Object.keys({ ...localStorage, ...sessionStorage }))).toEqual(['carillon:project'])
    await page.getByRole('button', { name: 'Menu' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect(await sideways(page)).toBe(0)
    expect(await findBarriers(page)).toEqual([])
    await page.getByLabel('API key').fill(shop.apiKey)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'Activity' }).waitFor()
    await page.context().close()

    const nobody = await open()
    await signIn(nobody, 'eve')
    await nobody.getByText('You are signed in, but have no role in any project.').waitFor()
    await nobody.getByRole('button', { name: 'Sign out' }).click()
    await nobody.getByText('You are signed in').waitFor({ state: 'detached' })
    await nobody.context().close()
  })

  it('refuses what a page of another origin tries with the cookie of the session', async () => {
    const page = await open()
    await signIn(page, 'ann')
    await page.getByRole('heading', { level: 1, name: 'Activity' }).waitFor()
    // The issuer's page: another origin, and the same site, so that the browser sends even strict cookies.
    const foreign = await page.context().newPage()
    await foreign.goto(`${people.issuer.url}/.well-known/openid-configuration`)
    const outcome = await foreign.evaluate(
      async ([url = '', project = '']) => {
        const tried = async (work: () => Promise<unknown>): Promise<unknown> => work().catch(() => 'failed')
        const body = JSON.stringify({ query: '{ viewer { project { key } } }' })
        const json = { 'content-type': 'application/json' }
        const socket = (): Promise<number> =>
          new Promise((resolve) => {
            const one = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
            one.onopen = () => one.send(JSON.stringify({ type: 'connection_init', payload: { project } }))
            one.onclose = ({ code }) => resolve(code)
          })
        const send = (init: RequestInit) => () =>
          fetch(`${url}/graphql`, { method: 'POST', body, credentials: 'include', ...init }).then((one) => one.status)
        return [
          await tried(send({ headers: { ...json, 'x-carillon-project': project } })),
          await tried(send({ headers: json })),
          await tried(send({ headers: { 'content-type': 'text/plain' }, mode: 'no-cors' })),
          await tried(() => fetch(`${url}/auth/session`, { credentials: 'include' }).then((one) => one.json())),
          await socket(),
        ]
      },
      [people.app.url, shop.key],
    )
    // 0: an opaque answer, to a request that was refused.
    expect(outcome).toEqual(['failed', 'failed', 0, 'failed', 4403])
    const key = await openConsole(browser, people.app.url, shop.apiKey)
    await key.goTo('#/topics', 'Topics')
    await key.page.getByRole('link', { name: 'news' }).first().waitFor()
    await key.close()
    await page.context().close()
  })
})
