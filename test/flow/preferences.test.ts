/** What contacts want, and addresses that nothing is sent to. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { channels } from '../../src/words.ts'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import type { Client } from '../helpers/client.ts'
import {
  AddSuppressions,
  ConfigureProviders,
  Feed,
  GetNotification,
  GetPreferences,
  ListNotifications,
  ListSuppressions,
  RemoveSuppression,
  Send,
  SetPreference,
  UpsertContacts,
  UpsertTemplates,
} from '../helpers/operations.ts'
import { newShop } from '../helpers/setup.ts'
import { type SmtpSink, startSmtp } from '../helpers/smtp.ts'
import { until } from '../helpers/until.ts'

const clock = createTestClock()
let app: TestApp
let smtp: SmtpSink
let project: TestProject
let contacts = 0
let contact: string
let page: Client
beforeAll(async () => {
  app = await startTestApp({ clock })
  smtp = await startSmtp()
  project = await newShop(app, smtp)
  await project.api.do(UpsertTemplates, {
    templates: [{ key: 'alarm', critical: true, inApp: [{ body: 'fire' }], email: [{ subject: 'fire', text: 'fire' }] }],
  })
})
beforeEach(async () => {
  contact = `pref${++contacts}`
  page = await project.page(contact)
  smtp.script(null)
})
afterAll(async () => {
  await app.stop()
  await smtp.close()
})

type Channels = 'IN_APP' | 'EMAIL' | 'SMS'
const set = async (enabled: boolean, template: string | null, channel: Channels | null) =>
  (await page.do(SetPreference, { template, channel, enabled })).setPreference
/** Sends on all channels. @returns the status of each */
async function sent(template = 'order', more: object = {}): Promise<Record<string, string>> {
  const to = { externalId: contact, email: `${contact}@example.com`, phone: `+1500555${String(contacts).padStart(4, '0')}` }
  const { sendMessages } = await project.api.do(Send, {
    messages: [{ template, contact: to, data: { number: 1 }, ...more }],
    wait: 'SENT',
  })
  return statuses(sendMessages.results[0]?.notification?.id ?? '')
}
async function statuses(id: string): Promise<Record<string, string>> {
  const { notification } = await project.api.do(GetNotification, { id })
  return Object.fromEntries(
    notification?.messages.map((one) => [one.channel, one.error === null ? one.status : one.error.code]) ?? [],
  )
}

