/** The decision on each channel: whether it goes out, in which language, to which address, and which reason wins. */
import { describe, expect, it } from 'vitest'
import { suppressionKey } from '../../src/domain/suppression.ts'
import { addressesOf, decide, decideChannel, type Question } from '../../src/send/decide.ts'
import {
  type Channel,
  type ContactInfo,
  channels,
  type DialPlan,
  phoneChannels,
  type SuppressionReason,
  suppressionReasons,
} from '../../src/words.ts'
import { contact, contentsOf, credentialOf, project, routeOf, template } from '../helpers/facts.ts'

/** A question whose answer is yes on every channel. */
const question: Question = {
  project,
  contents: contentsOf(Object.fromEntries(channels.map((channel) => [channel, ['en']]))),
  contact,
  bare: null,
  credentials: [
    credentialOf('push', { deviceTokens: ['phone', 'tablet'] }),
    credentialOf('web-push', { deviceTokens: ['browser'] }),
    credentialOf('chat', { webhookUrl: 'https://chat.example.com/h', channelName: '#ops' }),
    credentialOf('hook', { webhookUrl: 'https://example.com/h' }),
  ],
  requested: null,
  routes: new Map([
    ['EMAIL', [routeOf('mail')]],
    ['SMS', [routeOf('text')]],
    ['PUSH', [routeOf('push')]],
    ['WEB_PUSH', [routeOf('web-push')]],
    ['CHAT', [routeOf('chat')]],
    ['ALIMTALK', [routeOf('alimtalk')]],
    ['FRIENDTALK', [routeOf('friendtalk')]],
    ['WEBHOOK', [routeOf('hook')]],
  ]),
  template,
  suppressed: new Map(),
}
const suppressed = (channel: Channel, address: string, reason: SuppressionReason = 'MANUAL') =>
  new Map([[`${channel} ${suppressionKey(channel, address)}`, reason]])
const facts = { onlyIf: 'ALWAYS', isSeen: false, isRead: false, isOnline: false } as const
const codeOf = (channel: Channel, changed: Partial<Question>) =>
  decideChannel(channel, { ...question, ...changed }).reason?.code ?? null

describe('with nothing against it', () => {
  it.each<[Channel, string | null, string | null, string[]]>([
    ['IN_APP', null, null, []],
    ['EMAIL', 'anna@example.com', 'key-mail', ['anna@example.com']],
    ['SMS', '+14155550100', 'key-text', ['+14155550100']],
    ['PUSH', 'phone', 'key-push', ['phone', 'tablet']],
    ['WEB_PUSH', 'browser', 'key-web-push', ['browser']],
    ['CHAT', 'https://chat.example.com/h', 'key-chat', ['https://chat.example.com/h']],
    ['ALIMTALK', '+14155550100', 'key-alimtalk', ['+14155550100']],
    ['FRIENDTALK', '+14155550100', 'key-friendtalk', ['+14155550100']],
    ['WEBHOOK', 'https://example.com/h', 'key-hook', ['https://example.com/h']],
  ])('%s goes out to %s through %s', (channel, address, provider, all) => {
    const { targets, ...decision } = decideChannel(channel, question)
    expect(decision).toEqual({ channel, locale: 'en', address, provider, reason: null, notBefore: null, onlyIf: 'ALWAYS' })
    expect(targets.map((target) => target.address)).toEqual(all)
  })
})

describe('the language', () => {
  it.each<[string, readonly string[], string | null, string, string | null]>([
    ["is the contact's, exactly", ['pt', 'pt-BR', 'en'], 'pt-BR', 'en', 'pt-BR'],
    ["is the contact's language where its region is missing", ['pt', 'en'], 'pt-BR', 'en', 'pt'],
    ["is the project's where the contact's is missing", ['en', 'de'], 'pt-BR', 'de', 'de'],
    ["is the project's language where its region is missing", ['de'], 'pt-BR', 'de-AT', 'de'],
    ["is the project's where the contact has none", ['en', 'de'], null, 'de', 'de'],
    ['is no other region of the same language', ['pt-PT'], 'pt-BR', 'en', null],
    ['is none of those that nobody asked for', ['fr'], 'pt-BR', 'en', null],
    ['is none where the template has none', [], 'en', 'en', null],
  ])('%s: of %j for %s in a project in %s, %s', (_title, available, locale, projectLocale, expected) => {
    const { locale: found, reason } = decideChannel('EMAIL', {
      ...question,
      project: { ...project, locale: projectLocale },
      contact: { ...contact, locale },
      contents: contentsOf({ EMAIL: available }),
    })
    expect([found, reason?.code ?? null]).toEqual([expected, expected === null ? 'TEMPLATE_EMPTY' : null])
  })

  it('is none where it goes out without a template', () => {
    expect(decideChannel('SMS', { ...question, contents: null, template: null })).toMatchObject({ locale: null, reason: null })
  })
})

