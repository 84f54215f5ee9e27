/** Alimtalk whose text is known here as it is registered: `#{name}` stands for a value, and each must be given. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { kakaoTaken } from '../helpers/korea.ts'
import { ConfigureProviders, GetTemplate, Preview, Send, UpsertTemplates } from '../helpers/operations.ts'
import { SendAlimtalk } from '../helpers/operations-audience.ts'
import { rowsOf } from '../helpers/project-rows.ts'
import { until } from '../helpers/until.ts'
import { startVendor, type Vendor } from '../helpers/vendor-http.ts'

let app: TestApp
let vendor: Vendor
let project: TestProject
beforeAll(async () => {
  app = await startTestApp()
  vendor = await startVendor(() => ({ status: 200, body: kakaoTaken() }))
  project = await app.project()
  const keys = { appKey: 'app-1', secretKey: 'secret-1', senderKey: 'K1', baseUrl: vendor.url }
  await project.api.do(ConfigureProviders, {
    providers: [{ key: 'kakao', channel: 'ALIMTALK', kind: 'nhn-kakao', settings: keys }],
  })
  const text = (templateCode: string, body: string | null, locale = 'ko') => ({ templateCode, body, locale })
  await project.api.do(UpsertTemplates, {
    templates: [
      { key: 'shipped', alimtalk: [text('SHIPPED', '#{이름}님, 주문 #{order no}: {{ data.count }}건. #{이름}님')] },
      {
        key: 'liquid',
        alimtalk: [text('LIQUID', 'Hello {{ name }} #{{ number }} #{% if a %}!{% endif %}{{ "#{x}" }}{% raw %}#{y}{% endraw %}')],
      },
      { key: 'odd', alimtalk: [text('ODD', '{#{code}} {#{code}, #{won\\} and #{back\\n}')] },
      { key: 'vendor', alimtalk: [text('VENDOR', null)] },
      { key: 'twice', alimtalk: [text('TWICE', '#{a} and #{b}'), text('TWICE', '#{b} and #{c}', 'en')] },
      { key: 'chat', chat: [{ body: '#{name}' }] },
    ],
  })
})
afterAll(async () => {
  await vendor.close()
  await app.stop()
})

const phoneNumber = '01012345678'
const ask = (templateCode: string, ...all: (object | null)[]) =>
  project.api.ask(SendAlimtalk, { templateCode, recipients: all.map((parameters) => ({ phoneNumber, parameters })) as never })
const taken = async () => {
  await until('the vendor has it', () => vendor.requests.length === 1)
  const [request] = vendor.requests.splice(0)
  return { path: request?.path.split('/').at(-1), ...JSON.parse(request?.body ?? '').recipientList[0] }
}

it('LY-93: a variable of a text that is known here must be given to every number: BAD_INPUT with index and field, and nothing is sent', async () => {
  const whole = { 이름: '안나', 'order no': 7 }
  const before = await rowsOf(app.databaseUrl, project.id)
  for (const [parameters, field] of [
    [null, 'parameters.이름'],
    [{}, 'parameters.이름'],
    [{ 'order no': 7 }, 'parameters.이름'],
    [{ 이름: '안나' }, 'parameters.order no'],
    [{ 이름: '안나', 'order no': null }, 'parameters.order no'],
  ] as const) {
    const { errors } = await ask('SHIPPED', whole, parameters)
    expect(errors[0]?.extensions, field).toMatchObject({ code: 'BAD_INPUT', index: 1, field })
  }
  expect(await rowsOf(app.databaseUrl, project.id)).toEqual(before)
  expect((await ask('SHIPPED', { ...whole, more: true })).codes).toEqual([])
  // The vendor fills them in: it gets the code and the values.
  expect(await taken()).toMatchObject({ path: 'messages', templateParameter: { 이름: '안나', 'order no': '7', more: 'true' } })
  expect(vendor.requests).toEqual([])
})

it('LY-93: where the text is not known, or is written in Liquid, what it needs is for the vendor to say', async () => {
  for (const code of ['VENDOR', 'LIQUID', 'UNKNOWN']) {
    expect((await ask(code, null)).codes, code).toEqual([])
    expect(await taken()).not.toHaveProperty('templateParameter')
  }
  const other = await app.project()
  await other.api.do(ConfigureProviders, { providers: [{ key: 'kakao', channel: 'ALIMTALK', kind: 'capture' }] })
  expect((await other.api.ask(SendAlimtalk, { templateCode: 'SHIPPED', recipients: [{ phoneNumber }] })).codes).toEqual([])
})

it('LY-93: where templates differ in the text, what all of them have is needed', async () => {
  expect((await ask('TWICE', { a: 'x', c: 'x' })).errors[0]?.extensions).toMatchObject({ field: 'parameters.b' })
  expect((await ask('TWICE', { b: 'x' })).codes).toEqual([])
  await taken()
})

it('LY-93: a parameter is a text, a number or a boolean', async () => {
  for (const value of [null, {}, ['x']]) {
    const { errors } = await ask('UNKNOWN', { name: value })
    expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_INPUT', index: 0, field: 'parameters.name' })
  }
})

it('a template says a registered text with the values that its data has, and each is put in once', async () => {
  const contact = { externalId: 'ann', phone: '+821012345678', locale: 'ko' }
  const message = { template: 'shipped', contact, data: { 이름: '#{order no} {{ data.count }}', 'order no': 7, count: 3 } }
  const says = '#{order no} {{ data.count }}님, 주문 7: 3건. #{order no} {{ data.count }}님'
  expect((await project.api.do(Preview, { message })).preview.channels).toMatchObject([{ channel: 'ALIMTALK', body: says }])
  await project.api.do(Send, { messages: [message] })
  expect(await taken()).toMatchObject({ path: 'raw-messages', content: says })
  const liquid = { template: 'liquid', contact, data: { name: 'Ann', number: 1, a: true } }
  expect((await project.api.do(Preview, { message: liquid })).preview.channels).toMatchObject([
    { body: 'Hello Ann #1 #!#{x}#{y}' },
  ])
  const { template } = await project.api.do(GetTemplate, { key: 'shipped' })
  expect(template?.variables).toEqual(['data', 'order no', '이름'])
  expect((await project.api.do(GetTemplate, { key: 'chat' })).template?.variables).toEqual([])
})

it('a variable may stand in braces, and its name may have a backslash, which Korean keyboards show as the won', async () => {
  const contact = { externalId: 'odd', phone: '+821012345678', locale: 'ko' }
  const data = { code: 'A1', 'won\\': '5', 'back\\n': '6' }
  expect((await project.api.do(Preview, { message: { template: 'odd', contact, data } })).preview.channels).toMatchObject([
    { channel: 'ALIMTALK', body: '{A1} {A1, 5 and 6' },
  ])
  const { errors } = await ask('ODD', { code: 'A1' })
  expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_INPUT', field: 'parameters.won\\' })
})