describe('preferences', () => {
  it('NV-60: lists every active template with its channels, all enabled at first', async () => {
    const { preferences } = await page.do(GetPreferences, {})
    expect(preferences.templates.map((one) => [one.template.key, one.template.critical, one.enabled])).toEqual([
      ['alarm', true, true],
      ['note', false, true],
      ['order', false, true],
    ])
    expect(preferences.templates[2]?.channels.toSorted((a, b) => (a.channel < b.channel ? -1 : 1))).toEqual(
      ['EMAIL', 'IN_APP', 'SMS'].map((channel) => ({ channel, enabled: true })),
    )
    expect(preferences.channels.map(({ channel }) => channel)).toEqual(channels)
  })
  it('NV-61: a template on a channel, a template, a channel everywhere: any no wins', async () => {
    await set(false, 'order', 'SMS')
    expect(await sent()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'SENT', SMS: 'OPTED_OUT' })
    await set(false, null, 'EMAIL')
    expect(await sent()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'OPTED_OUT', SMS: 'OPTED_OUT' })
    await set(false, 'order', null)
    expect(await sent()).toEqual({ IN_APP: 'OPTED_OUT', EMAIL: 'OPTED_OUT', SMS: 'OPTED_OUT' })
    expect(await sent('note')).toEqual({ IN_APP: 'DELIVERED' })
  })
  it('but a yes of the pair itself', async () => {
    await set(false, null, 'EMAIL')
    await set(true, 'order', 'EMAIL')
    expect((await sent())['EMAIL']).toBe('SENT')
    // Set for the template as a whole, it replaces what was set for its channels.
    await set(true, 'order', null)
    expect((await sent())['EMAIL']).toBe('OPTED_OUT')
  })
  it('NV-62, B7-18: a critical template ignores them, and refuses to be set', async () => {
    await set(false, null, 'EMAIL')
    await set(false, null, 'IN_APP')
    expect(await sent('alarm')).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'SENT' })
    expect((await page.ask(SetPreference, { template: 'alarm', enabled: false })).codes).toEqual(['FORBIDDEN'])
    const { preferences } = await page.do(GetPreferences, {})
    expect(preferences.templates[0]?.channels.every((one) => one.enabled)).toBe(true)
  })
  it('show a contact no template that is kept out of them, nor that there is one; an API key sees it', async () => {
    const template = { key: 'inquiry', inPreferences: false, inApp: [{ body: 'x' }] }
    await project.api.do(UpsertTemplates, { templates: [template] })
    try {
      const keysFor = async (client: Client, who: object) =>
        (await client.do(GetPreferences, who)).preferences.templates.map((one) => one.template.key)
      await sent('inquiry')
      expect(await keysFor(page, {})).toEqual(['alarm', 'note', 'order'])
      expect(await keysFor(project.api, { contact })).toEqual(['alarm', 'inquiry', 'note', 'order'])
      const none = await page.ask(SetPreference, { template: 'none', enabled: false })
      const hidden = await page.ask(SetPreference, { template: 'inquiry', enabled: false })
      expect(hidden.codes).toEqual(['TEMPLATE_NOT_FOUND'])
      expect(hidden.errors).toEqual(none.errors)
      expect((await project.api.ask(SetPreference, { contact, template: 'inquiry', enabled: false })).codes).toEqual([])
      // What is left out of a change stays.
      await project.api.do(UpsertTemplates, { templates: [{ key: 'inquiry', name: 'Inquiry' }] })
      expect(await keysFor(page, {})).toEqual(['alarm', 'note', 'order'])
      await project.api.do(UpsertTemplates, { templates: [{ key: 'inquiry', inPreferences: null }] })
      expect(await keysFor(page, {})).toContain('inquiry')
    } finally {
      await project.api.do(UpsertTemplates, { templates: [{ key: 'inquiry', active: false }] })
    }
  })
  it('refuses to be set for nothing, or for an unknown template or contact', async () => {
    expect((await page.ask(SetPreference, { enabled: false })).codes).toEqual(['BAD_INPUT'])
    expect((await page.ask(SetPreference, { template: 'none', enabled: false })).codes).toEqual(['TEMPLATE_NOT_FOUND'])
    expect((await project.api.ask(SetPreference, { contact: 'stranger', channel: 'SMS', enabled: false })).codes).toEqual([
      'CONTACT_NOT_FOUND',
    ])
  })
  it('keeps parallel changes apart', async () => {
    await Promise.all([
      set(false, 'order', 'SMS'),
      set(false, 'order', 'EMAIL'),
      set(false, null, 'IN_APP'),
      set(false, 'note', null),
    ])
    expect(await sent()).toEqual({ IN_APP: 'OPTED_OUT', EMAIL: 'OPTED_OUT', SMS: 'OPTED_OUT' })
  })
  it('G5: are read again when a message goes out', async () => {
    const scheduled = { delaySeconds: 600 }
    const to = { externalId: contact, email: `${contact}@example.com` }
    const { sendMessages } = await project.api.do(Send, {
      messages: [{ template: 'order', contact: to, data: { number: 1 }, ...scheduled }],
    })
    const id = sendMessages.results[0]?.notification?.id ?? ''
    await set(false, 'order', null)
    clock.advance(700_000)
    await until(
      'it was decided',
      async () => (await statuses(id))['EMAIL'] === 'OPTED_OUT' && (await statuses(id))['IN_APP'] === 'OPTED_OUT',
    )
    expect(smtp.messages.some((mail) => mail.to.includes(to.email))).toBe(false)
    expect((await page.do(Feed, {})).feed.totalCount).toBe(0)
  })
})