describe('the reason', () => {
  const optedOut = { contact: { ...contact, preferences: { channels: { EMAIL: false } } } }
  /** Each is a reason on its own; the earlier one wins wherever two of them meet. */
  const reasons: readonly [title: string, code: string, changed: Partial<Question>][] = [
    ['the template has nothing on the channel', 'TEMPLATE_EMPTY', { contents: contentsOf({ SMS: ['en'] }) }],
    ['the contact opted out', 'OPTED_OUT', optedOut],
    ['the address is suppressed', 'SUPPRESSED', { suppressed: suppressed('EMAIL', 'anna@example.com') }],
    ['no provider is configured', 'CHANNEL_NOT_CONFIGURED', { routes: new Map() }],
    ['the rule does not hold', 'SUPPRESSED', { facts: { ...facts, onlyIf: 'UNREAD', isRead: true } }],
  ]
  it.each(reasons)('%s: %s', (_title, code, changed) => {
    expect(codeOf('EMAIL', changed)).toBe(code)
  })
  it.each(
    reasons.flatMap(([first, code, changed], index) =>
      reasons.slice(index + 1).map(([second, , also]) => ({ first, second, code, both: { ...also, ...changed } })),
    ),
  )('"$first" wins over "$second"', ({ code, both }) => {
    const { reason } = decideChannel('EMAIL', { ...question, ...both })
    expect(reason?.code).toBe(code)
    expect(reason?.message).not.toContain('The rule')
  })

  it.each<[string, string, Partial<Question>]>([
    ['no address', 'ADDRESS_MISSING', { contact: { ...contact, email: null } }],
    ['no address, and no provider either', 'ADDRESS_MISSING', { contact: { ...contact, email: null }, routes: new Map() }],
    [
      'no address, after an opt-out',
      'OPTED_OUT',
      { contact: { ...contact, email: null, ...{ preferences: optedOut.contact.preferences } } },
    ],
    ['an address that is none', 'ADDRESS_INVALID', { contact: { ...contact, email: 'anna@' } }],
    ['an address that is two', 'ADDRESS_INVALID', { contact: { ...contact, email: 'a@example.com,b@example.com' } }],
    [
      'an address with a line break',
      'ADDRESS_INVALID',
      { contact: { ...contact, email: 'a@example.com\r\nBcc: b@example.com' } },
    ],
    [
      'an address that is none, though it is suppressed',
      'ADDRESS_INVALID',
      { contact: { ...contact, email: 'anna@' }, suppressed: suppressed('EMAIL', 'anna@') },
    ],
  ])('an e-mail with %s: %s', (_title, code, changed) => {
    expect(codeOf('EMAIL', changed)).toBe(code)
  })

  it.each<[Channel, string, Partial<Question>, string]>([
    ['SMS', 'the contact has no number', { contact: { ...contact, phone: null } }, 'ADDRESS_MISSING'],
    ['PUSH', 'the contact has no device', { credentials: [] }, 'ADDRESS_MISSING'],
    [
      'PUSH',
      'the device belongs to another provider',
      { credentials: [credentialOf('other', { deviceTokens: ['x'] })] },
      'ADDRESS_MISSING',
    ],
    ['PUSH', 'there is neither a device nor a provider', { credentials: [], routes: new Map() }, 'CHANNEL_NOT_CONFIGURED'],
    ['CHAT', 'there is no hook', { credentials: [] }, 'ADDRESS_MISSING'],
    ['CHAT', 'there is a hook but no provider', { routes: new Map() }, 'CHANNEL_NOT_CONFIGURED'],
    ['WEBHOOK', 'there is no hook', { credentials: [] }, 'ADDRESS_MISSING'],
    ['IN_APP', 'nobody has the feed', { contact: null, bare: { email: 'a@example.com', phone: null } }, 'ADDRESS_MISSING'],
  ])('%s when %s', (channel, _title, changed, code) => {
    expect(codeOf(channel, changed)).toBe(code)
  })

  it('names the language wherever the template has one, and the address only from the point where it is known', () => {
    expect(decideChannel('EMAIL', { ...question, ...optedOut })).toMatchObject({ locale: 'en', address: null, provider: null })
    expect(decideChannel('EMAIL', { ...question, routes: new Map() })).toMatchObject({
      address: 'anna@example.com',
      provider: null,
    })
  })
  it('leaves no target where there is one', () => {
    for (const [, , changed] of reasons.slice(0, -1)) {
      expect(decideChannel('EMAIL', { ...question, ...changed }).targets).toEqual([])
    }
  })
})

