/** What is known of a channel's texts before they are rendered: whether they can be rendered, and how large they become at most. */
import { readMailboxes } from '../values/mailbox.ts'
import { type Channel, type ContentOf, type Extent, noExtent } from '../words.ts'
import type { StoredContent } from './contents.ts'
import type { Escaping } from './liquid.ts'
import { areTexts, certainlySays, lengthAtMost, plainTextOf, type TextShape } from './text-shape.ts'

/** One text of a content. */
export interface ShapedText {
  readonly path: string
  readonly escaping: Escaping
  /** null: it could not be parsed here */
  readonly shape: TextShape | null
}

/** The texts of a channel that its providers limit, and those of which one must say something; null: nothing need be said. */
const texts: Readonly<
  Record<Channel, { readonly title?: string; readonly body?: string; readonly says: readonly string[] | null }>
> = {
  IN_APP: { says: null },
  EMAIL: { title: 'subject', says: ['subject', 'text', 'html'] },
  SMS: { title: 'title', body: 'body', says: ['title', 'body'] },
  // Providers cut a push, except for what `rest` counts, and a chat.
  PUSH: { says: ['title', 'body'] },
  WEB_PUSH: { says: ['title', 'body'] },
  CHAT: { says: ['body'] },
  ALIMTALK: { body: 'body', says: ['body'] },
  FRIENDTALK: { body: 'body', says: ['body'] },
  // Whatever its values are, it is the text of a JSON value.
  WEBHOOK: { says: null },
}

/** Longer lists of addresses are left to their reader. */
const ADDRESSES_LENGTH_MAX = 2_000

/** Whether an address field is one, read as it is when it is rendered. */
function isAddress({ shape, escaping }: ShapedText, variables: Readonly<Record<string, unknown>>): boolean {
  const pieces = shape?.pieces ?? null
  if (pieces === null) return false
  // What has no value was checked when it was stored.
  if (pieces.every((piece) => typeof piece === 'string')) return true
  let length = 0
  const read = pieces.map((piece) => {
    const text = typeof piece === 'string' ? piece : plainTextOf(piece, variables)
    length += text?.length ?? Infinity
    return typeof piece === 'string' ? piece : { value: text }
  })
  if (length > ADDRESSES_LENGTH_MAX) return false
  const list = readMailboxes(read)
  return list !== null && (escaping === 'mailboxes' || list.length <= 1)
}

/**
 * @param variables made only where a text has values
 * @returns what the channel's message is at most; null: rendering it may fail, or leave nothing to read
 */
export function foresee(
  { channel, content }: StoredContent,
  shaped: readonly ShapedText[],
  variables: () => Readonly<Record<string, unknown>>,
  values: readonly (object | null)[],
): Extent | null {
  if (!shaped.every(({ shape }) => shape?.isSafe === true)) return null
  const hasValues = shaped.some(({ shape }) => shape?.hasValues === true)
  if (hasValues && !values.every(areTexts)) return null
  const scope = hasValues ? variables() : {}
  const find = (path: string | undefined): TextShape | null => shaped.find((one) => one.path === path)?.shape ?? null
  const lengthOf = (path: string | undefined): number => {
    const shape = find(path)
    return shape === null ? 0 : lengthAtMost(shape, scope)
  }
  const { title, body, says } = texts[channel]
  if (!shaped.every((one) => !/^mailbox/.test(one.escaping) || isAddress(one, scope))) return null
  const spoken = says?.map(find).filter((shape) => shape !== null) ?? []
  if (spoken.length > 0 && !spoken.some((shape) => certainlySays(shape, scope))) return null
  const main = find(body)
  const extent: Extent = {
    ...noExtent,
    title: lengthOf(title),
    body: lengthOf(body),
    saysBody: main !== null && certainlySays(main, scope),
  }
  if (channel === 'SMS') return { ...extent, type: (content as ContentOf['SMS']).type }
  if (channel !== 'PUSH' && channel !== 'WEB_PUSH') return extent
  const data = (content as ContentOf['PUSH']).data ?? {}
  const filled = shaped.filter(({ path }) => path.startsWith('data.')).reduce((sum, { path }) => sum + lengthOf(path), 0)
  return {
    ...extent,
    dataKeys: Object.keys(data),
    rest: JSON.stringify(data).length + filled + 2 * (lengthOf('url') + lengthOf('imageUrl')),
  }
}
