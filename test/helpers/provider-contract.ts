/** What every kind of provider has to do, whatever its vendor: each kind's own test runs it against its vendor. */
import { afterEach, describe, expect, it } from 'vitest'
import { type Provider, ProviderError, Rehearsed, type Rendered } from '../../src/channels/provider.ts'
import { hideSecrets, type KindName, kindOf, openProvider, parseSettings, secretSettings } from '../../src/channels/registry.ts'
import { type Channel, channels, channelTraits, type Extent, type JsonObject, noExtent } from '../../src/words.ts'
import { email } from './email.ts'
import { call, chat, sms } from './hooks.ts'
import { alimtalk, friendtalk } from './korea.ts'
import { browser, push } from './push.ts'
import { checkSettings } from './settings-schema.ts'
import { startVendor, type VendorAnswer } from './vendor-http.ts'

/** A vendor that accepts everything, and settings that reach it. */
export interface ContractVendor {
  readonly settings: JsonObject
  /** how many messages it has */
  received(): number
  /** it gives messages no id of its own */
  readonly givesNoId?: boolean
  close(): Promise<unknown>
}

/** A vendor over HTTP. `settings`: all but `baseUrl`; `url`: where the vendor is. */
export async function startContractVendor(
  answer: (path: string) => VendorAnswer,
  settings: JsonObject | ((url: string) => JsonObject) = {},
  more: Pick<ContractVendor, 'givesNoId'> = {},
): Promise<ContractVendor> {
  const server = await startVendor(({ path }) => answer(path))
  return {
    settings: { ...(typeof settings === 'function' ? settings(server.url) : settings), baseUrl: server.url },
    received: () => server.requests.length,
    close: () => server.close(),
    ...more,
  }
}

const webPush = push({ channel: 'WEB_PUSH', address: browser('https://push.example/send/1').address })
/** A message for each channel that goes through a provider. */
const messageOf = {
  EMAIL: email(),
  SMS: sms(),
  PUSH: push(),
  WEB_PUSH: webPush,
  ALIMTALK: alimtalk(),
  FRIENDTALK: friendtalk(),
  CHAT: chat(),
  WEBHOOK: call(),
} satisfies Record<Exclude<Channel, 'IN_APP'>, Rendered>
/** A message whose text has that length, and its extent. */
function filled(message: Rendered, filling: string, length: number): { message: Rendered; extent: Extent } {
  const text = `x${filling.repeat(length)}`.slice(0, length).toWellFormed()
  switch (message.channel) {
    case 'EMAIL':
      return { message: { ...message, subject: text }, extent: { ...noExtent, title: length } }
    case 'PUSH':
    case 'WEB_PUSH': {
      const data = { k: text }
      const rest = JSON.stringify(data).length
      return { message: { ...message, title: text, body: text, data }, extent: { ...noExtent, rest, dataKeys: ['k'] } }
    }
    case 'WEBHOOK':
      return { message: { ...message, body: { text } }, extent: noExtent }
    default: {
      const type = message.channel === 'SMS' ? message.type : null
      return { message: { ...message, body: text }, extent: { ...noExtent, type, body: length, saysBody: true } }
    }
  }
}
const messages: readonly Rendered[] = Object.values(messageOf)
const never = () => new AbortController().signal

