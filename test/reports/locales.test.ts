/** Languages of contacts, projects and templates, as people spell them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ProfileCondition } from '../../src/words.ts'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { Feed, GetContact, ListContacts, Preview, Send, UpsertContacts, UpsertTemplates } from '../helpers/operations.ts'
import { UpsertSegments } from '../helpers/operations-audience.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

describe('the language of a message', () => {
  it.each([
    ['ruby-cldr#102', ['en', 'zh-Hant'], 'zh-Hant-TW', 'en', 'zh-Hant'],
    ['shoelace-style/localize#20', ['en', 'zh_hant_tw'], 'zh_Hant_TW', 'en', 'zh-Hant-TW'],
    ['relative: an extension of Unicode', ['en', 'ko-KR'], 'ko_KR-u-ca-dangi', 'en', 'ko-KR'],
    ['relative: a subtag of private use', ['en', 'de-AT'], 'de-AT-x-shop', 'en', 'de-AT'],
    ['relative: a variant', ['en', 'de'], 'de-CH-1996', 'en', 'de'],
    ['relative: a language that was renamed', ['en', 'he'], 'iw_IL', 'en', 'he'],
    ["relative: the project's, with a script", ['fr', 'sr-Latn'], 'ja', 'sr_latn_RS', 'sr-Latn'],
    ['relative: another script is another text', ['en', 'zh-Hans'], 'zh-Hant-TW', 'en', 'en'],
  ])(
    '%s: of %j, for %s in a project in %s, is %s, in a preview as in what is sent',
    async (_source, locales, locale, own, expected) => {
      const { api, page } = await app.project({ locale: own })
      await api.do(UpsertTemplates, { templates: [{ key: 't', inApp: locales.map((one) => ({ locale: one, body: one })) }] })
      const contact = { externalId: 'ana', locale }
      const { preview } = await api.do(Preview, { message: { template: 't', contact } })
      expect(preview.locale).toBe(expected)
      await api.do(Send, { messages: [{ template: 't', contact }] })
      const { feed } = await (await page('ana')).do(Feed, {})
      const body = feed.nodes[0]?.body ?? ''
      expect(body).toBe(locales.find((one) => one.toLowerCase().replaceAll('_', '-') === expected.toLowerCase()))
    },
  )
})

it('refuses two contents of one language, however each is spelled', async () => {
  const { api } = await app.project()
  for (const [one, other] of [
    ['en-us', 'en-US'],
    ['zh_Hant_TW', 'zh-hant-tw'],
    ['iw', 'he'],
    ['en-u-nu-latn-ca-gregory', 'en_u_ca_gregory_nu_latn'],
  ]) {
    const answer = await api.ask(UpsertTemplates, {
      templates: [
        {
          key: 'twice',
          inApp: [
            { locale: one, body: 'a' },
            { locale: other, body: 'b' },
          ],
        },
      ],
    })
    expect([answer.codes, answer.errors[0]?.extensions['field']], `${one} ${other}`).toEqual([['BAD_INPUT'], 'inApp'])
  }
})

it('refuses what is no language, for a contact alone', async () => {
  const { api } = await app.project()
  const { upsertContacts } = await api.do(UpsertContacts, {
    contacts: [
      ...['english', 'jp', 'x-klingon', 'ko_KR.UTF-8'].map((locale) => ({ externalId: locale, locale })),
      { externalId: 'ana', locale: 'zh_hant_tw' },
      { externalId: 'ben', profile: { set: { locale: 'PT_br' } } },
    ],
  })
  expect(upsertContacts.inserted.toSorted()).toEqual(['ana', 'ben'])
  expect(upsertContacts.failed.map(({ error }) => error.code)).toEqual(Array(4).fill('BAD_INPUT'))
  expect((await api.do(GetContact, { externalId: 'ana' })).contact?.locale).toBe('zh-Hant-TW')
  expect((await api.do(GetContact, { externalId: 'ben' })).contact?.locale).toBe('pt-BR')
})

it('finds contacts by a segment whose language or zone is spelled in another way', async () => {
  const { api } = await app.project()
  await api.do(UpsertContacts, {
    contacts: [
      { externalId: 'ana', locale: 'zh-Hant-TW', timezone: 'US/Eastern' },
      { externalId: 'ben', locale: 'en', timezone: 'Asia/Calcutta' },
    ],
  })
  const found = async (profile: ProfileCondition): Promise<string[]> => {
    await api.do(UpsertSegments, { segments: [{ key: 's', name: 'S', where: { profile } }] })
    const { contacts } = await api.do(ListContacts, { filter: { segment: 's' } })
    return contacts.nodes.map((one) => one.externalId)
  }
  expect(await found({ path: 'locale', is: 'EQUALS', value: 'zh_hant_TW' })).toEqual(['ana'])
  expect(await found({ path: 'locale', is: 'NOT_EQUALS', value: 'zh_hant_TW' })).toEqual(['ben'])
  expect(await found({ path: 'timezone', is: 'EQUALS', value: 'us/eastern' })).toEqual(['ana'])
  expect(await found({ path: 'timezone', is: 'IN', value: ['Asia/Calcutta', 'Mars/Base', 7] })).toEqual(['ben'])
})
