/** What is known of a channel's texts before they are rendered: whether they can be rendered, and how large they become at most. */
import { readMailboxes } from '../values/mailbox.ts'
import { type Channel, type Extent, noExtent } from '../words.ts'
import type { StoredContent } from './contents.ts'
import type { Escaping } from './liquid.ts'
import { areTexts, certainlySays, lengthAtMost, plainTextOf, type TextShape } from './text-shape.ts'

/** One text of a content. */
export interface ShapedText {
  readonly path: string
  readonly escaping: Escaping
  readonly shape: TextShape
}

/** What is known of a content, whatever the message. */
export interface ContentShape {
  readonly hasValues: boolean
  readonly title: TextShape | null
  readonly body: TextShape | null
  /** texts of which one must say something; empty: there need not be one */
  readonly spoken: readonly TextShape[]
  /** address fields with values */
  readonly addresses: readonly ShapedText[]
  /** texts of a push that are not cut, links twice */
  readonly rest: readonly TextShape[]
  /** of everything in it that has no values */
  readonly fixed: Extent
}

/** The texts of a channel that its providers limit, and those of which one must say something. */
const texts: Readonly<Record<Channel, { readonly title?: string; readonly body?: string; readonly says: readonly string[] }>> = {
  IN_APP: { says: [] },
  EMAIL: { title: 'subject', says: ['subject', 'text', 'html'] },
  SMS: { title: 'title', body: 'body', says: ['title', 'body'] },
  // Providers cut a push, except for what `rest` counts, and a chat.
  PUSH: { says: ['title', 'body'] },
  WEB_PUSH: { says: ['title', 'body'] },
  CHAT: { says: ['body'] },
  ALIMTALK: { body: 'body', says: ['body'] },
  FRIENDTALK: { body: 'body', says: ['body'] },
  // Whatever its values are, it is the text of a JSON value.
  WEBHOOK: { says: [] },
}

/** The shape of a content, by the shapes of its texts; null: that it can be rendered is not certain. */
export function contentShapeOf({ channel, content }: StoredContent, shaped: readonly ShapedText[]): ContentShape | null {
  if (!shaped.every(({ shape }) => shape.isSafe)) return null
  const find = (path: string | undefined): TextShape | null => shaped.find((one) => one.path === path)?.shape ?? null
  const { title, body, says } = texts[channel]
  const spoken = says.map(find).filter((shape) => shape !== null)
  const data = channel === 'PUSH' || channel === 'WEB_PUSH' ? ('data' in content && content.data) || {} : null
  const isInRest = ({ path }: ShapedText): boolean => path === 'url' || path === 'imageUrl' || path.startsWith('data.')
  return {
    hasValues: shaped.some(({ shape }) => shape.hasValues),
    title: find(title),
    body: find(body),
    spoken: spoken.some(({ says }) => says === true) ? [] : spoken,
    // What has no value was checked when it was stored.
    addresses: shaped.filter(({ escaping, shape: { pieces } }) => {
      const isAddress = escaping === 'mailbox' || escaping === 'mailboxes'
      return isAddress && pieces?.every((piece) => typeof piece === 'string') !== true
    }),
    rest:
      data === null ? [] : shaped.filter(isInRest).flatMap(({ path, shape }) => (/url$/i.test(path) ? [shape, shape] : shape)),
    fixed: {
      ...noExtent,
      type: channel === 'SMS' && 'type' in content ? content.type : null,
      ...(data === null ? {} : { rest: JSON.stringify(data).length, dataKeys: Object.keys(data) }),
    },
  }
}

/** Longer lists of addresses are left to their reader. */
const ADDRESSES_LENGTH_MAX = 2_000

type Fields = Readonly<Record<string, unknown>>

/** Whether an address field is one, read as it is when it is rendered. */
function isAddress({ shape: { pieces }, escaping }: ShapedText, variables: Fields): boolean {
  if (pieces === null) return false
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
 * Foresees contents for one message.
 * @param makeVariables called once, by the first content with values
 * @param values what the variables have in them that is not a text
 */
export function createForesee(makeVariables: () => Fields, values: readonly unknown[]) {
  let variables: Fields | null = null
  let areAllTexts = true
  /** @returns what the message is at most on this channel; null: rendering it may fail, or leave nothing to read */
  return ({ hasValues, title, body, spoken, addresses, rest, fixed }: ContentShape): Extent | null => {
    if (hasValues && variables === null) {
      variables = makeVariables()
      areAllTexts = values.every(areTexts)
    }
    if (hasValues && !areAllTexts) return null
    const scope = variables ?? {}
    if (spoken.length > 0 && !spoken.some((shape) => certainlySays(shape, scope))) return null
    if (!addresses.every((field) => isAddress(field, scope))) return null
    return {
      ...fixed,
      title: title === null ? 0 : lengthAtMost(title, scope),
      body: body === null ? 0 : lengthAtMost(body, scope),
      saysBody: body !== null && certainlySays(body, scope),
      rest: rest.reduce((sum, shape) => sum + lengthAtMost(shape, scope), fixed.rest),
    }
  }
}