/** Runs the suite against a kind. `start`: a vendor of its own for each test. */
export function describeProvider(kind: KindName, start: () => Promise<ContractVendor>): void {
  describe(`the kind ${kind}, as any provider`, () => {
    const cleanUps: (() => Promise<unknown>)[] = []
    afterEach(async () => {
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
    })
    const bench = async (): Promise<ContractVendor> => {
      const vendor = await start()
      cleanUps.push(() => vendor.close())
      return vendor
    }
    function open(settings: JsonObject): Provider {
      const provider = openProvider(kind, settings, { allowPrivateHosts: true })
      cleanUps.push(() => provider.close())
      return provider
    }
    const examples = () => messages.filter(({ channel }) => kindOf(kind).channels.includes(channel))

    it('sends, and gives a receipt', async () => {
      const { settings, givesNoId = false } = await bench()
      const provider = open(settings)
      expect(provider.kind).toBe(kind)
      expect(provider.limits.concurrency).toBeGreaterThan(0)
      for (const message of examples()) {
        const receipt = await provider.send(message, never())
        expect(receipt.providerMessageId).toEqual(givesNoId ? null : expect.any(String))
        expect(receipt.response?.length).toBeLessThanOrEqual(1_000)
      }
    })

    it('refuses no message that is as small as it says it carries', async () => {
      const { settings } = await bench()
      const provider = openProvider(kind, settings, { allowPrivateHosts: true, rehearses: true })
      cleanUps.push(() => provider.close())
      for (const message of examples()) {
        const isCarried = (length: number): boolean => kindOf(kind).carries(message.channel, filled(message, 'a', length).extent)
        let [most, tooMuch] = [1, 20_000]
        while (tooMuch - most > 1) {
          const middle = (most + tooMuch) >> 1
          if (isCarried(middle)) most = middle
          else tooMuch = middle
        }
        expect(isCarried(most)).toBe(true)
        for (const filling of ['a', '한', '😀', '"', ...(message.channel === 'EMAIL' ? [] : ['\u0001'])]) {
          await expect(provider.send(filled(message, filling, most).message, never())).rejects.toThrow(Rehearsed)
        }
      }
    })

    it('sends as many at once as its limit says', async () => {
      const { settings } = await bench()
      const provider = open(settings)
      const [message = email()] = examples()
      const sends = Array.from({ length: provider.limits.concurrency }, () => provider.send(message, never()))
      expect((await Promise.allSettled(sends)).every(({ status }) => status === 'fulfilled')).toBe(true)
    })

    it('sends nothing when it is already stopped, and says that it may be tried again', async () => {
      const { settings, received } = await bench()
      const provider = open(settings)
      for (const message of examples()) {
        const error = await provider.send(message, AbortSignal.abort()).catch((caught: unknown) => caught)
        expect(error).toBeInstanceOf(ProviderError)
        expect(error).toMatchObject({ outcome: 'retryable', retryable: true })
      }
      expect(received()).toBe(0)
    })

    it('says which host an address names, where the channel has addresses that do', async () => {
      const { settings } = await bench()
      const provider = open(settings)
      for (const { channel, address } of examples()) {
        const isNamed = kind !== 'capture' && channelTraits[channel].host !== 'vendor'
        expect(provider.hostOf(address), channel).toEqual(isNamed ? expect.any(String) : null)
      }
      for (const address of ['', 'no address', '{}']) expect(provider.hostOf(address)).toBeNull()
    })

    it('refuses a channel that it does not carry', async () => {
      const { settings } = await bench()
      const provider = open(settings)
      for (const message of messages.filter(({ channel }) => !kindOf(kind).channels.includes(channel))) {
        await expect(provider.send(message, never())).rejects.toMatchObject({ outcome: 'refused', code: 'CHANNEL_UNSUPPORTED' })
      }
      for (const channel of channels.filter((name) => !kindOf(kind).channels.includes(name))) {
        expect(() => parseSettings(kind, channel, settings)).toThrow(expect.objectContaining({ code: 'CHANNEL_UNSUPPORTED' }))
      }
    })

    it('closes, also twice, also unused', async () => {
      const { settings } = await bench()
      const used = open(settings)
      const [message = email()] = examples()
      await used.send(message, never())
      await used.close()
      await used.close()
      await open(settings).close()
    })

    it('takes its settings and nothing else', async () => {
      const { settings } = await bench()
      for (const channel of kindOf(kind).channels) expect(parseSettings(kind, channel, settings)).toEqual(settings)
      expect(() => openProvider(kind, { ...settings, extra: 1 }, { allowPrivateHosts: true })).toThrow(
        expect.objectContaining({ code: 'BAD_INPUT', details: expect.objectContaining({ field: 'settings.extra' }) }),
      )
    })

    it('describes its settings by a JSON Schema that takes them and nothing else', async () => {
      const { settings } = await bench()
      expect(checkSettings(kind, settings)).toBe(true)
      expect(checkSettings(kind, { ...settings, extra: 1 })).toBe(false)
    })

    it('hides its secrets and nothing else', async () => {
      const { settings } = await bench()
      const secrets = Object.fromEntries(secretSettings(kind).map((name) => [name, 'top-secret']))
      const shown = hideSecrets(kind, { ...settings, ...secrets })
      expect(JSON.stringify(shown)).not.toContain('top-secret')
      expect(shown).toEqual({ ...settings, ...Object.fromEntries(Object.keys(secrets).map((name) => [name, 'set'])) })
      const isOpen = ([name]: [string, unknown]) => !secretSettings(kind).includes(name)
      const openSettings = Object.fromEntries(Object.entries(settings).filter(isOpen))
      expect(hideSecrets(kind, openSettings)).toEqual(openSettings)
    })
  })
}
