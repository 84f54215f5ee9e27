/** What the wrappers for frameworks share: how `<carillon-inbox>` is written where there is no page yet, and how it is told the rest. */
import type { CarillonInbox } from './element.ts'
import type { CarillonInboxEventMap } from './element-events.ts'
import type { RenderRow, RenderRows } from './own-rows.ts'
import type { InboxTexts } from './texts.ts'
import type { TokenProvider } from './token-keeper.ts'

/** What is written as attributes, on a server as in a page. */
export interface InboxAttributes {
  /** URL of the Carillon server, with the path that it is below */
  readonly server: string
  /** only these feeds; default: all. With two or more, a tab for each */
  readonly feeds?: readonly string[] | undefined
  /** a bell with a panel (`popover`, the default), or the panel alone */
  readonly mode?: 'popover' | 'inline' | undefined
  readonly theme?: 'auto' | 'light' | 'dark' | undefined
  /** language of texts and times; default: the page's */
  readonly lang?: string | undefined
  readonly dir?: 'ltr' | 'rtl' | undefined
  /** where links open */
  readonly linkTarget?: string | undefined
  /** hides the preferences */
  readonly noPreferences?: boolean | undefined
  /** stores nothing in this browser */
  readonly noKeep?: boolean | undefined
  /** `newest` first, the default, or what is most important of what is loaded */
  readonly order?: 'newest' | 'severity' | undefined
}

/** What only the element in a page is told: tokens belong in no HTML. */
export interface InboxProperties {
  /** the contact's token, from your backend */
  readonly token?: string | null | undefined
  /** called when there is no token or it has expired */
  readonly tokenProvider?: TokenProvider | null | undefined
  readonly texts?: Partial<InboxTexts> | undefined
  /** whether the panel is open; undefined: as the contact has it */
  readonly open?: boolean | undefined
  readonly renderRow?: RenderRow | null | undefined
  readonly renderRows?: RenderRows | null | undefined
}

/** The attributes of the element; undefined: it has none of that name. `mode` and `theme` are always there, because the element reflects them. */
export const attributesOf = (given: InboxAttributes): Record<string, string | undefined> => ({
  server: given.server,
  mode: given.mode ?? 'popover',
  theme: given.theme ?? 'auto',
  feeds: given.feeds?.join(','),
  lang: given.lang,
  dir: given.dir,
  'link-target': given.linkTarget,
  'no-preferences': given.noPreferences === true ? '' : undefined,
  'no-keep': given.noKeep === true ? '' : undefined,
  order: given.order,
})

/** Sets the properties. The element may be defined later: it takes over what was set before. */
export function setProperties(element: CarillonInbox, given: InboxProperties): void {
  const { open, ...others } = given
  const wanted = { token: null, tokenProvider: null, texts: {}, renderRow: null, renderRows: null, ...definedOf(others) }
  Object.assign(element, wanted, open === undefined ? {} : { open })
}
const definedOf = (given: object): object => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))

/** Loads the element and defines it. Only where there is a page. */
export const loadElement = async (): Promise<void> => {
  await import('./define.ts')
}

/** Names of all events. */
export const eventNames = [
  'carillon-message',
  'carillon-change',
  'carillon-counts',
  'carillon-state',
  'carillon-message-click',
  'carillon-action',
  'carillon-token-expired',
  'carillon-error',
  'carillon-open',
  'carillon-close',
] as const satisfies (keyof CarillonInboxEventMap)[]

/** Calls `handle` with every event of the element. @returns a function that stops it */
export function listen(
  element: HTMLElement,
  handle: (event: CarillonInboxEventMap[keyof CarillonInboxEventMap]) => void,
): () => void {
  for (const name of eventNames) element.addEventListener(name, handle)
  return () => {
    for (const name of eventNames) element.removeEventListener(name, handle)
  }
}

/** Takes the room of the element until it is defined, without a style attribute, which a Content-Security-Policy may block. */
export const placeholderOf = (mode: 'popover' | 'inline' | undefined) =>
  ({
    slot: 'placeholder',
    'aria-hidden': 'true',
    width: mode === 'inline' ? '100%' : '40',
    height: mode === 'inline' ? '560' : '40',
  }) as const
