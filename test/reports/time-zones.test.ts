/** Dates in messages: in the contact's zone, else the project's, on a machine in any zone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readMoment } from '../../src/values/date-time.ts'
import { createZonedClock } from '../../src/values/time-zone.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Feed, GetContact, Preview, Send, UpsertContacts, UpsertTemplates } from '../helpers/operations.ts'
import { Broadcast } from '../helpers/operations-fanout.ts'

/** A sandbox's process may have to start first, on a machine that does other things. */
const unhurried = { timeout: 25_000 }

const machine = process.env['TZ']
const restore = (): void => {
  if (machine === undefined) delete process.env['TZ']
  else process.env['TZ'] = machine
}
afterAll(restore)

// A time of winter in New York, and its next day in Seoul.
const at = '2026-01-31T20:30:00Z'
const day = '%Y-%m-%d %H:%M'

describe.each(['UTC', 'Asia/Seoul', 'America/New_York'])('on a machine in %s', (zone) => {
  let app: TestApp
  let project: TestProject
  beforeAll(async () => {
    process.env['TZ'] = zone
    app = await startTestApp()
    project = await app.project({ timezone: 'Asia/Seoul' })
  })
  afterAll(async () => {
    await app.stop()
    restore()
  })

  it.each([
    ['cal.diy#9059', `{{ at | date: "${day}" }}`, null, '2026-02-01 05:30'],
    ['cal.diy#9059, with a zone', `{{ at | date: "${day}", "America/New_York" }}`, null, '2026-01-31 15:30'],
    [
      "relative: the contact's zone",
      `{{ at | date: "${day} %z %Z" }}`,
      'america/new_york',
      '2026-01-31 15:30 -0500 America/New_York',
    ],
    ["relative: a contact's offset", `{{ at | date: "${day} %z %Z" }}`, '+0545', '2026-02-01 02:15 +0545 +0545'],
    ['relative: in the sandbox', `{{ list | sort | first | date: "${day}" }}`, null, '2026-02-01 05:30'],
    [
      "relative: in the sandbox, in the contact's zone",
      '{{ list | sort | first | date_to_xmlschema }}',
      'Europe/London',
      '2026-01-31T20:30:00+00:00',
    ],
    ['relative: seconds', `{{ 1769891400 | date: "${day}" }}`, null, '2026-02-01 05:30'],
    ['relative: a text of digits', `{{ "1769891400" | date: "${day}" }}`, 'America/New_York', '2026-01-31 15:30'],
    ['relative: a time without a zone', `{{ "2026-01-31T20:30" | date: "${day} %z" }}`, null, '2026-01-31 20:30 +0900'],
    ['relative: a day is that day', `{{ "2026-01-31" | date: "${day} %z" }}`, 'America/New_York', '2026-01-31 00:00 -0500'],
    [
      'relative: a day in a zone that is named',
      `{{ "2026-01-31" | date: "${day} %z", "Asia/Kolkata" }}`,
      null,
      '2026-01-31 00:00 +0530',
    ],
    ['relative: minutes behind UTC', `{{ at | date: "${day} %z", 300 }}`, null, '2026-01-31 15:30 -0500'],
    [
      'relative: the hour that is skipped there',
      '{{ "2026-03-08T02:30" | date: "%H:%M %z" }}',
      'America/New_York',
      '03:30 -0400',
    ],
    ['relative: the hour that is skipped here', '{{ "2026-03-08T02:30" | date: "%H:%M %z" }}', null, '02:30 +0900'],
    ['relative: names, and what a locale forms', '{{ at | date: "%A %B %c" }}', null, 'Sunday February 2/1/2026, 5:30:00 AM'],
    ['relative: no date stays as it is', '{{ "soon" | date: "%Y" }}{{ none | date: "%Y" }}', null, 'soon'],
  ])('%s: %s for a contact in %s is %s, in a preview as in what is sent', async (source, body, timezone, expected) => {
    const { api, page } = project
    await api.do(UpsertTemplates, { templates: [{ key: 't', inApp: [{ body }] }] })
    const contact = { externalId: `${source} ${timezone}`, timezone }
    const data = { at, list: [at] }
    const { preview } = await api.do(Preview, { message: { template: 't', contact, data } })
    expect(preview.channels[0]?.body).toBe(expected)
    await api.do(Send, { messages: [{ template: 't', contact, data }] })
    const reader = await page(contact.externalId)
    await expect.poll(async () => (await reader.do(Feed, {})).feed.nodes.map((one) => one.body), unhurried).toEqual([expected])
  })

  it('relative: now and today are those of the zone', async () => {
    await project.api.do(UpsertTemplates, {
      templates: [{ key: 'now', inApp: [{ body: '{{ "now" | date: "%s %z" }} {{ "today" | date: "%s %z" }}' }] }],
    })
    const contact = { externalId: 'now', timezone: 'Pacific/Kiritimati' }
    const { preview } = await project.api.do(Preview, { message: { template: 'now', contact } })
    expect(preview.channels[0]?.body).toMatch(/^(\d+) \+1400 \d+ \+1400$/)
    expect(Math.abs(Number(preview.channels[0]?.body?.split(' ')[0]) - Date.now() / 1000)).toBeLessThan(60)
  })

  it('relative: in a send to many, each contact has its own clock', async () => {
    const { api, page } = project
    await api.do(UpsertTemplates, { templates: [{ key: 'many', inApp: [{ body: '{{ data.at | date: "%H:%M" }}' }] }] })
    const contacts = [
      { externalId: 'many-seoul' },
      { externalId: 'many-york', timezone: 'America/New_York' },
      { externalId: 'many-london', timezone: 'Europe/London' },
    ]
    await api.do(UpsertContacts, { contacts })
    await api.do(Broadcast, { input: { template: 'many', data: { at } } })
    for (const [index, body] of ['05:30', '15:30', '20:30'].entries()) {
      const reader = await page(contacts[index]?.externalId ?? '')
      await expect.poll(async () => (await reader.do(Feed, {})).feed.nodes.map((one) => one.body)).toEqual([body])
    }
  })

  it('reads texts without a zone by the given clock alone', () => {
    // That the machine's zone is in force, which a worker thread would not notice.
    expect(new Date(2026, 0, 1).getTimezoneOffset()).toBe({ UTC: 0, 'Asia/Seoul': -540, 'America/New_York': 300 }[zone])
    for (const [text, clock, moment] of [
      ['2026-03-08T02:30', 'America/New_York', '2026-03-08T07:30:00.000Z'],
      ['2026-03-08T02:30', 'UTC', '2026-03-08T02:30:00.000Z'],
      ['July 1, 2026 09:00', 'Asia/Seoul', '2026-07-01T00:00:00.000Z'],
      ['10-03-2026', 'Asia/Seoul', '2026-10-02T15:00:00.000Z'],
      ['2026-07', 'America/New_York', '2026-07-01T04:00:00.000Z'],
    ] as const) {
      expect(new Date(readMoment(text, createZonedClock(clock), 0) ?? 0).toISOString(), `${text} ${clock}`).toBe(moment)
    }
  })
})

