/**
 * `preview` tells the truth: messages made of hostile values are previewed and then sent through every kind of provider, whose vendors refuse
 * what the real ones do. What the preview said is what happens, to the letter. `TEST_FULL=1`: 2,000 messages; `SEED` repeats a run.
 */
import { simpleParser } from 'mailparser'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { MessageInput, TemplateInput } from '../../generated/graphql.ts'
import { channelTraits } from '../../src/words.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  createRandom,
  hostileEmail,
  hostileLocale,
  hostilePhone,
  hostileText,
  hostileValue,
  hostileZone,
  type Random,
} from '../helpers/hostile.ts'
import { AddSuppressions, ConfigureProviders, GetNotification, Preview, Send, UpsertTemplates } from '../helpers/operations.ts'
import { SetCredentials } from '../helpers/operations-vendors.ts'
import { until } from '../helpers/until.ts'
import { type Received, type RunningVendor, type VendorCase, vendorCases } from '../helpers/vendors.ts'

const FULL = process.env['TEST_FULL'] === '1'
const TOTAL = FULL ? 2_000 : 320
const SEED = Number(process.env['SEED'] ?? 20_261_129)
const CONTACTS = 5
const LANES = 8
/** Times are rendered with this in the template, so that the zone shows. */
const DAY = "{{ at | date: '%Y-%m-%d %H:%M' }}"

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const at = (value: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((found, key) => (typeof found === 'object' && found !== null ? Reflect.get(found, key) : undefined), value)
/** A character is a code point, as the providers count. */
const isText = (value: unknown, max: number, min = 1): boolean =>
  typeof value === 'string' && value.trim().length >= min && [...value].length <= max

/** Whether a vendor's real service would take this: by its documents, the limits of what it is sent. */
const takes: Partial<Record<VendorCase['kind'], (message: Received) => boolean>> = {
  twilio: ({ body }) => isText(at(body, 'Body'), 1_600) && /^\+[1-9]\d{6,14}$/.test(String(at(body, 'To'))),
  'nhn-sms': ({ body }) =>
    isText(at(body, 'body'), 4_000) && /^\d{8,15}$/.test(String(at(body, 'recipientList', 0, 'recipientNo'))),
  'nhn-kakao': ({ body, path }) => {
    const parameters = at(body, 'recipientList', 0, 'templateParameter')
    const isFilled = !isRecord(parameters) || Object.values(parameters).every((value) => typeof value === 'string')
    return isFilled && (path.includes('alimtalk') || isText(at(body, 'recipientList', 0, 'content'), 1_000))
  },
  solapi: ({ body }) => {
    const message = at(body, 'messages', 0)
    const variables = at(message, 'kakaoOptions', 'variables')
    const isFilled = !isRecord(variables) || Object.values(variables).every((value) => typeof value === 'string')
    return isFilled && /^\d{8,15}$/.test(String(at(message, 'to'))) && isText(at(message, 'text'), 4_000)
  },
  fcm: ({ body, raw }) => {
    const data = at(body, 'message', 'data')
    const isFlat = !isRecord(data) || Object.values(data).every((value) => typeof value === 'string')
    return isFlat && raw.length < 8_192
  },
  apns: ({ raw }) => raw.length <= 4_096,
  'web-push': ({ raw }) => raw.length <= 4_096,
  slack: ({ body }) => isText(at(body, 'text'), 40_000),
  discord: ({ body }) => isText(at(body, 'content'), 2_000),
  mattermost: ({ body }) => isText(at(body, 'text'), 16_383),
  msteams: ({ raw, body }) => raw.length <= 28_672 && isText(at(body, 'attachments', 0, 'content', 'body', 0, 'text'), 28_672),
}

const withText = '{{ title }} {{ body }}'
/** Every field that takes a template has values in it. */
const content = (of: VendorCase): Partial<TemplateInput> => {
  const push = { title: '{{ title }}', body: withText, url: 'app://orders/{{ number }}', data: { n: '{{ number }}' } }
  const all: Record<VendorCase['channel'], Partial<TemplateInput>> = {
    EMAIL: {
      email: [
        {
          subject: '{{ title }}',
          from: '{{ contact.lastName }} via Shop <shop@example.com>',
          replyTo: '{{ title }} <reply@example.com>',
          cc: '{{ cc }}',
          text: `${withText} ${DAY}`,
          html: `<p>${withText} ${DAY}</p>`,
        },
        { locale: 'zh-Hant', subject: '繁 {{ title }}', text: withText },
      ],
    },
    SMS: {
      sms: [of.kind === 'nhn-sms' ? { type: 'LMS', title: '{{ title }}', body: withText } : { body: `${withText} ${DAY}` }],
    },
    PUSH: { push: [push] },
    WEB_PUSH: { webPush: [push] },
    CHAT: { chat: [{ body: `*{{ title }}* ${withText}` }] },
    ALIMTALK: { alimtalk: [{ templateCode: 'order-1', ...(of.kind === 'solapi' ? { body: withText } : {}) }] },
    FRIENDTALK: { friendtalk: [{ body: withText, isAd: true }] },
    WEBHOOK: { webhook: [{ body: { text: withText, list: [1, '{{ number }}'] } }] },
  }
  return { ...all[of.channel], inApp: [{ title: '{{ title }}', body: withText, url: 'https://shop.example/{{ number }}' }] }
}

function messageOf(random: Random, n: number, of: VendorCase): MessageInput {
  const isReached = !['EMAIL', 'SMS', 'ALIMTALK', 'FRIENDTALK'].includes(of.channel) && !random.once(10)
  const some = <T>(value: T, every = 2): T | undefined => (random.once(every) ? value : undefined)
  const contact = {
    externalId: isReached ? `c${random.int(CONTACTS)}` : `${random.once(20) ? '' : 'x'}${n}`,
    email: some(hostileEmail(random, n), of.channel === 'EMAIL' ? 1 : 3),
    phone: some(hostilePhone(random, n), of.channel === 'EMAIL' ? 4 : 1),
    firstName: some(hostileText(random, 200)),
    lastName: some(hostileText(random, 200)),
    locale: some(hostileLocale(random), 3),
    timezone: some(hostileZone(random), 4),
  }
  const overrides = random.pick([
    undefined,
    undefined,
    { email: { subject: hostileText(random) } },
    { email: { from: `${hostileText(random, 50)} <other@example.com>`, bcc: 'audit@example.com' } },
    { sms: { body: hostileText(random) }, push: { title: hostileText(random) }, inApp: { title: hostileText(random) } },
  ])
  return {
    id: `m-${n}`,
    template: random.once(40) ? 'nothing' : 'order',
    contact: Object.fromEntries(Object.entries(contact).filter(([, value]) => value !== undefined)) as MessageInput['contact'],
    data: {
      title: hostileValue(random),
      body: hostileText(random),
      number: random.pick<unknown>([n, String(n), '../x', 'a b', null, hostileText(random, 100)]),
      at: random.pick<unknown>(['2026-03-29T02:30:00Z', '2026-11-01', 'now then', null, 1_774_751_400]),
      cc: random.pick<unknown>([
        '',
        null,
        'cc@example.com',
        'Cc, the <cc@example.com>',
        '"Cc, the" <cc@example.com>',
        'stopped@example.com',
        'x',
      ]),
    },
    ...(overrides === undefined ? {} : { overrides }),
    ...(random.once(6) ? { channels: [random.pick([of.channel, 'IN_APP'] as const)] } : {}),
  }
}

async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values()
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (const item of waiting) await work(item)
    }),
  )
}

