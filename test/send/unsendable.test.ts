/** What is rehearsed before it is accepted: what may be refused, and nothing else. */
import { describe, expect, it } from 'vitest'
import { carriesAll } from '../../src/channels/registry.ts'
import { problem } from '../../src/errors.ts'
import { indexContents } from '../../src/render/contents.ts'
import { createMeter } from '../../src/render/meter.ts'
import { createRenderer, SlowTemplate } from '../../src/render/renderer.ts'
import type { ChannelDecision } from '../../src/send/decide.ts'
import type { PlannedMessage } from '../../src/send/plan.ts'
import { noTexts, type Rehearse, type Rehearsed } from '../../src/send/rehearsal.ts'
import { withoutUnsendable } from '../../src/send/unsendable.ts'
import type { Channel, ContentOf, JsonObject, Overrides } from '../../src/words.ts'
import { contact, project, template } from '../helpers/facts.ts'

const renderer = createRenderer()
const refused: Rehearsed = { ...noTexts, target: null, reason: problem('TOO_LARGE', 'Too large.') }
const target = (kind: string) => ({ providerId: 'p', provider: 'main', kind, address: 'x', channelName: null })

/** A message on channels of these kinds, each with its content. */
async function rehearsedOf(
  contents: readonly (readonly [channel: Channel, kind: string, content: unknown])[],
  more: {
    readonly data?: JsonObject
    readonly overrides?: Overrides
    readonly isDigest?: boolean
    readonly decision?: Partial<ChannelDecision>
    readonly rehearse?: Rehearse
  } = {},
) {
  const index = indexContents(
    contents.map(([channel, , content]) => ({ channel, locale: 'en', content: content as ContentOf[Channel] })),
  )
  const outcome = {
    ok: true as const,
    channelCount: 1,
    silent: [],
    warnings: [],
    outbound: [],
    key: null,
    id: 'n',
    notificationId: 'n',
    transactionId: 't',
  }
  const message: PlannedMessage = {
    kind: 'message',
    project,
    template,
    notification: { id: 'n', transactionId: 't' },
    claimsTransaction: false,
    contactKey: 'c',
    actorKey: null,
    when: null,
    inApp: null,
    window: more.isDigest === true ? { windowMs: 1, key: '' } : null,
    digest: null,
    wakes: true,
    origin: null,
    outbound: [],
    intent: {
      ...{ key: null, contentHash: null, template: 'order', contact: null, actor: null, incrementId: null, transactionId: null },
      ...{ when: null, channels: null, data: more.data ?? { name: 'Anna', code: '123456' }, overrides: more.overrides ?? null },
    },
    decisions: contents.map(([channel, kind]) => ({
      ...{ channel, locale: 'en', address: 'x', provider: 'main', reason: null, notBefore: null, onlyIf: 'ALWAYS' },
      targets: channel === 'IN_APP' ? [] : [target(kind)],
      ...more.decision,
    })),
    outcome: () => outcome,
  }
  const rehearsed: Channel[] = []
  let looks = 0
  const query = async () => {
    looks++
    return { rows: [] }
  }
  const found = await withoutUnsendable(
    {
      renderer,
      contents: { load: async () => {}, get: () => index, check: () => null },
      vendors: { dials: () => null, carries: carriesAll },
      rehearse: async (one, ...rest) => {
        rehearsed.push(one.channel)
        return more.rehearse === undefined ? refused : more.rehearse(one, ...rest)
      },
    },
    { query } as never,
    { contacts: new Map([['c', { info: { ...contact, firstName: 'Anna' }, isNew: false, isFilled: false }]]) } as never,
    [{ message, allowance: createMeter(20_000) }],
  )
  return { rehearsed, looks, left: found.get(message) ?? null }
}

const mail = (more: Partial<ContentOf['EMAIL']> = {}): ContentOf['EMAIL'] => ({
  ...{ subject: 'Hello {{ firstName }}', html: '<p>{{ name }}</p>', text: null, from: null, replyTo: null, cc: null, bcc: null },
  ...more,
})
const text = (body: string, type = 'SMS') => ({ type, title: null, body })
const push = (more: object = {}) => ({
  title: 'Hi',
  body: '{{ name }}',
  imageUrl: null,
  url: null,
  data: { n: '{{ code }}' },
  ...more,
})
const long = 'x'.repeat(5_000)