describe('a critical template', () => {
  const critical = { template: { ...template, critical: true } }
  it.each<[string, Partial<Question>]>([
    ['a channel', { contact: { ...contact, preferences: { channels: { EMAIL: false } } } }],
    ['the template', { contact: { ...contact, preferences: { templates: { t1: { all: false } } } } }],
    ['the pair of both', { contact: { ...contact, preferences: { templates: { t1: { EMAIL: false } } } } }],
  ])('goes out to a contact that opted out of %s', (_title, changed) => {
    expect(codeOf('EMAIL', { ...changed, ...critical })).toBeNull()
  })
  it.each(suppressionReasons)('to an address that is suppressed by %s: only an unsubscription does not stop it', (reason) => {
    const changed = { suppressed: suppressed('EMAIL', 'anna@example.com', reason) }
    expect(codeOf('EMAIL', { ...changed, ...critical })).toBe(reason === 'UNSUBSCRIBED' ? null : 'SUPPRESSED')
    expect(codeOf('EMAIL', changed)).toBe('SUPPRESSED')
  })
})

describe('a suppression', () => {
  it.each<[string, Channel, string, string]>([
    ['capitals', 'EMAIL', 'Anna@Example.COM', 'anna@example.com'],
    ['an international domain', 'EMAIL', 'anna@bücher.example', 'anna@xn--bcher-kva.example'],
    ['separators', 'SMS', '+1 (415) 555-0100', '+14155550100'],
    ['a national number', 'ALIMTALK', '010-1234-5678', '+82 10-1234-5678'],
    ['a calling code', 'FRIENDTALK', '+82 10-1234-5678', '01012345678'],
    ['a 0 from dialling at home', 'SMS', '+44 (0)20 7946 0958', '+442079460958'],
    ['digits of another script', 'SMS', '+٨٢١٠١٢٣٤٥٦٧٨', '+821012345678'],
  ])('holds in whatever spelling: %s', (_title, channel, written, stored) => {
    const changed = { contact: { ...contact, email: written, phone: written }, suppressed: suppressed(channel, stored) }
    expect(codeOf(channel, changed)).toBe('SUPPRESSED')
  })
  it('holds on its own channel alone', () => {
    expect(codeOf('ALIMTALK', { suppressed: suppressed('SMS', '+14155550100') })).toBeNull()
  })
  it('of one device leaves the others', () => {
    const decision = decideChannel('PUSH', { ...question, suppressed: suppressed('PUSH', 'phone') })
    expect(decision).toMatchObject({ address: 'tablet', reason: null })
    expect(decision.targets.map((target) => target.address)).toEqual(['tablet'])
  })
  it('of every device stops the push', () => {
    const both = new Map([...suppressed('PUSH', 'phone'), ...suppressed('PUSH', 'tablet')])
    expect(codeOf('PUSH', { suppressed: both })).toBe('SUPPRESSED')
  })
  it('says why the address is suppressed', () => {
    const changed = { suppressed: suppressed('EMAIL', 'anna@example.com', 'COMPLAINT') }
    expect(decideChannel('EMAIL', { ...question, ...changed }).reason?.message).toBe('The address is suppressed: COMPLAINT.')
  })
})