const FINAL = new Set(['SENT', 'DELIVERED', 'FAILED', 'SKIPPED', 'UNKNOWN', 'CANCELED'])

async function openProject(of: VendorCase, vendor: RunningVendor): Promise<TestProject> {
  const project = await app.project({ timezone: 'Asia/Seoul' })
  await project.api.do(ConfigureProviders, {
    providers: [{ key: 'main', channel: of.channel, kind: of.kind, settings: vendor.settings }],
  })
  await project.api.do(UpsertTemplates, { templates: [{ key: 'order', ...content(of) }] })
  await project.api.do(AddSuppressions, {
    suppressions: [
      { channel: 'EMAIL', address: 'stopped@example.com' },
      { channel: 'EMAIL', address: 'ana7@xn--bcher-kva.example' },
      { channel: 'SMS', address: '+821012341003' },
    ],
  })
  for (let n = 0; n < CONTACTS; n++) {
    await project.api.do(Send, { messages: [{ template: 'order', contact: { externalId: `c${n}` }, channels: [] }] })
    const credentials = vendor.credentials(n)
    if (credentials !== null) await project.api.do(SetCredentials, { contact: `c${n}`, provider: 'main', ...credentials })
  }
  return project
}

const perCase = Math.ceil(TOTAL / vendorCases.length)
const counts = new Map<string, number>()
const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1)