describe('an ordinary message is not rehearsed, and nothing is looked up', () => {
  it.each<[string, string, Channel, unknown]>([
    ['an e-mail', 'smtp', 'EMAIL', mail()],
    ['an e-mail that is long', 'smtp', 'EMAIL', mail({ html: long })],
    ['an e-mail with a loop', 'smtp', 'EMAIL', mail({ text: 'x {% for one in items %}{{ one }}{% endfor %}' })],
    ['a text', 'twilio', 'SMS', text('Your code is {{ code }}.')],
    ['a short text', 'solapi', 'SMS', text('{{ name }}님, 인증번호는 {{ code }}입니다.')],
    ['a long text', 'nhn-sms', 'SMS', text(`{{ name }} ${'x'.repeat(900)}`, 'LMS')],
    ['a push', 'fcm', 'PUSH', push({ body: long })],
    ['a push to Apple', 'apns', 'PUSH', push({ url: 'app://orders/{{ code }}' })],
    ['a push to a browser', 'web-push', 'WEB_PUSH', push()],
    ['a chat, which is cut', 'slack', 'CHAT', { body: `Order ${long} {{ name }}` }],
    ['an Alimtalk', 'nhn-kakao', 'ALIMTALK', { templateCode: 'a', body: '#{name}님' }],
    ['an Alimtalk that the vendor fills in', 'solapi', 'ALIMTALK', { templateCode: 'a', body: null }],
    ['a Friendtalk', 'nhn-kakao', 'FRIENDTALK', { body: 'Hello {{ name }}', isAd: true }],
    ['a webhook', 'webhook', 'WEBHOOK', { body: { text: '{{ name }}' } }],
  ])('%s through %s', async (_title, kind, channel, content) => {
    expect(await rehearsedOf([[channel, kind, content]])).toEqual({ rehearsed: [], looks: 0, left: null })
  })
  it('nor is what is decided: another reason, an in-app message that is rendered, one of a digest', async () => {
    const tooLong: [Channel, string, unknown] = ['SMS', 'twilio', text(long)]
    const decided = { decision: { reason: problem('OPTED_OUT'), targets: [] } }
    expect((await rehearsedOf([tooLong], decided)).rehearsed).toEqual([])
    expect((await rehearsedOf([['IN_APP', '', { title: null, body: '{{ x | url_decode }}' }]])).rehearsed).toEqual([])
    expect((await rehearsedOf([tooLong], { isDigest: true })).rehearsed).toEqual([])
    expect((await rehearsedOf([tooLong], { decision: { isSlow: true } })).rehearsed).toEqual([])
  })
})

describe('what may be refused is rehearsed', () => {
  it.each<[string, string, Channel, unknown, { data?: JsonObject; overrides?: Overrides }?]>([
    ['a text whose values may be too long', 'twilio', 'SMS', text('{{ name }}!'), { data: { name: 'x'.repeat(1_600) } }],
    ['a text of 46 characters, which may take 92 bytes', 'solapi', 'SMS', text('x'.repeat(46))],
    ['a text with a loop', 'twilio', 'SMS', text('x {% for one in items %}{{ one }}{% endfor %}')],
    ['a text that may be empty', 'twilio', 'SMS', text('{{ nothing }}')],
    ['a text with nothing but a title', 'nhn-sms', 'SMS', { type: 'LMS', title: 'Hi', body: '{{ nothing }}' }],
    [
      'a text with options of its vendor',
      'nhn-sms',
      'SMS',
      text('x'),
      { overrides: { providers: { main: { purpose: 'AUTH' } } } },
    ],
    ['a text that is replaced', 'twilio', 'SMS', text('x'), { overrides: { sms: { body: long } } }],
    ['a subject that may be too long', 'smtp', 'EMAIL', mail({ subject: '{{ name }}' }), { data: { name: 'x'.repeat(333) } }],
    ['a copy that is no address', 'smtp', 'EMAIL', mail({ cc: '{{ name }}' })],
    ['an empty e-mail', 'smtp', 'EMAIL', mail({ subject: '{{ x }}', html: null, text: '{{ y }}' })],
    ['a push with much data', 'fcm', 'PUSH', push({ data: { all: '{{ name }}' } }), { data: { name: 'x'.repeat(4_000) } }],
    ['a push with a key that FCM reserves', 'fcm', 'PUSH', push({ data: { google: '1' } })],
    ['a push with a key that Apple reserves', 'apns', 'PUSH', push({ data: { aps: '1' } })],
    ['a Friendtalk that is too long', 'nhn-kakao', 'FRIENDTALK', { body: 'x'.repeat(1_001), isAd: false }],
    ['a webhook that may not be rendered', 'webhook', 'WEBHOOK', { body: '{{ name | url_decode }}' }],
  ])('%s through %s', async (_title, kind, channel, content, more = {}) => {
    const { rehearsed, left } = await rehearsedOf([[channel, kind, content]], more)
    expect(rehearsed).toEqual([channel])
    expect(left?.decisions).toMatchObject([{ reason: refused.reason, provider: null, targets: [] }])
    expect(left?.wakes).toBe(false)
    expect(left?.outcome()).toMatchObject({ ok: true, silent: [{ channel, reason: refused.reason }] })
  })

  it('and nothing else of the message, which goes out on the other channels', async () => {
    const { rehearsed, left } = await rehearsedOf([
      ['EMAIL', 'smtp', mail()],
      ['SMS', 'twilio', text(long)],
    ])
    expect(rehearsed).toEqual(['SMS'])
    expect(left?.decisions.map(({ reason }) => reason?.code)).toEqual([undefined, 'TOO_LARGE'])
    expect(left?.wakes).toBe(true)
  })

  it('it stays as it is where the rehearsal finds nothing, is slow, or fails for reasons of our own', async () => {
    const tooLong: [Channel, string, unknown] = ['SMS', 'twilio', text(long)]
    const ends = (rehearse: Rehearse) => rehearsedOf([tooLong], { rehearse })
    const slow = new SlowTemplate({ method: 'text', args: ['x', 'x', {} as never] })
    for (const rehearse of [
      async () => ({ ...refused, reason: null }),
      async () => ({ ...refused, reason: problem('INTERNAL') }),
      () => Promise.reject(slow),
    ])
      expect(await ends(rehearse)).toEqual({ rehearsed: ['SMS'], looks: 1, left: null })
  })
})