describe('suppressions', () => {
  it('keep e-mail and SMS from an address, in whatever spelling, until they are removed', async () => {
    const number = `+1500555${String(contacts).padStart(4, '0')}`
    const { addSuppressions } = await project.api.do(AddSuppressions, {
      suppressions: [
        { channel: 'EMAIL', address: `${contact.toUpperCase()}@Example.com` },
        { channel: 'SMS', address: `${number.slice(0, 2)} (500) ${number.slice(5)}` },
      ],
    })
    expect(addSuppressions.map((one) => [one.address, one.reason])).toEqual([
      [`${contact}@example.com`, 'MANUAL'],
      [number, 'MANUAL'],
    ])
    expect(await sent()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'SUPPRESSED', SMS: 'SUPPRESSED' })
    await project.api.do(AddSuppressions, { suppressions: [{ channel: 'EMAIL', address: `${contact}@example.com` }] })
    await project.api.do(RemoveSuppression, { id: addSuppressions[0]?.id ?? '' })
    expect(await sent()).toEqual({ IN_APP: 'DELIVERED', EMAIL: 'SENT', SMS: 'SUPPRESSED' })
    expect((await project.api.ask(RemoveSuppression, { id: addSuppressions[0]?.id ?? '' })).codes).toEqual(['NOT_FOUND'])
  })
  it('F22: a mailbox that the provider reports as unknown is suppressed automatically', async () => {
    smtp.script(({ stage }) => (stage === 'rcpt' ? { reply: '550 5.1.1 no such user' } : undefined))
    expect((await sent())['EMAIL']).toBe('PROVIDER_REFUSED')
    smtp.script(null)
    expect((await sent())['EMAIL']).toBe('SUPPRESSED')
    const { suppressions } = await project.api.do(ListSuppressions, { first: 1 })
    expect(suppressions.nodes[0]).toMatchObject({ channel: 'EMAIL', address: `${contact}@example.com`, reason: 'HARD_BOUNCE' })
  })
  it('refuse what is no address, naming the index', async () => {
    const answer = await project.api.ask(AddSuppressions, {
      suppressions: [
        { channel: 'SMS', address: '+14155550177' },
        { channel: 'EMAIL', address: 'x' },
      ],
    })
    expect([answer.codes, answer.errors[0]?.extensions['index']]).toEqual([['ADDRESS_INVALID'], 1])
    for (const address of ['+1', '0151-123', 'call me', '']) {
      const { codes } = await project.api.ask(AddSuppressions, { suppressions: [{ channel: 'SMS', address }] })
      expect([address, ...codes]).toEqual([address, 'ADDRESS_INVALID'])
    }
    expect((await project.api.ask(AddSuppressions, { suppressions: [{ channel: 'IN_APP', address: 'x' }] })).codes).toEqual([
      'CHANNEL_UNSUPPORTED',
    ])
  })
})