it.each(vendorCases)(
  `$name: ${perCase} messages become what their previews say`,
  async (of) => {
    const vendor = await of.start()
    const isTaken = takes[of.kind]
    vendor.be((message) => (message === undefined || isTaken === undefined || isTaken(message) ? 'take' : 'refuse'))
    const random = createRandom(SEED + vendorCases.indexOf(of))
    const wrong: unknown[] = []
    try {
      const { api } = await openProject(of, vendor)
      const messages = Array.from({ length: perCase }, (_unused, n) => messageOf(random, n, of))
      await inLanes(messages, async (message) => {
        const { data, errors } = await api.ask(Preview, { message })
        const preview = data?.preview
        const sent = await api.ask(Send, { messages: [message] })
        const result = sent.data?.sendMessages.results[0]
        if (preview === undefined || result === undefined) {
          // The request itself is refused, in both alike.
          const codes = [errors?.[0]?.extensions?.['code'], sent.errors?.[0]?.extensions?.['code']]
          count(`request refused: ${String(codes[1])}`)
          if (codes[0] !== codes[1] || codes[0] === 'INTERNAL') wrong.push({ message, codes })
          return
        }
        if (!preview.ok || !result.ok) {
          count(`refused: ${result.error?.code}`)
          if (preview.ok !== result.ok || preview.error?.code !== result.error?.code || result.error?.code === 'INTERNAL')
            wrong.push({ message, preview: preview.error, result: result.error })
          return
        }
        const id = result.notification?.id ?? ''
        const notification = await until(`${of.name} ${String(message.id)} is settled`, async () => {
          const { notification: found } = await api.do(GetNotification, { id })
          return found?.messages.every(({ status }) => FINAL.has(status)) === true ? found : null
        })
        for (const told of preview.channels) {
          const became = notification.messages.find(({ channel }) => channel === told.channel)
          const isSent = became?.status === 'SENT' || became?.status === 'DELIVERED'
          const reason = became?.error?.code ?? null
          count(`${told.channel} ${isSent ? 'sent' : `${String(became?.status)} ${String(reason)}`}`)
          const isAsTold = told.wouldSend ? isSent : !isSent && told.reason?.code === reason
          const texts =
            became?.__typename === 'OutboundMessage' && isSent
              ? told.channel === 'EMAIL'
                ? [became.subject === told.subject, became.html === told.html, became.text === told.text]
                : [became.text === told.body || told.truncated]
              : became?.__typename === 'InAppMessage'
                ? [became.title === told.title, became.body === told.body]
                : []
          const isSameAddress = became?.__typename !== 'OutboundMessage' || !isSent || became.address === told.address
          // A number that no provider dials is known when the message is accepted, and told in its result.
          const isDialled = channelTraits[told.channel].address !== 'phone' || reason !== 'ADDRESS_INVALID'
          const silent = result.channelErrors.find(({ channel }) => channel === told.channel)
          const isKnown = isDialled || (became?.status === 'SKIPPED' && silent?.error.message === became.error?.message)
          // Whatever does not need the vendor to be known is known when the message is accepted; a vendor's server takes what the real one does.
          const isDecided = became?.status !== 'FAILED' || (told.channel === 'IN_APP' && silent !== undefined)
          if (!isDecided && became?.status === 'FAILED') count(`${told.channel} FAILED after it was accepted: ${String(reason)}`)
          if (!isAsTold || !isDecided || !isKnown || texts.includes(false) || !isSameAddress)
            wrong.push({ message, told, became, result })
        }
      })
      if (of.kind === 'smtp') {
        for (const { raw } of vendor.received()) {
          // Of a mail to several recipients, only one arrival has its content.
          if (raw.length === 0) continue
          const problem = await mailProblem(raw)
          if (problem !== null) wrong.push({ problem, raw: raw.toString().slice(0, 1_500) })
        }
      }
    } finally {
      await vendor.close()
    }
    if (wrong.length > 0) process.stderr.write(`SEED=${SEED} ${of.name}: ${JSON.stringify(wrong.slice(0, 5), null, 1)}\n`)
    expect(wrong).toEqual([])
  },
  240_000,
)

afterAll(() => {
  const lines = [...counts].sort().map(([what, times]) => `  ${times} ${what}`)
  process.stderr.write(`SEED=${SEED}, ${TOTAL} messages:\n${lines.join('\n')}\n`)
})

/** What a strict mail server or reader would find wrong; null: nothing. */
async function mailProblem(raw: Buffer): Promise<string | null> {
  const text = raw.toString('latin1')
  const head = text.slice(0, text.indexOf('\r\n\r\n'))
  if (/[^\t\n\r -~]/.test(head)) return 'a header is not printable ASCII'
  if (text.split('\r\n').some((line) => line.length > 998)) return 'a line is longer than 998 octets'
  for (const name of ['From', 'To', 'Subject', 'Date', 'Message-ID']) {
    const found = head.split(/\r\n(?![ \t])/).filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
    if (found.length !== 1) return `${found.length} headers ${name}`
  }
  const mail = await simpleParser(raw)
  const from = mail.from?.value ?? []
  if (from.length !== 1 || !['shop@example.com', 'other@example.com'].includes(from[0]?.address ?? '')) return 'another sender'
  const to = Array.isArray(mail.to) ? mail.to : [mail.to]
  if (to.flatMap((one) => one?.value ?? []).length !== 1) return 'not one recipient'
  const copies = (Array.isArray(mail.cc) ? mail.cc : [mail.cc]).flatMap((one) => one?.value ?? [])
  if (copies.some(({ address }) => address !== 'cc@example.com')) return 'another copy'
  return (mail.text ?? '').trim() === '' && mail.html === false ? 'an empty mail' : null
}