describe('the numbers that providers dial', () => {
  const home = { home: 'KR', countries: ['KR'] }
  const all = { home: null, countries: null }
  const unread = 'The address is not a phone number with + and its calling code.'
  const notOf = (country: string) => `This provider does not send to numbers of ${country}.`
  const plans: Readonly<Record<string, DialPlan | null>> = {
    home,
    all,
    any: null,
    homeToAll: { home: 'KR', countries: null },
    islands: { home: null, countries: ['1242', 'GB'] },
    freephone: { home: null, countries: ['800'] },
  }
  const routed = (keys: readonly string[]) => keys.map((key) => routeOf(key, { key, dials: plans[key] ?? null }))
  /** Providers by preference; a number; those that are tried, or why it goes nowhere. */
  const cases: readonly [providers: string[], number: string, found: string[] | string][] = [
    [['home'], '010-1234-5678', ['home']],
    [['home'], '+82 (0)10-1234-5678', ['home']],
    [['home'], '０１０１２３４５６７８', ['home']],
    [['home'], '+39 06 1234 5678', notOf('IT')],
    [['home'], '+1 415 555 0100', notOf('US')],
    [['home'], '+800 1234 5678', notOf('+800')],
    [['home'], '+999123456789', unread],
    [['homeToAll'], '010-1234-5678', ['homeToAll']],
    [['homeToAll'], '+39 06 1234 5678', ['homeToAll']],
    [['all'], '010-1234-5678', unread],
    [['all'], '+821012345678', ['all']],
    [['all'], '+999123456789', unread],
    [['islands'], '+1 242 555 0100', ['islands']],
    [['islands'], '+1 415 555 0100', notOf('US')],
    [['islands'], '+44 7797 123456', ['islands']],
    [['freephone'], '+800 1234 5678', ['freephone']],
    [['home', 'all'], '+39 06 1234 5678', ['all']],
    [['home', 'all'], '+821012345678', ['home', 'all']],
    [['all', 'home'], '010-1234-5678', ['home']],
    [['all', 'islands'], '010-1234-5678', unread],
    [['home', 'islands'], '+39 06 1234 5678', notOf('IT')],
    [['any'], '+999123456789', ['any']],
    [['home', 'any'], '+39 06 1234 5678', ['any']],
  ]
  it.each(phoneChannels.flatMap((channel) => cases.map((one) => [channel, ...one] as const)))(
    '%s through %j to %s: %j',
    (channel, keys, phone, found) => {
      const changed = { contact: { ...contact, phone }, routes: new Map([[channel, routed(keys)]]) }
      const { targets, provider, reason } = decideChannel(channel, { ...question, ...changed })
      const isSent = typeof found !== 'string'
      expect(targets.map((target) => target.provider)).toEqual(isSent ? found : [])
      expect(provider).toBe(isSent ? found[0] : null)
      expect(reason).toEqual(isSent ? null : expect.objectContaining({ code: 'ADDRESS_INVALID', message: found }))
    },
  )
  it('include one in national format where the contact has a country', () => {
    const routes = new Map([['SMS' as const, routed(['all'])]])
    const phone = '0151 23456789'
    expect(codeOf('SMS', { routes, contact: { ...contact, phone } })).toBe('ADDRESS_INVALID')
    expect(codeOf('SMS', { routes, contact: { ...contact, phone, country: 'DE' } })).toBeNull()
  })
  it('are those of a bare address too', () => {
    const routes = new Map([['SMS' as const, routed(['home'])]])
    const at = (phone: string) => ({ routes, contact: null, credentials: [], bare: { email: null, phone } })
    expect([codeOf('SMS', at('010-1234-5678')), codeOf('SMS', at('+14155550100'))]).toEqual([null, 'ADDRESS_INVALID'])
  })
  it('come before a suppression, as every address that is none; one that another provider dials is suppressed', () => {
    const given = { suppressed: suppressed('SMS', '+14155550100') }
    const at = (keys: string[]) => codeOf('SMS', { ...given, routes: new Map([['SMS', routed(keys)]]) })
    expect([at(['home']), at(['home', 'all'])]).toEqual(['ADDRESS_INVALID', 'SUPPRESSED'])
  })
})

describe('a bare address', () => {
  const none = { contact: null, credentials: [] }
  const at = (address: string) => ({ ...none, bare: { email: address, phone: address } })
  it('is where it goes, and nobody is asked for a preference', () => {
    expect(decideChannel('SMS', { ...question, ...at('+14155550199') })).toMatchObject({
      address: '+14155550199',
      provider: 'key-text',
      reason: null,
    })
  })
  it.each<[Channel, string]>([
    ['PUSH', 'device'],
    ['CHAT', '#ops'],
    ['WEBHOOK', 'https://example.com/other'],
  ])('is not taken on %s, which is reached by credentials', (channel, address) => {
    expect(codeOf(channel, at(address))).toBe('ADDRESS_MISSING')
  })
  it('is missing on the channels of the other kind, and says of a feed that it is a contact’s', () => {
    const mail = { ...none, bare: { email: 'b@example.com', phone: null } }
    expect([codeOf('EMAIL', mail), codeOf('SMS', mail), codeOf('IN_APP', mail)]).toEqual([
      null,
      'ADDRESS_MISSING',
      'ADDRESS_MISSING',
    ])
    expect(decideChannel('IN_APP', { ...question, ...mail }).reason?.message).toContain('Without a contact')
  })
  it('is checked like any other, and suppressed like any other', () => {
    expect(codeOf('SMS', at('+1 (555)'))).toBe('ADDRESS_INVALID')
    expect(codeOf('EMAIL', at('x'))).toBe('ADDRESS_INVALID')
    expect(codeOf('EMAIL', { ...at('B@example.com'), suppressed: suppressed('EMAIL', 'b@example.com') })).toBe('SUPPRESSED')
  })
})