describe('what a worker has claimed and not begun', () => {
  /** A project whose providers take one message a second: what is sent at once waits for its turn. */
  async function narrow() {
    const shop = await newShop(app, null)
    await shop.api.do(ConfigureProviders, {
      providers: [
        { key: 'mail', channel: 'EMAIL', kind: 'capture', settings: {}, ratePerSecond: 1 },
        { key: 'text', channel: 'SMS', kind: 'capture', settings: {}, ratePerSecond: 1 },
      ],
    })
    const { prisma } = app.app
    const rows = (where: object) =>
      prisma.message.findMany({
        where: { projectId: shop.id, ...where },
        include: { attempts: true, delivery: true },
        orderBy: { id: 'asc' },
      })
    /** Sends to all of these at once. @returns once that number of them wait; their order is not defined */
    async function claimed(to: readonly object[], where: object, count: number): Promise<void> {
      await shop.api.do(Send, {
        messages: to.map((person) => ({ template: 'order', contact: person as { externalId: string }, data: { number: 1 } })),
      })
      const waits = async () =>
        (await rows({ ...where, delivery: { is: { leaseUntil: { not: null }, begunAt: null } } })).length >= count
      await until('they wait', waits)
    }
    /** Waits until all messages whose attempt has not begun by now are decided. @returns the errors of those that were never tried */
    async function afterwards(where: object): Promise<(string | null)[]> {
      const late = (await rows(where)).filter((one) => one.status === 'QUEUED' && one.delivery?.begunAt === null)
      const ids = late.map((one) => one.id)
      await until('they are decided', async () => (await rows({ id: { in: ids } })).every((one) => one.status !== 'QUEUED'))
      return (await rows({ ...where, attempts: { none: {} }, delivery: null })).map((one) => one.errorCode)
    }
    return { shop, rows, claimed, afterwards }
  }
  const person = (n: number, more: object = {}) => ({ externalId: `wait${n}`, email: `wait${n}@example.com`, ...more })

  it('is shown as SENDING, and found by that', async () => {
    const { shop, rows, claimed } = await narrow()
    await claimed([person(1), person(2), person(3), person(4)], { channel: 'EMAIL' }, 2)
    const list = async (...statuses: ('QUEUED' | 'SENDING')[]) =>
      (await shop.api.do(ListNotifications, { filter: { statuses, channels: ['EMAIL'] } })).notifications.nodes
    const sending = await list('SENDING')
    expect(sending.length).toBeGreaterThan(0)
    const shown = sending.flatMap((one) => one.messages.filter((message) => message.channel === 'EMAIL'))
    // Some may be sent by now, but none waits.
    expect(shown.filter(({ status }) => !['SENDING', 'SENT'].includes(status))).toEqual([])
    expect(await list('QUEUED')).toEqual([])
    await until('they are out', async () => (await rows({ channel: 'EMAIL', status: 'SENT' })).length === 4)
    expect(await list('QUEUED', 'SENDING')).toEqual([])
  })
  it('G5, F40: does not go out once a preference says no, and the others do', async () => {
    const { shop, rows, claimed, afterwards } = await narrow()
    const email = { channel: 'EMAIL', contact: { externalId: 'wait1' } }
    await claimed([person(1), person(1), person(1), person(1), person(2)], email, 3)
    await shop.api.do(SetPreference, { contact: 'wait1', channel: 'EMAIL', enabled: false })
    const begun = (await rows({ ...email, OR: [{ delivery: { begunAt: { not: null } } }, { sentAt: { not: null } }] })).length
    expect(await afterwards(email)).toEqual(Array(4 - begun).fill('OPTED_OUT'))
    expect(begun).toBeLessThan(4)
    await until('the other is out', async () => (await rows({ contact: { externalId: 'wait2' }, status: 'SENT' })).length === 1)
    expect(await rows({ ...email, status: 'SENT' })).toHaveLength(begun)
  })
  it('G5, F40: does not go out once its address is suppressed, in whatever spelling', async () => {
    const { shop, rows, claimed, afterwards } = await narrow()
    const to = [
      person(1, { phone: '+1 (500) 555-0001' }),
      person(2, { phone: '+15005550002' }),
      person(4, { phone: '+15005550004' }),
    ]
    const out = { channel: { in: ['EMAIL', 'SMS'] } }
    await claimed(to, out, 4)
    const late = { ...out, contact: { externalId: 'wait3' } }
    await claimed([person(3, { email: 'Wait3@Bücher.example', phone: '+1 500 555 0003' })], late, 2)
    await shop.api.do(AddSuppressions, {
      suppressions: [
        { channel: 'EMAIL', address: 'wait3@xn--bcher-kva.example' },
        { channel: 'SMS', address: '+1500-555-0003' },
      ],
    })
    const begun = (await rows({ ...late, OR: [{ delivery: { begunAt: { not: null } } }, { sentAt: { not: null } }] })).length
    expect(await afterwards(late)).toEqual(Array(2 - begun).fill('SUPPRESSED'))
    expect(begun).toBeLessThan(2)
    await until('the others are out', async () => (await rows({ ...out, status: 'SENT' })).length === 6)
  })
})

