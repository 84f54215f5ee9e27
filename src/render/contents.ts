/** The contents of one version of a template, by channel and language. */
import { type Channel, type ContentOf, channelTraits } from '../words.ts'
import { asLiquid } from './registered-text.ts'

/** One content of a template, as it is stored. */
export interface StoredContent {
  readonly channel: Channel
  readonly locale: string
  readonly content: ContentOf[Channel]
}

/** All contents of one version of a template. */
export interface TemplateContents {
  /** Locales that a channel has contents in. */
  locales(channel: Channel): readonly string[]
  readonly channels: readonly Channel[]
  readonly stored: readonly StoredContent[]
  /** The content of a channel in exactly this locale; null: there is none. */
  get<C extends Channel>(channel: C, locale: string): ContentOf[C] | null
}

/** Indexes the stored contents of a template by channel and locale. */
export function indexContents(stored: readonly StoredContent[]): TemplateContents {
  const byChannel = new Map<Channel, Map<string, StoredContent['content']>>()
  for (const { channel, locale, content } of stored) {
    const locales = byChannel.get(channel) ?? new Map<string, StoredContent['content']>()
    locales.set(locale, channelTraits[channel].isRegistered ? filledHere(content) : content)
    byChannel.set(channel, locales)
  }
  const locales = new Map([...byChannel].map(([channel, contents]) => [channel, [...contents.keys()]]))
  return {
    stored,
    channels: [...byChannel.keys()],
    locales: (channel) => locales.get(channel) ?? [],
    get<C extends Channel>(channel: C, locale: string) {
      // The table's key is (channel, locale), and the content of a channel has that channel's shape.
      return (byChannel.get(channel)?.get(locale) as ContentOf[C] | undefined) ?? null
    },
  }
}

/** The content of an Alimtalk, its registered text converted to Liquid. */
const filledHere = (content: StoredContent['content']): StoredContent['content'] =>
  'templateCode' in content && content.body !== null ? { ...content, body: asLiquid(content.body) } : content