describe('the names in a date', () => {
  let app: TestApp
  beforeAll(async () => {
    app = await startTestApp()
  })
  afterAll(() => app.stop())

  it.each([
    ['de-AT', 'Samstag, 31. Januar'],
    // There is no content in French: the one in English has English names.
    ['fr', 'Saturday, January 31'],
    [null, 'Saturday, January 31'],
  ])('are in the language of the content, for a contact in %s, in a preview as in what is sent', async (locale, expected) => {
    const { api, page } = await app.project()
    await api.do(UpsertTemplates, {
      templates: [
        {
          key: 't',
          inApp: [
            { locale: 'en', body: '{{ at | date: "%A, %B %-d" }}' },
            { locale: 'de', body: '{{ at | date: "%A, %-d. %B" }}' },
          ],
        },
        { key: 'mail', email: [{ locale: 'de', subject: '{{ at | date: "%-d. %B" }}', text: '{{ at | date_to_rfc822 }}' }] },
      ],
    })
    const contact = { externalId: 'ana', locale }
    const { preview } = await api.do(Preview, { message: { template: 't', contact, data: { at } } })
    expect(preview.channels[0]?.body).toBe(expected)
    const mail = await api.do(Preview, {
      message: { template: 'mail', contact: { externalId: 'eva', locale: 'de', email: 'eva@example.com' }, data: { at } },
    })
    expect(mail.preview.channels[0]).toMatchObject({ subject: '31. Januar', text: 'Sat, 31 Jan 2026 20:30:00 +0000' })
    await api.do(Send, { messages: [{ template: 't', contact, data: { at } }] })
    const now = await page('ana')
    expect((await now.do(Feed, {})).feed.nodes.map((one) => one.body)).toEqual([expected])
    // To many, and later: by a worker.
    await api.do(Broadcast, { input: { template: 't', data: { at } } })
    await expect.poll(async () => (await now.do(Feed, {})).feed.nodes.map((one) => one.body)).toEqual([expected, expected])
    await api.do(Send, { messages: [{ template: 't', contact, data: { at }, delaySeconds: 1 }] })
    await expect
      .poll(async () => (await now.do(Feed, {})).feed.nodes.map((one) => one.body), unhurried)
      .toEqual([expected, expected, expected])
  })
})

describe('the zone of a contact', () => {
  let app: TestApp
  beforeAll(async () => {
    app = await startTestApp()
  })
  afterAll(() => app.stop())

  it.each([
    ['asia/seoul', 'Asia/Seoul'],
    ['US/Eastern', 'America/New_York'],
    ['Asia/Calcutta', 'Asia/Kolkata'],
    ['+0900', '+09:00'],
    ['GMT+9', null],
    ['+15:00', null],
    ['KST', null],
  ])('%s is stored as %s', async (timezone, expected) => {
    const { api } = await app.project()
    const { upsertContacts } = await api.do(UpsertContacts, {
      contacts: [{ externalId: 'ana', timezone }, { externalId: 'ben' }],
    })
    expect(upsertContacts.inserted).toContain('ben')
    expect(upsertContacts.failed.map(({ error }) => error.code)).toEqual(expected === null ? ['BAD_INPUT'] : [])
    expect((await api.do(GetContact, { externalId: 'ana' })).contact?.timezone ?? null).toBe(expected)
  })
})