describe('the unsubscribe link of an e-mail', () => {
  const linkOf = () => {
    const mail = smtp.messages.findLast((one) => one.to.includes(`${contact}@example.com`))
    const header = mail?.headers.get('list-unsubscribe') ?? ''
    // The public address is that of the settings; the server of this test is at another port.
    return { mail, url: header.replace(/^<https?:\/\/[^/]+(.*)>$/, `${app.url}$1`) }
  }
  it('I48: is in the headers, shows a page on GET that changes nothing, and unsubscribes on POST', async () => {
    expect((await sent())['EMAIL']).toBe('SENT')
    const { mail, url } = linkOf()
    expect(mail?.headers.get('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click')
    const shown = await fetch(url)
    expect(shown.status).toBe(200)
    expect(shown.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await shown.text()).toContain('<button>Unsubscribe</button>')
    expect((await sent())['EMAIL']).toBe('SENT')
    const done = await fetch(url, { method: 'POST', body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }) })
    expect(done.status).toBe(200)
    expect(await sent()).toMatchObject({ IN_APP: 'DELIVERED', EMAIL: 'OPTED_OUT', SMS: 'SENT' })
    expect((await sent('alarm'))['EMAIL']).toBe('SENT')
  })
  it('names the sender, the kind and the masked address in the language of the contact, and takes itself back', async () => {
    await sent()
    const { url } = linkOf()
    const shown = async (init: RequestInit = {}): Promise<string> => (await fetch(url, init)).text()
    const languages = {
      en: 'Unsubscribe?',
      ko: '수신을 거부',
      de: 'Abbestellen?',
      fr: 'Se désabonner',
      es: '¿Cancelar',
      ja: '配信を停止',
    }
    for (const [locale, title] of Object.entries(languages)) {
      await project.api.do(UpsertContacts, { contacts: [{ externalId: contact, locale, mode: 'OVERWRITE' }] })
      const page = await shown()
      expect(page).toContain(`<html lang="${locale}">`)
      expect(page).toContain(title)
      expect(page).toContain(`<b>${contact.slice(0, 1)}…@example.com</b>`)
      expect(page).not.toContain(`${contact}@`)
      expect(page).not.toContain('<script')
    }
    await project.api.do(UpsertContacts, { contacts: [{ externalId: contact, locale: 'pt-BR', mode: 'OVERWRITE' }] })
    expect(await shown()).toContain('<html lang="en">')
    const body = (fields: Record<string, string>): RequestInit => ({ method: 'POST', body: new URLSearchParams(fields) })
    expect(await shown(body({}))).toContain('You are unsubscribed')
    expect((await sent())['EMAIL']).toBe('OPTED_OUT')
    // The link shows how things are, and offers the way back.
    expect(await shown()).toMatch(/You are unsubscribed.*<input type="hidden" name="again" value="1"><button>Undo/s)
    expect(await shown(body({ again: '1' }))).toContain('You are subscribed again')
    expect((await sent())['EMAIL']).toBe('SENT')
  })
  it('I48: does nothing when it is altered, and is not in critical e-mails', async () => {
    await sent()
    const { url } = linkOf()
    for (const altered of [`${url}x`, url.slice(0, -1), url.replace(/unsubscribe\/./, 'unsubscribe/B')]) {
      expect((await fetch(altered, { method: 'POST' })).status).toBe(404)
    }
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(405)
    expect((await sent())['EMAIL']).toBe('SENT')
    await sent('alarm')
    expect(linkOf().mail?.headers.has('list-unsubscribe')).toBe(false)
  })
})