it('shows no address where the provider has one of its own', () => {
  const routes = new Map([['WEBHOOK' as const, [routeOf('hook', { hasAddress: true })]]])
  expect(decideChannel('WEBHOOK', { ...question, credentials: [], routes })).toMatchObject({
    address: null,
    provider: 'key-hook',
    reason: null,
    targets: [{ providerId: 'hook', address: '' }],
  })
})

it('asks for the condition of a rule only when the message is due', () => {
  const rules = [{ channel: 'EMAIL' as const, delaySeconds: 600, onlyIf: 'UNREAD' as const }]
  const asked = { ...question, template: { ...template, rules } }
  expect(decideChannel('EMAIL', asked)).toMatchObject({ reason: null, notBefore: { inMs: 600_000 }, onlyIf: 'UNREAD' })
  expect(decideChannel('EMAIL', { ...asked, facts: { ...facts, onlyIf: 'UNREAD', isRead: true } }).reason?.message).toBe(
    'The rule "EMAIL only if UNREAD" does not hold: the in-app message was read.',
  )
})

describe('the channels', () => {
  const two = contentsOf({ EMAIL: ['en'], SMS: ['en'] })
  it.each<[string, Partial<Question>, Channel[]]>([
    ["are the template's where the caller names none", { contents: two, requested: null }, ['EMAIL', 'SMS']],
    ['are those that the caller names, in that order', { contents: two, requested: ['SMS', 'EMAIL'] }, ['SMS', 'EMAIL']],
    ['are decided once each', { contents: two, requested: ['SMS', 'SMS'] }, ['SMS']],
    ['are none where the caller names none', { contents: two, requested: [] }, []],
    ['are none without a template and a request', { contents: null, requested: null }, []],
    ['include one that the template lacks', { contents: two, requested: ['CHAT'] }, ['CHAT']],
  ])('%s', (_title, changed, expected) => {
    expect(decide({ ...question, ...changed }).map((decision) => decision.channel)).toEqual(expected)
  })
  it('are decided one by one: a reason on one leaves the others', () => {
    const changed = { contents: two, contact: { ...contact, email: null } }
    expect(decide({ ...question, ...changed }).map(({ channel, reason }) => [channel, reason?.code ?? null])).toEqual([
      ['EMAIL', 'ADDRESS_MISSING'],
      ['SMS', null],
    ])
  })
})

describe('the addresses that a decision may need', () => {
  it.each<[string, Pick<ContactInfo, 'email' | 'phone' | 'country'>, [Channel, string][]]>([
    ['none', { email: null, phone: null, country: null }, []],
    [
      'the e-mail, as suppressions compare it',
      { email: 'Anna@Example.com', phone: null, country: null },
      [['EMAIL', 'anna@example.com']],
    ],
    [
      'the number on each channel that goes to numbers',
      { email: null, phone: '+1 415 555-0100', country: null },
      [
        ['SMS', '+14155550100'],
        ['ALIMTALK', '+14155550100'],
        ['FRIENDTALK', '+14155550100'],
      ],
    ],
    [
      'the number as it is dialled, and as older suppressions have it',
      { email: null, phone: '+49 (0)151 23456789', country: null },
      [
        ['SMS', '+4915123456789'],
        ['SMS', '+49015123456789'],
        ['ALIMTALK', '+4915123456789'],
        ['ALIMTALK', '+49015123456789'],
        ['FRIENDTALK', '+4915123456789'],
        ['FRIENDTALK', '+49015123456789'],
      ],
    ],
  ])('are %s', (_title, fields, expected) => {
    expect(addressesOf(fields).map(({ channel, address }) => [channel, address])).toEqual(expected)
  })
})
